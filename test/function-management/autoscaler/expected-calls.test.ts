import { describe, expect, it } from 'vitest';
import { autoscalerActor } from '../../../src/function-management/autoscaler/autoscaler.ts';
import { ForecastMemory } from '../../../src/function-management/autoscaler/forecast-memory.ts';
import { predictivePolicy } from '../../../src/function-management/autoscaler/predictive-policy.ts';
import type { Observation } from '../../../src/function-management/autoscaler/protocol.ts';
import { ActorSystem } from '../../../src/kernel/actor-system.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { openMemoryStore } from '../../../src/store/memory-store.ts';
import type { Store } from '../../../src/store/protocol.ts';
import { observation } from './observation.ts';

const MINUTE_MS = 60_000;
const PERIOD_MS = 10 * MINUTE_MS;

/** A host with one function: its calls are over at once, its instances are there as soon as they are wanted. */
function host(store: Store, clock: VirtualClock) {
  const system = new ActorSystem({ clock });
  const function_ = { ready: 0, arrivals: 0, lastActiveMs: 0 };
  const seen = (): Observation => {
    const { arrivals } = function_;
    function_.arrivals = 0;
    return observation({ ...function_, arrivals, peakInSystem: arrivals, coldStartMs: 50 });
  };
  const autoscaler = system.spawn(
    autoscalerActor({
      policy: predictivePolicy(),
      memory: new ForecastMemory(store.database('forecasts'), clock),
      observe: async () => [seen()],
      apply: ({ instances }) => {
        function_.ready = instances;
      },
    }),
  );
  return {
    autoscaler,
    function: function_,
    close: () => system.shutdown(1_000),
    /** True when an instance was there. */
    async call(): Promise<boolean> {
      const isWarm = function_.ready > 0;
      function_.arrivals++;
      function_.lastActiveMs = clock.nowMs();
      function_.ready = Math.max(1, function_.ready);
      if (!isWarm) autoscaler.tell('demandArrived', { name: 'f', version: 1 });
      await clock.advance(0);
      return isWarm;
    },
  };
}

async function callEachPeriod(clock: VirtualClock, one: ReturnType<typeof host>, times: number): Promise<boolean[]> {
  const warm: boolean[] = [];
  for (let time = 0; time < times; time++) {
    warm.push(await one.call());
    await clock.advance(PERIOD_MS);
  }
  return warm;
}

describe('an autoscaler that expects calls', () => {
  it('starts an instance before a call comes, though nothing happens meanwhile, and lets it go after', async () => {
    const clock = new VirtualClock();
    const one = host(await openMemoryStore({ clock }), clock);
    const warm = await callEachPeriod(clock, one, 12);
    expect(warm.slice(3).every(Boolean)).toBe(true);
    await one.call();
    await clock.advance(5 * MINUTE_MS);
    expect(one.function.ready).toBe(0);
    await one.close();
  });

  it('knows after a restart what it knew before, also after a crash but for the last ten minutes', async () => {
    const clock = new VirtualClock();
    const store = await openMemoryStore({ clock });
    const first = host(store, clock);
    await callEachPeriod(clock, first, 12);
    await first.close();
    const second = host(store, clock);
    await clock.advance(0);
    expect(await second.call()).toBe(true);
    const described = second.autoscaler.ask('describe', { name: 'f' });
    await clock.advance(0);
    expect((await described).forecast?.gaps[0]?.gapMs).toBe(PERIOD_MS);
    await second.close();
  });

  it('counts the time in which the host was away', async () => {
    const clock = new VirtualClock();
    const store = await openMemoryStore({ clock });
    const first = host(store, clock);
    await callEachPeriod(clock, first, 12);
    await first.close();
    await clock.advance(5 * MINUTE_MS);
    const second = host(store, clock);
    await clock.advance(MINUTE_MS);
    expect(second.function.ready).toBe(0);
    const described = second.autoscaler.ask('describe', { name: 'f' });
    await clock.advance(0);
    expect((await described).forecast?.sinceLastCallMs).toBeGreaterThan(15 * MINUTE_MS);
    await second.close();
  });

  it('arms no timer any more for a function that has not been called for days', async () => {
    const clock = new VirtualClock();
    const one = host(await openMemoryStore({ clock }), clock);
    await one.call();
    await clock.advance(50 * 60 * MINUTE_MS);
    expect(clock.pending).toBe(0);
    await one.close();
  });
});
