import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { remainingPathMs } from '../../../src/workflow-composition/scheduler/critical-path.ts';
import { lookAheadPolicy } from '../../../src/workflow-composition/scheduler/policies.ts';
import { LOOK_AHEAD_POLICIES, type PrewarmOrder } from '../../../src/workflow-composition/scheduler/protocol.ts';
import { outlook, profiles } from './look-ahead-world.ts';

const just = lookAheadPolicy('just-in-time', 2);
const names = (orders: readonly PrewarmOrder[]) => orders.map(({ functionName }) => functionName);
const wanted = (orders: readonly PrewarmOrder[]) => orders.filter(({ occupied }) => !occupied);
const CHAIN = outlook(
  [{ key: 'a' }],
  [
    { key: 'b', after: ['a'] },
    { key: 'c', after: ['b'] },
  ],
);

describe('the policies of the ancestor', () => {
  it('horizon orders nothing, and asks for no outlook', () => {
    const horizon = lookAheadPolicy('horizon', 2);
    expect(horizon.horizon).toBe(0);
    expect(horizon.plan(0, CHAIN, profiles({}))).toEqual([]);
  });

  it('prewarm-all orders whatever is to come, at once and for one time', () => {
    const orders = lookAheadPolicy('prewarm-all', 2).plan(5, CHAIN, profiles({ a: 9_000 }));
    expect(orders.map(({ functionName, fromMs, untilMs }) => [functionName, fromMs, untilMs])).toEqual([
      ['f-b', 5, 10_005],
      ['f-c', 5, 10_005],
    ]);
  });

  it('prewarm-horizon orders only what is directly behind the steps that run', () => {
    const policy = lookAheadPolicy('prewarm-horizon', 2);
    expect(names(policy.plan(0, CHAIN, profiles({})))).toEqual(['f-b']);
    const joined = outlook(
      [{ key: 'a' }, { key: 'b' }],
      [
        { key: 'c', after: ['b'] },
        { key: 'd', after: ['a', 'c'] },
        { key: 'e', after: ['a', 'b', 'done'] },
        { key: 'f', after: ['a'], target: undefined },
      ],
    );
    expect(names(policy.plan(0, joined, profiles({})))).toEqual(['f-c', 'f-e']);
  });
});

