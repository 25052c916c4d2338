import { describe, expect, it } from 'vitest';
import { autoscalerActor } from '../../../src/function-management/autoscaler/autoscaler.ts';
import { ExpectedDemand } from '../../../src/function-management/autoscaler/expected-demand.ts';
import { type PolicyName, scalingPolicy } from '../../../src/function-management/autoscaler/policies.ts';
import type { Observation, ObserveQuery, ScalingTarget } from '../../../src/function-management/autoscaler/protocol.ts';
import { ActorSystem } from '../../../src/kernel/actor-system.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { observation } from './observation.ts';

const POLICIES: readonly PolicyName[] = ['predictive', 'reactive', 'hybrid-histogram', 'fixed'];
const BY = 'workflow "orders"';

/** An autoscaler whose instances start at once, and leave when they are not wanted any more. */
function world(policy: PolicyName = 'predictive', idleBudgetMb?: number) {
  const clock = new VirtualClock();
  const system = new ActorSystem({
    clock,
    onActorError: (_path, error) => {
      throw error;
    },
  });
  const versions = new Map<string, Observation>();
  const applied: ScalingTarget[] = [];
  const queries: ObserveQuery[] = [];
  const autoscaler = system.spawn(
    autoscalerActor({
      policy: scalingPolicy(policy),
      ...(idleBudgetMb === undefined ? {} : { idleBudgetMb }),
      observe: async (query) => {
        queries.push(query);
        const { only, andActive } = query;
        return [...versions.values()].filter(
          ({ name, ready, inSystem }) => !only || only.has(name) || (andActive && ready + inSystem > 0),
        );
      },
      apply: (target) => {
        applied.push(target);
        const key = `${target.name}@${target.version}`;
        const known = versions.get(key);
        if (known) versions.set(key, { ...known, ready: target.instances });
      },
    }),
  );
  const deploy = (given: Partial<Observation>, current = [{ version: given.version ?? 1, weight: 1 }]) => {
    const deployed = observation({ lastActiveMs: -3_600_000, ...given });
    const { name } = deployed;
    versions.set(`${name}@${deployed.version}`, deployed);
    const aliases = [{ name, alias: 'current', targets: current }];
    autoscaler.tell('functionChanged', { name, versions: [], aliases });
  };
  const order = (instances: number, untilMs: number, { name = 'f', by = BY } = {}) =>
    autoscaler.tell('expect', { name, instances, untilMs, by });
  const ready = (name = 'f', version = 1) => versions.get(`${name}@${version}`)?.ready;
  return { clock, autoscaler, versions, applied, queries, deploy, order, ready };
}

