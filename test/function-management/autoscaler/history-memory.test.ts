import { describe, expect, it } from 'vitest';
import { encodeHour } from '../../../src/function-management/autoscaler/arrival-history.ts';
import { HistoryMemory } from '../../../src/function-management/autoscaler/history-memory.ts';
import type { CallHistory, Observation } from '../../../src/function-management/autoscaler/protocol.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { historyKeys } from '../../../src/store/keys.ts';
import { openMemoryStore } from '../../../src/store/memory-store.ts';
import type { KeyValueStore } from '../../../src/store/protocol.ts';
import { observation } from './observation.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const START_MINUTE = Date.UTC(2026, 0, 1) / MINUTE_MS;
const START_HOUR = START_MINUTE / 60;

async function setUp(options?: ConstructorParameters<typeof HistoryMemory>[2]) {
  const clock = new VirtualClock();
  const store = (await openMemoryStore({ clock })).database('history');
  const memory = new HistoryMemory(store, clock, options);
  const called = (given: Partial<Observation> = {}) =>
    memory.observe([observation({ arrivals: 1, lastActiveMs: clock.nowMs(), ...given })]);
  return { clock, store, memory, called };
}

const keysIn = (store: KeyValueStore) => [...store.range({ prefix: historyKeys.all })].map(({ key }) => key.slice(1));
const callsOf = ({ functions }: CallHistory) => Object.fromEntries(functions.map(({ name, calls }) => [name, calls]));