describe('just-in-time', () => {
  it('orders each step a cold start before its earliest plausible beginning', () => {
    const [b, c] = just.plan(0, CHAIN, profiles({ a: 1_000, b: 500, c: 100 }));
    // The 10th percentiles of 1,000 and of 1,500 ms with a spread of 5 %, less 20 ms and what messages take.
    expect(b?.fromMs).toBeCloseTo(938 - 22, -1);
    expect(c?.fromMs).toBeCloseTo(1_430 - 22, -1);
    expect(b?.untilMs).toBeGreaterThan(1_066);
    expect(b?.untilMs).toBeLessThan(1_250);
  });

  it('orders earlier where more would have to load at a time than there are processors', () => {
    const steps = ['b', 'c', 'd', 'e'].map((key, nth, all) => ({
      key,
      after: [nth === 0 ? 'a' : (all[nth - 1] ?? '')],
    }));
    const chain = outlook([{ key: 'a' }], steps);
    const known = profiles({ a: 300, b: 15, c: 15, d: 15, e: 15 }, { p50: 50, p90: 55 });
    const fromMs = (processors: number) =>
      lookAheadPolicy('just-in-time', processors)
        .plan(0, chain, known)
        .map((order) => Math.round(order.fromMs / 10) * 10);
    expect(fromMs(64)).toEqual([220, 240, 250, 270]);
    expect(fromMs(2)).toEqual([200, 220, 250, 270]);
    expect(fromMs(1)).toEqual([120, 170, 220, 270]);
  });

  it('takes off what has passed already', () => {
    const [early] = just.plan(0, CHAIN, profiles({ a: 1_000 }));
    const [late] = just.plan(600, CHAIN, profiles({ a: 1_000 }));
    expect(late?.fromMs).toBeCloseTo(early?.fromMs ?? 0, -2);
    const [overdue] = just.plan(1_500, CHAIN, profiles({ a: 1_000 }));
    expect(overdue?.fromMs).toBeLessThan(1_520);
  });

  it('keeps an instance for longer the less is known of when it is needed', () => {
    const spans = [1_010, 1_300, 3_000].map((p90) => {
      const [order] = just.plan(0, CHAIN, profiles({ a: { runMs: { p50: 1_000, p90 } } }));
      return (order?.untilMs ?? 0) - (order?.fromMs ?? 0);
    });
    expect(spans).toEqual([...spans].sort((one, other) => one - other));
    expect(spans[2]).toBeGreaterThan(3 * (spans[0] ?? 0));
  });

  it('orders of what was never seen the next steps at once, and no others', () => {
    const orders = just.plan(7, CHAIN, profiles({}));
    expect(orders.map(({ functionName, fromMs }) => [functionName, fromMs])).toEqual([['f-b', 7]]);
  });

  it('orders a branch that is taken half of the time or more, along all that decides on it', () => {
    const branches = outlook(
      [{ key: 'a' }],
      [
        { key: 'likely', after: ['a'], decidedBy: 'a' },
        { key: 'rare', after: ['a'], decidedBy: 'a' },
        { key: 'deep', after: ['likely'], decidedBy: 'likely' },
        { key: 'always', after: ['likely', 'rare'] },
      ],
    );
    const known = profiles({
      a: 1_000,
      likely: { perDecision: 0.9 },
      rare: { perDecision: 0.1 },
      deep: { perDecision: 0.5 },
      always: 100,
    });
    expect(names(just.plan(0, branches, known))).toEqual(['f-likely', 'f-always']);
  });

  it('believes less and less in a branch that was never taken', () => {
    const branch = outlook([{ key: 'a' }], [{ key: 'b', after: ['a'], decidedBy: 'a' }]);
    const ordersAfter = (seen: number) => just.plan(0, branch, profiles(seen > 0 ? { a: { seen } } : {})).length;
    expect([0, 1, 2, 50].map(ordersAfter)).toEqual([1, 1, 0, 0]);
  });

  it('orders as many as a fan-out is wide, rounded up and bounded, and one where its calls take no time', () => {
    const fanOut = outlook([{ key: 'a' }], [{ key: 'b', after: ['a'], decidedBy: 'a' }]);
    const width = (perDecision: number, runMs: number) =>
      just.plan(0, fanOut, profiles({ a: 1_000, b: { perDecision, runMs: { p50: runMs, p90: runMs } } }))[0]?.instances;
    expect([width(7.3, 200), width(5_000, 200), width(8, 0.05), width(8, 2)]).toEqual([8, 100, 1, 4]);
  });

  it('adds steps up that begin together, and gives those that follow each other one instance', () => {
    const both = profiles({ a: 1_000, b: 300, c: 300 });
    const withC = (c: readonly string[]) =>
      outlook(
        [{ key: 'a' }],
        [
          { key: 'b', target: 'f', after: ['a'] },
          { key: 'c', target: 'f', after: c },
        ],
      );
    expect(just.plan(0, withC(['a']), both).map(({ instances }) => instances)).toEqual([2]);
    const [first, second, ...others] = just.plan(0, withC(['b']), both);
    expect(others).toEqual([]);
    expect(first?.untilMs).toBeLessThanOrEqual(second?.fromMs ?? 0);
  });

  it('plans turns of a loop, which go by one name, one after the other', () => {
    const loop = outlook(
      [{ key: 'turn', target: 'f' }],
      [
        { key: 'turn', target: 'f', after: ['turn'] },
        { key: 'turn', target: 'f', after: ['turn'] },
      ],
    );
    const orders = just.plan(0, loop, profiles({ turn: 1_000 }));
    const at = (ms: number) =>
      orders
        .filter(({ fromMs, untilMs }) => fromMs <= ms && ms < untilMs)
        .reduce((sum, each) => sum + each.instances, 0);
    expect([100, 1_000, 2_000].map(at)).toEqual([1, 1, 1]);
  });

  it('counts instances that are occupied, and orders nothing for what sleeps, begins at once or calls no function', () => {
    const mixed = outlook(
      [
        { key: 'a', target: 'g' },
        { key: 'nap', endsMs: 60_000 },
      ],
      [
        { key: 'now', after: ['done'] },
        { key: 'plain', target: undefined, after: ['a'] },
        { key: 'woken', after: ['nap'] },
      ],
    );
    const orders = just.plan(0, mixed, profiles({ a: 100, now: 100, plain: 100, woken: 100 }));
    expect(names(orders)).toEqual(['f-woken', 'g']);
    expect(orders[0]?.fromMs).toBeCloseTo(60_000 - 22);
    expect(orders[1]?.occupied).toBe(true);
  });

  it('expects a step that was cold lately to take a cold start longer', () => {
    const cold = profiles({ a: { runMs: { p50: 1_000, p90: 1_000 }, coldPart: 1 } }, { p50: 400, p90: 400 });
    const [order] = just.plan(0, outlook([{ key: 'a', target: 'f' }], [{ key: 'b', after: ['a'] }]), cold);
    expect(order?.fromMs).toBeCloseTo(1_400 - 80 - 402, -2);
  });
});

