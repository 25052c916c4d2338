import { describe, expect, it } from 'vitest';
import { autoscalerActor } from '../../../src/function-management/autoscaler/autoscaler.ts';
import type {
  Observation,
  ObserveQuery,
  ScalingPolicy,
  ScalingTarget,
} from '../../../src/function-management/autoscaler/protocol.ts';
import { reactivePolicy } from '../../../src/function-management/autoscaler/reactive-policy.ts';
import { ActorSystem } from '../../../src/kernel/actor-system.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { observation } from './observation.ts';

const CHANGED = { name: 'f', versions: [], aliases: [] };
const DEMAND = { name: 'f', version: 1 };

/** An autoscaler between a router that reports `world.versions` and a deployer that notes what it is told. */
function world(policy: ScalingPolicy = reactivePolicy()) {
  const clock = new VirtualClock();
  const errors: string[] = [];
  const system = new ActorSystem({ clock, onActorError: (_path, error) => void errors.push(error.message) });
  const applied: ScalingTarget[] = [];
  const observedAtMs: number[] = [];
  const queries: ObserveQuery[] = [];
  const forgotten: string[] = [];
  const router: { versions: Observation[]; failure: Error | undefined; gate: Promise<void> | undefined } = {
    versions: [],
    failure: undefined,
    gate: undefined,
  };
  const observing: ScalingPolicy = {
    ...policy,
    forget: (name, version) => {
      forgotten.push(`${name}@${version}`);
      policy.forget(name, version);
    },
  };
  const autoscaler = system.spawn(
    autoscalerActor({
      policy: observing,
      observe: async (query) => {
        observedAtMs.push(clock.nowMs());
        queries.push(query);
        await router.gate;
        if (router.failure) throw router.failure;
        return router.versions;
      },
      apply: (target) => void applied.push(target),
    }),
  );
  return { clock, system, autoscaler, router, applied, observedAtMs, queries, forgotten, errors };
}

function gate() {
  let open = () => {};
  const closed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { closed, open };
}

