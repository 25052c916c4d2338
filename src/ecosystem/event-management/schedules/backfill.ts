/** Enqueues a job for each time of a schedule that lies in the past, but for those that have one. */
import type { Backfilled } from '../protocol.ts';
import { type Cadence, nextTimes } from './cadence.ts';
import { tooManyTimes } from './faults.ts';
import type { JobDoor } from './job-door.ts';
import { type Codec, jobOf, type Scheduled } from './schedule-job.ts';

const MOST_TIMES = 10_000;
/** Times that are worked out in one turn of the event loop: others are not held up by more than 2 ms. */
const TIMES_A_TURN = 20;
const JOBS_AT_ONCE = 250;

export interface BackfillParts extends Codec {
  readonly door: JobDoor;
  readonly nextTurn: (callback: () => void) => void;
}

export interface PastRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Nothing is enqueued where there are too many times. Where the queue refuses some, those before are enqueued: the same backfill again goes on with the
 * rest.
 */
export async function backfill(scheduled: Scheduled, range: PastRange, parts: BackfillParts): Promise<Backfilled> {
  const { name, record } = scheduled;
  const { door } = parts;
  const times = await timesIn(record.cadence, range, parts);
  if (times.length > MOST_TIMES) throw tooManyTimes(name, MOST_TIMES);
  let enqueued = 0;
  for (let from = 0; from < times.length; from += JOBS_AT_ONCE) {
    const jobs = times.slice(from, from + JOBS_AT_ONCE).map((atMs) => jobOf(scheduled, atMs, parts));
    const answers = await door.enqueue(record.spec.function, jobs);
    enqueued += answers.filter(({ isNew }) => isNew).length;
  }
  return { times: times.length, enqueued, existing: times.length - enqueued };
}

/** One more than the most at the most. */
async function timesIn(
  cadence: Cadence,
  { fromMs, toMs }: PastRange,
  { nextTurn }: BackfillParts,
): Promise<readonly number[]> {
  const times: number[] = [];
  for (let after = fromMs - 1; times.length <= MOST_TIMES; ) {
    const some = nextTimes(cadence, after, TIMES_A_TURN);
    times.push(...some.filter((each) => each <= toMs));
    const last = some.at(-1);
    if (last === undefined || some.length < TIMES_A_TURN || last > toMs) return times;
    after = last;
    await new Promise<void>((resolve) => nextTurn(resolve));
  }
  return times;
}
