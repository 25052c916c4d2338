import { describe, expect, it } from 'vitest';
import { ActorSystem } from '../../../src/kernel/actor-system.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { openMemoryStore } from '../../../src/store/memory-store.ts';
import { lookAheadPolicy } from '../../../src/workflow-composition/scheduler/policies.ts';
import { ProfileMemory } from '../../../src/workflow-composition/scheduler/profile-memory.ts';
import { LearnedProfiles } from '../../../src/workflow-composition/scheduler/profiles.ts';
import type {
  ExecutionOutlook,
  LookAheadPolicy,
  PrewarmOrder,
  StepReport,
} from '../../../src/workflow-composition/scheduler/protocol.ts';
import { workflowSchedulerActor } from '../../../src/workflow-composition/scheduler/scheduler.ts';
import { Warmth } from '../../../src/workflow-composition/scheduler/warmth.ts';
import { outlook } from './look-ahead-world.ts';

type Order = Pick<PrewarmOrder, 'functionName' | 'fromMs' | 'untilMs'> & Partial<PrewarmOrder>;

/** A scheduler whose policy orders what `plans` says for the execution, counted from now. */
function world(plans: Record<string, readonly Order[]> | LookAheadPolicy, concurrency = 1) {
  const clock = new VirtualClock();
  const system = new ActorSystem({
    clock,
    onActorError: (_path, error) => {
      throw error;
    },
  });
  const planned: string[] = [];
  const policy: LookAheadPolicy =
    'plan' in plans
      ? (plans as LookAheadPolicy)
      : {
          name: 'just-in-time',
          horizon: 16,
          plan: (nowMs, { executionId }) => {
            planned.push(executionId);
            return (plans[executionId] ?? []).map((order) => ({
              instances: 1,
              reason: '',
              ...order,
              fromMs: nowMs + order.fromMs,
              untilMs: nowMs + order.untilMs,
            }));
          },
        };
  const orders: [atMs: number, functionName: string, instances: number, untilMs: number][] = [];
  const order = ({ functionName, instances, untilMs }: PrewarmOrder) =>
    void orders.push([clock.nowMs(), functionName, instances, untilMs]);
  const gate = new Warmth(policy.horizon);
  const concurrencyOf = () => concurrency;
  const scheduler = system.spawn(workflowSchedulerActor({ policy, order, processors: 2, gate, concurrencyOf }));
  const tell = async (body: ExecutionOutlook) => {
    scheduler.tell('outlookChanged', body);
    await clock.advance(0);
  };
  const ended = (report: Partial<StepReport> = {}) =>
    scheduler.tell('stepEnded', {
      workflow: 'w',
      version: 1,
      key: 's',
      target: 'f',
      runMs: 10,
      coldStartMs: undefined,
      ...report,
    });
  const over = async (executionId: string) => {
    scheduler.tell('executionEnded', { executionId, workflow: 'w', version: 1, runs: [] });
    await clock.advance(0);
  };
  const stats = async () => {
    const asked = scheduler.ask('stats', undefined);
    await clock.advance(0);
    return asked;
  };
  return { clock, scheduler, orders, planned, gate, tell, ended, over, stats };
}

const one = (id = 'e1') => outlook([{ key: 'a' }], [{ key: 'b', after: ['a'] }], id);
const F = { functionName: 'f', fromMs: 100, untilMs: 500 };

