import { describe, expect, it } from 'vitest';
import { BurstSizes } from '../../../src/function-management/autoscaler/burst-sizes.ts';
import { demandedInstances } from '../../../src/function-management/autoscaler/demand.ts';
import { keepDensest } from '../../../src/function-management/autoscaler/exchange-rate.ts';
import { fixedPolicy } from '../../../src/function-management/autoscaler/fixed-policy.ts';
import { Guard, type IntervalOutcome } from '../../../src/function-management/autoscaler/guard.ts';
import {
  hybridHistogramPolicy,
  windowOf,
} from '../../../src/function-management/autoscaler/hybrid-histogram-policy.ts';
import { observation } from './observation.ts';

const MINUTE_MS = 60_000;

describe('the fixed policy', () => {
  it('keeps what was needed for the keep-alive, each instance for itself', () => {
    const policy = fixedPolicy();
    const decide = (nowMs: number, given = {}) => policy.decide(nowMs, [observation(given)])[0]?.instances;
    expect(decide(0, { inSystem: 5, arrivals: 5, peakInSystem: 5 })).toBe(5);
    expect(decide(4 * MINUTE_MS, { inSystem: 2, ready: 5, lastActiveMs: 4 * MINUTE_MS })).toBe(5);
    expect(decide(10 * MINUTE_MS, { ready: 5, lastActiveMs: 4 * MINUTE_MS })).toBe(5);
    expect(decide(10 * MINUTE_MS + 1, { ready: 5, lastActiveMs: 4 * MINUTE_MS })).toBe(2);
    expect(decide(14 * MINUTE_MS, { ready: 2, lastActiveMs: 4 * MINUTE_MS })).toBe(2);
    expect(decide(14 * MINUTE_MS + 1, { ready: 2, lastActiveMs: 4 * MINUTE_MS })).toBe(0);
  });

  it('takes another keep-alive than the function has, where it is told', () => {
    const policy = fixedPolicy({ keepAliveMs: 1_000 });
    expect(policy.decide(0, [observation({ arrivals: 1, peakInSystem: 1 })])[0]?.instances).toBe(1);
    expect(policy.decide(1_001, [observation({ ready: 1 })])[0]?.instances).toBe(0);
  });
});

describe('the hybrid histogram policy', () => {
  const histogram = (counts: Readonly<Record<number, number>>) =>
    Array.from({ length: 240 }, (_, bin) => counts[bin] ?? 0);

  it('keeps for as long as its histogram reaches while that says little', () => {
    expect(windowOf(histogram({ 10: 4 }), 4)).toEqual({ fromMinute: 0, toMinute: 240 });
    expect(windowOf(new Array<number>(240).fill(1), 240)).toEqual({ fromMinute: 0, toMinute: 240 });
  });

  it('loads a tenth before the head and keeps a tenth beyond the tail', () => {
    // Head: bin 30, less a tenth: 27. Tail: one past bin 60, and a tenth: 67.1.
    const { fromMinute, toMinute } = windowOf(histogram({ 30: 50, 60: 50 }), 100);
    expect(fromMinute).toBe(27);
    expect(toMinute).toBeCloseTo(67.1);
  });

  it('stays loaded from the call on where the head is too near to unload', () => {
    expect(windowOf(histogram({ 2: 100 }), 100).fromMinute).toBe(0);
  });

  it('loads again before a timer of half an hour', () => {
    const policy = hybridHistogramPolicy();
    const at = (minute: number, called: boolean, last: number) =>
      policy.decide(minute * MINUTE_MS, [observation({ arrivals: called ? 1 : 0, lastActiveMs: last * MINUTE_MS })])[0]
        ?.instances;
    let last = 0;
    for (let minute = 0; minute <= 300; minute++) {
      if (minute % 30 === 0) last = minute;
      at(minute, minute % 30 === 0, last);
    }
    expect([
      at(310, false, 300),
      at(326, false, 300),
      at(327, false, 300),
      at(334, false, 300),
      at(335, false, 300),
    ]).toEqual([0, 0, 1, 1, 0]);
  });
});

describe('demand', () => {
  it('gives each waiting call an instance where calls last, and few where they are over at once', () => {
    expect(demandedInstances(observation({ inSystem: 50 }), 100)).toBe(50);
    expect(demandedInstances(observation({ inSystem: 50, ready: 1, runMs: 100, coldStartMs: 5 }), 100)).toBe(50);
    // 255 wait for 0.05 ms each: 12.75 ms of work, three starts of 5 ms.
    expect(demandedInstances(observation({ inSystem: 256, ready: 1, runMs: 0.05, coldStartMs: 5 }), 100)).toBe(4);
    expect(demandedInstances(observation({ inSystem: 50, concurrency: 10 }), 100)).toBe(5);
  });
});

describe('the exchange rate', () => {
  it('keeps the densest that fit, and says what it would have taken to be kept', () => {
    const prospect = (owner: string, density: number) => ({ owner, density, memoryMb: 100 });
    const kept = keepDensest([prospect('low', 1), prospect('high', 3), prospect('middle', 2)], 250);
    expect(kept).toEqual({ owners: ['high', 'middle'], usedMb: 200, msPerMbSecond: 1 });
    expect(keepDensest([prospect('only', 1)], 100).msPerMbSecond).toBe(0);
    expect(keepDensest([], 0)).toEqual({ owners: [], usedMb: 0, msPerMbSecond: 0 });
  });
});

describe('burst sizes', () => {
  it('are as likely as they were, in powers of two', () => {
    const bursts = new BurstSizes();
    expect(bursts.chanceOfAtLeast(1)).toBe(1);
    expect(bursts.chanceOfAtLeast(2)).toBe(0);
    for (let round = 0; round < 50; round++) bursts.observe(round % 2 === 0 ? 1 : 16);
    expect(bursts.chanceOfAtLeast(2)).toBeCloseTo(0.5, 1);
    expect(bursts.chanceOfAtLeast(16)).toBeCloseTo(0.5, 1);
    expect(bursts.chanceOfAtLeast(24)).toBeCloseTo(0.25, 1);
    expect(bursts.chanceOfAtLeast(32)).toBe(0);
    expect(new BurstSizes(bursts.state.slice()).chanceOfAtLeast(16)).toBe(bursts.chanceOfAtLeast(16));
  });
});

describe('the guard', () => {
  const interval = (guard: Guard, outcome: Partial<IntervalOutcome>, times = 1) => {
    for (let time = 0; time < times; time++) {
      guard.observe({ called: true, coldStartMs: 100, idleMs: 1, keptByForecast: true, keptByFixed: true, ...outcome });
      guard.intervalEnded();
    }
    return guard.isTrusted;
  };

  it('withdraws its trust from a forecast that has done worse for a while, and gives it back', () => {
    const guard = new Guard();
    expect(interval(guard, { keptByForecast: false }, 10)).toBe(true);
    expect(interval(guard, { keptByForecast: false }, 40)).toBe(false);
    expect(interval(guard, { keptByFixed: false }, 100)).toBe(true);
  });

  it('charges idle memory as it charges cold starts', () => {
    const guard = new Guard();
    expect(interval(guard, { called: false, idleMs: 50, keptByFixed: false }, 100)).toBe(false);
  });
});
