/** What a host has counted of its own calls, from a host that runs or from the data directory of one that does not, as a trace. */
import { resolve } from 'node:path';
import { TroupeError } from '../../errors.ts';
import type { CalledFunction, CallHistory } from '../../function-management/autoscaler/protocol.ts';
import { systemClock } from '../../kernel/clock.ts';
import { HostClient } from '../host-client.ts';
import { MAX_CELLS, type Trace, type TracedFunction } from './trace.ts';

export async function readHostHistory(url: string, signal: AbortSignal): Promise<Trace> {
  const client = await HostClient.open(url, signal);
  const history = await client.json<CallHistory>({ method: 'GET', path: '/history' });
  return traceOf(history, `The host at ${client.address}`);
}

/** Rejects as opening a store does, with `DATA_DIR_LOCKED` while a host runs there. */
export async function readStoredHistory(directory: string): Promise<Trace> {
  const dataDir = resolve(directory);
  // LMDB is not loaded to replay a file.
  const [{ holdsStore, openLmdbStore }, { HistoryMemory }] = await Promise.all([
    import('../../store/lmdb-store.ts'),
    import('../../function-management/autoscaler/history-memory.ts'),
  ]);
  if (!holdsStore(dataDir)) {
    throw new TroupeError('INVALID_ARGUMENT', `${dataDir} is not the data directory of a host. Check the path.`);
  }
  const store = await openLmdbStore({ dataDir });
  try {
    const history = await new HistoryMemory(store.database('history'), systemClock).read();
    return traceOf(history, `The host of ${dataDir}`);
  } finally {
    await store.close();
  }
}

function traceOf({ firstMinute, minutes, functions }: CallHistory, who: string): Trace {
  if (functions.length === 0) {
    const message = `${who} has counted no calls: there is nothing to replay.`;
    throw new TroupeError('INVALID_ARGUMENT', message);
  }
  if (functions.length * minutes > MAX_CELLS) {
    const size = `${functions.length} functions over ${minutes} minutes`;
    throw new TroupeError('INVALID_ARGUMENT', `${who} has counted calls of ${size}: too many to be replayed.`);
  }
  return { functions: functions.map(tracedFunction), minutes, firstMinute };
}

function tracedFunction({ name, memoryMb, runMs, calls }: CalledFunction): TracedFunction {
  return {
    id: name,
    trigger: undefined,
    minutes: Uint32Array.from(calls, ([minute]) => minute),
    counts: Uint32Array.from(calls, ([, count]) => count),
    memoryMb,
    runMs,
  };
}
