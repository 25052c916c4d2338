import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ArrivalHistory,
  decodeHour,
  encodeHour,
  type HourOfCalls,
  mergeHours,
} from '../../../src/function-management/autoscaler/arrival-history.ts';

const MOST_CALLS = 2 ** 32 - 1;
const FACTS = { memoryMb: 128, runMs: 2.5 };

const hours: fc.Arbitrary<HourOfCalls> = fc.record({
  memoryMb: fc.integer({ min: 16, max: 65_536 }),
  // In whole microseconds: what is stored.
  runMs: fc.option(fc.integer({ min: 0, max: 86_400_000_000 }), { nil: undefined }).map((us) => us && us / 1_000),
  calls: fc
    .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 59 }), fc.integer({ min: 1, max: MOST_CALLS })), {
      minLength: 1,
      selector: ([minute]) => minute,
    })
    .map((calls) => new Map(calls)),
});

const callsIn = ({ calls }: HourOfCalls) => [...calls.values()].reduce((sum, count) => sum + count, 0);

describe('an hour of calls', () => {
  it('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(hours, (hour) => {
        expect(decodeHour(encodeHour(hour))).toEqual(hour);
      }),
    );
  });

  it('takes 6 bytes for one call, and 130 for calls in every minute', () => {
    expect(encodeHour({ ...FACTS, calls: new Map([[59, 1]]) })).toHaveLength(6);
    const busy = {
      memoryMb: 1_024,
      runMs: 250,
      calls: new Map(Array.from({ length: 60 }, (_, minute) => [minute, 99])),
    };
    expect(encodeHour(busy).length).toBeLessThanOrEqual(130);
  });

  it('is not made of bytes that are none: cut short, or of somebody else', () => {
    fc.assert(
      fc.property(hours, fc.nat(), (hour, at) => {
        const bytes = encodeHour(hour);
        const found = decodeHour(bytes.subarray(0, at % bytes.length));
        // Cut between two minutes, it is an hour with fewer calls.
        if (found) expect(callsIn(found)).toBeLessThan(callsIn(hour));
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const found = decodeHour(bytes);
        if (found) expect(decodeHour(encodeHour(found))).toEqual(found);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['nothing', []],
    ['no minute', [16, 0]],
    ['a minute without calls', [16, 0, 5, 0]],
    ['the same minute twice', [16, 0, 5, 1, 0, 1]],
    ['a minute after the hour', [16, 0, 59, 1, 1, 1]],
    ['a number that never ends', [16, 0, 5, ...new Array(30).fill(0xff)]],
    ['more memory than is a number', [...new Array(12).fill(0xff), 1, 0, 5, 1]],
  ])('with %s is not read', (_, bytes) => expect(decodeHour(Uint8Array.from(bytes))).toBeUndefined());

  it('adds up with another part of it, and has the memory of the later one and the last known run time', () => {
    const earlier = { memoryMb: 64, runMs: 7, calls: new Map([[3, 1]]) };
    const later = {
      memoryMb: 128,
      runMs: undefined,
      calls: new Map([
        [2, 5],
        [3, MOST_CALLS],
      ]),
    };
    expect(mergeHours(earlier, later)).toEqual({
      memoryMb: 128,
      runMs: 7,
      calls: new Map([
        [3, MOST_CALLS],
        [2, 5],
      ]),
    });
  });
});

describe('what was counted', () => {
  it('is given away by function and hour, once', () => {
    const history = new ArrivalHistory();
    history.called('f', 119, 1, { memoryMb: 64, runMs: undefined });
    history.called('f', 119, 2, FACTS);
    history.called('f', 120, 3, FACTS);
    history.called('g', 60, 4, FACTS);
    expect(history.changes()).toHaveLength(3);
    expect(history.takeChanges()).toEqual([
      { name: 'f', hour: 1, ...FACTS, calls: new Map([[59, 3]]) },
      { name: 'g', hour: 1, ...FACTS, calls: new Map([[0, 4]]) },
      { name: 'f', hour: 2, ...FACTS, calls: new Map([[0, 3]]) },
    ]);
    expect(history.takeChanges()).toEqual([]);
  });

  it('adds up with what could not be stored before', () => {
    const history = new ArrivalHistory();
    history.called('f', 60, 1, FACTS);
    history.called('g', 60, 1, FACTS);
    const taken = history.takeChanges();
    history.called('f', 60, 2, { memoryMb: 256, runMs: 9 });
    history.putBack(taken);
    expect(history.takeChanges()).toEqual([
      { name: 'f', hour: 1, memoryMb: 256, runMs: 9, calls: new Map([[0, 3]]) },
      { name: 'g', hour: 1, ...FACTS, calls: new Map([[0, 1]]) },
    ]);
  });

  it('is bounded: of more functions than that, the first ones are counted, and all again once they are taken', () => {
    const history = new ArrivalHistory();
    for (let index = 0; index < 25_000; index++) history.called(`f${index}`, 60, 1, FACTS);
    history.called('f0', 60, 1, FACTS);
    const taken = history.takeChanges();
    expect(taken).toHaveLength(20_000);
    expect(taken[0]?.calls.get(0)).toBe(2);
    history.called('f24999', 60, 1, FACTS);
    expect(history.changes()).toHaveLength(1);
  });
});
