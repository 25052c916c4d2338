/**
 * How long something takes, as a mean and a variance, in ms: cheap to add up along a path. Quantiles of single steps cannot be added: that of a sum is
 * nearer to its middle. Where a quantile is asked for, the span counts as log-normal, which run times resemble: never negative, with a long tail.
 *
 * Sums by moment matching (Fenton, "The sum of log-normal probability distributions in scatter transmission systems", 1960); the later of two by
 * Clark, "The greatest of a finite set of random variables" (Operations Research, 1961), of their logarithms, as if they were independent. Pure.
 */

export interface Span {
  readonly meanMs: number;
  /** In ms squared. */
  readonly variance: number;
}

export const NOTHING: Span = { meanMs: 0, variance: 0 };

/** Standard deviations from the median to the 90th percentile. */
export const Z90 = 1.2816;
const LEAST_MS = 0.001;
const MOST_MS = 1e10;
/** Of the logarithm. Nothing takes equally long each time; beyond the upper bound, the mean says nothing any more. */
const LEAST_SPREAD = 0.05;
const MOST_SPREAD = 1.5;
/** Of the first observation; the more there are, the more they are believed. */
const FIRST_SPREAD = 0.5;
/** Whatever was less likely to take so long is overdue: nobody knows by how much. */
const OVERDUE = 1e-3;
/** Standard deviations: of two that are farther apart, the later one is. */
const CERTAIN = 5;

/** `seen`: how many observations the quantiles are of. */
export function spanOf({ p50, p90 }: { readonly p50: number; readonly p90: number }, seen: number): Span {
  const median = clamp(p50, LEAST_MS, MOST_MS);
  const measured = Math.log(Math.max(1, p90 / median)) / Z90;
  const spread = clamp(Math.max(measured, FIRST_SPREAD / Math.sqrt(Math.max(1, seen))), LEAST_SPREAD, MOST_SPREAD);
  const growth = Math.exp(spread ** 2);
  return { meanMs: median * Math.sqrt(growth), variance: median ** 2 * growth * (growth - 1) };
}

export function fixedSpan(durationMs: number): Span {
  return { meanMs: Math.max(0, durationMs), variance: 0 };
}

export function plus(one: Span, other: Span): Span {
  return { meanMs: one.meanMs + other.meanMs, variance: one.variance + other.variance };
}

/** What happens with this chance only, and takes no time otherwise. */
export function sometimes(span: Span, chance: number): Span {
  if (chance >= 1) return span;
  return { meanMs: chance * span.meanMs, variance: chance * span.variance + chance * (1 - chance) * span.meanMs ** 2 };
}

/** Until the later of two. */
export function later(one: Span, other: Span): Span {
  if (one.meanMs < LEAST_MS || other.meanMs < LEAST_MS) return one.meanMs >= other.meanMs ? one : other;
  const [a, b] = [logarithm(one), logarithm(other)];
  const theta = Math.hypot(a.spread, b.spread);
  const apart = a.location - b.location;
  if (Math.abs(apart) >= CERTAIN * theta) return apart >= 0 ? one : other;
  const alpha = apart / theta;
  const [share, rest, density] = [normal(alpha), normal(-alpha), Math.exp(-(alpha ** 2) / 2) / Math.sqrt(2 * Math.PI)];
  const location = a.location * share + b.location * rest + theta * density;
  const square =
    (a.location ** 2 + a.spread ** 2) * share +
    (b.location ** 2 + b.spread ** 2) * rest +
    (a.location + b.location) * theta * density;
  const growth = Math.exp(Math.max(0, square - location ** 2));
  const meanMs = Math.exp(location) * Math.sqrt(growth);
  return { meanMs, variance: meanMs ** 2 * (growth - 1) };
}

/** Until the last of so many that begin together; of powers of two, the next one. */
export function lastOf(span: Span, count: number): Span {
  let last = span;
  for (let covered = 1; covered < count; covered *= 2) last = later(last, last);
  return last;
}

/** What is left of it when so much has passed without its end: the moments of the truncated distribution. */
export function remaining(span: Span, elapsedMs: number): Span {
  if (elapsedMs <= 0 || span.variance === 0) return { ...span, meanMs: Math.max(0, span.meanMs - elapsedMs) };
  const { location, spread } = logarithm(span);
  const at = (shift: number) => normal((location + shift - Math.log(elapsedMs)) / spread);
  const isLeft = at(0);
  // By then it ends at a rate that grows slowly with the time that has passed (the tail of the normal distribution).
  if (isLeft < OVERDUE) {
    const meanMs = (elapsedMs * Math.min(1, spread)) / 3;
    return { meanMs, variance: meanMs ** 2 };
  }
  const first = (Math.exp(location + spread ** 2 / 2) * at(spread ** 2)) / isLeft;
  const second = (Math.exp(2 * location + 2 * spread ** 2) * at(2 * spread ** 2)) / isLeft;
  return { meanMs: Math.max(0, first - elapsedMs), variance: Math.max(0, second - first ** 2) };
}

/** In ms; `z`: in standard deviations from the median, 1.2816 for the 90th percentile. */
export function quantileMs(span: Span, z: number): number {
  if (span.variance === 0 || span.meanMs < LEAST_MS) return span.meanMs;
  const { location, spread } = logarithm(span);
  return Math.exp(location + z * spread);
}

function logarithm({ meanMs, variance }: Span): { readonly location: number; readonly spread: number } {
  const square = Math.log(1 + variance / meanMs ** 2);
  return { location: Math.log(meanMs) - square / 2, spread: Math.sqrt(square) };
}

/** The standard normal distribution function; Abramowitz and Stegun 26.2.17, to 7 digits. */
function normal(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (series * Math.exp(-(x ** 2) / 2)) / Math.sqrt(2 * Math.PI);
  return x >= 0 ? 1 - tail : tail;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
