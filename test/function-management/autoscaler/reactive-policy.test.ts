import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Observation, ScalingTarget } from '../../../src/function-management/autoscaler/protocol.ts';
import { reactivePolicy } from '../../../src/function-management/autoscaler/reactive-policy.ts';
import { observation } from './observation.ts';

const TICK_MS = 2_000;

/** A policy that watches one version; `ready` follows each target at once unless it is given. */
function oneVersion(fixed: Partial<Observation> = {}) {
  const policy = reactivePolicy();
  let ready = 0;
  let lastActiveMs = 0;
  const look = (nowMs: number, given: Partial<Observation> = {}): ScalingTarget => {
    if (given.inSystem || given.averageInSystem) lastActiveMs = nowMs;
    const seen = observation({ ready, lastActiveMs, ...fixed, ...given });
    const [target] = policy.decide(nowMs, [seen]);
    if (!target) throw new Error('no target');
    ready = target.instances;
    return target;
  };
  /** Ticks from after `fromMs` to `toMs` under a steady load: the targets by their time in seconds. */
  const hold = (fromMs: number, toMs: number, calls: number): Record<number, number> => {
    const targets: Record<number, number> = {};
    for (let nowMs = fromMs + TICK_MS; nowMs <= toMs; nowMs += TICK_MS) {
      targets[nowMs / 1_000] = look(nowMs, { inSystem: calls, averageInSystem: calls }).instances;
    }
    return targets;
  };
  return { policy, look, hold };
}

describe('from zero', () => {
  it('gives one lone call one instance, and keeps calm about it', () => {
    const { look } = oneVersion();
    expect(look(10_000, { inSystem: 1, arrivals: 1 })).toMatchObject({ instances: 1, demanded: true });
    // It ran for 10 ms: (10 ms / 2 s) / 0.7, rounded up.
    const after = look(12_000, { averageInSystem: 0.005 });
    expect(after).toMatchObject({ instances: 1, demanded: false });
    expect(after.reason).toMatch(/^stable: /);
  });

  it('gives fifty calls at once fifty instances, and the headroom when they last', () => {
    const { look } = oneVersion();
    const first = look(10_000, { inSystem: 50, arrivals: 50 });
    expect(first).toMatchObject({ instances: 50, demanded: true });
    expect(first.reason).toBe('panic: 50 calls over 1 s / 0.7 per instance');
    // 50 in each of the seconds 10, 11 and 12: 50 / 0.7 = 71.43.
    expect(look(12_000, { inSystem: 50, averageInSystem: 50 }).instances).toBe(72);
  });

  it('divides by 70 % of the concurrency: fifty calls at concurrency 10 want 50 / 7 = 7.14, so 8', () => {
    expect(oneVersion({ concurrency: 10 }).look(10_000, { inSystem: 50 }).instances).toBe(8);
  });

  it('follows the calls as they come in, microseconds apart', () => {
    const { look } = oneVersion();
    const targets = [1, 2, 3, 10].map(
      (inSystem, index) => look(10_000 + index / 1_000, { ready: 0, inSystem, averageInSystem: inSystem }).instances,
    );
    expect(targets).toEqual([1, 2, 3, 10]);
  });

  it('sees a burst whole after an hour of silence, though the call before it left a trace', () => {
    const { look } = oneVersion({ keepAliveMs: 1_000, lastActiveMs: 10_000 });
    look(10_000, { inSystem: 1 });
    expect(look(12_000, { averageInSystem: 0.5 }).instances).toBe(0);
    look(14_000);
    expect(look(3_600_000, { inSystem: 50, averageInSystem: 0.001 }).instances).toBe(50);
  });

  it('starts nothing for calls that have left again', () => {
    const { look } = oneVersion();
    look(10_000, { inSystem: 50 });
    expect(look(12_000, { ready: 0, averageInSystem: 25 })).toMatchObject({ instances: 0, demanded: false });
  });
});

