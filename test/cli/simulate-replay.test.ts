import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { figuresOf, functionFigures } from '../../src/cli/simulate/figures.ts';
import { ALL, choosePolicies, makePolicy } from '../../src/cli/simulate/policies.ts';
import { replay, type WarmMinutes } from '../../src/cli/simulate/replay.ts';
import type { Trace } from '../../src/cli/simulate/trace.ts';
import type { Observation, ScalingPolicy } from '../../src/function-management/autoscaler/protocol.ts';
import { type Made, timer, traceOf } from './simulate-traces.ts';

const MINUTE_MS = 60_000;
const GB = 1_024;

function run(trace: Trace, policy: ScalingPolicy): Promise<WarmMinutes> {
  return replay(trace, { policy, keepAliveMs: 10 * MINUTE_MS, coldStartMs: undefined, pause: async () => {} });
}

async function figures(name: string, minutes: number, functions: readonly Made[]) {
  const [choice] = choosePolicies(name);
  if (!choice) throw new Error('no policy');
  const trace = traceOf(minutes, functions);
  return figuresOf(name, trace, await run(trace, makePolicy(choice, 10 * MINUTE_MS)));
}

describe('a replay counts', () => {
  const quarterly = { calls: timer({ period: 15, until: 60 }), memoryMb: GB };

  it('every call of a timer as cold when it is kept for less than its period', async () => {
    // Called in minutes 0, 15, 30 and 45. Warm, for nothing, in the ten minutes after each: 4 x 10 GB-minutes.
    expect(await figures('fixed', 60, [quarterly])).toEqual({
      policy: 'fixed',
      functions: 1,
      invocations: 4,
      activeMinutes: 4,
      coldStarts: 4,
      avoidableColdStarts: 3,
      p50FunctionColdPercent: 100,
      p75FunctionColdPercent: 100,
      wasteGbMinutes: 40,
    });
  });

  it('only the first one when it is kept for its whole period, which is counted with its last minute', async () => {
    // Warm from minute 1 to the end, 59 minutes, in three of which it is called.
    const found = await figures('fixed:15', 60, [quarterly]);
    expect(found).toMatchObject({
      coldStarts: 1,
      avoidableColdStarts: 0,
      p50FunctionColdPercent: 25,
      wasteGbMinutes: 56,
    });
    expect(await figures('fixed:14', 60, [quarterly])).toMatchObject({ avoidableColdStarts: 3 });
  });

  it('a function that is called once as one cold start that nobody can avoid, and 170 MB where memory is unknown', async () => {
    const found = await figures('fixed', 30, [{ calls: { 5: 7 } }]);
    expect(found).toMatchObject({ invocations: 7, coldStarts: 1, avoidableColdStarts: 0, p50FunctionColdPercent: 100 });
    expect(found.wasteGbMinutes).toBeCloseTo((10 * 170) / GB, 3);
  });

  it('each burst once, and waste to the end of the trace and no further', async () => {
    const bursty = { calls: { 0: 100, 1: 400, 2: 9, 20: 50, 21: 1 }, memoryMb: GB / 2 };
    // Cold in minutes 0 and 20. Idle from 3 to 12, and from 22 to 29: 18 minutes of half a GB.
    expect(await figures('fixed', 30, [bursty])).toMatchObject({
      invocations: 560,
      activeMinutes: 5,
      coldStarts: 2,
      avoidableColdStarts: 1,
      p50FunctionColdPercent: 40,
      wasteGbMinutes: 9,
    });
  });

  it('what the hybrid histogram learns of a timer: five periods are kept whole, then three minutes before each call', async () => {
    const found = await figures('hybrid-histogram', 600, [{ calls: timer({ period: 30, until: 600 }), memoryMb: GB }]);
    // Five periods of 29 idle minutes; then 14 with 27, 28 and 29 minutes after the call; and after the last call, too, 27 to 29.
    expect(found).toMatchObject({ coldStarts: 1, avoidableColdStarts: 0, wasteGbMinutes: 5 * 29 + 14 * 3 + 3 });
  });

  it('nothing for a function that is never called, and takes no account of it in the percentiles', async () => {
    const never = { calls: {} };
    const found = await figures('fixed', 60, [never, quarterly, never, { calls: { 0: 1, 1: 1 } }]);
    expect(found).toMatchObject({
      functions: 4,
      coldStarts: 5,
      p50FunctionColdPercent: 50,
      p75FunctionColdPercent: 100,
    });
    expect(await figures('predictive', 60, [never])).toMatchObject({
      coldStarts: 0,
      p75FunctionColdPercent: 0,
      wasteGbMinutes: 0,
    });
  });

  it('fewer cold starts with a forecast than with a keep-alive, for less memory, where calls come like clockwork', async () => {
    const clockwork = { calls: timer({ period: 30, until: 960 }), memoryMb: GB };
    const fixed = await figures('fixed', 960, [clockwork]);
    const predictive = await figures('predictive:1e-5', 960, [clockwork]);
    expect(predictive.avoidableColdStarts).toBeLessThan(fixed.avoidableColdStarts / 2);
    expect(predictive.wasteGbMinutes).toBeLessThan(fixed.wasteGbMinutes);
  });
});

