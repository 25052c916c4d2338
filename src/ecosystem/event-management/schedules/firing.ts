/** What a schedule does when the clock says so: waits, fires, or lets times pass. Pure. */
import { type Cadence, countTimes, latestTime, nextTime } from './cadence.ts';

/**
 * A time that is later than this has been missed: the host did not run, or its clock jumped. 5 s: longer than a program that is busy holds up its own
 * timers, or than what sets clocks right moves them.
 */
export const GRACE_MS = 5_000;

export interface Standing {
  readonly cadence: Cadence;
  /** Nothing up to here fires any more. */
  readonly handledMs: number;
  readonly missed: 'once' | 'skip';
}

export type Decision =
  /** Until then; undefined: for ever. */
  | { readonly kind: 'wait'; readonly untilMs: number | undefined }
  /** That time, in place of so many before it. */
  | { readonly kind: 'fire'; readonly atMs: number; readonly missed: number }
  /** All up to then have been missed. */
  | { readonly kind: 'pass'; readonly atMs: number; readonly missed: number };

/**
 * `nextMs` is the first time later than `handledMs`, where that is known. Of times within the grace each fires, earliest first; those before are in no
 * need of a firing of their own then. Where all are later than that, the latest one fires for all of them, or none.
 */
export function decide({ cadence, handledMs, missed }: Standing, wallMs: number, nextMs?: number): Decision {
  const next = nextMs ?? nextTime(cadence, handledMs);
  if (next === undefined || next > wallMs) return { kind: 'wait', untilMs: next };
  if (next >= wallMs - GRACE_MS) return { kind: 'fire', atMs: next, missed: 0 };
  const timely = nextTime(cadence, wallMs - GRACE_MS - 1);
  if (timely !== undefined && timely <= wallMs) {
    return { kind: 'fire', atMs: timely, missed: countTimes(cadence, handledMs, timely - 1) };
  }
  const latest = latestTime(cadence, handledMs, wallMs) ?? next;
  return missed === 'once'
    ? { kind: 'fire', atMs: latest, missed: countTimes(cadence, handledMs, latest - 1) }
    : { kind: 'pass', atMs: latest, missed: countTimes(cadence, handledMs, latest) };
}

const DAY_MS = 86_400_000;
const LONGEST_WINDOW_MS = 400 * DAY_MS;
const FIRINGS_REMEMBERED = 10_000;
/** No job may ask for more than a hundred years. */
const MOST_MS = 99 * 365 * DAY_MS;

/**
 * How long the key of a firing keeps its time from being run again, by a host that did not live to note it or by a backfill. As long as 10,000 firings, so
 * that keys do not fill the disk, but 400 days at most; and always a day longer than until the next one, for until then nothing else says that it was.
 */
export function windowMs(cadence: Cadence, atMs: number): number {
  const next = nextTime(cadence, atMs);
  if (next === undefined) return LONGEST_WINDOW_MS;
  const gapMs = next - atMs;
  return Math.min(MOST_MS, Math.max(gapMs + DAY_MS, Math.min(LONGEST_WINDOW_MS, FIRINGS_REMEMBERED * gapMs)));
}
