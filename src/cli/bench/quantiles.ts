/**
 * Quantiles of a sample that is small enough to be kept whole. Pure.
 *
 * A sorted array and not an HDR histogram: at 100,000 calls it takes 800 kB and 10 ms, it is exact where a histogram rounds to two or three
 * figures, and it needs no package. A benchmark that runs for hours would need one.
 */

/** Microseconds. */
export interface Quantiles {
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export function sorted(values: Iterable<number>): Float64Array {
  // Typed arrays sort by number.
  return Float64Array.from(values).sort();
}

/** The smallest value that at least this part of all values does not exceed: definition 1 of Hyndman and Fan, 1996. 0 of nothing. */
export function quantile(ascending: Float64Array, part: number): number {
  return ascending[Math.max(0, Math.ceil(ascending.length * part) - 1)] ?? 0;
}

export function quantilesOf(values: Iterable<number>): Quantiles {
  const ascending = sorted(values);
  const sum = ascending.reduce((total, value) => total + value, 0);
  return {
    min: rounded(quantile(ascending, 0)),
    mean: rounded(sum / Math.max(1, ascending.length)),
    p50: rounded(quantile(ascending, 0.5)),
    p90: rounded(quantile(ascending, 0.9)),
    p99: rounded(quantile(ascending, 0.99)),
    p999: rounded(quantile(ascending, 0.999)),
    max: rounded(quantile(ascending, 1)),
  };
}

/** To nanoseconds: what lies beyond is noise of the clock. */
function rounded(us: number): number {
  return Math.round(us * 1_000) / 1_000;
}
