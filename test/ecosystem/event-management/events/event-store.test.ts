import { describe, expect, it } from 'vitest';
import { hashOf, published } from '../../../../src/ecosystem/event-management/events/event-record.ts';
import { EventStore } from '../../../../src/ecosystem/event-management/events/event-store.ts';
import { toForget } from '../../../../src/ecosystem/event-management/events/retention.ts';
import { VirtualClock } from '../../../../src/kernel/virtual-clock.ts';
import { cloudEventKeys } from '../../../../src/store/keys.ts';
import { type Memory, openMemoryStore } from '../../../../src/store/memory-store.ts';
import type { Key } from '../../../../src/store/protocol.ts';

const record = (id: string, atMs = 0, bytes = 10) => ({
  source: '/s',
  id,
  type: 't',
  atMs,
  payload: new Uint8Array(bytes),
  fired: ['mail', 'send-mail'],
});

async function stored() {
  const memory: Memory = new Map();
  const quarantined: Key[] = [];
  const open = () =>
    openMemoryStore({ memory, clock: new VirtualClock(), onQuarantine: ({ key }) => void quarantined.push(key) });
  const store = await open();
  const events = [record('1'), record('2')].map((each, index) =>
    published({ sequence: index + 1, hash: hashOf(each), untilMs: 1, record: each }),
  );
  const trigger = { function: 'send-mail', filters: [], createdAtMs: 0, since: 0 };
  await store
    .database('cloud-events')
    .commit([
      ...events.flat(),
      { kind: 'put', key: cloudEventKeys.trigger('mail'), value: trigger },
      { kind: 'put', key: cloudEventKeys.trigger('stock'), value: trigger },
      { kind: 'put', key: cloudEventKeys.standing, value: { lastSequence: 2, events: 2, bytes: 20 } },
    ]);
  return {
    quarantined,
    async damaged(key: Key): Promise<EventStore> {
      const row = memory.get('cloud-events')?.find((each) => each.key.join() === key.join());
      if (!row) throw new Error(`there is no ${key.join()}`);
      row.bytes[row.bytes.length - 1] = (row.bytes.at(-1) ?? 0) ^ 1;
      return new EventStore((await open()).database('cloud-events'));
    },
    events: new EventStore(store.database('cloud-events')),
  };
}

describe('what is on disk of events', () => {
  it('is sound where nothing has happened to it', async () => {
    const { events } = await stored();
    expect([...events.faults()]).toEqual([]);
    expect(events.once(hashOf(record('2')))).toEqual({ sequence: 2, untilMs: 1 });
  });

  it('loses one event to a flipped bit, which is quarantined and told, and no other', async () => {
    const { damaged, quarantined } = await stored();
    const events = await damaged(cloudEventKeys.event(1));
    expect([...events.list({})].map(({ sequence }) => sequence)).toEqual([2]);
    expect(events.event(1)).toBeUndefined();
    expect(quarantined).toEqual([cloudEventKeys.event(1)]);
    expect([...events.faults()]).toEqual([
      expect.stringMatching(/lead to event 1, which is not there/),
      expect.stringMatching(/is to start something for event 1, which is not there/),
      expect.stringMatching(/There are 1 events of 10 bytes.*2 of 20/),
    ]);
  });

  it('still says what is to be started where that record is damaged: its key and the event have all of it', async () => {
    const { damaged } = await stored();
    const events = await damaged(cloudEventKeys.pending(1, 'mail'));
    expect(events.pending().sort((one, other) => one.sequence - other.sequence)).toEqual([
      { sequence: 1, trigger: 'mail', function: 'send-mail' },
      { sequence: 2, trigger: 'mail', function: 'send-mail' },
    ]);
  });

  it('names a trigger that is damaged', async () => {
    const { damaged } = await stored();
    const { found, damaged: names } = (await damaged(cloudEventKeys.trigger('stock'))).triggers();
    expect([[...found.keys()], names]).toEqual([['mail'], ['stock']]);
  });

  it('is counted anew where the count is damaged', async () => {
    const { damaged } = await stored();
    expect((await damaged(cloudEventKeys.standing)).standing()).toEqual({ lastSequence: 2, events: 2, bytes: 20 });
  });
});

describe('what is forgotten', () => {
  const events = [1, 2, 3, 4].map((sequence) => ({ sequence, record: record(String(sequence), sequence * 100) }));
  const forgets = (parts: Partial<Parameters<typeof toForget>[1]>) =>
    toForget(events, {
      standing: { lastSequence: 4, events: 4, bytes: 40 },
      nowMs: 500,
      keepMs: 1_000,
      maxEvents: 10,
      maxBytes: 1_000,
      isPending: () => false,
      ...parts,
    }).map(({ sequence }) => sequence);

  it('is what is too old, too many, or too much, the oldest first', () => {
    expect(forgets({})).toEqual([]);
    expect(forgets({ keepMs: 300 })).toEqual([1, 2]);
    expect(forgets({ maxEvents: 1 })).toEqual([1, 2, 3]);
    expect(forgets({ maxBytes: 15 })).toEqual([1, 2, 3]);
  });

  it('is nothing that has still to start something', () => {
    const isPending = (sequence: number) => sequence === 1 || sequence === 3;
    expect(forgets({ keepMs: 0, isPending })).toEqual([2, 4]);
    expect(forgets({ maxEvents: 3, isPending })).toEqual([2]);
  });
});
