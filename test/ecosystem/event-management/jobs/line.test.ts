import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Line, type Place } from '../../../../src/ecosystem/event-management/jobs/line.ts';
import { StartLog } from '../../../../src/ecosystem/event-management/jobs/rate-limit.ts';

describe('a line', () => {
  it('gives everybody once, in order, whatever of it is in memory, on disk, or between', () => {
    const step = fc.constantFrom('join', 'take', 'store');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 1, max: 5 }), (steps, capacity) => {
        const disk: Place[] = [];
        const unstored: Place[] = [];
        const line = new Line({
          capacity,
          read: (after, limit) => disk.filter(({ sequence }) => sequence > after).slice(0, limit),
          isStored: false,
        });
        const joined: number[] = [];
        const taken: number[] = [];
        const take = () => {
          const place = line.take();
          if (place) taken.push(place.sequence);
          return place;
        };
        for (const each of steps) {
          if (each === 'join') {
            const place = { sequence: joined.length + 1, id: String(joined.length) };
            joined.push(place.sequence);
            unstored.push(place);
            line.join(place);
          } else if (each === 'take') take();
          else {
            disk.push(...unstored.splice(0));
            line.stored(joined.length);
          }
        }
        while (take());
        expect(taken).toEqual(joined);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a log of starts', () => {
  it('never lets more than its limit into any span, across restarts too', () => {
    const scenario = fc.record({
      max: fc.integer({ min: 1, max: 4 }),
      waits: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 60 }),
      restartEvery: fc.integer({ min: 1, max: 10 }),
    });
    fc.assert(
      fc.property(scenario, ({ max, waits, restartEvery }) => {
        const limit = { max, perMs: 100 };
        let log = new StartLog(limit);
        let nowMs = 0;
        const starts: number[] = [];
        for (const [index, waitMs] of waits.entries()) {
          nowMs += waitMs;
          if (index % restartEvery === 0) log = new StartLog(limit, log.recent(nowMs));
          if (log.nextAtMs > nowMs) continue;
          log.started(nowMs);
          starts.push(nowMs);
        }
        for (const [index, startMs] of starts.entries())
          expect((starts[index + max] ?? Number.POSITIVE_INFINITY) - startMs).toBeGreaterThanOrEqual(limit.perMs);
      }),
    );
  });
});
