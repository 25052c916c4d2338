/** Medians and how far to trust them. Pure: chance comes from a seed, so the same figures give the same interval. */

/** The middle of the values, or the mean of the two in the middle; NaN of none. @param {readonly number[]} values @returns {number} */
export function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return (quantileOf(sorted, 0.5) + quantileOf(sorted, 0.5, Math.ceil)) / 2;
}

/** @param {readonly number[]} sorted @param {number} part @param {(rank: number) => number} [round] */
function quantileOf(sorted, part, round = Math.floor) {
  return sorted[round((sorted.length - 1) * part)] ?? Number.NaN;
}

/**
 * The 95 % percentile-bootstrap interval of the median (Efron 1979): medians of samples drawn with replacement, without the lowest and the
 * highest 2.5 %. One value, or none, says nothing about its own spread: both ends are then that value.
 * @param {readonly number[]} values @param {{ seed?: number, resamples?: number }} [options] @returns {[low: number, high: number]}
 */
export function bootstrap95(values, { seed = 1, resamples = 2_000 } = {}) {
  const random = mulberry32(seed);
  const medians = Array.from({ length: resamples }, () =>
    median(values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN)),
  ).sort((one, other) => one - other);
  return [quantileOf(medians, 0.025), quantileOf(medians, 0.975, Math.ceil)];
}

/** Mulberry32 (T. Ettinger, public domain): numbers in [0, 1). @param {number} seed @returns {() => number} */
export function mulberry32(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
