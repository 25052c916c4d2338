import fc from 'fast-check';
import { isNativeAccelerationEnabled } from 'msgpackr/pack';
import { describe, expect, it, vi } from 'vitest';
import { decodePayload, encodePayload } from '../../src/transport/codec.ts';
import { CodecError } from '../../src/transport/codec-error.ts';

const roundTrip = (value: unknown): unknown => decodePayload(encodePayload(value));

function refusal(value: unknown, options = {}): CodecError {
  try {
    encodePayload(value, options);
  } catch (thrown) {
    if (thrown instanceof CodecError) return thrown;
    throw thrown;
  }
  throw new Error('It was encoded.');
}

/** Strings without lone surrogates: UTF-8 has no place for these. */
const text = fc.string({ unit: 'grapheme' });
const leaf = fc.oneof(
  text,
  fc.integer(),
  // -0 arrives as 0: msgpackr writes it as the integer.
  fc.double().map((number) => (number === 0 ? 0 : number)),
  fc.boolean(),
  fc.constantFrom(null, undefined, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 53)),
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
  fc.date(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.uint8Array(),
  fc.float64Array(),
  fc.int32Array(),
  fc.bigInt64Array(),
);
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(
      text.filter((key) => key !== '__proto__'),
      tie('value'),
    ),
    fc.array(fc.tuple(fc.oneof(text, fc.integer()), tie('value'))).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 5 }).map((members) => new Set(members)),
  ),
}));

// First in this file: what is loaded stays.
describe('native decoding of strings', () => {
  const MEBIBYTE = 1_048_576;
  const table = (bytes: number) => Array.from({ length: bytes / 64 }, (_, row) => `${row}`.padEnd(64));
  const turns = () => new Promise((resolve) => setImmediate(resolve));

  it('is not loaded for a start, nor for bytes, and is once much text was decoded', async () => {
    roundTrip({ small: 'text' });
    roundTrip(Buffer.alloc(4 * MEBIBYTE));
    roundTrip(table(MEBIBYTE / 2));
    await turns();
    expect(isNativeAccelerationEnabled).toBe(false);
    expect(roundTrip(table(MEBIBYTE))).toEqual(table(MEBIBYTE));
    await vi.waitFor(() => expect(isNativeAccelerationEnabled).toBe(true));
    expect(roundTrip(table(MEBIBYTE))).toEqual(table(MEBIBYTE));
  });
});