describe('instances that others have ordered', () => {
  for (const policy of POLICIES) {
    it(`are there at once and until their time under the policy ${policy}, and not after it`, async () => {
      const { clock, deploy, order, ready } = world(policy);
      deploy({});
      await clock.advance(1_000);
      expect(ready()).toBe(0);
      order(3, 9_000);
      await clock.advance(0);
      expect(ready()).toBe(3);
      await clock.advance(7_999);
      expect(ready()).toBe(3);
      // Halved at each tick by the policies that let go slowly.
      await clock.advance(6_000);
      expect(ready()).toBe(0);
      expect(clock.pending).toBe(0);
    });
  }

  it('are decided on without a look at any other function', async () => {
    const { clock, deploy, order, queries } = world();
    deploy({});
    deploy({ name: 'g' });
    await clock.advance(1_000);
    queries.length = 0;
    order(1, 2_000);
    await clock.advance(0);
    expect(queries.map(({ only, andActive }) => [[...(only ?? [])], andActive])).toEqual([[['f'], undefined]]);
  });

  it('cost no decision where they are there already', async () => {
    const { clock, deploy, order, queries } = world();
    deploy({ minInstances: 2 });
    await clock.advance(100);
    queries.length = 0;
    for (let more = 0; more < 20; more++) order(2, 500 + more);
    await clock.advance(0);
    expect(queries).toEqual([]);
  });

  it('are of the version that current leads to, and divided where it is split', async () => {
    const { clock, deploy, order, ready } = world();
    deploy({ version: 1 }, [{ version: 2, weight: 1 }]);
    deploy({ version: 2 }, [{ version: 2, weight: 1 }]);
    order(4, 1_000);
    await clock.advance(10);
    expect([ready('f', 1), ready('f', 2)]).toEqual([0, 4]);
    deploy({ version: 2 }, [
      { version: 1, weight: 1 },
      { version: 2, weight: 3 },
    ]);
    await clock.advance(10);
    expect([ready('f', 1), ready('f', 2)]).toEqual([1, 3]);
  });

  it('are never more than the maximum, nor more than their part of the memory', async () => {
    const { clock, deploy, order, ready, applied } = world('predictive', 1_000);
    deploy({ maxInstances: 3, memoryMb: 100 });
    deploy({ name: 'g', memoryMb: 100 });
    await clock.advance(0);
    order(8, 1_000);
    order(80, 1_000, { name: 'g' });
    await clock.advance(0);
    expect([ready('f'), ready('g')]).toEqual([3, 7]);
    expect(applied.at(-1)?.reason).toContain(
      'expected by workflow "orders" until 2026-01-01T00:00:01.000Z: 7 of 80 (idle)',
    );
    expect(applied.every(({ demanded }) => !demanded)).toBe(true);
    await clock.advance(2_000);
    order(80, 3_000, { name: 'g' });
    await clock.advance(0);
    expect(ready('g')).toBe(10);
  });

  it('add up over those who order, and replace what the same one has ordered', async () => {
    const { clock, deploy, order, ready } = world();
    deploy({});
    await clock.advance(0);
    order(1, 1_000);
    order(2, 1_000, { by: 'workflow "other"' });
    await clock.advance(0);
    expect(ready()).toBe(3);
    order(4, 1_000);
    await clock.advance(0);
    expect(ready()).toBe(6);
    order(0, 1_000);
    await clock.advance(10);
    expect(ready()).toBe(2);
  });

  it('never take an instance from calls that are there', async () => {
    const { clock, autoscaler, deploy, order, versions, ready } = world('fixed');
    deploy({ inSystem: 5, peakInSystem: 5, arrivals: 5 });
    await clock.advance(0);
    order(2, 1_000);
    await clock.advance(0);
    expect(ready()).toBe(5);
    versions.set('f@1', observation({ inSystem: 7, ready: 5 }));
    autoscaler.tell('demandArrived', { name: 'f', version: 1 });
    await clock.advance(10);
    expect(ready()).toBe(7);
  });

  it('of functions that are not deployed, or for a time that is over, are ignored', async () => {
    const { clock, deploy, order, queries } = world();
    deploy({});
    await clock.advance(100);
    queries.length = 0;
    order(1, 5_000, { name: 'ghost' });
    order(1, 100);
    order(Number.NaN, 5_000);
    await clock.advance(10_000);
    expect(queries).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('end after ten minutes, whatever was said, and with their function', async () => {
    const { clock, autoscaler, deploy, order, ready } = world();
    deploy({});
    await clock.advance(0);
    order(1, Number.POSITIVE_INFINITY);
    await clock.advance(599_999);
    expect(ready()).toBe(1);
    await clock.advance(10);
    expect(ready()).toBe(0);
    order(1, Number.POSITIVE_INFINITY);
    autoscaler.tell('functionRemoved', 'f');
    const described = autoscaler.ask('describe', { name: 'f' });
    await clock.advance(0);
    expect((await described).targets).toEqual([]);
  });

  it('are a bounded number', () => {
    const expected = new ExpectedDemand();
    const names = Array.from({ length: 200 }, (_, index) => `f${index}`);
    for (const name of names) {
      const aliases = [{ name, alias: 'current', targets: [{ version: 1, weight: 1 }] }];
      expected.functionChanged({ name, versions: [], aliases });
      for (let nth = 0; nth < 100; nth++) expected.expect({ name, instances: 1, untilMs: 1_000, by: `${nth}` }, 0);
    }
    const covered = (instances: number, nowMs = 0) =>
      names.filter((name) => expected.isCovered(name, () => instances, nowMs)).length;
    expect([covered(64), covered(63), covered(0)]).toEqual([200, 200 - 156, 200 - 157]);
    expect(expected.expire(1_000)).toHaveLength(157);
    expect(covered(0)).toBe(200);
  });
});
