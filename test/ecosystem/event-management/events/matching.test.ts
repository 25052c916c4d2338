import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile } from '../../../../src/ecosystem/event-management/events/filters.ts';
import { TriggerIndex } from '../../../../src/ecosystem/event-management/events/matching.ts';
import type { CloudEvent, Filter } from '../../../../src/ecosystem/event-management/protocol.ts';

const ofType = (type: string, source = '/s'): CloudEvent => ({
  specversion: '1.0',
  id: '1',
  time: '2026-01-01T00:00:00Z',
  type,
  source,
});

const FILTERS: Filter[][] = [
  [],
  [{ exact: { type: 'a' } }],
  [{ exact: { type: 'b', source: '/s' } }],
  [{ prefix: { type: 'a' } }],
  [{ any: [{ exact: { type: 'a' } }, { exact: { type: 'c' } }] }],
  [{ any: [{ exact: { type: 'a' } }, { exact: { source: '/t' } }] }],
  [{ all: [{ exact: { type: 'c' } }, { suffix: { source: 't' } }] }],
  [{ exact: { type: 'a' } }, { exact: { type: 'b' } }],
  [{ not: { exact: { type: 'a' } } }],
];

describe('triggers', () => {
  it('are found as if each had been asked, whatever is set and removed', () => {
    const step = fc.record({
      name: fc.constantFrom('one', 'two', 'three', 'four'),
      which: fc.integer({ min: -1, max: 8 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const index = new TriggerIndex<string>();
        const plain = new Map<string, Filter[]>();
        for (const { name, which } of steps) {
          const filters = FILTERS[which];
          if (filters) {
            index.set(name, filters, name);
            plain.set(name, filters);
          } else {
            index.delete(name);
            plain.delete(name);
          }
        }
        for (const type of ['a', 'b', 'c', 'ab'])
          for (const source of ['/s', '/t']) {
            const event = ofType(type, source);
            const expected = [...plain].filter(([, filters]) => compile(filters)(event)).map(([name]) => name);
            expect(index.matching(event).sort()).toEqual(expected.sort());
          }
        expect(index.size).toBe(plain.size);
      }),
    );
  });

  it('that name the types they want are not asked about others: 10,000 of them do not slow an event down', () => {
    const index = new TriggerIndex<string>();
    let asked = 0;
    for (let at = 0; at < 10_000; at++) {
      const wanted = { type: `type-${at}` };
      // Each look at what it compares is counted.
      const exact = { ...wanted, source: '/s' };
      index.set(`t${at}`, [{ exact }], `t${at}`);
    }
    const event = new Proxy(ofType('type-77'), {
      getOwnPropertyDescriptor(target, name) {
        asked++;
        return Reflect.getOwnPropertyDescriptor(target, name);
      },
    });
    expect(index.matching(event)).toEqual(['t77']);
    expect(asked).toBe(2);
  });
});
