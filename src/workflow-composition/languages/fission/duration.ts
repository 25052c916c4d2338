/** Durations as Go writes them (`1h10m`, `1.5s`, `300ms`), days beside; a number is in milliseconds. */

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)/y;
/** Longer ones are mistakes, and no timer counts so far. */
const MAX_MS = 100 * 366 * 86_400_000;

/** In whole milliseconds; undefined where it is no duration, or a negative one. */
export function durationMs(value: unknown): number | undefined {
  const ms = typeof value === 'number' ? value : typeof value === 'string' ? textMs(value.trim()) : undefined;
  return ms !== undefined && ms >= 0 && ms <= MAX_MS ? Math.round(ms) : undefined;
}

function textMs(text: string): number | undefined {
  if (text === '0') return 0;
  let sum = 0;
  PART.lastIndex = 0;
  if (text === '') return undefined;
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text);
    if (part === null) return undefined;
    sum += Number(part[1]) * (UNIT_MS[part[2] ?? ''] ?? Number.NaN);
  }
  return sum;
}
