import { describe, expect, it } from 'vitest';
import { schedule, sendOnSchedule } from '../../native-bench/harness/arrivals.js';

describe('a schedule', () => {
  it('of even arrivals has one every so often', () => {
    expect([...schedule({ perSecond: 100, forMs: 50, arrivals: 'even', seed: 1 })]).toEqual([0, 10, 20, 30, 40]);
  });

  it('of Poisson arrivals has the asked rate, irregular gaps, and is the same for the same seed', () => {
    const options = { perSecond: 1_000, forMs: 20_000, arrivals: 'poisson', seed: 5 } as const;
    const dueMs = [...schedule(options)];
    expect(dueMs.length).toBeGreaterThan(19_000);
    expect(dueMs.length).toBeLessThan(21_000);
    const gaps = dueMs.slice(1).map((due, index) => due - (dueMs[index] ?? 0));
    // Of an exponential distribution, 1 - 1/e lies below the mean.
    expect(gaps.filter((gap) => gap < 1).length / gaps.length).toBeCloseTo(1 - 1 / Math.E, 1);
    expect([...schedule(options)]).toEqual(dueMs);
  });
});

describe('an open loop', () => {
  it('charges a pause to every call that was due during it', async () => {
    const tookMs: number[] = [];
    let calls = 0;
    const pauseOnce = async () => {
      const untilMs = performance.now() + (calls++ === 0 ? 40 : 0);
      while (performance.now() < untilMs);
    };
    await sendOnSchedule(pauseOnce, Float64Array.from([0, 10, 20, 30]), { onAnswer: (took) => tookMs.push(took) });
    for (const [index, atLeastMs] of [40, 30, 20, 10].entries())
      expect(tookMs[index]).toBeGreaterThanOrEqual(atLeastMs);
  });

  it('begins calls while others are out, up to its bound', async () => {
    let [inside, most] = [0, 0];
    const call = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      inside--;
    };
    await sendOnSchedule(call, new Float64Array(20), { onAnswer: () => undefined, maxInFlight: 7 });
    expect(most).toBe(7);
  });

  it('rejects with the error of a call, after those under way have ended', async () => {
    let ended = 0;
    const call = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      if (++ended === 1) throw new Error('refused');
    };
    await expect(sendOnSchedule(call, new Float64Array(3), { onAnswer: () => undefined })).rejects.toThrow('refused');
    expect(ended).toBe(3);
  });
});