describe('under load', () => {
  it('ramps up in panic, settles on the stable window, and follows it down', () => {
    const { look, hold } = oneVersion({ concurrency: 10 });
    look(0, { ready: 1 });
    hold(0, 60_000, 0);
    // 28 calls stay in the system, 7 per instance wanted. Panic window at 62 s: 3 of 6 seconds at 28, 14 / 7 = 2, twice the one instance.
    // At 64 s: 5 of 6 seconds, 23.33 / 7 = 3.33. From 66 s on: 28 / 7 = 4.
    expect(hold(60_000, 68_000, 28)).toEqual({ 62: 2, 64: 4, 66: 4, 68: 4 });
    // The threshold was last exceeded at 64 s (4 for 2 instances), so panic may end after 124 s.
    hold(68_000, 124_000, 28);
    expect(look(126_000, { inSystem: 28, averageInSystem: 28 })).toMatchObject({
      instances: 4,
      reason: 'stable: 28 calls over 60 s / 7 per instance',
    });
    // Idle from 126 s. At t the stable window has 185 - t seconds at 28: (185 - t) * 28 / 60 / 7 instances.
    const down = hold(126_000, 190_000, 0);
    expect(down[138]).toBe(4); // 47 seconds: 3.13
    expect(down[140]).toBe(3); // 45 seconds: 3
    expect(down[154]).toBe(3); // 31 seconds: 2.07
    expect(down[156]).toBe(2); // 29 seconds: 1.93
    expect(down[168]).toBe(2); // 17 seconds: 1.13
    expect(down[170]).toBe(1); // 15 seconds: 1
    expect(down[186]).toBe(1); // nothing left: the keep-alive holds it
  });

  it('holds the most of a panic for a whole stable window, then halves at each decision', () => {
    const { look, hold } = oneVersion();
    expect(look(10_000, { inSystem: 14 }).instances).toBe(14);
    // They took a second: 7 on average, over seconds 10 to 12 that is (7 + 7 + 0) / 3 / 0.7 = 6.67.
    const held = look(12_000, { averageInSystem: 7 });
    expect(held.instances).toBe(14);
    expect(held.reason).toBe('panic: 4.67 calls over 3 s / 0.7 per instance, held at the 14 of this panic');
    const later = hold(12_000, 80_000, 0);
    expect(later[70]).toBe(14);
    expect([72, 74, 76, 78, 80].map((second) => later[second])).toEqual([7, 3, 1, 1, 1]);
  });

  it('gives a caller who calls without a pause a second instance: 1 / 0.7 = 1.43', () => {
    const { look, hold } = oneVersion();
    look(10_000, { inSystem: 1 });
    expect(hold(10_000, 80_000, 1)).toMatchObject({ 12: 2, 14: 2, 80: 2 });
  });

  it('keeps what it finds when it starts with instances, until it has a history of its own', () => {
    const { look, hold } = oneVersion();
    expect(look(1_000, { ready: 6, inSystem: 1, averageInSystem: 1 }).instances).toBe(6);
    const later = hold(1_000, 63_000, 1);
    expect(later[61]).toBe(6);
    expect(later[63]).toBe(3);
  });
});

describe('keep-alive', () => {
  it('keeps the last instance until its time after the last call, not longer and not shorter', () => {
    const { look, policy } = oneVersion({ keepAliveMs: 600_000, lastActiveMs: 11_000 });
    look(10_000, { inSystem: 1 });
    look(12_000, { averageInSystem: 0.5 });
    const kept = look(300_000);
    expect(kept).toMatchObject({
      instances: 1,
      demanded: false,
      reason: 'keep-alive: last call 289 s ago, kept for 600 s',
    });
    expect(policy.settledUntilMs?.('f', 1)).toBe(611_000);
    expect(look(610_999).instances).toBe(1);
    expect(look(611_000)).toMatchObject({ instances: 0, reason: 'idle: last call 600 s ago, kept for 600 s' });
    expect(policy.settledUntilMs?.('f', 1)).toBe(Number.POSITIVE_INFINITY);
  });

  it('ends the windows too when it is shorter than they are, half at a time', () => {
    const { look } = oneVersion({ keepAliveMs: 3_000, lastActiveMs: 10_000 });
    expect(look(10_000, { inSystem: 5 }).instances).toBe(5);
    expect([12_000, 14_000, 16_000, 18_000].map((nowMs) => look(nowMs).instances)).toEqual([5, 2, 1, 0]);
  });

  it('is not for a version that has calls: a call longer than the keep-alive keeps its instance', () => {
    const { look } = oneVersion({ keepAliveMs: 1_000, lastActiveMs: 10_000 });
    look(10_000, { inSystem: 1 });
    expect(look(200_000, { inSystem: 1, averageInSystem: 1 }).instances).toBeGreaterThan(0);
  });

  it('replaces no instance that was lost while nobody called', () => {
    const { look } = oneVersion();
    look(10_000, { inSystem: 1 });
    expect(look(100_000).instances).toBe(1);
    expect(look(102_000, { ready: 0 }).instances).toBe(0);
  });
});

describe('bounds', () => {
  it('holds the minimum without any call, and says so', () => {
    const target = oneVersion({ minInstances: 2 }).look(0);
    expect(target).toMatchObject({ instances: 2, demanded: false });
    expect(target.reason).toContain('minInstances is 2');
  });

  it('stops at the maximum, and says what was wanted', () => {
    const target = oneVersion({ maxInstances: 3 }).look(0, { inSystem: 50 });
    expect(target.instances).toBe(3);
    expect(target.reason).toContain('maxInstances is 3, 50 wanted');
  });
});

