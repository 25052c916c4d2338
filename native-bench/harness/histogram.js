/**
 * Latencies as HDR histograms: 1 ns to 10 minutes with three significant digits, at a constant size, so that a p99 is one of all calls and not
 * of a sample. Recorded in nanoseconds; read in microseconds, through the functions here.
 */
import { build } from 'hdr-histogram-js';

/** @typedef {import('hdr-histogram-js').Histogram} Histogram */

const HIGHEST_NS = 600_000_000_000;

/** @returns {Histogram} */
export function newHistogram() {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_NS,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  });
}

/** @param {Histogram} histogram @param {number} tookMs */
export function recordMs(histogram, tookMs) {
  histogram.recordValue(Math.min(HIGHEST_NS, Math.max(1, Math.round(tookMs * 1_000_000))));
}

/** Of measurements that were taken another way. @param {Iterable<number>} tookMs @returns {Histogram} */
export function histogramOfMs(tookMs) {
  const histogram = newHistogram();
  for (const took of tookMs) recordMs(histogram, took);
  return histogram;
}
