import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootstrap95, median, mulberry32 } from '../../native-bench/harness/statistics.js';

const values = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 30 });

describe('the median', () => {
  it('is the middle value, or the mean of the two in the middle', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])]).toEqual([2, 2.5, 7]);
    expect(median([])).toBeNaN();
  });

  it('has at most half of the values below it, and at most half above, in any order', () => {
    fc.assert(
      fc.property(values, (some) => {
        const middle = median(some);
        const below = some.filter((value) => value < middle).length;
        const above = some.filter((value) => value > middle).length;
        expect(Math.max(below, above)).toBeLessThanOrEqual(some.length / 2);
        expect(median([...some].reverse())).toBe(middle);
      }),
    );
  });
});

describe('the bootstrap interval', () => {
  it('lies within the values and holds their median', () => {
    fc.assert(
      fc.property(values, fc.integer(), (some, seed) => {
        const [low, high] = bootstrap95(some, { seed, resamples: 200 });
        expect(low).toBeGreaterThanOrEqual(Math.min(...some));
        expect(high).toBeLessThanOrEqual(Math.max(...some));
        expect(low).toBeLessThanOrEqual(median(some));
        expect(high).toBeGreaterThanOrEqual(median(some));
      }),
    );
  });

  it('holds the true median of 95 of 100 samples, give or take', () => {
    const random = mulberry32(11);
    const holds = Array.from({ length: 400 }, () => {
      const sample = Array.from({ length: 21 }, () => random() ** 2);
      const [low, high] = bootstrap95(sample, { resamples: 400 });
      return low <= 0.25 && 0.25 <= high;
    }).filter(Boolean).length;
    expect(holds / 400).toBeGreaterThan(0.92);
    expect(holds / 400).toBeLessThan(0.99);
  });

  it('says the same for the same values and seed', () => {
    const some = [5, 2, 9, 4, 7, 7, 1];
    expect(bootstrap95(some, { seed: 4 })).toEqual(bootstrap95(some, { seed: 4 }));
  });
});
