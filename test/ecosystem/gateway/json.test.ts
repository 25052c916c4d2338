import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultOffset, parseJson } from '../../../src/ecosystem/gateway/json-fault.ts';
import { toJsonText } from '../../../src/ecosystem/gateway/json-text.ts';

describe('The place of a fault in JSON', () => {
  it('is the first character that cannot stand there', () => {
    const cases: [string, number][] = [
      ['', 0],
      ['{', 1],
      ['[1,]', 3],
      ['{"a":1,}', 7],
      ["{'a':1}", 1],
      ['{"a" 1}', 5],
      ['[1 2]', 3],
      ['01', 1],
      ['nul', 0],
      ['"a\nb"', 2],
      ['"a\\x"', 2],
      ['"abc', 4],
      ['{"a":1}}', 7],
      ['[}', 1],
      ['{]', 1],
      ['{"a":}', 5],
    ];
    for (const [text, offset] of cases) {
      expect(() => JSON.parse(text)).toThrow();
      expect([text, faultOffset(text)]).toEqual([text, offset]);
    }
  });

  it('lies behind everything of a text that was right before it was cut or spoilt', () => {
    const spoilt = fc
      .json()
      .chain((text) =>
        fc.tuple(fc.constant(text), fc.nat({ max: text.length }), fc.constantFrom('', '\u0001', '}', ']', ',', ':')),
      );
    fc.assert(
      fc.property(spoilt, ([text, at, junk]) => {
        const broken = text.slice(0, at) + junk;
        let parsed: unknown;
        try {
          parsed = JSON.parse(broken);
        } catch {
          parsed = undefined;
        }
        const offset = faultOffset(broken);
        if (parsed !== undefined) expect(offset).toBe(broken.length);
        expect(offset).toBeLessThanOrEqual(broken.length);
        // A word or number that is cut is at fault from its beginning.
        if (junk === '' && parsed === undefined) expect(text.slice(offset, at)).toMatch(/^[-+.\w\\]*$/);
      }),
    );
  });

  it('is found in long strings, and says line and column', () => {
    expect(faultOffset(`["${'x'.repeat(8_000_000)}" 1]`)).toBe(8_000_004);
    expect(() => parseJson('[\n1,\n oops]')).toThrow(/line 3, column 2 "oops\]"/);
    expect(() => parseJson("{'a': 1}")).toThrow(/line 1, column 2/);
    expect(() => parseJson("'a'")).toThrow(/double quotes/);
  });
});

describe('Results as JSON', () => {
  it('are what JSON.stringify says of JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(toJsonText(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it('have a form for what JSON has none for', () => {
    const cases: [unknown, string][] = [
      [undefined, 'null'],
      [Number.NaN, 'null'],
      [12n, '12'],
      [2n ** 60n, '"1152921504606846976"'],
      [new Date(0), '"1970-01-01T00:00:00.000Z"'],
      [new Date(Number.NaN), 'null'],
      [{ a: Uint8Array.of(1, 2) }, '{"a":"AQI="}'],
      [Buffer.from('hi'), '"aGk="'],
      [Float64Array.of(1.5, Number.NaN), '[1.5,null]'],
      [BigInt64Array.of(3n), '[3]'],
      [new Set([1, 2n]), '[1,2]'],
      [new Map([['a', new Map([['b', 1n]])]]), '{"a":{"b":1}}'],
      [new Map<unknown, number>([[1, 2]]), '[[1,2]]'],
      [new Map([['__proto__', 1]]), '{"__proto__":1}'],
      [[undefined, { a: undefined, b: 1n }], '[null,{"b":1}]'],
    ];
    for (const [value, text] of cases) expect(toJsonText(value)).toBe(text);
  });

  it('that have none are refused', () => {
    const circle: unknown[] = [1n];
    circle.push(circle);
    expect(() => toJsonText(circle)).toThrow(expect.objectContaining({ code: 'RESULT_NOT_ENCODABLE' }));
    expect(() => toJsonText({ toJSON: () => 1n })).toThrow(expect.objectContaining({ code: 'RESULT_NOT_ENCODABLE' }));
  });
});
