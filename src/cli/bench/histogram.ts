/** A histogram with buckets of equal ratio, as a latency wants, and its drawing. Pure. */
import type { Colors } from '../terminal.ts';
import { duration } from '../terminal.ts';
import { type Quantiles, quantile } from './quantiles.ts';

/** Counts values from `fromUs` up to, and without, `toUs`. */
export interface Bucket {
  readonly fromUs: number;
  /** Null: the last bucket has no end. */
  readonly toUs: number | null;
  readonly count: number;
}

/** The preferred numbers E24 of IEC 60063: 24 steps of about 10 % to the decade, each two figures long. */
const E24 = [
  1.0, 1.1, 1.2, 1.3, 1.5, 1.6, 1.8, 2.0, 2.2, 2.4, 2.7, 3.0, 3.3, 3.6, 3.9, 4.3, 4.7, 5.1, 5.6, 6.2, 6.8, 7.5, 8.2,
  9.1,
];
/** E24, E12, E6, E3 and whole decades are each a selection of the one before. */
const STRIDES = [1, 2, 4, 8, 24];
const MAX_BUCKETS = 20;
const MIN_BUCKETS = 5;
/** What is rarer than this is one bucket without an end: a single stray call would else make all other buckets coarse. */
const SHOWN = 0.999;

/**
 * Neighbouring buckets from the smallest value on, in the finest series of preferred numbers of which the square root of the number of values
 * (5 at least, 20 at most) suffice. None of no values.
 */
export function bucketsOf(ascendingUs: Float64Array): Bucket[] {
  const least = ascendingUs[0];
  if (least === undefined) return [];
  const shown = quantile(ascendingUs, SHOWN);
  const most = Math.min(MAX_BUCKETS, Math.max(MIN_BUCKETS, Math.ceil(Math.sqrt(ascendingUs.length))));
  const fits = STRIDES.map((stride) => bounds(least, shown, stride)).find(({ length }) => length <= most);
  const edges = fits ?? bounds(least, shown, 24).slice(0, MAX_BUCKETS);
  let counted = 0;
  const buckets = edges.map((fromUs, index) => {
    const toUs = edges[index + 1] ?? null;
    const before = counted;
    counted = toUs === null ? ascendingUs.length : countBelow(ascendingUs, toUs);
    return { fromUs, toUs, count: counted - before };
  });
  return buckets.at(-1)?.count === 0 ? buckets.slice(0, -1) : buckets;
}

/** Preferred numbers from the last that is not above `least` to the first that is above `most`. */
function bounds(least: number, most: number, stride: number): number[] {
  // Nothing is faster than a nanosecond, and zero has no logarithm.
  const first = Math.max(least, 0.001);
  const found: number[] = [];
  // One decade early, for the logarithm of 999.9999999999999 is 3.
  for (let decade = Math.floor(Math.log10(first)) - 1; ; decade++) {
    for (let step = 0; step < E24.length; step += stride) {
      // From the text, for 4.7 * 0.001 is not 0.0047.
      const bound = Number(`${E24[step]}e${decade}`);
      if (bound <= first) found.length = 0;
      found.push(bound);
      if (bound > most && found.length > 1) return found;
    }
  }
}

/** How many values are below the bound, by bisection. */
function countBelow(ascending: Float64Array, bound: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

const BAR_WIDTH = 40;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const MARKS = ['p50', 'p90', 'p99'] as const;

/** A line for each bucket, at most 80 columns wide: where it begins, a bar, its count, its part of all, and the quantiles that lie in it. */
export function drawHistogram(buckets: readonly Bucket[], quantiles: Quantiles, colors: Colors): string[] {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  const highest = Math.max(1, ...buckets.map(({ count }) => count));
  return buckets.map((bucket) => {
    const { fromUs, toUs, count } = bucket;
    const marks = MARKS.filter((mark) => quantiles[mark] >= fromUs && (toUs === null || quantiles[mark] < toUs));
    const bar = barOf(count / highest);
    const part = total === 0 ? '' : `${((100 * count) / total).toFixed(1)} %`;
    const numbers = `${duration(fromUs).padStart(7)}${toUs === null ? '+' : ' '} `;
    const counts = `${count.toLocaleString('en-US').padStart(9)} ${part.padStart(7)}`;
    const padding = ' '.repeat(BAR_WIDTH - bar.length);
    return `${numbers}${colors.cyan(bar)}${padding}${counts}${marks.map((mark) => ` ${mark}`).join('')}`.trimEnd();
  });
}

/** Linear in the count; what is there at all can be seen. */
function barOf(part: number): string {
  const eighths = part === 0 ? 0 : Math.max(1, Math.round(part * BAR_WIDTH * 8));
  return '█'.repeat(eighths >> 3) + (EIGHTHS[eighths & 7] ?? '');
}
