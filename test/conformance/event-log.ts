/** What every driver's `EventLog` does. `openStore` gives a fresh, empty store; the suite closes it. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventLog, Store } from '../../src/store/protocol.ts';

export function eventLogConformance(openStore: () => Promise<Store>): void {
  describe('EventLog', () => {
    let store: Store;
    let log: EventLog;

    beforeEach(async () => {
      store = await openStore();
      log = store.events;
    });
    afterEach(() => store.close());

    it('reads back events in the order of appending, from any index', async () => {
      expect(await log.append('s', ['a', { b: 1 }], { expectedLength: 0 })).toEqual({ kind: 'appended', length: 2 });
      expect(await log.append('s', ['c'], { expectedLength: 2 })).toEqual({ kind: 'appended', length: 3 });
      expect(log.read('s')).toEqual({ events: ['a', { b: 1 }, 'c'] });
      expect(log.read('s', 1, 1)).toEqual({ events: [{ b: 1 }] });
      expect(log.read('s', 3)).toEqual({ events: [] });
      expect(log.length('s')).toBe(3);
    });

    it('has nothing under an unknown stream', () => {
      expect(log.read('none')).toEqual({ events: [] });
      expect(log.length('none')).toBe(0);
    });

    it('refuses an append at any other length, and says the true one', async () => {
      await log.append('s', ['a'], { expectedLength: 0 });
      expect(await log.append('s', ['b'], { expectedLength: 0 })).toEqual({ kind: 'conflict', length: 1 });
      expect(await log.append('s', ['b'], { expectedLength: 2 })).toEqual({ kind: 'conflict', length: 1 });
      expect(log.read('s')).toEqual({ events: ['a'] });
    });

    it('lets one of two concurrent writers win, and takes appends that are pipelined', async () => {
      const outcomes = await Promise.all([
        log.append('s', ['mine'], { expectedLength: 0 }),
        log.append('s', ['yours'], { expectedLength: 0 }),
        log.append('s', ['next'], { expectedLength: 1 }),
      ]);
      expect(outcomes.map(({ kind }) => kind)).toEqual(['appended', 'conflict', 'appended']);
      expect(log.read('s').events).toEqual(['mine', 'next']);
    });

    it('lists streams, each once and in order, and forgets those that are deleted', async () => {
      for (const stream of ['b', 'a', 'ab', 'a/1', '😀']) await log.append(stream, [1, 2, 3], { expectedLength: 0 });
      expect(log.streams()).toEqual(['a', 'a/1', 'ab', 'b', '😀']);
      expect(log.streams({ after: 'a/1', limit: 2 })).toEqual(['ab', 'b']);
      await log.delete('ab');
      await log.delete('none');
      expect(log.streams()).toEqual(['a', 'a/1', 'b', '😀']);
      expect(await log.append('ab', ['again'], { expectedLength: 0 })).toEqual({ kind: 'appended', length: 1 });
    });

    it('shares nothing with its callers', async () => {
      const event = { list: [1] };
      const appended = log.append('s', [event], { expectedLength: 0 });
      event.list.push(2);
      await appended;
      (log.read('s').events[0] as typeof event).list.push(3);
      expect(log.read('s').events).toEqual([{ list: [1] }]);
    });

    it('behaves as a map of arrays under any sequence of appends and deletions', async () => {
      const stream = fc.constantFrom('a', 'b', 'aa', '');
      const step = fc.oneof(
        {
          weight: 5,
          arbitrary: fc.record({
            stream,
            events: fc.array(jsonValue, { maxLength: 3 }),
            offBy: fc.constantFrom(0, 0, 0, 1, -1),
          }),
        },
        { weight: 1, arbitrary: fc.record({ stream, remove: fc.constant(true) }) },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
          for (const name of log.streams()) await log.delete(name);
          const model = new Map<string, unknown[]>();
          for (const each of steps) {
            if ('remove' in each) {
              await log.delete(each.stream);
              model.delete(each.stream);
              continue;
            }
            const before = model.get(each.stream) ?? [];
            const outcome = await log.append(each.stream, each.events, { expectedLength: before.length + each.offBy });
            expect(outcome.kind).toBe(each.offBy === 0 ? 'appended' : 'conflict');
            if (each.offBy === 0) model.set(each.stream, [...before, ...each.events]);
          }
          const kept = [...model].filter(([, events]) => events.length > 0);
          expect(log.streams()).toEqual(kept.map(([name]) => name).sort());
          for (const [name, events] of kept) expect(log.read(name).events).toEqual(events);
        }),
        { numRuns: 60 },
      );
    });
  });
}

/** -0 is stored as 0. */
const jsonValue = fc
  .jsonValue()
  .map((value) => JSON.parse(JSON.stringify(value).replaceAll('__proto__', 'proto')) as unknown);