describe('the autoscaler', () => {
  it('decides at once when a call waits for a version without instances, and tells the deployer', async () => {
    const { clock, autoscaler, router, applied } = world();
    router.versions = [observation({ inSystem: 1, arrivals: 1 })];
    autoscaler.tell('demandArrived', DEMAND);
    await clock.advance(0);
    expect(applied).toMatchObject([{ name: 'f', version: 1, instances: 1, demanded: true }]);
  });

  it('decides at once when a function has changed, and keeps at it until the minimum is there', async () => {
    const { clock, autoscaler, router, applied, observedAtMs } = world();
    router.versions = [observation({ minInstances: 2 })];
    autoscaler.tell('functionChanged', CHANGED);
    await clock.advance(4_000);
    expect(observedAtMs).toEqual([0, 2_000, 4_000]);
    expect(applied.map(({ instances }) => instances)).toEqual([2, 2, 2]);
  });

  it('arms no timer while nothing is active', async () => {
    const { clock, autoscaler, router, observedAtMs } = world();
    expect(clock.pending).toBe(0);
    router.versions = [observation()];
    autoscaler.tell('functionChanged', CHANGED);
    await clock.advance(3_600_000);
    expect(observedAtMs).toEqual([0]);
    expect(clock.pending).toBe(0);
  });

  it('looks every 2 s while calls are in the system, and stops when calls and instances are gone', async () => {
    const { clock, autoscaler, router, observedAtMs } = world();
    router.versions = [observation({ inSystem: 1, averageInSystem: 1, ready: 1 })];
    autoscaler.tell('demandArrived', DEMAND);
    await clock.advance(6_000);
    expect(observedAtMs).toEqual([0, 2_000, 4_000, 6_000]);
    router.versions = [observation({ lastActiveMs: 6_000 })];
    await clock.advance(600_000);
    expect(clock.pending).toBe(0);
  });

  it('looks rarely while it only keeps an instance, but on time when the keep-alive is over', async () => {
    const { clock, autoscaler, router, applied, observedAtMs } = world();
    router.versions = [observation({ inSystem: 1, arrivals: 1 })];
    autoscaler.tell('demandArrived', DEMAND);
    await clock.advance(1_000);
    const idle = observation({ ready: 1, lastActiveMs: 1_000, keepAliveMs: 200_000 });
    router.versions = [idle];
    await clock.advance(199_999);
    const looks = observedAtMs.filter((atMs) => atMs > 70_000);
    expect(looks.length).toBeLessThanOrEqual(7);
    expect(applied.at(-1)).toMatchObject({ instances: 1, demanded: false });
    await clock.advance(1_001);
    expect(applied.at(-1)).toMatchObject({ instances: 0 });
    expect(clock.nowMs() - (observedAtMs.at(-1) ?? 0)).toBeLessThanOrEqual(2_000);
  });

  it('observes once at a time, and once more for all who ask meanwhile', async () => {
    const { clock, autoscaler, router, applied, observedAtMs } = world();
    const { closed, open } = gate();
    router.gate = closed;
    router.versions = [observation({ inSystem: 1 })];
    autoscaler.tell('demandArrived', DEMAND);
    await clock.advance(0);
    for (let poke = 0; poke < 20; poke++) autoscaler.tell('demandArrived', DEMAND);
    await clock.advance(0);
    expect(observedAtMs).toHaveLength(1);
    router.versions = [observation({ inSystem: 21 })];
    open();
    await clock.advance(0);
    expect(observedAtMs).toHaveLength(2);
    expect(applied.at(-1)).toMatchObject({ instances: 21 });
  });

  it('lets calls that wait for a version with instances cause a decision every 10 ms at most', async () => {
    const { clock, autoscaler, router, observedAtMs } = world();
    router.versions = [observation({ inSystem: 5, ready: 1, averageInSystem: 5 })];
    autoscaler.tell('demandArrived', DEMAND);
    await clock.advance(0);
    for (let ms = 0; ms < 100; ms++) {
      autoscaler.tell('demandArrived', DEMAND);
      await clock.advance(1);
    }
    expect(observedAtMs).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  });

  it('does not make a version without instances wait because another was just decided on', async () => {
    const { clock, autoscaler, router, applied } = world();
    router.versions = [observation({ inSystem: 1 })];
    autoscaler.tell('demandArrived', DEMAND);
    await clock.advance(1);
    router.versions = [observation({ inSystem: 1 }), observation({ name: 'g', inSystem: 1 })];
    autoscaler.tell('demandArrived', { name: 'g', version: 1 });
    await clock.advance(0);
    expect(applied.at(-1)).toMatchObject({ name: 'g', instances: 1 });
  });

  it('looks at the version for which calls wait and at what its calls lead to, and where something is at a tick', async () => {
    const { clock, autoscaler, router, queries } = world({
      ...reactivePolicy(),
      followersOf: (name) => (name === 'f' ? [{ name: 'g', chance: 0.9, withinMs: 100 }] : []),
    });
    router.versions = [observation({ inSystem: 1, ready: 1 })];
    autoscaler.tell('demandArrived', DEMAND);
    await clock.advance(2_000);
    expect(queries.map(({ only = [], andActive = false }) => [[...only], andActive])).toEqual([
      [['f', 'g'], false],
      [['f'], true],
    ]);
  });

  it('gives what calls wait for its number at once, though another function has to wait for its turn', async () => {
    const { clock, autoscaler, router, queries } = world();
    router.versions = [observation({ inSystem: 1, ready: 1 })];
    autoscaler.tell('demandArrived', DEMAND);
    await clock.advance(1);
    autoscaler.tell('demandArrived', DEMAND);
    await clock.advance(1);
    const { closed, open } = gate();
    router.gate = closed;
    autoscaler.tell('demandArrived', { name: 'g', version: 1 });
    await clock.advance(0);
    autoscaler.tell('demandArrived', { name: 'h', version: 1 });
    open();
    await clock.advance(0);
    expect(queries.map(({ only }) => only && [...only])).toEqual([['f'], ['f', 'g'], ['h']]);
  });

  it('looks at all of them when the policy expects something, and when a function changes', async () => {
    let expectedMs = 1_000;
    const { clock, autoscaler, router, queries } = world({ ...reactivePolicy(), nextDecisionMs: () => expectedMs });
    router.versions = [observation({ inSystem: 1, ready: 1 })];
    autoscaler.tell('demandArrived', DEMAND);
    await clock.advance(999);
    expect(queries.map(({ only }) => only !== undefined)).toEqual([true]);
    expectedMs = Number.POSITIVE_INFINITY;
    await clock.advance(1);
    autoscaler.tell('functionChanged', CHANGED);
    await clock.advance(0);
    expect(queries.map(({ only }) => only !== undefined)).toEqual([true, false, false]);
  });

  it('keeps its targets for versions at which it did not look', async () => {
    const { clock, autoscaler, router, forgotten } = world();
    router.versions = [observation({ inSystem: 1 }), observation({ name: 'g', inSystem: 2 })];
    autoscaler.tell('functionChanged', CHANGED);
    await clock.advance(100);
    router.versions = [observation({ inSystem: 3 })];
    autoscaler.tell('demandArrived', DEMAND);
    await clock.advance(0);
    const described = ['f', 'g'].map((name) => autoscaler.ask('describe', { name }));
    await clock.advance(0);
    const targets = (await Promise.all(described)).flatMap((view) => view.targets);
    expect(targets.map(({ name, instances }) => [name, instances])).toEqual([
      ['f', 3],
      ['g', 2],
    ]);
    expect(forgotten).toEqual([]);
  });

  it('tries again at the next tick when it could not observe', async () => {
    const { clock, autoscaler, router, applied, observedAtMs, errors } = world();
    router.failure = new Error('the router is restarting');
    autoscaler.tell('demandArrived', DEMAND);
    await clock.advance(1_999);
    expect(observedAtMs).toEqual([0]);
    router.failure = undefined;
    router.versions = [observation({ inSystem: 1 })];
    await clock.advance(1);
    expect(applied).toMatchObject([{ instances: 1 }]);
    expect(errors).toEqual([]);
  });

  it('reports a policy that fails, and goes on', async () => {
    let isBroken = true;
    const reactive = reactivePolicy();
    const { clock, autoscaler, router, applied, errors } = world({
      ...reactive,
      decide: (nowMs, observations) => {
        if (isBroken) throw new Error('the policy is broken');
        return reactive.decide(nowMs, observations);
      },
    });
    router.versions = [observation({ inSystem: 1 })];
    autoscaler.tell('demandArrived', DEMAND);
    await clock.advance(1_000);
    expect(errors).toEqual([expect.stringContaining('the policy is broken')]);
    isBroken = false;
    await clock.advance(1_000);
    expect(applied).toMatchObject([{ instances: 1 }]);
  });

  it('tells an idle version its zero once, and a busy one its number every time', async () => {
    const { clock, autoscaler, router, applied } = world();
    router.versions = [observation({ name: 'idle' }), observation({ inSystem: 1, ready: 1, averageInSystem: 1 })];
    autoscaler.tell('functionChanged', CHANGED);
    await clock.advance(4_000);
    expect(applied.map(({ name }) => name)).toEqual(['idle', 'f', 'f', 'f']);
  });

  it('describes the latest targets of a function', async () => {
    const { clock, autoscaler, router } = world();
    router.versions = [
      observation({ inSystem: 3 }),
      observation({ version: 2, minInstances: 1 }),
      observation({ name: 'g', inSystem: 9 }),
    ];
    autoscaler.tell('functionChanged', CHANGED);
    await clock.advance(0);
    const described = autoscaler.ask('describe', { name: 'f' });
    await clock.advance(0);
    expect((await described).targets.map(({ version, instances }) => [version, instances])).toEqual([
      [1, 3],
      [2, 1],
    ]);
  });

  it('forgets functions that were removed, and versions that the router no longer reports', async () => {
    const { clock, autoscaler, router, forgotten } = world();
    router.versions = [observation({ ready: 1 }), observation({ version: 2, ready: 1 }), observation({ name: 'g' })];
    autoscaler.tell('functionChanged', CHANGED);
    await clock.advance(0);
    router.versions = [observation({ version: 2, ready: 1 }), observation({ name: 'g' })];
    await clock.advance(30_000);
    expect(forgotten).toEqual(['f@1']);
    router.versions = [observation({ name: 'g' })];
    autoscaler.tell('functionRemoved', 'f');
    await clock.advance(0);
    expect(forgotten).toContain('f@2');
    expect(forgotten).not.toContain('g@1');
    const described = autoscaler.ask('describe', { name: 'f' });
    await clock.advance(0);
    expect((await described).targets).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('decides nothing any more once it has stopped, though an observation was under way', async () => {
    const { clock, system, autoscaler, router, applied } = world();
    const { closed, open } = gate();
    router.gate = closed;
    router.versions = [observation({ inSystem: 1 })];
    autoscaler.tell('demandArrived', DEMAND);
    await clock.advance(0);
    await system.stop(autoscaler);
    open();
    await clock.advance(10_000);
    expect(applied).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
