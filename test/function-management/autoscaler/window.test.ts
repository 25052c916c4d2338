import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConcurrencyWindow } from '../../../src/function-management/autoscaler/window.ts';

describe('the window of calls in the system', () => {
  it('sees a burst at once: the first second counts as what is there now', () => {
    expect(new ConcurrencyWindow(10_300).average(60, 50)).toEqual({ calls: 50, seconds: 1 });
  });

  it('divides by the seconds since the first observation until the window is full', () => {
    const window = new ConcurrencyWindow(10_000);
    window.record(10_000, 13_000, 8);
    // Seconds 10, 11, 12 at 8 and second 13, which has just begun, at 0.
    expect(window.average(60, 0)).toEqual({ calls: 6, seconds: 4 });
    window.record(13_000, 20_000, 0);
    expect(window.average(6, 0)).toEqual({ calls: 0, seconds: 6 });
    // 3 x 8 over the 11 seconds 10 to 20, cut after six digits.
    expect(window.average(60, 0)).toEqual({ calls: 2.181818, seconds: 11 });
  });

  it('forgets what is older than a minute, also across a gap', () => {
    const window = new ConcurrencyWindow(0);
    window.record(0, 1_000, 60);
    window.record(59_000, 59_999, 0);
    expect(window.average(60, 0).calls).toBe(1);
    window.record(59_999, 60_000, 0);
    expect(window.average(60, 0).calls).toBe(0);
    expect(window.isEmpty).toBe(true);
    window.record(60_000, 61_000, 60);
    window.record(500_000, 500_001, 0);
    expect(window.average(60, 0)).toEqual({ calls: 0, seconds: 60 });
  });

  it('weighs by time: a long quiet stretch is not outweighed by many observations of a short busy one', () => {
    const window = new ConcurrencyWindow(0);
    window.record(0, 900, 0);
    for (let at = 900; at < 1_000; at++) window.record(at, at + 1, 10);
    // Second 0 was at 10 for a tenth of its time.
    expect(window.average(60, 0).calls).toBe(0.5);
  });

  it('gives the same average however the same load is cut into observations', () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 89_999 }), { maxLength: 40 });
    fc.assert(
      fc.property(cuts, fc.integer({ min: 0, max: 200 }), (cutsMs, calls) => {
        const whole = new ConcurrencyWindow(0);
        whole.record(0, 90_000, calls);
        const cut = new ConcurrencyWindow(0);
        let fromMs = 0;
        for (const toMs of [...cutsMs.sort((one, other) => one - other), 90_000]) {
          cut.record(fromMs, toMs, calls);
          fromMs = toMs;
        }
        expect(cut.average(60, calls).calls).toBeCloseTo(whole.average(60, calls).calls, 5);
        expect(whole.average(60, calls).calls).toBe(calls);
      }),
    );
  });
});
