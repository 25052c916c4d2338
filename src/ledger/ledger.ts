/**
 * Keeps the latest invocations and sums over all of them. Always on; read by monitoring and by the doors, never asked on the call path.
 */
import { phasesUs } from './phases.ts';
import type { ColdStartReason, InvocationRecord, InvocationStatus, Stamps } from './protocol.ts';

/** What one invocation leaves behind when it has ended. */
export interface InvocationEntry {
  readonly id: string;
  readonly functionName: string;
  readonly functionVersion: number | undefined;
  readonly instanceId: string | undefined;
  readonly status: InvocationStatus;
  readonly coldStart: ColdStartReason | undefined;
  readonly attempt: number;
  readonly depth: number;
  readonly receivedAtMs: number;
  readonly stamps: Readonly<Stamps>;
}

/** Upper bounds of the duration histogram, in ms: two a decade or finer where calls usually are. */
export const DURATION_BUCKETS_MS = [
  0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
] as const;

/** Calls that ended before they were routed count together: their names are whatever callers made up. */
export const UNROUTED = '(unrouted)';

export interface FunctionTotals {
  invocations: number;
  durationMs: number;
  readonly byStatus: Map<InvocationStatus, number>;
  readonly coldStarts: Map<ColdStartReason, number>;
  /** One more entry than `DURATION_BUCKETS_MS`: the last counts what is longer than all of them. Not cumulative. */
  readonly durationBuckets: number[];
}

export class Ledger {
  readonly #entries: (InvocationEntry | undefined)[];
  readonly #totals = new Map<string, FunctionTotals>();
  #next = 0;

  constructor(keptInvocations: number) {
    this.#entries = new Array<InvocationEntry | undefined>(keptInvocations).fill(undefined);
  }

  record(entry: InvocationEntry): void {
    if (this.#entries.length > 0) {
      this.#entries[this.#next] = entry;
      this.#next = (this.#next + 1) % this.#entries.length;
    }
    const totals = this.#totalsOf(entry.functionVersion === undefined ? UNROUTED : entry.functionName);
    const durationMs = entry.stamps.replied - entry.stamps.received;
    totals.invocations++;
    totals.durationMs += durationMs;
    increment(totals.byStatus, entry.status);
    if (entry.coldStart) increment(totals.coldStarts, entry.coldStart);
    const bucket = DURATION_BUCKETS_MS.findIndex((bound) => durationMs <= bound);
    const index = bucket < 0 ? DURATION_BUCKETS_MS.length : bucket;
    totals.durationBuckets[index] = (totals.durationBuckets[index] ?? 0) + 1;
  }

  totals(): ReadonlyMap<string, Readonly<FunctionTotals>> {
    return this.#totals;
  }

  /** Forgets the sums of a function that was removed. */
  forget(functionName: string): void {
    this.#totals.delete(functionName);
  }

  find(id: string): InvocationRecord | undefined {
    const entry = this.#entries.find((candidate) => candidate?.id === id);
    return entry && toRecord(entry);
  }

  /** Newest first. */
  latest(limit: number, functionName?: string): InvocationRecord[] {
    const found: InvocationRecord[] = [];
    const size = this.#entries.length;
    for (let back = 1; back <= size && found.length < limit; back++) {
      const entry = this.#entries[(this.#next - back + size) % size];
      if (!entry) break;
      if (functionName === undefined || entry.functionName === functionName) found.push(toRecord(entry));
    }
    return found;
  }

  #totalsOf(functionName: string): FunctionTotals {
    const known = this.#totals.get(functionName);
    if (known) return known;
    const totals: FunctionTotals = {
      invocations: 0,
      durationMs: 0,
      byStatus: new Map(),
      coldStarts: new Map(),
      durationBuckets: new Array<number>(DURATION_BUCKETS_MS.length + 1).fill(0),
    };
    this.#totals.set(functionName, totals);
    return totals;
  }
}

export function toRecord(entry: InvocationEntry): InvocationRecord {
  return {
    id: entry.id,
    functionName: entry.functionName,
    ...(entry.functionVersion === undefined ? {} : { functionVersion: entry.functionVersion }),
    ...(entry.instanceId === undefined ? {} : { instanceId: entry.instanceId }),
    status: entry.status,
    ...(entry.coldStart ? { coldStart: entry.coldStart } : {}),
    attempt: entry.attempt,
    depth: entry.depth,
    receivedAtMs: entry.receivedAtMs,
    phasesUs: phasesUs(entry.stamps),
    totalUs: Math.round((entry.stamps.replied - entry.stamps.received) * 1e6) / 1e3,
  };
}

function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
