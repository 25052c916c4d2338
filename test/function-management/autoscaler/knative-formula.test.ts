import { describe, expect, it } from 'vitest';
import {
  isOverPanicThreshold,
  isPanicOver,
  limitRate,
  wantedInstances,
} from '../../../src/function-management/autoscaler/knative-formula.ts';

describe("Knative's formula", () => {
  it.each([
    // average calls, concurrency, instances
    [0, 1, 0],
    [0.000_001, 1, 1],
    [0.7, 1, 1],
    [0.71, 1, 2],
    [1, 1, 2], // 1 / 0.7 = 1.43
    [50, 1, 72], // 50 / 0.7 = 71.43
    [2.1, 3, 1], // 3 * 0.7 is 2.0999999999999996 in binary
    [50, 10, 8], // 50 / 7 = 7.14
    [70, 10, 10],
    [70.1, 10, 11],
    [1_000, 100, 15], // 1000 / 70 = 14.29
  ])('wants for %d calls at concurrency %d the instances %d', (calls, concurrency, instances) => {
    expect(wantedInstances(calls, concurrency)).toBe(instances);
  });

  it('goes down by half at most and up a thousandfold at most, counting none as one', () => {
    expect(limitRate(0, 9)).toBe(4);
    expect(limitRate(6, 9)).toBe(6);
    expect(limitRate(0, 1)).toBe(0);
    expect(limitRate(5_000, 2)).toBe(2_000);
    expect(limitRate(5_000, 0)).toBe(1_000);
  });

  it('panics at twice the ready instances, and until a whole stable window has passed', () => {
    expect(isOverPanicThreshold(4, 2)).toBe(true);
    expect(isOverPanicThreshold(3, 2)).toBe(false);
    expect(isOverPanicThreshold(2, 0)).toBe(true);
    expect(isPanicOver(10_000, 70_000)).toBe(false);
    expect(isPanicOver(10_000, 70_001)).toBe(true);
  });
});
