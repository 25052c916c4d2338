/** When a schedule fires: which time comes after another one, which was the latest, and how many lie between. Pure. */
import { nextCronMs, previousCronMs } from './cron-times.ts';

/** All times are ms since the Unix epoch. */
export type Cadence = (
  | { readonly kind: 'cron'; readonly cron: string; readonly timeZone: string }
  /** At `anchorMs`, and every `everyMs` before and after. */
  | { readonly kind: 'every'; readonly everyMs: number; readonly anchorMs: number }
  | { readonly kind: 'once'; readonly atMs: number }
) & {
  /** Not before; at that very time it may fire. */
  readonly startAtMs?: number;
  /** Not after; at that very time it may fire. */
  readonly endAtMs?: number;
};

/** The first time later than `afterMs`; undefined: there is none. */
export function nextTime(cadence: Cadence, afterMs: number): number | undefined {
  const { startAtMs = Number.NEGATIVE_INFINITY, endAtMs = Number.POSITIVE_INFINITY } = cadence;
  const nextMs = nextOf(cadence, Math.max(afterMs, startAtMs - 1));
  return nextMs === undefined || nextMs > endAtMs ? undefined : nextMs;
}

/** The first times later than `afterMs`, at most so many. */
export function nextTimes(cadence: Cadence, afterMs: number, limit: number): number[] {
  const times: number[] = [];
  for (let next = nextTime(cadence, afterMs); next !== undefined; next = nextTime(cadence, next)) {
    if (times.length >= limit) break;
    times.push(next);
  }
  return times;
}

/** The latest time up to `untilMs` that is later than `afterMs`; undefined: there is none. */
export function latestTime(cadence: Cadence, afterMs: number, untilMs: number): number | undefined {
  const first = nextTime(cadence, afterMs);
  if (first === undefined || first > untilMs) return undefined;
  const guess = guessOf(cadence, Math.min(untilMs, cadence.endAtMs ?? untilMs));
  if (guess !== undefined && guess >= first && isLatest(cadence, guess, untilMs)) return guess;
  return latestBySearch(cadence, first, untilMs);
}

/** Counted one by one up to here; a hundred of a cron take 10 ms. */
const COUNTED = 20;

/** How many times lie later than `afterMs` and up to `untilMs`. Of a cron, many are estimated from how close the first ones are. */
export function countTimes(cadence: Cadence, afterMs: number, untilMs: number): number {
  if (untilMs <= afterMs) return 0;
  if (cadence.kind === 'every') return countEvery(cadence, afterMs, untilMs);
  const times = nextTimes(cadence, afterMs, COUNTED).filter((each) => each <= untilMs);
  const [first, last] = [times[0], times.at(-1)];
  if (times.length < COUNTED || first === undefined || last === undefined) return times.length;
  const endMs = Math.min(untilMs, cadence.endAtMs ?? untilMs);
  return times.length + Math.floor((endMs - last) / ((last - first) / (times.length - 1)));
}

function nextOf(cadence: Cadence, afterMs: number): number | undefined {
  switch (cadence.kind) {
    case 'cron':
      return nextCronMs(cadence.cron, cadence.timeZone, afterMs);
    case 'every':
      return cadence.anchorMs + (Math.floor((afterMs - cadence.anchorMs) / cadence.everyMs) + 1) * cadence.everyMs;
    default:
      return cadence.atMs > afterMs ? cadence.atMs : undefined;
  }
}

function countEvery(cadence: Cadence & { readonly kind: 'every' }, afterMs: number, untilMs: number): number {
  const first = nextTime(cadence, afterMs);
  const endMs = Math.min(untilMs, cadence.endAtMs ?? untilMs);
  return first === undefined || first > endMs ? 0 : Math.floor((endMs - first) / cadence.everyMs) + 1;
}

function guessOf(cadence: Cadence, untilMs: number): number | undefined {
  switch (cadence.kind) {
    case 'cron':
      return previousCronMs(cadence.cron, cadence.timeZone, untilMs);
    case 'every':
      return cadence.anchorMs + Math.floor((untilMs - cadence.anchorMs) / cadence.everyMs) * cadence.everyMs;
    default:
      return cadence.atMs;
  }
}

function isLatest(cadence: Cadence, timeMs: number, untilMs: number): boolean {
  return (
    timeMs <= untilMs &&
    nextTime(cadence, timeMs - 1) === timeMs &&
    (nextTime(cadence, timeMs) ?? Number.POSITIVE_INFINITY) > untilMs
  );
}

/** Halves the span in which it lies. Around a change of the clocks, what comes before a time is not what it comes after. */
function latestBySearch(cadence: Cadence, first: number, untilMs: number): number {
  let [known, low, high] = [first, first, untilMs];
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    const next = nextTime(cadence, middle);
    if (next !== undefined && next <= untilMs) {
      known = next;
      low = next;
    } else high = middle;
  }
  return known;
}
