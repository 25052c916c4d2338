import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile, filterFaults, typesOf } from '../../../../src/ecosystem/event-management/events/filters.ts';
import type { CloudEvent, Filter } from '../../../../src/ecosystem/event-management/protocol.ts';

const EVENT: CloudEvent = {
  specversion: '1.0',
  id: '17',
  source: '/shop/oslo',
  type: 'com.example.order.placed',
  time: '2026-01-01T00:00:00Z',
  subject: 'order/17',
  data: { type: 'no attribute' },
  priority: 5,
  urgent: true,
};

const matches = (filter: unknown) => {
  expect(filterFaults([filter])).toEqual([]);
  return compile([filter as Filter])(EVENT);
};

describe('a filter', () => {
  it.each([
    ['exact', { exact: { type: 'com.example.order.placed' } }, true],
    ['exact, with other capitals', { exact: { type: 'com.example.order.Placed' } }, false],
    ['exact, of two attributes', { exact: { type: 'com.example.order.placed', source: '/shop/oslo' } }, true],
    ['exact, of two attributes of which one differs', { exact: { type: 'com.example.order.placed', id: '18' } }, false],
    ['exact, of an integer', { exact: { priority: '5' } }, true],
    ['exact, of a boolean', { exact: { urgent: 'true' } }, true],
    ['exact, of an attribute that is not there', { exact: { region: 'no' } }, false],
    ['exact, of what every object has', { prefix: { constructor: 'f' } }, false],
    ['prefix', { prefix: { type: 'com.example.' } }, true],
    ['prefix, of what is an end', { prefix: { type: 'placed' } }, false],
    ['suffix', { suffix: { type: '.placed' } }, true],
    ['suffix, of what is a beginning', { suffix: { type: 'com' } }, false],
    ['any', { any: [{ exact: { id: '18' } }, { suffix: { source: 'oslo' } }] }, true],
    ['any, of which none matches', { any: [{ exact: { id: '18' } }, { exact: { id: '19' } }] }, false],
    ['all', { all: [{ exact: { id: '17' } }, { prefix: { subject: 'order/' } }] }, true],
    ['all, of which one does not match', { all: [{ exact: { id: '17' } }, { prefix: { subject: 'cart/' } }] }, false],
    ['not', { not: { prefix: { type: 'com.example.cart' } } }, true],
    ['not, of an attribute that is not there', { not: { exact: { region: 'no' } } }, true],
  ])('%s', (_, filter, expected) => {
    expect(matches(filter)).toBe(expected);
  });

  it('is one of several that must all match; without any, every event does', () => {
    expect(compile([{ exact: { id: '17' } }, { exact: { source: '/shop/oslo' } }])(EVENT)).toBe(true);
    expect(compile([{ exact: { id: '17' } }, { exact: { source: '/shop/rome' } }])(EVENT)).toBe(false);
    expect(compile([])(EVENT)).toBe(true);
  });

  it.each([
    ['is no array', {}, 'filters: must be an array of filters'],
    ['is no object', ['type'], "filters[0]: must be an object such as { exact: { type: '...' } }"],
    [
      'has no dialect',
      [{}],
      'filters[0]: must have one dialect, which is one of exact, prefix, suffix, any, all, not; it has none',
    ],
    ['has two dialects', [{ exact: { id: '1' }, not: { exact: { id: '1' } } }], 'it has exact, not'],
    ['has a dialect that does not exist', [{ equals: { id: '1' } }], 'filters[0].equals: is no dialect'],
    [
      'is SQL',
      [{ sql: "type = 'x'" }],
      'filters[0].sql: SQL is not supported; use exact, prefix, suffix, any, all, not',
    ],
    ['names no attribute', [{ exact: {} }], 'filters[0].exact: must be an object of 1 to 50 attributes'],
    [
      'compares with a number',
      [{ exact: { priority: 5 } }],
      'filters[0].exact.priority: must be a string of 1 to 1024',
    ],
    ['compares with nothing', [{ prefix: { type: '' } }], 'filters[0].prefix.type: must be a string of 1 to 1024'],
    ['looks at data', [{ exact: { data: 'x' } }], 'filters[0].exact.data: is no attribute'],
    [
      'has a name that no attribute has',
      [{ exact: { 'my-type': 'x' } }],
      'filters[0].exact.my-type: names of attributes',
    ],
    ['has no list', [{ any: { exact: { id: '1' } } }], 'filters[0].any: must be an array of at least one filter'],
    ['has an empty list', [{ all: [] }], 'filters[0].all: must be an array of at least one filter'],
    ['has a list for not', [{ not: [{ exact: { id: '1' } }] }], 'filters[0].not: must be an object'],
    [
      'has its fault deep inside',
      [{ exact: { id: '1' } }, { any: [{ not: { prefix: { type: 7 } } }] }],
      'filters[1].any[0].not.prefix.type: must be a string',
    ],
  ])('that %s is refused with its path', (_, filters, message) => {
    const faults = filterFaults(filters);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(message);
  });

  it('is not nested without end, nor are there very many', () => {
    let deep: object = { exact: { id: '1' } };
    for (let depth = 0; depth < 1_000; depth++) deep = { not: deep };
    expect(filterFaults([deep]).join()).toMatch(/^filters\[0\](\.not){8}: filters may be nested 8 deep/);
    const many = Array.from({ length: 100_000 }, () => ({ exact: { id: '' } }));
    const faults = filterFaults(many);
    expect(faults.length).toBeLessThan(300);
    expect(faults.at(-1)).toContain('at most 200 filters');
  });
});

