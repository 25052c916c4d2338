import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type PredictivePolicyOptions,
  predictivePolicy,
} from '../../../src/function-management/autoscaler/predictive-policy.ts';
import type {
  Observation,
  ScalingPolicy,
  ScalingTarget,
} from '../../../src/function-management/autoscaler/protocol.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { observation } from './observation.ts';

const MINUTE_MS = 60_000;

interface Outcome {
  readonly calls: number;
  readonly warm: number;
  /** The part of the time in which an instance was there. */
  readonly resident: number;
  readonly targets: readonly number[];
}

interface Scene {
  /** When calls come; each is over at once. */
  readonly callsMs: readonly number[];
  readonly untilMs: number;
  /** Calls before that do not count. */
  readonly fromMs?: number;
  readonly given?: Partial<Observation>;
}

/** As the autoscaler does: decides when a call comes, and when the policy asks for it. Instances are there as soon as they are wanted. */
function play(policy: ScalingPolicy, { callsMs, untilMs, fromMs = 0, given = {} }: Scene): Outcome {
  let [nowMs, ready, arrivals, lastActiveMs, next] = [0, 0, 0, 0, 0];
  let [calls, warm, residentMs] = [0, 0, 0];
  const targets: number[] = [];
  const decide = () => {
    const seen = observation({ coldStartMs: 50, ...given, ready, arrivals, peakInSystem: arrivals, lastActiveMs });
    ready = policy.decide(nowMs, [seen])[0]?.instances ?? 0;
    arrivals = 0;
    targets.push(ready);
  };
  while (nowMs < untilMs) {
    const callMs = callsMs[next] ?? Number.POSITIVE_INFINITY;
    const atMs = Math.min(untilMs, callMs, policy.nextDecisionMs?.(nowMs) ?? Number.POSITIVE_INFINITY);
    if (nowMs >= fromMs) residentMs += (atMs - nowMs) * Math.min(1, ready);
    nowMs = atMs;
    if (callMs === atMs && atMs < untilMs) {
      next++;
      if (nowMs >= fromMs) {
        calls++;
        warm += ready > 0 ? 1 : 0;
      }
      ready = Math.max(1, ready);
      arrivals++;
      lastActiveMs = nowMs;
    }
    decide();
  }
  return { calls, warm, resident: residentMs / (untilMs - fromMs), targets };
}

/**
 * Calls of `a`, and of `b`, which is judged. As the autoscaler does: decides both when one is called that has no instance, or leads to others, and
 * when the policy asks for it.
 */
function playTwo(policy: ScalingPolicy, calls: readonly { readonly name: string; readonly atMs: number }[]) {
  const seen = new Map(['a', 'b'].map((name) => [name, { ready: 0, arrivals: 0, lastActiveMs: 0 }]));
  const first = new Map<string, number>();
  const warm: boolean[] = [];
  let residentMs = 0;
  let nowMs = 0;
  const decide = () => {
    const observations = [...seen].map(([name, { ready, arrivals, lastActiveMs }]) => {
      const firstArrivalMs = first.get(name);
      const given = { name, coldStartMs: 3, ready, arrivals, peakInSystem: arrivals, lastActiveMs };
      return observation({ ...given, firstArrivalMs });
    });
    first.clear();
    for (const { name, instances } of policy.decide(nowMs, observations)) {
      const one = seen.get(name);
      if (one) Object.assign(one, { ready: instances, arrivals: 0 });
    }
  };
  const passTo = (atMs: number) => {
    residentMs += (atMs - nowMs) * Math.min(1, seen.get('b')?.ready ?? 0);
    nowMs = atMs;
  };
  for (const { name, atMs } of calls) {
    for (;;) {
      const settledMs = Math.max(nowMs + 1, policy.settledUntilMs?.('b', 1) ?? Number.POSITIVE_INFINITY);
      const nextMs = Math.min(policy.nextDecisionMs?.(nowMs) ?? Number.POSITIVE_INFINITY, settledMs);
      if (nextMs >= atMs) break;
      passTo(nextMs);
      decide();
    }
    passTo(atMs);
    const one = seen.get(name);
    if (!one) continue;
    if (name === 'b') warm.push(one.ready > 0);
    const isTold = one.ready === 0 || policy.leaders?.().has(name);
    Object.assign(one, { ready: Math.max(1, one.ready), arrivals: one.arrivals + 1, lastActiveMs: nowMs });
    if (!first.has(name)) first.set(name, nowMs);
    if (isTold) decide();
  }
  return { warm, called: warm.length, resident: residentMs / nowMs };
}

