/** The distribution of latencies of all rounds of a subject, at chosen quantiles. */
import { newHistogram } from './histogram.js';

/** @typedef {[quantile: number, us: number][]} Cdf  quantiles in (0, 1), rising */

/** Dense where a chart with a probability scale has room: in the middle and in both tails. */
const QUANTILES = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65,
  0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.9925, 0.995, 0.996, 0.997, 0.998, 0.9985,
  0.999, 0.9995, 0.9999,
];

/** A quantile is told only if at least this many calls lie beyond it. */
const BEYOND = 5;

/** @param {readonly import('./scenario.js').Measurement[]} rounds @returns {Cdf | undefined} */
export function cdfOf(rounds) {
  const all = newHistogram();
  for (const { latenciesUs } of rounds) if (latenciesUs) all.add(latenciesUs);
  if (all.totalCount === 0) return undefined;
  const calls = all.totalCount;
  return QUANTILES.filter((quantile) => Math.min(quantile, 1 - quantile) * calls >= BEYOND).map((quantile) => [
    quantile,
    all.getValueAtPercentile(quantile * 100) / 1_000,
  ]);
}
