/** What is shown of jobs and queues. */
import { deserializeError, TroupeError } from '../../../errors.ts';
import type { JobChange, JobView, QueueView } from '../protocol.ts';
import type { Running } from './attempt.ts';
import { DEFAULT_MAX_ATTEMPTS } from './job-fate.ts';
import { type JobRecord, LEVELS } from './job-record.ts';
import type { JobStore } from './job-store.ts';
import type { Counts } from './queue-record.ts';

export interface ViewParts {
  readonly store: JobStore;
  readonly decode: (payload: Uint8Array) => unknown;
}

interface Viewed {
  readonly record: JobRecord;
  readonly running?: Running | undefined;
  /** Without payload and result. */
  readonly isBrief?: boolean | undefined;
}

export function viewOf(id: string, { record, running, isBrief }: Viewed, { store, decode }: ViewParts): JobView {
  const { queue, level, enqueuedAtMs, attempts, terms, errors = [], dueAtMs, endedAtMs, orderingKey } = record;
  const { limitKey, idempotencyKey } = record;
  const startedAtMs = running?.startedAtMs ?? record.startedAtMs;
  const payload = isBrief ? undefined : store.payload(id, record);
  const result = record.status === 'succeeded' && !isBrief ? store.result(id, record) : undefined;
  return {
    id,
    function: queue,
    status: running ? 'running' : record.status,
    priority: LEVELS[level] ?? 'normal',
    enqueuedAtMs,
    attempts: attempts + (running ? 1 : 0),
    maxAttempts: terms?.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
    payload: payload && decodeValue(payload, decode),
    errors,
    ...(result && { result: decodeValue(result, decode) }),
    ...(running?.progress && { progress: decodeValue(running.progress, decode) }),
    ...(dueAtMs !== undefined && { dueAtMs }),
    ...(startedAtMs !== undefined && { startedAtMs }),
    ...(endedAtMs !== undefined && { endedAtMs }),
    ...(orderingKey !== undefined && { orderingKey }),
    ...(limitKey !== undefined && { limitKey }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
}

export function changeOf(
  id: string,
  record: JobRecord,
  running: Running | undefined,
  { decode }: Pick<ViewParts, 'decode'>,
): JobChange {
  const { queue, status, attempts, errors } = record;
  const failure = status === 'retrying' || status === 'failed' ? errors?.at(-1)?.error : undefined;
  const error = failure && deserializeError(failure);
  return {
    id,
    function: queue,
    status: running ? 'running' : status,
    attempts: attempts + (running ? 1 : 0),
    ...(running?.progress && { progress: decodeValue(running.progress, decode) }),
    ...(error && {
      error: error instanceof TroupeError ? error : new TroupeError('FUNCTION_ERROR', error.message, { cause: error }),
    }),
  };
}

/** `counts` have those that run among those that wait. */
export function queueViewOf(
  queue: string,
  counts: Counts,
  { isPaused, running, ended }: Pick<QueueView, 'isPaused' | 'ended'> & { readonly running: number },
): QueueView {
  const { waiting, delayed, retrying, succeeded, failed, cancelled } = counts;
  return {
    function: queue,
    isPaused,
    counts: { waiting: waiting - running, delayed, running, retrying, succeeded, failed, cancelled },
    ended: { ...ended },
  };
}

/** What was stored by another program is shown as far as it can be read. */
function decodeValue(bytes: Uint8Array, decode: ViewParts['decode']): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}
