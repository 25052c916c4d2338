/** What is kept of a queue beside its jobs: how many there are of each status, what runs, whether it is paused. Written with every batch. Pure. */
import { fieldsOf, isFlag, isNumber, isText, listOf, maybe, recordOf } from '../../../store/shape.ts';
import type { JobRecord, StoredStatus } from './job-record.ts';

export interface QueueRecord {
  readonly isPaused: boolean;
  /** Those that run are among `waiting`. */
  readonly counts: Readonly<Record<string, number>>;
  /** The ids of those that run: after a crash these attempts have failed. */
  readonly running: readonly string[];
  /** Starts that the rate limit still counts, oldest first, in ms since the Unix epoch. */
  readonly startsMs?: readonly number[];
}

export type Counts = Record<StoredStatus, number>;

const isQueueRecord = fieldsOf<QueueRecord>({
  isPaused: isFlag,
  counts: recordOf(isNumber),
  running: listOf(isText),
  startsMs: maybe(listOf(isNumber)),
});

export function loadedQueue(value: unknown): QueueRecord | undefined {
  return isQueueRecord(value) ? value : undefined;
}

export function noCounts(): Counts {
  return { waiting: 0, delayed: 0, retrying: 0, succeeded: 0, failed: 0, cancelled: 0 };
}

export function countsOf({ counts }: Pick<QueueRecord, 'counts'>): Counts {
  const known = noCounts();
  for (const status of Object.keys(known) as StoredStatus[]) known[status] = counts[status] ?? 0;
  return known;
}

export function count(counts: Counts, { from, to }: { from: JobRecord | undefined; to: JobRecord | undefined }): void {
  if (from) counts[from.status]--;
  if (to) counts[to.status]++;
}

/** How many are still to end. */
export function liveIn({ waiting, delayed, retrying }: Counts): number {
  return waiting + delayed + retrying;
}