const name = fc.constantFrom('type', 'source', 'subject', 'id', 'region');
const word = fc.stringMatching(/^[ab.]{1,4}$/);
const attributes = fc.dictionary(name, word, { minKeys: 1, maxKeys: 2 });
const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 4 },
    fc.record({ exact: attributes }),
    fc.record({ prefix: attributes }),
    fc.record({ suffix: attributes }),
    fc.record({ not: tie('filter') }),
    fc.record({ any: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ all: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) }),
  ),
}));
const event = fc
  .record({ type: word, source: word, id: word, subject: fc.option(word, { nil: undefined }) })
  .map(({ subject, ...rest }) => ({ ...EVENT, ...rest, ...(subject ? { subject } : {}) }) as CloudEvent);
const is = (one: Filter, given: CloudEvent) => compile([one])(given);
const check = (property: (one: Filter, other: Filter, given: CloudEvent) => boolean) =>
  fc.assert(fc.property(filter, filter, event, property), { numRuns: 500 });

describe('filters, whatever they are', () => {
  it('are sound in the eyes of the check', () => {
    fc.assert(fc.property(filter, (one) => filterFaults([one]).length === 0));
  });

  it('not twice is not at all', () => {
    check((one, _, given) => is({ not: { not: one } }, given) === is(one, given));
  });

  it('any and all are each other under not', () => {
    check(
      (one, other, given) =>
        is({ not: { any: [one, other] } }, given) === is({ all: [{ not: one }, { not: other }] }, given) &&
        is({ not: { all: [one, other] } }, given) === is({ any: [{ not: one }, { not: other }] }, given),
    );
  });

  it('all is what several are together', () => {
    check((one, other, given) => is({ all: [one, other] }, given) === compile([one, other])(given));
  });

  it('the order of any does not matter', () => {
    check((one, other, given) => is({ any: [one, other] }, given) === is({ any: [other, one] }, given));
  });

  it('what is exact has its prefix and its suffix', () => {
    fc.assert(
      fc.property(attributes, event, (wanted, given) => {
        if (is({ exact: wanted }, given)) return is({ prefix: wanted }, given) && is({ suffix: wanted }, given);
        return true;
      }),
    );
  });

  it('never match an event of a type that they do not name, where they name types', () => {
    check((one, other, given) => {
      const types = typesOf([one, other]);
      return !types || types.has(given.type) || !compile([one, other])(given);
    });
  });
});
