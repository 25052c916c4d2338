/** Durations as people write them. */
import { TroupeError } from '../../errors.ts';
import type { Duration } from './protocol.ts';

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  w: 604_800_000,
  d: 86_400_000,
};
const PART = /(\d+(?:\.\d+)?)\s*(ms|[smhdw])\s*/gy;

/** Throws `INVALID_ARGUMENT`. */
export function durationMs(duration: Duration): number {
  const ms = typeof duration === 'string' ? parsed(duration.trim()) : duration;
  if (typeof ms === 'number' && ms >= 0 && ms < Number.POSITIVE_INFINITY) return ms;
  throw new TroupeError(
    'INVALID_ARGUMENT',
    `${JSON.stringify(duration)} is not a duration: use milliseconds, or text such as '250ms', '90s', '1h 30m' or '30d'.`,
  );
}

function parsed(text: string): number | undefined {
  let ms = 0;
  let length = 0;
  for (const [part, count, unit = ''] of text.matchAll(PART)) {
    ms += Number(count) * (UNITS_MS[unit] ?? Number.NaN);
    length += part.length;
  }
  return length === text.length && length > 0 ? ms : undefined;
}

/** In the largest unit that says it exactly: `'100d'`. */
export function durationText(ms: number): string {
  const [unit = 'ms', unitMs = 1] =
    Object.entries(UNITS_MS).findLast(([, each]) => ms >= each && ms % each === 0) ?? [];
  return `${ms / unitMs}${unit}`;
}