describe('the history of calls', () => {
  it('has calls by the minute, with what a replay needs to know of each function, whether saved or not', async () => {
    const { clock, memory, called } = await setUp();
    called({ arrivals: 3, memoryMb: 64, runMs: 10 });
    await clock.advance(2 * MINUTE_MS);
    await memory.save();
    called({ arrivals: 4, runMs: 10 });
    called({ name: 'e', memoryMb: 256 });
    await clock.advance(HOUR_MS);
    called({ arrivals: 1, memoryMb: 512, runMs: 30 });
    expect(await memory.read()).toEqual({
      firstMinute: START_MINUTE,
      minutes: 63,
      functions: [
        { name: 'e', memoryMb: 256, calls: [[2, 1]] },
        // 7 calls of 10 ms and 1 of 30 ms.
        {
          name: 'f',
          memoryMb: 512,
          runMs: 12.5,
          calls: [
            [0, 3],
            [2, 4],
            [62, 1],
          ],
        },
      ],
    });
    const before = await memory.read(START_MINUTE + 100);
    expect(before.minutes).toBe(101);
    await memory.save();
    expect(await memory.read(START_MINUTE + 100)).toEqual(before);
  });

  it('of a host without calls is empty', async () => {
    const { memory, called } = await setUp();
    called({ arrivals: 0 });
    await memory.save();
    expect(await memory.read(START_MINUTE)).toEqual({ firstMinute: 0, minutes: 0, functions: [] });
  });

  it('counts calls into the minute in which the first of them came; over the end of a minute they are spread', async () => {
    const { clock, memory, called } = await setUp();
    await clock.advance(75_000);
    // From 0:50 to 1:10; then one that ran from 0:59 to 1:15; then some that were just done at 1:00.
    called({ arrivals: 10, firstArrivalMs: 50_000, lastActiveMs: 70_000 });
    called({ name: 'long', firstArrivalMs: 59_000, lastActiveMs: 75_000 });
    called({ name: 'short', arrivals: 3, firstArrivalMs: 59_000, lastActiveMs: 60_100 });
    called({ name: 'unknown', arrivals: 2, lastActiveMs: 0 });
    expect(callsOf(await memory.read())).toEqual({
      f: [
        [0, 5],
        [1, 5],
      ],
      long: [[0, 1]],
      short: [[0, 3]],
      unknown: [[1, 2]],
    });
  });

  it('goes on within the hour after a restart', async () => {
    const { clock, store, memory, called } = await setUp();
    called();
    await memory.save();
    const second = new HistoryMemory(store, clock);
    second.observe([observation({ arrivals: 2 })]);
    await clock.advance(MINUTE_MS);
    second.observe([observation({ arrivals: 5 })]);
    await second.save();
    expect(callsOf(await second.read())).toEqual({
      f: [
        [0, 3],
        [1, 5],
      ],
    });
    expect(keysIn(store)).toEqual([[START_HOUR, 'f']]);
  });

  it('takes what cannot be read for what was not there, and writes over it', async () => {
    const { store, memory, called } = await setUp();
    const good = encodeHour({ memoryMb: 16, runMs: undefined, calls: new Map([[1, 1]]) });
    await store.commit([
      { kind: 'put', key: historyKeys.chunk(START_HOUR, 'f'), value: Uint8Array.of(0xff) },
      { kind: 'put', key: historyKeys.chunk(START_HOUR - 1, 'f'), value: 'text' },
      { kind: 'put', key: [...historyKeys.hour(START_HOUR), 7], value: good },
      { kind: 'put', key: historyKeys.chunk(START_HOUR - 1, 'g'), value: good },
      { kind: 'put', key: historyKeys.chunks, value: 'many' },
    ]);
    called();
    await memory.save();
    expect(callsOf(await memory.read())).toEqual({ f: [[59, 1]], g: [[0, 1]] });
  });

  it('passes over hours ahead of the clock, which was wrong when they were stored', async () => {
    const { store, memory, called } = await setUp();
    const value = encodeHour({ memoryMb: 16, runMs: undefined, calls: new Map([[0, 1]]) });
    await store.commit([{ kind: 'put', key: historyKeys.chunk(START_HOUR + 24 * 365, 'f'), value }]);
    called();
    await memory.save();
    expect(await memory.read()).toMatchObject({ firstMinute: START_MINUTE, minutes: 1 });
  });

  it('is kept for two weeks: what is older is neither shown nor, once something is saved, there', async () => {
    const { clock, store, memory, called } = await setUp();
    called();
    await memory.save();
    await clock.advance(7 * DAY_MS);
    called({ name: 'g' });
    await memory.save();
    expect(keysIn(store)).toHaveLength(2);
    await clock.advance(7 * DAY_MS + HOUR_MS);
    const nowMinute = clock.wallMs() / MINUTE_MS;
    expect(callsOf(await memory.read(nowMinute))).toEqual({ g: [[0, 1]] });
    // A host that stopped long ago has what it had.
    expect(callsOf(await memory.read())).toEqual({ f: [[0, 1]], g: [[7 * 1_440, 1]] });
    called({ name: 'h' });
    await memory.save();
    expect(keysIn(store).map(([, name]) => name)).toEqual(['g', 'h']);
    expect(store.get(historyKeys.chunks)?.value).toBe(2);
  });

  it('is bounded: of too many hours of functions the oldest go', async () => {
    const { clock, store, memory, called } = await setUp({ mostChunks: 3 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      called({ name });
      await memory.save();
      await clock.advance(HOUR_MS);
    }
    expect(keysIn(store).map(([, name]) => name)).toEqual(['c', 'd', 'e']);
    expect(store.get(historyKeys.chunks)?.value).toBe(3);
  });

  it('too long for one answer is given from the first whole hour that fits', async () => {
    const { clock, memory } = await setUp({ mostMinutes: 1_500 });
    for (let hour = 0; hour < 4; hour++) {
      memory.observe(Array.from({ length: 700 }, (_, index) => observation({ name: `f${index}`, arrivals: 1 })));
      await memory.save();
      await clock.advance(HOUR_MS);
    }
    const { firstMinute, minutes, functions } = await memory.read();
    expect({ firstMinute, minutes, functions: functions.length }).toEqual({
      firstMinute: START_MINUTE + 120,
      minutes: 61,
      functions: 700,
    });
  });

  it('keeps what could not be stored for the next time, and what was counted meanwhile with it', async () => {
    const { clock, store } = await setUp();
    let isFull = true;
    const disk: KeyValueStore = {
      get: (key) => store.get(key),
      range: (options) => store.range(options),
      commit: async (operations) => {
        if (isFull) throw new Error('the disk is full');
        return store.commit(operations);
      },
    };
    const memory = new HistoryMemory(disk, clock);
    memory.observe([observation({ arrivals: 2 })]);
    await expect(memory.save()).rejects.toThrow('full');
    memory.observe([observation({ arrivals: 3 })]);
    isFull = false;
    await memory.save();
    expect(callsOf(await new HistoryMemory(store, clock).read())).toEqual({ f: [[0, 5]] });
  });
});
