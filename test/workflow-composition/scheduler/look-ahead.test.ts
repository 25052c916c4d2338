/** What executions gain by looking ahead, and what that costs: each policy on a virtual clock. Instances leave at once when nobody holds them. */
import { describe, expect, it } from 'vitest';
import type { Random } from '../../../src/kernel/random.ts';
import type { LookAheadPolicyName } from '../../../src/workflow-composition/scheduler/protocol.ts';
import { type SimulatedStep, WorkflowWorld } from '../../support/workflow-world.ts';

const COLD_MS = 200;
const about = (meanMs: number) => (random: Random) => meanMs * (0.9 + 0.2 * random());

/** f1 -> f2 -> ... -> f5, each a second long. */
const CHAIN: readonly SimulatedStep[] = [1, 2, 3, 4, 5].map((nth) => ({
  key: `s${nth}`,
  target: `f${nth}`,
  after: nth === 1 ? [] : [`s${nth - 1}`],
  runMs: about(1_000),
}));

async function trained(policy: LookAheadPolicyName, steps: readonly SimulatedStep[], runs = 20) {
  const world = new WorkflowWorld({ policy, steps, coldStartMs: COLD_MS });
  await world.run(runs, 20_000);
  world.reset();
  return world;
}

describe('a chain of five steps of about a second each, and cold starts of 200 ms', () => {
  const outcomes = async (policy: LookAheadPolicyName) => {
    const world = await trained(policy, CHAIN);
    await world.run(50, 20_000);
    const { coldStarts, idleMs, waitedMs } = world;
    return { coldStarts, idleMs: idleMs / 50, waitedMs, orders: world.orders.length, stats: await world.stats() };
  };

  it('is cold at every step under horizon, which orders nothing', async () => {
    const { coldStarts, idleMs, orders } = await outcomes('horizon');
    expect([coldStarts, idleMs, orders]).toEqual([250, 0, 0]);
  });

  it('is cold only at the first step under those that order at once', async () => {
    for (const policy of ['prewarm-all', 'prewarm-horizon'] as const) {
      const { coldStarts } = await outcomes(policy);
      expect(coldStarts, policy).toBe(50);
    }
  });

  it('waits under just-in-time for a few ms now and then, as the 10th percentile has it, and for no whole cold start', async () => {
    const { coldStarts, waitedMs } = await outcomes('just-in-time');
    expect(coldStarts - 50).toBeLessThan(0.2 * 200);
    expect(waitedMs / 50 - COLD_MS).toBeLessThan(0.03 * 4 * COLD_MS);
  });

  it('wastes under just-in-time less than 15 % of what prewarm-all does, and than prewarm-horizon half', async () => {
    const [all, horizon, just] = [
      await outcomes('prewarm-all'),
      await outcomes('prewarm-horizon'),
      await outcomes('just-in-time'),
    ];
    expect(just.idleMs / all.idleMs).toBeLessThan(0.15);
    expect(just.idleMs / horizon.idleMs).toBeLessThan(0.5);
    expect(just.stats.hits / just.stats.prewarmed).toBeGreaterThan(0.8);
  });

  it('has each instance ready just before its step', async () => {
    const world = await trained('just-in-time', CHAIN);
    const beganMs = world.clock.nowMs();
    world.start();
    await world.clock.advance(20_000);
    const given = world.orders.filter(({ instances }) => instances > 0);
    expect(given.map(({ functionName }) => functionName)).toEqual(['f2', 'f3', 'f4', 'f5']);
    for (const [index, { atMs }] of given.entries()) {
      // The first one is cold; then a second each.
      const neededMs = beganMs + COLD_MS + (index + 1) * 1_000;
      expect(atMs + COLD_MS).toBeLessThan(neededMs + 100 * (index + 1));
      expect(atMs + COLD_MS).toBeGreaterThan(neededMs - 100 * (index + 1) - 250);
    }
  });

  it('keeps instances for executions that overlap, also while those of others are busy', async () => {
    const world = await trained('just-in-time', CHAIN);
    await world.run(150, 700);
    await world.clock.advance(60_000);
    // The first step is everybody's own.
    expect(world.calls).toBe(750);
    const waitedMs = world.waitedMs - world.pool('f1').waitedMs;
    expect(waitedMs / 600).toBeLessThan(0.02 * COLD_MS);
    expect(world.idleMs / 150).toBeLessThan(600);
  });
});