const every = (periodMs: number, count: number, startMs = 0) =>
  Array.from({ length: count }, (_, index) => startMs + index * periodMs);

describe('the predictive policy', () => {
  it.each([10, 15, 30, 60])(
    'has an instance ready for a timer of %i minutes from its fourth period on, a fifth of the time at most',
    (minutes) => {
      const periodMs = minutes * MINUTE_MS;
      const callsMs = every(periodMs, 40, 17_000);
      const { calls, warm, resident } = play(predictivePolicy(), {
        callsMs,
        untilMs: 40 * periodMs,
        fromMs: 4 * periodMs,
      });
      expect(warm / calls).toBeGreaterThanOrEqual(0.99);
      expect(resident).toBeLessThan(0.2);
    },
  );

  it('has it ready too where the timer fires a moment before the interval ends, or after it begins', () => {
    for (const offsetMs of [10, 59_990, 60_000]) {
      const callsMs = every(10 * MINUTE_MS, 30, offsetMs);
      const { calls, warm } = play(predictivePolicy(), { callsMs, untilMs: 300 * MINUTE_MS, fromMs: 60 * MINUTE_MS });
      expect(warm / calls).toBeGreaterThanOrEqual(0.99);
    }
  });

  it('keeps nothing for a function that is called once', () => {
    const { targets } = play(predictivePolicy(), {
      callsMs: [1_000],
      untilMs: 240 * MINUTE_MS,
      given: { coldStartMs: 3 },
    });
    expect(targets.slice(-100).every((target) => target === 0)).toBe(true);
  });

  it('gives memory to those for whom a cold start is dear', () => {
    const random = every(25 * MINUTE_MS, 20, 5_000).map((atMs, index) => atMs + ((index * 7_919) % 13) * MINUTE_MS);
    const scene = { callsMs: random, untilMs: 500 * MINUTE_MS };
    const dear = play(predictivePolicy(), { ...scene, given: { coldStartMs: 5_000 } });
    const cheap = play(predictivePolicy(), { ...scene, given: { coldStartMs: 1 } });
    expect(dear.resident).toBeGreaterThan(3 * cheap.resident);
    expect(dear.warm).toBeGreaterThan(cheap.warm);
  });

  it('keeps as many instances as bursts have needed before', () => {
    const policy = predictivePolicy();
    const burst = observation({ coldStartMs: 20, runMs: 20, arrivals: 40, peakInSystem: 40, lastActiveMs: 0 });
    const idle = observation({ coldStartMs: 20, runMs: 20 });
    let targets: readonly ScalingTarget[] = [];
    for (let minute = 0; minute < 100; minute++)
      targets = policy.decide(minute * MINUTE_MS, [minute % 2 === 1 ? burst : idle]);
    // The last was idle, and after it comes a burst.
    expect(targets[0]?.instances).toBe(0);
    targets = policy.decide(100 * MINUTE_MS, [burst]);
    targets = policy.decide(101 * MINUTE_MS, [idle]);
    expect(targets[0]?.instances).toBeGreaterThanOrEqual(30);
    expect(targets[0]?.demanded).toBe(false);
  });

  it('does not start an instance for each of many calls that are over sooner than it would be up', () => {
    const short = observation({ inSystem: 256, ready: 1, runMs: 0.05, coldStartMs: 4, arrivals: 256 });
    const long = { ...short, runMs: 500 };
    expect(predictivePolicy().decide(0, [short])[0]?.instances).toBeLessThan(8);
    expect(predictivePolicy({ startsAtOnce: 200 }).decide(0, [long])[0]?.instances).toBe(100);
  });

  it('starts a few at once for many that wait, and goes on when those are up', () => {
    const policy = predictivePolicy({ startsAtOnce: 4 });
    const waiting = { inSystem: 50, arrivals: 50, runMs: 500 };
    const targets = [0, 3, 4, 47].map((ready) => policy.decide(0, [observation({ ...waiting, ready })])[0]?.instances);
    expect(targets).toEqual([4, 7, 8, 50]);
  });

  it('has an instance of what follows a function when it is called soon after, and hardly at other times', () => {
    const random = seededRandom(5);
    const calls: { readonly name: string; readonly atMs: number }[] = [];
    for (let atMs = 0; atMs < 3_000 * MINUTE_MS; atMs += (3 + 17 * random()) * MINUTE_MS) {
      calls.push({ name: 'a', atMs });
      if (random() < 0.9) calls.push({ name: 'b', atMs: atMs + 200 + 200 * random() });
    }
    const { warm, called, resident } = playTwo(predictivePolicy(), calls);
    expect(warm.slice(4).filter(Boolean).length / (called - 4)).toBeGreaterThanOrEqual(0.95);
    expect(resident).toBeLessThan(0.25);
  });

  it('says what follows a function, also after a restart, and why an instance of that is there', () => {
    const before = predictivePolicy();
    const calls = every(20 * MINUTE_MS, 12).flatMap((atMs) => [
      { name: 'a', atMs },
      { name: 'b', atMs: atMs + 300 },
    ]);
    playTwo(before, calls);
    const after = predictivePolicy();
    after.recall?.(before.takeChanges?.() ?? [], 0);
    expect(after.followersOf?.('a')).toMatchObject([{ name: 'b' }]);
    expect([...(after.leaders?.() ?? [])]).toEqual(['a']);
    const b = observation({ name: 'b', coldStartMs: 3 });
    // Its own period is over by then.
    const nowMs = 2 * MINUTE_MS + 1_000;
    for (const atMs of [0, MINUTE_MS, 2 * MINUTE_MS]) after.decide(atMs, [b]);
    expect(after.decide(nowMs - 1, [b])[0]?.instances).toBe(0);
    const called = observation({ name: 'a', arrivals: 1, firstArrivalMs: nowMs, inSystem: 1, lastActiveMs: nowMs });
    const [, target] = after.decide(nowMs, [called, b]);
    expect(target).toMatchObject({ instances: 1, demanded: false, reason: expect.stringContaining('follows "a"') });
    expect(after.settledUntilMs?.('b', 1)).toBeLessThan(nowMs + 1_000);
    expect(after.decide(nowMs + 1_000, [b])[0]?.instances).toBe(0);
    expect(after.explain?.('a')?.followers).toMatchObject([{ name: 'b', chance: expect.any(Number) }]);
  });

  it('prepares nothing that does not fit into its budget', () => {
    const calls = every(20 * MINUTE_MS, 12).flatMap((atMs) => [
      { name: 'a', atMs },
      { name: 'b', atMs: atMs + 300 },
    ]);
    const policy = predictivePolicy({ idleBudgetMb: 100 });
    expect(playTwo(policy, calls).warm).not.toContain(true);
    expect(policy.followersOf?.('a')).toHaveLength(1);
  });

  it('goes on where it was after a restart', () => {
    const callsMs = every(15 * MINUTE_MS, 20, 5_000);
    const before = predictivePolicy();
    play(before, { callsMs, untilMs: 300 * MINUTE_MS });
    const after = predictivePolicy();
    after.recall?.(before.takeChanges?.() ?? [], 0);
    const untilMs = 60 * MINUTE_MS;
    const { calls, warm } = play(after, { callsMs: every(15 * MINUTE_MS, 4, 5_000), untilMs });
    expect([calls, warm]).toEqual([4, 4]);
    expect(after.explain?.('f')?.gaps[0]?.gapMs).toBe(15 * MINUTE_MS);
    expect(before.takeChanges?.()).toEqual([]);
  });

  it('takes damaged memories for none', () => {
    const policy = predictivePolicy();
    const garbage = (length: number) => new Uint8Array(length).fill(255);
    policy.recall?.(
      [
        { name: '', state: garbage(24_064) },
        { name: 'f', state: garbage(2_056) },
        { name: 'g', state: garbage(3) },
      ],
      0,
    );
    expect(policy.explain?.('f')).toBeUndefined();
    expect(policy.decide(0, [observation({ inSystem: 1 })])[0]?.instances).toBe(1);
  });

  it('starts no instance for calls that wait for less than a millisecond', () => {
    const decided = (runMs: number) =>
      predictivePolicy({}).decide(0, [
        observation({ inSystem: 64, averageInSystem: 64, arrivals: 64, ready: 1, coldStartMs: 5, runMs }),
      ])[0]?.instances;
    expect([decided(0.005), decided(0.014), decided(0.5)]).toEqual([1, 1, 5]);
  });

  it('gives back instances that so short calls have no use for, however many there are at a time', () => {
    const decided = (runMs: number) => {
      const policy = predictivePolicy({});
      const busy = { inSystem: 64, averageInSystem: 64, peakInSystem: 64, arrivals: 500, coldStartMs: 5, runMs };
      let ready = 40;
      for (let nowMs = 0; nowMs < 10_000; nowMs += 500)
        ready = policy.decide(nowMs, [observation({ ...busy, ready, lastActiveMs: nowMs })])[0]?.instances ?? 0;
      return ready;
    };
    expect([decided(0.01), decided(0.1), decided(2)]).toEqual([1, 10, 44]);
  });

  it('holds what calls that come in gusts need, and gives it back two seconds after the last', () => {
    const policy = predictivePolicy({});
    const given = { ready: 8, coldStartMs: 40, runMs: 10, averageInSystem: 8 };
    let nowMs = 0;
    const decided = (more: Partial<Observation>) => policy.decide(nowMs, [observation({ ...given, ...more })])[0];
    for (; nowMs < 4_000; nowMs += 20) {
      const lastActiveMs = nowMs;
      expect(decided({ inSystem: 8, arrivals: 8, peakInSystem: 8, lastActiveMs })?.instances).toBeGreaterThanOrEqual(8);
      nowMs += 20;
      expect(decided({ lastActiveMs })).toMatchObject({ instances: 8, demanded: false });
    }
    const lastActiveMs = nowMs;
    expect(policy.settledUntilMs?.('f', 1)).toBeLessThanOrEqual(lastActiveMs + 2_000);
    nowMs += 2_001;
    expect(decided({ averageInSystem: 0, lastActiveMs })?.instances).toBe(1);
  });

  it('never exceeds limits or budget, never leaves a waiting call without an instance, whatever comes', () => {
    const seen = fc.record({
      function: fc.integer({ min: 0, max: 4 }),
      afterMs: fc.oneof(fc.integer({ min: 0, max: 180_000 }), fc.constant(40 * MINUTE_MS), fc.constant(-5_000)),
      inSystem: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 50 })),
      arrivals: fc.integer({ min: 0, max: 50 }),
      ready: fc.integer({ min: 0, max: 20 }),
      coldStartMs: fc.oneof(fc.constant(undefined), fc.integer({ min: 0, max: 20_000 })),
      runMs: fc.oneof(fc.constant(undefined), fc.double({ min: 0, max: 1_000, noNaN: true })),
    });
    const host = fc.record({
      idleBudgetMb: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 0, max: 4_000 })),
      intervalMs: fc.integer({ min: 1_000, max: MINUTE_MS }),
    });
    fc.assert(
      fc.property(host, fc.array(seen, { minLength: 1, maxLength: 120 }), (options: PredictivePolicyOptions, steps) => {
        const policy = predictivePolicy(options);
        let nowMs = 0;
        for (const { function: number, afterMs, ...given } of steps) {
          nowMs = Math.max(0, nowMs + afterMs);
          const observations = Array.from({ length: 5 }, (_, index) => {
            const limits = {
              name: `f${index}`,
              minInstances: index === 1 ? 1 : 0,
              maxInstances: 10 + index,
              memoryMb: 128 * (index + 1),
            };
            const firstArrivalMs = given.arrivals > 0 ? nowMs : undefined;
            return observation(
              index === number ? { ...limits, ...given, firstArrivalMs, lastActiveMs: nowMs } : limits,
            );
          });
          const targets = policy.decide(nowMs, observations);
          let keptMb = 0;
          for (const [index, { instances, demanded }] of targets.entries()) {
            const { minInstances, maxInstances, inSystem, memoryMb, ready } = observations[index] ?? observation();
            expect(instances).toBeGreaterThanOrEqual(Math.max(minInstances, inSystem > 0 ? 1 : 0));
            expect(instances).toBeLessThanOrEqual(maxInstances);
            expect(demanded).toBe(inSystem > 0);
            // What is there already and was just called is not kept by the forecast.
            if (inSystem === 0) keptMb += Math.max(0, instances - Math.max(minInstances, ready > 0 ? 1 : 0)) * memoryMb;
          }
          if (Number.isFinite(options.idleBudgetMb)) expect(keptMb).toBeLessThanOrEqual(options.idleBudgetMb ?? 0);
          expect(policy.nextDecisionMs?.(nowMs) ?? 0).toBeGreaterThan(nowMs);
        }
      }),
      { numRuns: 60 },
    );
  });
});