describe('whatever the outlook', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const steps = fc.array(
    fc.record({ key, target: fc.option(key, { nil: undefined }), after: fc.array(key), decidedBy: key }),
    { maxLength: 12 },
  );
  const running = fc.array(fc.record({ key, target: key, startedMs: fc.double({ min: 0, max: 1e6, noNaN: true }) }), {
    maxLength: 4,
  });
  const amount = fc.double({ min: 0, max: 1e7, noNaN: true });
  const profile = fc.record({
    runMs: fc.record({ p50: amount, p90: amount }),
    perDecision: fc.double({ min: 0, max: 1_000, noNaN: true }),
    coldPart: fc.double({ min: 0, max: 1, noNaN: true }),
    seen: fc.nat(100),
  });
  const known = fc.dictionary(key, profile);

  it('an order is never for a time that is over, and never for less than one instance or more than a hundred for each step', () => {
    fc.assert(
      fc.property(running, steps, known, amount, (inside, upcoming, learned, coldMs) => {
        for (const name of LOOK_AHEAD_POLICIES) {
          const policy = lookAheadPolicy(name, 2);
          const nowMs = 1e6;
          const seen = outlook(inside, upcoming);
          const known = profiles(learned, { p50: coldMs, p90: coldMs });
          const orders = policy.plan(nowMs, seen, known);
          if (name === 'horizon') expect(orders).toEqual([]);
          expect(orders.length).toBeLessThanOrEqual(inside.length + upcoming.length);
          for (const { instances, load = instances, fromMs, untilMs } of orders) {
            expect(fromMs).toBeGreaterThanOrEqual(nowMs);
            expect(untilMs).toBeGreaterThan(fromMs);
            expect(Number.isFinite(untilMs)).toBe(true);
            expect(Number.isInteger(instances) && instances >= 1 && instances <= 100).toBe(true);
            expect(load).toBeGreaterThanOrEqual(0);
            expect(load).toBeLessThanOrEqual(instances);
          }
          expect(policy.plan(nowMs, seen, known)).toEqual(orders);
        }
      }),
    );
  });

  it('an estimate has its quantiles in order', () => {
    fc.assert(
      fc.property(running, steps, known, (inside, upcoming, learned) => {
        const left = remainingPathMs(1e6, outlook(inside, upcoming), profiles(learned));
        if (!left) return;
        expect(left.p50).toBeGreaterThanOrEqual(0);
        expect(left.p90).toBeGreaterThanOrEqual(left.p50);
        expect(Number.isFinite(left.p90)).toBe(true);
      }),
    );
  });

  it('nothing is ordered for what is less likely than not', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.49, noNaN: true }), (perDecision) => {
        const branch = outlook([{ key: 'a' }], [{ key: 'b', after: ['a'], decidedBy: 'a' }]);
        expect(wanted(just.plan(0, branch, profiles({ a: 100, b: { perDecision } })))).toEqual([]);
      }),
    );
  });
});

describe('the longest path that remains', () => {
  it('is that of the slower of two branches, and shrinks as time passes', () => {
    const fork = outlook(
      [{ key: 'a' }],
      [
        { key: 'fast', after: ['a'] },
        { key: 'slow', after: ['a'] },
        { key: 'join', after: ['fast', 'slow'] },
      ],
    );
    const known = profiles({ a: 100, fast: 100, slow: 2_000, join: 100 });
    const [before = 0, after = 0] = [0, 60].map((nowMs) => remainingPathMs(nowMs, fork, known)?.p50);
    expect(before).toBeGreaterThan(2_180);
    expect(before).toBeLessThan(2_220);
    expect(before - after).toBeCloseTo(60, 0);
  });

  it('takes of steps that were never seen the mean of the others, and is unknown where none was', () => {
    expect(remainingPathMs(0, CHAIN, profiles({}))).toBeUndefined();
    expect(remainingPathMs(0, CHAIN, profiles({ a: 100, b: 300 }))?.p50).toBeCloseTo(600, -1);
    expect(remainingPathMs(0, outlook([], []), profiles({}))).toEqual({ p50: 0, p90: 0 });
  });

  it('counts a branch with its chance, and a fan-out as long as its last call', () => {
    const decided = outlook([{ key: 'a' }], [{ key: 'b', after: ['a'], decidedBy: 'a' }]);
    const branch = profiles({ a: 100, b: { perDecision: 0.5, runMs: { p50: 1_000, p90: 1_000 } } });
    const wide = profiles({ a: 100, b: { perDecision: 16, runMs: { p50: 1_000, p90: 2_000 } } });
    const single = profiles({ a: 100, b: { perDecision: 1, runMs: { p50: 1_000, p90: 2_000 } } });
    const p50 = (known: typeof branch) => remainingPathMs(0, decided, known)?.p50 ?? 0;
    expect(p50(branch)).toBeLessThan(700);
    expect(p50(wide)).toBeGreaterThan(1.8 * p50(single));
  });
});
