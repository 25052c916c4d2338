/** Reads all that is stored, and asks those who know what it means whether it fits together (invariants 1 and 2). Changes nothing. */
import type { Clock } from '../../kernel/clock.ts';
import type { Key, Store } from '../../store/protocol.ts';
import type { DataCheck, DataFault, FaultSource } from './protocol.ts';

/** Beyond this the disk is what needs a look, not each record. */
const MOST_FAULTS = 1_000;

export interface CheckParts {
  readonly store: Pick<Store, 'scan' | 'quarantined'>;
  readonly sources: readonly FaultSource[];
  readonly clock: Clock;
}

export async function checkData({ store, sources, clock }: CheckParts): Promise<DataCheck> {
  const startedMs = clock.nowMs();
  const faults: DataFault[] = [];
  let found = 0;
  const report = (fault: DataFault) => {
    if (found++ < MOST_FAULTS) faults.push(fault);
  };
  const records: Record<string, number> = {};
  const damaged = new Set<string>();
  for (const page of store.scan()) {
    records[page.database] = (records[page.database] ?? 0) + page.records;
    for (const { database, key, reason } of page.damaged) {
      damaged.add(recordName(database, key));
      report({ database, key: keyText(key), reason });
    }
    await nextTurn();
  }
  for (const source of sources) {
    for await (const fault of source.faults()) {
      if (fault === undefined) await nextTurn();
      else report({ database: source.name, reason: fault });
    }
  }
  const quarantined = store
    .quarantined()
    .filter(({ database, key }) => !damaged.has(recordName(database, key)))
    .slice(0, MOST_FAULTS)
    .map(({ database, key, reason, detectedAtMs }) => ({ database, key: keyText(key), reason, detectedAtMs }));
  const furtherFaults = found - faults.length;
  return { isSound: found === 0, records, faults, furtherFaults, quarantined, tookMs: clock.nowMs() - startedMs };
}

function recordName(database: string, key: Key): string {
  return JSON.stringify([database, key]);
}

function keyText(key: Key): string {
  return key.join('/');
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