describe('a branch', () => {
  const branch = (chance: number): readonly SimulatedStep[] => {
    const decided = new WeakMap<Random, boolean>();
    const choose = (random: Random) => {
      const isLikely = random() < chance;
      decided.set(random, isLikely);
      return isLikely ? 1 : 0;
    };
    return [
      { key: 'if', target: 'check', after: [], runMs: about(500) },
      { key: 'then', target: 'likely', after: ['if'], decidedBy: 'if', runMs: about(100), times: choose },
      {
        key: 'else',
        target: 'rare',
        after: ['if'],
        decidedBy: 'if',
        runMs: about(100),
        times: (random) => (decided.get(random) ? 0 : 1),
      },
    ];
  };

  it('taken nine times in ten is prewarmed and the other one is not, and most orders are hits', async () => {
    const world = await trained('just-in-time', branch(0.9), 60);
    const before = await world.stats();
    await world.run(200, 5_000);
    const after = await world.stats();
    const rate = (after.hits - before.hits) / (after.prewarmed - before.prewarmed);
    expect(rate).toBeGreaterThan(0.8);
    expect(world.orders.some(({ functionName }) => functionName === 'rare')).toBe(false);
    const { waitedMs, calls } = world.pool('likely');
    expect(waitedMs / calls).toBeLessThan(0.01 * COLD_MS);
    expect(world.pool('rare').coldStarts).toBe(world.pool('rare').calls);
  });

  it('that has become rare is not prewarmed any more', async () => {
    let chance = 0.95;
    const steps = branch(0).map((step) =>
      step.key === 'then' ? { ...step, times: (random: Random) => (random() < chance ? 1 : 0) } : step,
    );
    const world = await trained('just-in-time', steps.slice(0, 2), 50);
    chance = 0.02;
    await world.run(150, 5_000);
    world.reset();
    await world.run(50, 5_000);
    expect(world.orders).toEqual([]);
  });
});

describe('a fan-out', () => {
  const fanOut = (runMs: number, count: number): readonly SimulatedStep[] => [
    { key: 'list', target: 'list', after: [], runMs: about(1_000) },
    {
      key: 'each',
      target: 'work',
      after: ['list'],
      decidedBy: 'list',
      runMs: about(runMs),
      times: (random) => count - 1 + Math.floor(3 * random()),
    },
    { key: 'join', target: 'join', after: ['each'], runMs: about(100) },
  ];

  it('gets as many instances as it is wide', async () => {
    const world = await trained('just-in-time', fanOut(300, 8));
    await world.run(30, 20_000);
    const widths = world.orders.filter(({ functionName }) => functionName === 'work').map(({ instances }) => instances);
    expect(Math.max(...widths)).toBeGreaterThanOrEqual(8);
    expect(Math.max(...widths)).toBeLessThanOrEqual(9);
    expect(world.pool('work').coldStarts / world.pool('work').calls).toBeLessThan(0.1);
  });

  it('of calls that take no time shares one instance', async () => {
    const world = await trained('just-in-time', fanOut(0.1, 8));
    await world.run(10, 20_000);
    const orders = world.orders.filter(({ functionName }) => functionName === 'work');
    expect(Math.max(...orders.map(({ instances }) => instances))).toBe(1);
  });
});

it('a slow sibling does not delay what does not depend on it', async () => {
  const steps: readonly SimulatedStep[] = [
    { key: 'fast', target: 'fast', after: [], runMs: about(400) },
    { key: 'slow', target: 'slow', after: [], runMs: about(9_000) },
    { key: 'next', target: 'next', after: ['fast'], runMs: about(100) },
    { key: 'join', target: 'join', after: ['next', 'slow'], runMs: about(100) },
  ];
  const world = await trained('just-in-time', steps);
  const beganMs = world.clock.nowMs();
  world.start();
  await world.clock.advance(20_000);
  const orders = world.orders.filter(({ instances }) => instances > 0);
  expect(orders.map(({ functionName }) => functionName)).toEqual(['next', 'join']);
  expect((orders[0]?.atMs ?? 0) - beganMs).toBeLessThan(400);
  expect((orders[1]?.atMs ?? 0) - beganMs).toBeGreaterThan(7_000);
  expect(world.pool('next').coldStarts + world.pool('join').coldStarts).toBe(0);
});

it('a first execution, of which nothing is known, has its next steps prewarmed as soon as they are next', async () => {
  const world = new WorkflowWorld({ policy: 'just-in-time', steps: CHAIN, coldStartMs: COLD_MS });
  world.start();
  await world.clock.advance(20_000);
  expect(world.coldStarts).toBe(1);
  expect(
    world.orders
      .filter(({ instances }) => instances > 0)
      .map(({ functionName, atMs }) => [functionName, Math.round(atMs / 1_000)]),
  ).toEqual([
    ['f2', 0],
    ['f3', 1],
    ['f4', 2],
    ['f5', 3],
  ]);
});
