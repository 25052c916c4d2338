/**
 * Keeps the latest invocations and sums over all of them. Always on; read by monitoring and by the doors, never asked on the call path.
 */
import { FreeRows, type InvocationRow, invocationId } from './invocation-row.ts';
import type { ColdStartReason, InvocationRecord, InvocationStatus } from './protocol.ts';

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
  /** The latest that have ended, in a ring. */
  readonly #kept: (InvocationRow | undefined)[];
  readonly #free: FreeRows;
  readonly #totals = new Map<string, FunctionTotals>();
  readonly #idPrefix: string;
  #next = 0;
  #opened = 0;

  /** The prefix makes the ids of this run different from those of any other. */
  constructor(keptInvocations: number, idPrefix = 'i') {
    this.#idPrefix = idPrefix;
    this.#free = new FreeRows(idPrefix);
    this.#kept = new Array<InvocationRow | undefined>(keptInvocations).fill(undefined);
  }

  /** A call has come in: where its stamps go until `close`. */
  open(receivedMs: number, receivedAtMs: number): InvocationRow {
    const row = this.#free.take();
    row.begin(++this.#opened, receivedMs, receivedAtMs);
    return row;
  }

  /** The call has ended, and the row is complete. Whoever opened it may read it until the end of this turn, no longer. */
  close(row: InvocationRow): void {
    this.#keep(row);
    const totals = this.#totalsOf(row.functionVersion === undefined ? UNROUTED : row.functionName);
    const { durationMs } = row;
    totals.invocations++;
    totals.durationMs += durationMs;
    increment(totals.byStatus, row.status);
    if (row.coldStart) increment(totals.coldStarts, row.coldStart);
    const bucket = bucketOf(durationMs);
    totals.durationBuckets[bucket] = (totals.durationBuckets[bucket] ?? 0) + 1;
  }

  idOf(number: number, count = 0): string {
    return invocationId(this.#idPrefix, number, count);
  }

  totals(): ReadonlyMap<string, Readonly<FunctionTotals>> {
    return this.#totals;
  }

  /** Forgets the sums of a function that was removed. */
  forget(functionName: string): void {
    this.#totals.delete(functionName);
  }

  find(id: string): InvocationRecord | undefined {
    return this.#kept.find((row) => row?.id === id)?.toRecord();
  }

  /** Newest first. */
  latest(limit: number, functionName?: string): InvocationRecord[] {
    const found: InvocationRecord[] = [];
    const size = this.#kept.length;
    for (let back = 1; back <= size && found.length < limit; back++) {
      const row = this.#kept[(this.#next - back + size) % size];
      if (!row) break;
      if (functionName === undefined || row.functionName === functionName) found.push(row.toRecord());
    }
    return found;
  }

  /** Free rows are taken in the order in which they were given: this one is the last to be used again. */
  #keep(row: InvocationRow): void {
    if (this.#kept.length === 0) return this.#free.give(row);
    const oldest = this.#kept[this.#next];
    if (oldest) this.#free.give(oldest);
    this.#kept[this.#next] = row;
    this.#next = (this.#next + 1) % this.#kept.length;
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

function bucketOf(durationMs: number): number {
  let bucket = 0;
  while (durationMs > (DURATION_BUCKETS_MS[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
  return bucket;
}

function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
