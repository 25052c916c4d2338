/** What every driver's `KeyValueStore` does. `openStore` gives a fresh, empty store; the suite closes it. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Key, KeyValueStore, Operation, RangeOptions, Store } from '../../src/store/protocol.ts';

export function keyValueStoreConformance(openStore: () => Promise<Store>): void {
  describe('KeyValueStore', () => {
    let store: Store;
    let database: KeyValueStore;

    beforeEach(async () => {
      store = await openStore();
      database = store.database('settings');
    });
    afterEach(() => store.close());

    const put = (key: Key, value: unknown) => database.commit([{ kind: 'put', key, value }]);
    const keysOf = (options?: RangeOptions) => Array.from(database.range(options), ({ key }) => key);

    it('gives back what was put, in every kind of plain data', async () => {
      const value = {
        text: 'ß😀',
        list: [1, -2.5, null, true, 2n ** 60n],
        nested: { bytes: Buffer.from([0, 255]) },
        date: new Date(5),
      };
      await put(['a', 1, 'b'], value);
      expect(database.get(['a', 1, 'b'])?.value).toEqual(value);
      expect(database.get(['a', 1])).toBeUndefined();
      expect(database.get(['a', '1', 'b'])).toBeUndefined();
    });

    it('shares nothing with its callers: neither the value put nor the value read', async () => {
      const value = { list: [1] };
      const commit = put(['a'], value);
      value.list.push(2);
      await commit;
      const read = database.get(['a'])?.value as typeof value;
      expect(read).toEqual({ list: [1] });
      read.list.push(3);
      expect(database.get(['a'])?.value).toEqual({ list: [1] });
    });

    it('keeps databases apart', async () => {
      await put(['a'], 1);
      expect(store.database('functions').get(['a'])).toBeUndefined();
    });

    it('commits all operations, or none when one expectation fails', async () => {
      await put(['a'], 1);
      const refused = await database.commit([
        { kind: 'put', key: ['b'], value: 2 },
        { kind: 'delete', key: ['a'] },
        { kind: 'put', key: ['a'], value: 3, expect: 'absent' },
      ]);
      expect(refused).toEqual({ kind: 'conflict', key: ['a'], revision: database.get(['a'])?.revision });
      expect(keysOf()).toEqual([['a']]);
      const accepted = await database.commit([
        { kind: 'put', key: ['b'], value: 2, expect: 'absent' },
        { kind: 'delete', key: ['a'], expect: database.get(['a'])?.revision ?? -1 },
      ]);
      expect(accepted.kind).toBe('committed');
      expect(keysOf()).toEqual([['b']]);
    });

    it('refuses an expectation of an older revision, also after the key was deleted and put again', async () => {
      const first = await put(['a'], 1);
      await database.commit([{ kind: 'delete', key: ['a'] }]);
      const second = await put(['a'], 1);
      if (first.kind !== 'committed' || second.kind !== 'committed') throw new Error('not committed');
      expect(second.revision).toBeGreaterThan(first.revision);
      expect((await database.commit([{ kind: 'check', key: ['a'], expect: first.revision }])).kind).toBe('conflict');
      expect((await database.commit([{ kind: 'check', key: ['a'], expect: second.revision }])).kind).toBe('committed');
      expect((await database.commit([{ kind: 'delete', key: ['gone'], expect: 1 }])).kind).toBe('conflict');
    });

    it('can expect a key to have an entry, whatever its revision', async () => {
      const append = () =>
        database.commit([
          { kind: 'check', key: ['a'], expect: 'present' },
          { kind: 'put', key: ['b'], value: 1 },
        ]);
      expect(await append()).toEqual({ kind: 'conflict', key: ['a'] });
      expect(keysOf()).toEqual([]);
      await put(['a'], 1);
      expect((await append()).kind).toBe('committed');
      // One that is under way counts.
      void put(['c'], 1);
      expect((await database.commit([{ kind: 'check', key: ['c'], expect: 'present' }])).kind).toBe('committed');
    });

    it('lets exactly one of many concurrent commits with the same expectation win', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          database.commit([{ kind: 'put', key: ['winner'], value: index, expect: 'absent' }]),
        ),
      );
      expect(outcomes.filter(({ kind }) => kind === 'committed')).toHaveLength(1);
      expect(outcomes.findIndex(({ kind }) => kind === 'committed')).toBe(database.get(['winner'])?.value);
    });

    it('applies concurrent commits in the order of the calls', async () => {
      await Promise.all(Array.from({ length: 100 }, (_, index) => put(['last'], index)));
      expect(database.get(['last'])?.value).toBe(99);
    });

    it('sorts numbers before strings, short keys before longer ones, and strings by code point', async () => {
      const sorted: Key[] = [
        [-5.5],
        [1],
        ['a'],
        ['a', -1],
        ['a', 2],
        ['a', 10],
        ['a', ''],
        ['a', 'x'],
        ['a', 'x', 0],
        ['a', '\uFFFD'],
        ['a', '\u{1F600}'],
        ['aa'],
        ['b'],
      ];
      await database.commit([...sorted].reverse().map((key) => ({ kind: 'put', key, value: 0 }) as const));
      expect(keysOf()).toEqual(sorted);
      expect(keysOf({ prefix: ['a'] })).toEqual(sorted.slice(2, 11));
      expect(keysOf({ prefix: ['a'], reverse: true, limit: 2 })).toEqual([
        ['a', '\u{1F600}'],
        ['a', '\uFFFD'],
      ]);
      expect(keysOf({ start: ['a', 2], end: ['a', 'x'] })).toEqual([
        ['a', 2],
        ['a', 10],
        ['a', ''],
      ]);
      expect(keysOf({ prefix: ['a', 'x'], start: ['a'] })).toEqual([
        ['a', 'x'],
        ['a', 'x', 0],
      ]);
      expect(keysOf({ limit: 0 })).toEqual([]);
    });

    it.each<[string, Key]>([
      ['an empty key', []],
      ['a key with NUL', ['a\0b']],
      ['a key with half a surrogate pair', ['\uD800']],
      ['a key that is not a number', [Number.NaN]],
      ['a key that is too long', ['x'.repeat(2_000)]],
    ])('refuses %s, and changes nothing', async (_, key) => {
      await expect(
        database.commit([
          { kind: 'put', key: ['ok'], value: 1 },
          { kind: 'put', key, value: 1 },
        ]),
      ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(() => database.get(key)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
      expect(keysOf()).toEqual([]);
    });

    it('refuses a value that is not plain data', async () => {
      const circular: Record<string, unknown> = {};
      circular['self'] = circular;
      await expect(put(['a'], circular)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(put(['a'], Symbol('a'))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    });

    it('finishes what is outstanding when it closes, and refuses what comes later', async () => {
      const outstanding = put(['a'], 1);
      const closed = store.close();
      expect((await outstanding).kind).toBe('committed');
      await closed;
      await expect(put(['b'], 1)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
      expect(() => database.get(['a'])).toThrow(expect.objectContaining({ code: 'SHUTTING_DOWN' }));
    });

    it('behaves as a sorted map under any sequence of commits and ranges', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(operation, { maxLength: 4 }), { maxLength: 12 }),
          range,
          async (commits, options) => {
            await database.commit(Array.from(database.range(), ({ key }) => ({ kind: 'delete', key }) as const));
            const model = new Map<string, unknown>();
            for (const operations of commits) {
              const outcome = await database.commit(operations);
              const holds = operations.every(
                (each) => each.expect === undefined || !model.has(JSON.stringify(each.key)),
              );
              expect(outcome.kind).toBe(holds ? 'committed' : 'conflict');
              if (holds) for (const each of operations) applyTo(model, each);
            }
            const everything = Array.from(database.range(), ({ key, value }) => [JSON.stringify(key), value]);
            expect(new Map(everything as [string, unknown][])).toEqual(model);
            expect(keysOf(options)).toEqual(expectedRange(keysOf(), options));
          },
        ),
        { numRuns: 60 },
      );
    });
  });
}

const part = fc.oneof(
  fc.constantFrom<string | number>(
    '',
    'a',
    'b',
    '\u0001',
    '\u0005z',
    'é',
    '\u{10000}',
    '\uFFFF',
    -1,
    0,
    1,
    256,
    1.5,
    -1e300,
    2 ** 60,
  ),
  fc.string({ unit: 'binary', maxLength: 3 }).filter((text) => !text.includes('\0')),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
);
const key = fc.array(part, { minLength: 1, maxLength: 3 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key,
      value: fc
        .jsonValue()
        .map((value) => JSON.parse(JSON.stringify(value).replaceAll('__proto__', 'proto')) as unknown),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key,
      value: fc.integer(),
      expect: fc.constant('absent' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
);
const range: fc.Arbitrary<RangeOptions> = fc.record(
  {
    prefix: fc.array(part, { minLength: 1, maxLength: 1 }),
    start: key,
    end: key,
    limit: fc.nat(5),
    reverse: fc.boolean(),
  },
  { requiredKeys: [] },
);

function applyTo(model: Map<string, unknown>, operation: Operation): void {
  const id = JSON.stringify(operation.key);
  if (operation.kind === 'put') model.set(id, operation.value);
  if (operation.kind === 'delete') model.delete(id);
}

/** The bounds applied one by one to the sorted list of all keys. */
function expectedRange(all: readonly Key[], { prefix, start, end, limit, reverse }: RangeOptions): Key[] {
  const kept = all.filter(
    (each) =>
      (!prefix || prefix.every((wanted, index) => each[index] === wanted)) &&
      (!start || byParts(each, start) >= 0) &&
      (!end || byParts(each, end) < 0),
  );
  return (reverse ? kept.reverse() : kept).slice(0, limit);
}

/** The documented order, spelled out: numbers before strings, strings by their UTF-8 bytes, prefixes first. */
function byParts(a: Key, b: Key): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const [left, right] = [a[index], b[index]];
    if (left === right) continue;
    if (typeof left !== typeof right) return typeof left === 'number' ? -1 : 1;
    if (typeof left === 'number') return left - Number(right);
    return Buffer.compare(Buffer.from(String(left)), Buffer.from(String(right)));
  }
  return a.length - b.length;
}
