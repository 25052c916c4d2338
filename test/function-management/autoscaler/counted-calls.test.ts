import { describe, expect, it } from 'vitest';
import { autoscalerActor } from '../../../src/function-management/autoscaler/autoscaler.ts';
import { HistoryMemory } from '../../../src/function-management/autoscaler/history-memory.ts';
import { scalingPolicy } from '../../../src/function-management/autoscaler/policies.ts';
import type { CallHistory, Observation } from '../../../src/function-management/autoscaler/protocol.ts';
import { ActorSystem } from '../../../src/kernel/actor-system.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { openMemoryStore } from '../../../src/store/memory-store.ts';
import type { Store } from '../../../src/store/protocol.ts';
import { observation } from './observation.ts';

const MINUTE_MS = 60_000;
const POLICIES = ['predictive', 'reactive', 'hybrid-histogram', 'fixed'] as const;

/** A host with one function: its calls are over at once, its instances are there as soon as they are wanted. */
function host(store: Store, clock: VirtualClock, policy: (typeof POLICIES)[number] = 'reactive') {
  const system = new ActorSystem({ clock });
  const state = { ready: 0, arrivals: 0, firstArrivalMs: undefined as number | undefined, lastActiveMs: 0 };
  let failures = 0;
  const observe = async (): Promise<Observation[]> => {
    if (failures-- > 0) throw new Error('the router is restarting');
    const seen = observation({ ...state, peakInSystem: state.arrivals, coldStartMs: 50, runMs: 4 });
    Object.assign(state, { arrivals: 0, firstArrivalMs: undefined });
    return [seen];
  };
  const autoscaler = system.spawn(
    autoscalerActor({
      policy: scalingPolicy(policy, { intervalMs: MINUTE_MS, idleBudgetMb: 1_024, startsAtOnce: 4 }),
      history: new HistoryMemory(store.database('history'), clock),
      observe,
      apply: ({ instances }) => {
        state.ready = instances;
      },
    }),
  );
  return {
    async call(): Promise<void> {
      state.firstArrivalMs ??= clock.nowMs();
      state.lastActiveMs = clock.nowMs();
      state.arrivals++;
      if (state.ready === 0) autoscaler.tell('demandArrived', { name: 'f', version: 1 });
      state.ready = Math.max(1, state.ready);
      await clock.advance(0);
    },
    async history(): Promise<CallHistory> {
      const asked = autoscaler.ask('history', undefined);
      await clock.advance(0);
      return asked;
    },
    failNext: () => {
      failures = 1;
    },
    close: () => system.shutdown(1_000),
  };
}

const callsOf = ({ functions }: CallHistory) => functions[0]?.calls;

describe('an autoscaler counts calls', () => {
  it.each(POLICIES)('under the policy %s, those since its last look included', async (policy) => {
    const clock = new VirtualClock();
    const one = host(await openMemoryStore({ clock }), clock, policy);
    for (let minute = 0; minute < 3; minute++) {
      await one.call();
      await one.call();
      await clock.advance(5 * MINUTE_MS);
    }
    await one.call();
    const history = await one.history();
    expect(history).toMatchObject({ firstMinute: Date.UTC(2026, 0, 1) / MINUTE_MS, minutes: 16 });
    expect(history.functions).toEqual([
      {
        name: 'f',
        memoryMb: 128,
        runMs: 4,
        calls: [
          [0, 2],
          [5, 2],
          [10, 2],
          [15, 1],
        ],
      },
    ]);
    await one.close();
  });

  it('over a restart within the hour, to the last call before the host was closed', async () => {
    const clock = new VirtualClock();
    const store = await openMemoryStore({ clock });
    const first = host(store, clock);
    await first.call();
    await first.call();
    await first.call();
    await first.close();
    await clock.advance(2 * MINUTE_MS);
    const second = host(store, clock);
    await second.call();
    const calls = [
      [0, 3],
      [2, 1],
    ];
    expect(callsOf(await second.history())).toEqual(calls);
    await second.close();
    const third = host(store, clock);
    expect(callsOf(await third.history())).toEqual(calls);
    await third.close();
  });

  it('and saves them every ten minutes: no more than that is lost with a host that dies', async () => {
    const clock = new VirtualClock();
    const store = await openMemoryStore({ clock });
    const dies = host(store, clock, 'predictive');
    for (let minute = 0; minute < 25; minute++) {
      await dies.call();
      await clock.advance(MINUTE_MS);
    }
    const second = host(store, new VirtualClock());
    expect(callsOf(await second.history())?.length).toBeGreaterThanOrEqual(15);
  });

  it('and says what it has counted when it cannot look', async () => {
    const clock = new VirtualClock();
    const one = host(await openMemoryStore({ clock }), clock);
    await one.call();
    await one.call();
    one.failNext();
    expect(callsOf(await one.history())).toEqual([[0, 1]]);
    expect(callsOf(await one.history())).toEqual([[0, 2]]);
    await one.close();
  });

  it('and has none where it was given no place for them', async () => {
    const clock = new VirtualClock();
    const system = new ActorSystem({ clock });
    const policy = scalingPolicy('fixed', { intervalMs: MINUTE_MS, idleBudgetMb: 1_024, startsAtOnce: 4 });
    const autoscaler = system.spawn(autoscalerActor({ policy, observe: async () => [], apply: () => {} }));
    const asked = autoscaler.ask('history', undefined);
    await clock.advance(0);
    expect(await asked).toEqual({ firstMinute: 0, minutes: 0, functions: [] });
    await system.shutdown(1_000);
  });
});