describe('the payload codec', () => {
  it('gives back what was put in', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(roundTrip(value)).toEqual(value);
      }),
      { numRuns: 200 },
    );
  });

  it('gives back large strings of any kind, however they were put together', () => {
    const parts = ['plain ASCII, ', 'Grüße, ', 'жук, ', '😀, ', '\u0000\ufeff\ufffd, '];
    for (const part of parts) {
      const long = part.repeat(20_000);
      for (const value of [long, `\ufeff${long}`, `${long}ü`, `${'a'.repeat(65_536)}${part}`]) {
        expect(roundTrip(value) === value).toBe(true);
      }
    }
  });

  it('refuses a large string over the limit, in characters or in bytes', () => {
    expect(refusal('a'.repeat(70_001), { limitBytes: 70_000 }).reason).toBe('too-large');
    expect(refusal('ü'.repeat(66_000), { limitBytes: 70_000 }).reason).toBe('too-large');
  });

  it('keeps the kind of every container, also of those that hold nothing', () => {
    const value = {
      map: new Map<unknown, unknown>([
        [{ key: 1 }, new Map()],
        ['rows', [{ a: 1 }, { a: 2 }, { a: 3 }, { a: 4 }, { a: 5 }]],
      ]),
      set: new Set([new Set()]),
      bytes: Buffer.from('x'),
      view: new Uint8Array([1, 2]),
      empty: [{}, [], new Map(), new Set(), Buffer.alloc(0), ''],
      undefinedMember: undefined,
    };
    const decoded = roundTrip(value) as typeof value;
    expect(decoded).toStrictEqual(value);
    expect(Buffer.isBuffer(decoded.bytes)).toBe(true);
    expect(Buffer.isBuffer(decoded.view)).toBe(false);
  });

  it('takes objects of more members, and maps of more shapes, than fit in its fast forms', () => {
    const wide = Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`k${index}`, index]));
    expect(roundTrip(wide)).toEqual(wide);
    const shapes = new Map(
      Array.from({ length: 300 }, (_, index) => [index, { [`a${index}`]: 1, [`b${index}`]: [{}] }]),
    );
    expect(roundTrip(shapes)).toEqual(shapes);
  });

  it('turns instances into plain objects, errors with their message and cause included, and respects toJSON', () => {
    class Point {
      x = 1;
      readonly y = 2;
    }
    class Registry extends Map<string, number> {}
    expect(roundTrip(new Point())).toStrictEqual({ x: 1, y: 2 });
    expect(roundTrip([new URL('http://a.example/')])).toEqual(['http://a.example/']);
    expect(roundTrip(new Registry([['a', 1]]))).toEqual(new Map([['a', 1]]));
    const error = Object.assign(new TypeError('bad', { cause: new Error('why') }), { code: 'E_BAD' });
    expect(roundTrip({ error })).toMatchObject({
      error: { name: 'TypeError', message: 'bad', code: 'E_BAD', cause: { message: 'why' } },
    });
  });

  it.each([5, 70, 3_000, 5_000])(
    'owns its bytes alone: later encodings do not change one of %i characters',
    (length) => {
      const first = encodePayload({ text: 'f'.repeat(length) });
      const copy = Buffer.from(first);
      for (let index = 0; index < 2_000; index++) encodePayload({ index, text: 'other'.repeat(index % 300) });
      expect(copy.equals(first)).toBe(true);
    },
  );

  it.each([
    ['a function', { rows: [{ ok: 1 }, { callback: () => 1 }] }, 'value.rows[1].callback', /function/],
    ['a class', { Type: class {} }, 'value.Type', /function/],
    ['a symbol', { deep: { er: Symbol('s') } }, 'value.deep.er', /symbol/],
    ['a promise that nobody awaited', { user: Promise.resolve() }, 'value.user', /Promise/],
    ['a regular expression', [/x/], 'value[0]', /RegExp/],
    ['shared memory', { shared: new SharedArrayBuffer(8) }, 'value.shared', /SharedArrayBuffer/],
    ['a member of a Map', new Map([['a b', { f: () => 1 }]]), 'value.get("a b").f', /function/],
    ['a member of a Set', { set: new Set([() => 1]) }, 'value.set.values()', /function/],
    ['a member with an odd name', { 'a-b': { f: () => 1 } }, 'value["a-b"].f', /function/],
    ['the value itself', () => 1, 'value', /function/],
  ])('refuses %s, and says where', (_, value, path, message) => {
    const error = refusal(value);
    expect(error).toMatchObject({ reason: 'type', path });
    expect(error.message).toMatch(message);
  });

  it('refuses a getter or toJSON that throws, with what it threw', () => {
    const value = {
      fine: 1,
      get broken(): never {
        throw new Error('no luck');
      },
    };
    expect(refusal(value).message).toMatch(/no luck/);
  });

  it('refuses circular structures without filling the memory, and goes on working', () => {
    const node: Record<string, unknown> = { text: 'x'.repeat(100_000), list: [{}] };
    node['list'] = [{ parent: node }];
    const before = process.memoryUsage().arrayBuffers;
    expect(refusal(node, { limitBytes: 1_000_000 })).toMatchObject({
      reason: 'circular',
      path: 'value.list[0].parent',
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000);
    const array: unknown[] = [];
    array.push(array);
    expect(refusal(array)).toMatchObject({ reason: 'circular', path: 'value[0]' });
    const map = new Map<string, unknown>();
    map.set('self', map);
    expect(refusal(map).reason).toBe('circular');
    expect(roundTrip({ still: ['fine', 1.5, new Map([[1, 2]])] })).toEqual({ still: ['fine', 1.5, new Map([[1, 2]])] });
  });

  it('takes the same object twice, where it is no circle', () => {
    const shared = { a: 1 };
    expect(roundTrip([shared, { shared }])).toEqual([{ a: 1 }, { shared: { a: 1 } }]);
  });

  it('refuses what is over the limit, to the byte', () => {
    const limitBytes = encodePayload('x'.repeat(1_000)).length;
    expect(encodePayload('x'.repeat(1_000), { limitBytes })).toHaveLength(limitBytes);
    expect(refusal('x'.repeat(1_001), { limitBytes }).reason).toBe('too-large');
    const rows = Array.from({ length: 100_000 }, (_, id) => ({ id, name: 'x'.repeat(100) }));
    expect(refusal(rows, { limitBytes: 1_000 }).reason).toBe('too-large');
  });

  it('says that it is nested too deep, instead of overflowing the stack', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level++) deep = [deep];
    expect(refusal(deep).reason).toBe('too-deep');
  });

  it('refuses to be called from a getter of what it encodes, which would mix the two', () => {
    const value = {
      first: 1,
      get nested() {
        return encodePayload({ inner: 2 });
      },
    };
    expect(refusal(value).path).toBe('value.nested');
    expect(roundTrip({ first: 1 })).toEqual({ first: 1 });
  });

  it('never touches a prototype: neither at encoding nor from hostile bytes', () => {
    const hostile = JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}');
    for (const value of [hostile, new Map([['holder', hostile]])]) {
      const decoded = roundTrip(value);
      const object = (decoded instanceof Map ? decoded.get('holder') : decoded) as Record<string, unknown>;
      expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
      expect(object['polluted']).toBeUndefined();
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('builds neither errors nor regular expressions from bytes', () => {
    // fixext 1 of the types that msgpackr itself writes for them, then their parts.
    for (const type of ['x', 'e']) {
      const parts = encodePayload(['a+', 'g', null]);
      const bytes = Buffer.concat([Buffer.from([0xd4, type.charCodeAt(0), 0]), parts]);
      expect(() => decodePayload(bytes)).toThrow(CodecError);
    }
  });

  it('answers bytes that are no encoding with its own error, whatever they are', () => {
    const valid = encodePayload({
      rows: [{ a: 1, b: 'text' }],
      map: new Map([[1, new Date(0)]]),
      bytes: Buffer.alloc(5),
    });
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.nat(valid.length - 1), fc.nat(255))
        .map(([at, byte]) => Uint8Array.from(valid, (old, i) => (i === at ? byte : old))),
      fc.nat(valid.length - 1).map((length) => valid.slice(0, length)),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        try {
          decodePayload(input);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(CodecError);
        }
      }),
      { numRuns: 1_000 },
    );
    expect(roundTrip({ a: 1 })).toEqual({ a: 1 });
  });
});