describe('the workflow scheduler', () => {
  it('passes an order on when its time has come, with one timer however many there are', async () => {
    const many = Array.from({ length: 50 }, (_, nth) => ({ functionName: `f${nth}`, fromMs: 100 + nth, untilMs: 900 }));
    const { clock, orders, tell } = world({ e1: many });
    await tell(one());
    expect(clock.pending).toBe(1);
    await clock.advance(99);
    expect(orders).toEqual([]);
    await clock.advance(1);
    expect(orders).toEqual([[100, 'f0', 1, 900]]);
    await clock.advance(49);
    expect(orders).toHaveLength(50);
  });

  it('passes nothing on of an execution that has ended, or has changed its mind', async () => {
    const plans: Record<string, Order[]> = { e1: [F], e2: [F] };
    const { clock, orders, tell, over } = world(plans);
    await tell(one('e1'));
    await tell(one('e2'));
    await over('e1');
    plans['e2'] = [{ ...F, functionName: 'g' }];
    await tell(one('e2'));
    await clock.advance(1_000);
    expect(orders.map(([, functionName]) => functionName)).toEqual(['g']);
    await clock.advance(100_000);
    expect(clock.pending).toBe(0);
  });

  it('moves an order with its execution', async () => {
    const plans: Record<string, Order[]> = { e1: [F] };
    const { clock, orders, tell } = world(plans);
    await tell(one());
    await clock.advance(50);
    plans['e1'] = [{ ...F, fromMs: 200, untilMs: 600 }];
    await tell(one());
    await clock.advance(1_000);
    expect(orders).toEqual([[250, 'f', 1, 650]]);
  });

  it('gives back what is not needed any more, a moment later', async () => {
    const { clock, orders, tell, over } = world({ e1: [{ ...F, untilMs: 5_000 }] });
    await tell(one());
    await clock.advance(200);
    await over('e1');
    await clock.advance(1_000);
    expect(orders).toEqual([
      [100, 'f', 1, 5_000],
      [300, 'f', 0, 300],
    ]);
  });

  it('adds up what many executions need for certain, and less of what they may need', async () => {
    const certain = world({ e1: [F], e2: [F], e3: [F] });
    for (const id of ['e1', 'e2', 'e3']) await certain.tell(one(id));
    await certain.clock.advance(100);
    expect(certain.orders.at(-1)).toEqual([100, 'f', 3, 500]);

    const ids = Array.from({ length: 100 }, (_, nth) => `e${nth}`);
    const seldom = world(Object.fromEntries(ids.map((id) => [id, [{ ...F, load: 0.04 }]])));
    for (const id of ids) await seldom.tell(one(id));
    await seldom.clock.advance(100);
    // 4 on average, and 1.28 standard deviations of about 2.
    expect(seldom.orders.at(-1)?.[2]).toBe(7);
  });

  it('has as many load at a time as there are processors, in the order of their times', async () => {
    const orderOf = (functionName: string, fromMs: number) =>
      ({ functionName, fromMs, untilMs: 900, inTurn: true }) as const;
    const plans = {
      e1: [orderOf('a', 100), orderOf('b', 100), orderOf('d', 130)],
      e2: [orderOf('c', 120), orderOf('c', 120)],
    };
    const { clock, scheduler, orders, tell } = world(plans);
    await tell(one('e1'));
    await tell(one('e2'));
    await clock.advance(150);
    expect(orders.map(([atMs, functionName]) => [atMs, functionName])).toEqual([
      [100, 'a'],
      [100, 'b'],
    ]);
    scheduler.tell('instanceStarted', { functionName: 'b', tookMs: 50 });
    await clock.advance(10);
    // Those that are needed together load together.
    expect(orders.slice(2)).toEqual([[150, 'c', 2, 900]]);
    // The turn of the first one ends by itself.
    await clock.advance(100);
    expect(orders.slice(3).map(([atMs, functionName]) => [atMs, functionName])).toEqual([[250, 'd']]);
  });

  it('holds nothing back that is not needed any more when its turn comes', async () => {
    const orderOf = (functionName: string) => ({ functionName, fromMs: 0, untilMs: 900, inTurn: true }) as const;
    const { clock, orders, tell, over } = world({ e1: [orderOf('a'), orderOf('b')], e2: [orderOf('c')] });
    await tell(one('e1'));
    await tell(one('e2'));
    await over('e2');
    await clock.advance(800);
    expect(orders.filter(([, functionName]) => functionName === 'c')).toEqual([]);
  });

  it('orders for calls to come beside those that are there, and for those that are there nothing', async () => {
    const inside = { functionName: 'f', fromMs: 0, untilMs: 900, occupied: true } as const;
    const { clock, orders, tell } = world({ e1: [inside], e2: [F] });
    await tell(one('e1'));
    await clock.advance(50);
    expect(orders).toEqual([]);
    await tell(one('e2'));
    await clock.advance(100);
    expect(orders).toEqual([[150, 'f', 2, 550]]);
  });

  it('renews an order before it ends where others still need it, and no more often', async () => {
    const plans = { e1: [F], e2: [{ ...F, untilMs: 2_000 }] };
    const { clock, orders, tell, over } = world(plans);
    await tell(one('e1'));
    await clock.advance(100);
    await over('e1');
    await tell(one('e2'));
    await clock.advance(3_000);
    expect(orders.map(([, , instances]) => instances)).toEqual([1, 0, 1]);

    const together = world({ e1: [F], e2: [{ ...F, load: 0.1, untilMs: 2_000 }] });
    await together.tell(one('e1'));
    await together.tell(one('e2'));
    await together.clock.advance(5_000);
    expect(together.orders.map(([, , instances]) => instances)).toEqual([1, 2, 1]);
  });

  it('orders fewer instances of functions that take several calls at a time', async () => {
    const { clock, orders, tell } = world({ e1: [{ ...F, instances: 25 }] }, 10);
    await tell(one());
    await clock.advance(100);
    expect(orders).toEqual([[100, 'f', 3, 500]]);
  });

  it('counts as hits the instances that a step has found, each once', async () => {
    const { clock, tell, ended, stats } = world({ e1: [{ ...F, instances: 2 }] });
    await tell(one());
    await clock.advance(50);
    // It began before the order.
    ended();
    await clock.advance(100);
    ended({ runMs: 20 });
    ended({ runMs: 20, target: 'g' });
    expect(await stats()).toMatchObject({ prewarmed: 2, hits: 1, plans: 1 });
    for (let nth = 0; nth < 5; nth++) ended({ runMs: 20 });
    expect(await stats()).toMatchObject({ prewarmed: 2, hits: 2 });
    ended({ coldStartMs: 5 });
    expect(await stats()).toMatchObject({ prewarmed: 2, hits: 2 });
  });

  it('learns how long a cold start takes from each instance, also one that no step has waited for', async () => {
    const orderedAtMs = async (tookMs: number) => {
      const { clock, scheduler, orders, tell, ended } = world(lookAheadPolicy('just-in-time', 2));
      for (let nth = 0; nth < 100; nth++) ended({ key: 'a', runMs: 1_000 });
      for (let nth = 0; nth < 10; nth++) scheduler.tell('instanceStarted', { functionName: 'f-b', tookMs });
      await tell(one());
      await clock.advance(1_000);
      return orders[0]?.[0] ?? Number.NaN;
    };
    expect((await orderedAtMs(300)) - (await orderedAtMs(600))).toBeCloseTo(300, 0);
  });

  it('knows after a restart what it has learned before', async () => {
    const clock = new VirtualClock();
    const memory = new ProfileMemory((await openMemoryStore({ clock })).database('forecasts'));
    const start = () => {
      const system = new ActorSystem({ clock, onActorError: () => {} });
      const profiles = new LearnedProfiles();
      const policy = lookAheadPolicy('just-in-time', 2);
      const options = { policy, order: () => {}, processors: 2, profiles, memory };
      return { system, profiles, scheduler: system.spawn(workflowSchedulerActor(options)) };
    };
    const before = start();
    const report = { workflow: 'w', version: 1, key: 'a', target: 'f', coldStartMs: undefined };
    before.scheduler.tell('stepEnded', { ...report, runMs: 70 });
    before.scheduler.tell('instanceStarted', { functionName: 'f', tookMs: 9 });
    await clock.advance(1);
    const stopping = before.system.shutdown(1_000);
    await clock.advance(1);
    await stopping;
    const after = start();
    await clock.advance(1);
    expect(after.profiles.step('w', 1, 'a')).toEqual(before.profiles.step('w', 1, 'a'));
    expect(after.profiles.target('f')).toEqual({ coldStartMs: { p50: 9, p90: 9 } });
  });

  it('estimates how long an execution still takes, once it has seen something of it', async () => {
    const { clock, scheduler, ended } = world({});
    const estimate = async () => {
      const asked = scheduler.ask('estimate', one());
      await clock.advance(0);
      return asked;
    };
    expect(await estimate()).toBeUndefined();
    for (let nth = 0; nth < 100; nth++) for (const key of ['a', 'b']) ended({ key, target: undefined, runMs: 500 });
    const { p50 = 0, p90 = 0 } = (await estimate()) ?? {};
    expect(p50).toBeCloseTo(1_000, -1);
    expect(p90).toBeGreaterThan(p50);
  });

  it('does not plan, and asks for no outlooks, while everything is warm; one cold start, and it does again', async () => {
    const { clock, planned, gate, tell, ended } = world({});
    const warm = async (count: number) => {
      for (let nth = 0; nth < count; nth++) {
        ended({ target: 'f-b' });
        await tell(one(`e${nth}`));
      }
    };
    await warm(64);
    expect(planned).toHaveLength(63);
    expect(gate.wants('w', clock.nowMs())).toBe(true);
    await warm(64);
    expect(planned).toHaveLength(63);
    expect(gate.wants('w', clock.nowMs())).toBe(false);
    await clock.advance(100);
    expect(gate.wants('w', clock.nowMs())).toBe(true);
    ended({ target: 'f-b', coldStartMs: 5 });
    await tell(one('e'));
    expect(planned).toHaveLength(64);
  });

  it('plans again for a function that was not called for a moment', async () => {
    const { clock, planned, tell, ended } = world({});
    for (let nth = 0; nth < 64; nth++) ended({ target: 'f-b' });
    await clock.advance(251);
    await tell(one());
    expect(planned).toHaveLength(1);
  });

  it('plans for a twentieth of the time at most, however much there is to plan', async () => {
    const clock = new VirtualClock();
    let spentMs = 0;
    // A clock that moves on while a plan is made.
    const slow: Clock = {
      nowMs: () => clock.nowMs() + spentMs,
      wallMs: () => clock.wallMs(),
      after: (delayMs, callback) => clock.after(delayMs, callback),
    };
    const system = new ActorSystem({ clock: slow, onActorError: () => {} });
    let plans = 0;
    const plan = () => {
      plans++;
      spentMs += 1;
      return [];
    };
    const policy: LookAheadPolicy = { name: 'just-in-time', horizon: 16, plan };
    const scheduler = system.spawn(workflowSchedulerActor({ policy, order: () => {}, processors: 2 }));
    for (let ms = 0; ms < 2_000; ms++) {
      for (let nth = 0; nth < 5; nth++) scheduler.tell('outlookChanged', one(`e${ms}-${nth}`));
      await clock.advance(1);
    }
    // A hundred were saved up.
    expect(plans).toBeGreaterThan(180);
    expect(plans).toBeLessThan(100 + (2_000 + spentMs) / 20 + 2);
  });

  it('under horizon only learns', async () => {
    const { clock, orders, gate, tell, stats } = world(lookAheadPolicy('horizon', 2));
    expect(gate.wants('w', 0)).toBe(false);
    await tell(one());
    await clock.advance(1_000);
    expect([orders, clock.pending, (await stats()).plans]).toEqual([[], 0, 0]);
  });
});
