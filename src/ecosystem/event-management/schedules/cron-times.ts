/**
 * The times of cron patterns in their time zones, by croner, from fixed instants to fixed instants: no clock. Times are whole seconds.
 *
 * When clocks change: what stands at one time of day or several (no `*` and no step in hours, minutes and seconds) happens once a day, in a gap at the first
 * moment after it. What goes by intervals happens at each interval that passes: nothing in a gap, and in an hour that comes twice, twice.
 */
import { Cron } from 'croner';

/** A parsed pattern takes 80 KB, and 50 us to make. */
const KEPT_PATTERNS = 128;

interface Pattern {
  readonly cron: Cron;
  /** `nextMs` is the first time after `afterMs`, and after all that lie between. */
  afterMs: number;
  nextMs: number | undefined;
}

const patterns = new Map<string, Pattern>();

/** The first time later than `afterMs`. 100 us, or nothing where another one was just asked for the same pattern. */
export function nextCronMs(cron: string, timeZone: string, afterMs: number): number | undefined {
  const pattern = patternOf(cron, timeZone);
  if (afterMs >= pattern.afterMs && afterMs < (pattern.nextMs ?? Number.POSITIVE_INFINITY)) return pattern.nextMs;
  pattern.nextMs = pattern.cron.nextRun(new Date(afterMs))?.getTime();
  pattern.afterMs = afterMs;
  return pattern.nextMs;
}

/** A time that may be the latest one up to `untilMs`: to be checked. */
export function previousCronMs(cron: string, timeZone: string, untilMs: number): number | undefined {
  const [previous] = patternOf(cron, timeZone).cron.previousRuns(
    1,
    new Date(Math.floor(untilMs / 1_000) * 1_000 + 1_000),
  );
  return previous?.getTime();
}

export function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function patternOf(cron: string, timeZone: string): Pattern {
  const key = `${timeZone} ${cron}`;
  const known = patterns.get(key);
  // The one that was used last stands last.
  patterns.delete(key);
  const pattern = known ?? {
    cron: new Cron(cron, { timezone: timeZone, fixedTimeRule: 'no-wildcard' }),
    afterMs: Number.POSITIVE_INFINITY,
    nextMs: undefined,
  };
  patterns.set(key, pattern);
  for (const oldest of patterns.keys()) {
    if (patterns.size <= KEPT_PATTERNS) break;
    patterns.delete(oldest);
  }
  return pattern;
}