describe('a policy', () => {
  const nothing = { name: 'spy', forget() {} };

  it('is told at the beginning of each minute what happened in the minute before it', async () => {
    const seen: [minute: number, Partial<Observation>[]][] = [];
    const policy: ScalingPolicy = {
      ...nothing,
      decide(nowMs, observations) {
        const shown = observations.map(({ arrivals, ready, averageInSystem, peakInSystem, lastActiveMs }) => {
          return { arrivals, ready, averageInSystem, peakInSystem, lastActiveMs };
        });
        seen.push([nowMs / MINUTE_MS, shown]);
        return [];
      },
    };
    // 90 calls of 2 s in a minute: 3 at a time.
    await run(traceOf(4, [{ calls: { 1: 90 }, runMs: 2_000 }]), policy);
    const idle = { arrivals: 0, ready: 0, averageInSystem: 0, peakInSystem: 0, lastActiveMs: MINUTE_MS };
    expect(seen).toEqual([
      [0, []],
      [1, []],
      [2, [{ ...idle, arrivals: 90, ready: 3, averageInSystem: 3, peakInSystem: 3 }]],
      [3, [idle]],
    ]);
  });

  it('that gives no target for a function has no instance of it', async () => {
    const trace = traceOf(3, [{ calls: { 0: 1, 1: 1, 2: 1 } }]);
    const warm = await run(trace, { ...nothing, decide: () => [] });
    expect(figuresOf('spy', trace, warm)).toMatchObject({ coldStarts: 3, wasteGbMinutes: 0 });
  });

  it('is asked no more once the replay is stopped', async () => {
    let asked = 0;
    const decide = () => {
      asked++;
      return [];
    };
    const pause = async (minute: number) => {
      if (minute === 3) throw new Error('stopped');
    };
    const stopped = replay(traceOf(9, []), { policy: { ...nothing, decide }, keepAliveMs: 0, coldStartMs: 5, pause });
    await expect(stopped).rejects.toThrow('stopped');
    expect(asked).toBe(3);
  });
});

describe('whatever the calls, under every policy', () => {
  const made: fc.Arbitrary<Made> = fc.record(
    {
      calls: fc.dictionary(fc.integer({ min: 0, max: 89 }).map(String), fc.integer({ min: 1, max: 500 }), {
        noNullPrototype: true,
      }),
      memoryMb: fc.double({ min: 0, max: 2_000, noNaN: true }),
      runMs: fc.double({ min: 0, max: 10_000, noNaN: true }),
    },
    { requiredKeys: ['calls'] },
  );
  const traces = fc.array(made, { minLength: 1, maxLength: 4 }).map((functions) => traceOf(90, functions));

  it('figures are consistent and within their bounds', async () => {
    await fc.assert(
      fc.asyncProperty(traces, fc.constantFrom(...ALL), async (trace, choice) => {
        const warm = await run(trace, makePolicy(choice, 10 * MINUTE_MS));
        const found = figuresOf('any', trace, warm);
        const called = trace.functions.filter(({ minutes }) => minutes.length > 0).length;
        expect(found.coldStarts).toBeGreaterThanOrEqual(called);
        expect(found.coldStarts).toBeLessThanOrEqual(found.activeMinutes);
        expect(found.avoidableColdStarts).toBe(found.coldStarts - called);
        expect(found.p50FunctionColdPercent).toBeGreaterThanOrEqual(0);
        expect(found.p75FunctionColdPercent).toBeGreaterThanOrEqual(found.p50FunctionColdPercent);
        expect(found.p75FunctionColdPercent).toBeLessThanOrEqual(100);
        for (const { index, activeMinutes, coldStarts, idleMinutes, wasteGbMinutes } of functionFigures(trace, warm)) {
          const warmMinutes = Array.from({ length: trace.minutes }, (_, minute) => warm.has(index, minute)).filter(
            Boolean,
          );
          expect(idleMinutes + activeMinutes - coldStarts).toBe(warmMinutes.length);
          expect(idleMinutes).toBeGreaterThanOrEqual(0);
          expect(wasteGbMinutes).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('what is decided does not change with what comes later', async () => {
    await fc.assert(
      fc.asyncProperty(traces, fc.constantFrom(...ALL), fc.integer({ min: 1, max: 89 }), async (trace, choice, cut) => {
        const before = { ...trace, functions: trace.functions.map((each) => cutAt(each, cut)) };
        const [whole, part] = [
          await run(trace, makePolicy(choice, 10 * MINUTE_MS)),
          await run(before, makePolicy(choice, 10 * MINUTE_MS)),
        ];
        for (const index of trace.functions.keys()) {
          // Minute `cut` is decided from those before it.
          for (let minute = 0; minute <= cut; minute++) expect(part.has(index, minute)).toBe(whole.has(index, minute));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('a longer keep-alive never means more cold starts, or less waste', async () => {
    await fc.assert(
      fc.asyncProperty(traces, fc.integer({ min: 0, max: 30 }), async (trace, minutes) => {
        const short = figuresOf('short', trace, await run(trace, makePolicy({ policy: 'fixed', value: minutes }, 0)));
        const long = figuresOf('long', trace, await run(trace, makePolicy({ policy: 'fixed', value: minutes + 7 }, 0)));
        expect(long.coldStarts).toBeLessThanOrEqual(short.coldStarts);
        expect(long.wasteGbMinutes).toBeGreaterThanOrEqual(short.wasteGbMinutes);
      }),
      { numRuns: 40 },
    );
  });
});

function cutAt(traced: Trace['functions'][number], cut: number): Trace['functions'][number] {
  const kept = traced.minutes.filter((minute) => minute < cut).length;
  return { ...traced, minutes: traced.minutes.slice(0, kept), counts: traced.counts.slice(0, kept) };
}
