import { describe, expect, it } from 'vitest';
import { failureOf, PLACES, SharedHost } from './shared-host.ts';

const LIMIT_BYTES = 6 * 1_048_576;

describe.each(PLACES)('between the caller and a $isolation of an agent $agent', ({ agent, isolation }) => {
  const host = new SharedHost({ agent });

  it('values keep their type both ways', async () => {
    const echo = await host.function('export default (event) => event', { isolation });
    const kinds = await host.function('export default (event) => Object.prototype.toString.call(event)', { isolation });
    const values: [unknown, string][] = [
      [undefined, 'Undefined'],
      [null, 'Null'],
      ['', 'String'],
      [0, 'Number'],
      [Number.NaN, 'Number'],
      [2n ** 70n, 'BigInt'],
      [new Date(1_700_000_000_123), 'Date'],
      [new Map<unknown, unknown>([[{ a: 1 }, new Set([1n])]]), 'Map'],
      [new Set(['a', 1]), 'Set'],
      [Buffer.from([0, 255]), 'Uint8Array'],
      [new Float64Array([1.5]), 'Float64Array'],
      [[undefined, { a: undefined }], 'Array'],
      [{ nested: { at: new Date(0), n: -1 } }, 'Object'],
    ];
    for (const [value, kind] of values) {
      expect(await host.troupe.invoke(echo, value)).toStrictEqual(value);
      expect(await host.troupe.invoke(kinds, value)).toBe(`[object ${kind}]`);
    }
  });

  it('a Buffer of 5 MB passes both ways, byte by byte', async () => {
    const reverse = await host.function('export default (bytes) => Buffer.from(bytes).reverse()', { isolation });
    const bytes = Buffer.alloc(5_000_000);
    for (let at = 0; at < bytes.length; at += 97) bytes[at] = at % 251;
    const answer = await host.troupe.invoke<Uint8Array>(reverse, bytes);
    expect(Buffer.from(answer).reverse().equals(bytes)).toBe(true);
  });

  it('what is over the limit is refused, in either direction, and the instance goes on', async () => {
    const name = await host.function('export default (n) => Buffer.alloc(typeof n === "number" ? n : 0)', {
      isolation,
    });
    const payload = await failureOf(host.troupe.invoke(name, Buffer.alloc(LIMIT_BYTES + 1)));
    expect(payload).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', details: { limit: LIMIT_BYTES }, httpStatus: 413 });
    expect((await failureOf(host.troupe.invoke(name, LIMIT_BYTES + 1))).code).toBe('RESULT_TOO_LARGE');
    const { result, invocation } = await host.troupe.invokeWithDetails<Uint8Array>(name, LIMIT_BYTES - 100);
    expect(result.byteLength).toBe(LIMIT_BYTES - 100);
    expect(invocation.coldStart).toBeUndefined();
  });

  it('what is no data is refused by the name of its place', async () => {
    const name = await host.function(
      'export default (kind) => kind === "circle" ? circle() : { rows: [{ ok: 1 }, { callback() {} }] }; function circle() { const a = {}; a.a = a; return a; }',
      { isolation },
    );
    const result = await failureOf(host.troupe.invoke(name));
    expect(result).toMatchObject({ code: 'RESULT_NOT_ENCODABLE', details: { path: 'value.rows[1].callback' } });
    expect(result.message).toContain('value.rows[1].callback');
    expect((await failureOf(host.troupe.invoke(name, 'circle'))).code).toBe('RESULT_NOT_ENCODABLE');
    const payload = await failureOf(host.troupe.invoke(name, { a: [Symbol('s')] }));
    expect(payload.code).toBe('PAYLOAD_NOT_ENCODABLE');
    expect(payload.message).toContain('value.a[0]');
  });

  it('members named __proto__ pollute nothing, on neither side', async () => {
    const name = await host.function(
      `export default (event) => ({ seen: [event.polluted, event.inner.polluted, {}.polluted, Object.getPrototypeOf(event) === Object.prototype],
        back: JSON.parse('{"__proto__":{"polluted":2},"inner":{"constructor":{"prototype":{"polluted":2}}}}') })`,
      { isolation },
    );
    const payload = JSON.parse('{"__proto__":{"polluted":1},"inner":{"__proto__":{"polluted":1}}}');
    const { seen, back } = await host.troupe.invoke<{ seen: unknown[]; back: Record<string, unknown> }>(name, payload);
    expect(seen).toEqual([undefined, undefined, undefined, true]);
    expect(back['polluted']).toBeUndefined();
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('the payload limit', () => {
  const host = new SharedHost({ payloadLimitBytes: 2_048 });

  it('is what the host says, for calls from functions as well', async () => {
    const echo = await host.function('export default (event) => event.length');
    const caller = await host.function(
      'export default ({ name, bytes }, context) => context.invoke(name, "x".repeat(bytes)).catch((error) => error.code)',
    );
    expect(await host.troupe.invoke(echo, 'x'.repeat(2_000))).toBe(2_000);
    expect((await failureOf(host.troupe.invoke(echo, 'x'.repeat(2_048)))).code).toBe('PAYLOAD_TOO_LARGE');
    expect(await host.troupe.invoke(caller, { name: echo, bytes: 2_000 })).toBe(2_000);
    expect(await host.troupe.invoke(caller, { name: echo, bytes: 2_048 })).toBe('PAYLOAD_TOO_LARGE');
  });

  it('bounds a payload of any size before it is written out', async () => {
    const name = await host.function('export default () => 1');
    const filler = 'x'.repeat(100_000);
    const giant = Array.from({ length: 5_000 }, () => ({ filler }));
    const startedMs = performance.now();
    expect((await failureOf(host.troupe.invoke(name, giant))).code).toBe('PAYLOAD_TOO_LARGE');
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});