describe('a version without an alias', () => {
  it('has no minimum and a keep-alive of a minute, but gets instances for its calls', () => {
    const { look } = oneVersion({ aliased: false, minInstances: 2, lastActiveMs: 10_000 });
    expect(look(0).instances).toBe(0);
    expect(look(10_000, { inSystem: 3 }).instances).toBe(3);
    expect(look(69_000, { ready: 1 }).instances).toBeGreaterThan(0);
    expect(look(70_000, { ready: 1 }).instances).toBe(0);
  });

  it('gets nothing while it is being drained, and is served again after that', () => {
    const { look } = oneVersion();
    look(10_000, { inSystem: 8 });
    expect(look(12_000, { aliased: false, ready: 8, inSystem: 8, averageInSystem: 8 }).instances).toBe(0);
    expect(look(12_001, { aliased: false, ready: 8, inSystem: 8, averageInSystem: 8 }).instances).toBe(0);
    expect(look(12_002, { aliased: false, ready: 0, inSystem: 2 }).instances).toBe(2);
  });

  it('is no longer drained when an alias leads to it again', () => {
    const { look } = oneVersion();
    look(10_000, { inSystem: 8 });
    look(12_000, { aliased: false, ready: 8, inSystem: 8, averageInSystem: 8 });
    expect(look(14_000, { ready: 8, inSystem: 8, averageInSystem: 8 }).instances).toBeGreaterThanOrEqual(8);
  });
});

describe('whatever is observed', () => {
  const step = fc.record({
    afterMs: fc.oneof(fc.double({ min: 0, max: 0.01, noNaN: true }), fc.integer({ min: 1, max: 100_000 })),
    ready: fc.integer({ min: 0, max: 20 }),
    inSystem: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 500 })),
    averageInSystem: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 500, noNaN: true })),
    idleMs: fc.integer({ min: 0, max: 100_000 }),
    aliased: fc.boolean(),
  });
  const limits = fc
    .tuple(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 1, max: 30 }))
    .map(([least, more]) => ({ minInstances: least, maxInstances: least + more }));
  const story = fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 40 }),
    limits,
    concurrency: fc.integer({ min: 1, max: 100 }),
    keepAliveMs: fc.integer({ min: 0, max: 200_000 }),
  });
  type Story = typeof story extends fc.Arbitrary<infer S> ? S : never;

  function play({ steps, limits: bounds, concurrency, keepAliveMs }: Story) {
    const policy = reactivePolicy();
    let nowMs = 0;
    return steps.map(({ afterMs, idleMs, ...given }) => {
      nowMs += afterMs;
      const seen = observation({ ...bounds, concurrency, keepAliveMs, ...given, lastActiveMs: nowMs - idleMs });
      const [target] = policy.decide(nowMs, [seen]);
      if (!target) throw new Error('no target');
      return { seen, target };
    });
  }

  it('stays within the bounds, and never leaves calls without an instance', () => {
    fc.assert(
      fc.property(story, (told) => {
        for (const { seen, target } of play(told)) {
          const isDraining = target.reason.startsWith('draining');
          expect(Number.isInteger(target.instances)).toBe(true);
          expect(target.instances).toBeLessThanOrEqual(seen.maxInstances);
          if (seen.aliased) expect(target.instances).toBeGreaterThanOrEqual(seen.minInstances);
          if (seen.inSystem > 0 && !isDraining) expect(target.instances).toBeGreaterThan(0);
          if (isDraining) expect(!seen.aliased && seen.ready > 0).toBe(true);
          expect(target.demanded).toBe(seen.inSystem > 0);
        }
      }),
    );
  });

  it('decides the same again for the same observations', () => {
    fc.assert(
      fc.property(story, (told) => {
        expect(play(told)).toEqual(play(told));
      }),
    );
  });

  it('decides for each version as if it were alone', () => {
    const together = reactivePolicy();
    const alone = reactivePolicy();
    const busy = observation({ name: 'busy', inSystem: 50 });
    const quiet = observation({ name: 'quiet', inSystem: 1 });
    const targets = together.decide(0, [busy, quiet]);
    expect(targets).toEqual([...alone.decide(0, [busy]), ...alone.decide(0, [quiet])]);
  });

  it('has forgotten a panic once told to', () => {
    const policy = reactivePolicy();
    policy.decide(0, [observation({ inSystem: 50 })]);
    policy.forget('f', 1);
    expect(policy.decide(1_000, [observation({ ready: 1, inSystem: 1 })])[0]?.instances).toBe(2);
  });
});
