import { describe, expect, it } from 'vitest';
import type { GatewayHost } from '../../../src/ecosystem/gateway/protocol.ts';
import { ERROR_CODES, type ErrorCode, TroupeError } from '../../../src/errors.ts';
import type { InvokeOptions } from '../../../src/function-management/router/protocol.ts';
import { encodePayload } from '../../../src/transport/codec.ts';
import { until } from '../../support/until.ts';
import { ask, errorOf, gatewayFor, invoke, open, RECORD, rawConnection, responseTo } from './gateway-harness.ts';

const returning = (result: unknown): Partial<GatewayHost> => ({
  invokeWithDetails: async () => ({ result, invocation: RECORD }),
});

/** What the host was called with. */
async function payloadOf(body: string | Uint8Array, contentType?: string): Promise<unknown> {
  let seen: unknown;
  const gateway = await gatewayFor({
    invokeWithDetails: async (_, payload) => {
      seen = payload;
      return { result: null, invocation: RECORD };
    },
  });
  const answer = await invoke(gateway, {
    body,
    headers: contentType === undefined ? {} : { 'content-type': contentType },
  });
  expect(answer.status).toBe(200);
  return seen;
}

describe('Payloads', () => {
  it('are JSON when the type says so, when none is given, and for curl -d', async () => {
    for (const type of [
      undefined,
      'application/json',
      'Application/JSON; charset=utf-8',
      'application/cloudevents+json',
      'application/x-www-form-urlencoded',
    ]) {
      expect(await payloadOf('\uFEFF{"a":[1,"é"]}', type)).toEqual({ a: [1, 'é'] });
    }
  });

  it('are text, bytes or MessagePack when the type says so', async () => {
    expect(await payloadOf('{"a":1}', 'text/plain')).toBe('{"a":1}');
    expect(await payloadOf(Buffer.from('é', 'latin1'), 'text/plain; charset=iso-8859-1')).toBe('é');
    const bytes = await payloadOf(Uint8Array.of(0, 255, 1), 'application/octet-stream');
    expect(bytes).toBeInstanceOf(Uint8Array);
    expect(bytes).toEqual(Uint8Array.of(0, 255, 1));
    expect(await payloadOf(Uint8Array.of(9), 'image/png')).toEqual(Uint8Array.of(9));
    expect(await payloadOf(encodePayload({ big: 2n ** 60n }), 'application/x-msgpack')).toEqual({ big: 2n ** 60n });
  });

  it('are undefined without a body', async () => {
    expect(await payloadOf('')).toBeUndefined();
    expect(await payloadOf('', 'application/json')).toBeUndefined();
  });

  it('with prototype keys change nothing but themselves', async () => {
    const payload = await payloadOf('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(Object.getPrototypeOf(payload)).toBe(Object.prototype);
    expect(Object.keys(payload as object)).toEqual(['__proto__', 'constructor']);
  });

  it('that are not what they say are refused', async () => {
    const gateway = await gatewayFor();
    const refused = async (body: string | Uint8Array, type: string) => {
      const answer = await invoke(gateway, { body, headers: { 'content-type': type } });
      return [answer.status, errorOf(answer).code];
    };
    const json = errorOf(await invoke(gateway, { body: '{\n "a": oops}' }));
    expect(json.code).toBe('INVALID_JSON');
    expect(json.details).toEqual({ offset: 8, line: 2, column: 7 });
    expect(await refused(Uint8Array.of(0x22, 0xff, 0x22), 'application/json')).toEqual([400, 'INVALID_JSON']);
    expect(await refused('a=1&b=2', 'application/x-www-form-urlencoded')).toEqual([400, 'INVALID_JSON']);
    expect(await refused(Uint8Array.of(0xc1), 'application/x-msgpack')).toEqual([400, 'INVALID_ARGUMENT']);
    expect(await refused('x', 'text/plain; charset=klingon')).toEqual([400, 'INVALID_ARGUMENT']);
  });
});

describe('Options', () => {
  it('come from query and headers', async () => {
    const seen: { name: string; options: InvokeOptions }[] = [];
    const gateway = await gatewayFor({
      invokeWithDetails: async (name, _, options) => {
        seen.push({ name, options });
        return { result: 1, invocation: RECORD };
      },
    });
    await invoke(gateway, { query: '?version=3', headers: { 'x-troupe-timeout-ms': '250', 'idempotency-key': 'k' } });
    await invoke(gateway, { query: '?alias=beta' });
    expect(seen[0]).toMatchObject({ name: 'hello', options: { version: 3, timeoutMs: 250, idempotencyKey: 'k' } });
    expect(seen[1]?.options).toMatchObject({ alias: 'beta' });
    expect(seen[1]?.options).not.toHaveProperty('version');
  });

  it('that are wrong are refused before anything is called', async () => {
    const gateway = await gatewayFor({ invokeWithDetails: () => Promise.reject(new Error('was called')) });
    for (const wrong of [
      { query: '?version=-1' },
      { query: '?version=one' },
      { query: '?version=' },
      { headers: { 'x-troupe-timeout-ms': '-5' } },
      { headers: { 'x-troupe-timeout-ms': '0' } },
      { headers: { 'x-troupe-timeout-ms': 'soon' } },
    ]) {
      const answer = await invoke(gateway, wrong);
      expect([answer.status, errorOf(answer).code]).toEqual([400, 'INVALID_ARGUMENT']);
    }
  });
});

describe('Results', () => {
  it('are JSON, with the invocation in the headers', async () => {
    const gateway = await gatewayFor({
      invokeWithDetails: async () => ({ result: { a: 1 }, invocation: { ...RECORD, coldStart: 'burst' } }),
    });
    const { status, headers, json } = await invoke(gateway);
    expect([status, json, headers['content-type']]).toEqual([200, { a: 1 }, 'application/json']);
    expect(headers['x-troupe-invocation-id']).toBe('call-1');
    expect(headers['x-troupe-cold-start']).toBe('burst');
    expect(headers['server-timing']).toBe(
      'total;dur=1.6, route;dur=0.01, queue;dur=0.02, place;dur=0, start;dur=0, specialise;dur=0, deliver;dur=0.03, run;dur=1.5, reply;dur=0.04',
    );
    expect((await invoke(await gatewayFor())).headers).not.toHaveProperty('x-troupe-cold-start');
  });

  it('of bytes are bytes, and of nothing null', async () => {
    const bytes = await invoke(await gatewayFor(returning(Uint8Array.of(1, 2, 255))));
    expect([bytes.headers['content-type'], [...bytes.body]]).toEqual(['application/octet-stream', [1, 2, 255]]);
    const nothing = await invoke(await gatewayFor(returning(undefined)));
    expect([nothing.status, nothing.text]).toEqual([200, 'null']);
  });

  it('are MessagePack for those who take nothing else', async () => {
    const gateway = await gatewayFor(returning(new Map([[1, 2n]])));
    const { body } = await invoke(gateway, { headers: { accept: 'application/x-msgpack' } });
    expect(new Uint8Array(body)).toEqual(encodePayload(new Map([[1, 2n]])));
  });

  it('come with their invocation when details are asked for', async () => {
    const { json } = await invoke(await gatewayFor(returning(Uint8Array.of(1))), { query: '?details=1' });
    expect(json).toEqual({ result: 'AQ==', invocation: { ...RECORD, coldStart: null } });
  });
});

describe('Failures', () => {
  it('have the status that the table of codes gives, for every code', async () => {
    let thrown = new TroupeError('INTERNAL', 'none yet');
    const gateway = await gatewayFor({ invokeWithDetails: () => Promise.reject(thrown) });
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
      thrown = new TroupeError(code, `about ${code}`, { details: { fact: 1 } });
      const answer = await invoke(gateway);
      expect(answer.status).toBe(thrown.httpStatus);
      expect(answer.json).toEqual({
        error: { code, message: `about ${code}`, details: { fact: 1 }, retryable: thrown.retryable },
      });
    }
  });

  it("carry the function's own error as their cause", async () => {
    const cause = Object.assign(new TypeError('no such thing'), {
      stack: 'TypeError: no such thing\n    at f (index.ts:3:1)',
    });
    const gateway = await gatewayFor({
      invokeWithDetails: () => Promise.reject(new TroupeError('FUNCTION_ERROR', 'no such thing', { cause })),
    });
    const answer = await invoke(gateway);
    expect(answer.status).toBe(502);
    expect(errorOf(answer).cause).toEqual({ name: 'TypeError', message: 'no such thing', stack: cause.stack });
  });

  it('say when to try again, where that helps', async () => {
    const gateway = await gatewayFor({
      invokeWithDetails: () => Promise.reject(new TroupeError('OVERLOADED', 'full')),
    });
    expect((await invoke(gateway)).headers['retry-after']).toBe('1');
  });

  it('that are bugs become INTERNAL', async () => {
    const gateway = await gatewayFor({
      invokeWithDetails() {
        throw new RangeError('oops');
      },
    });
    const answer = await invoke(gateway);
    expect([answer.status, errorOf(answer).code]).toEqual([500, 'INTERNAL']);
  });

  it('are told of names that are no names', async () => {
    const gateway = await gatewayFor();
    for (const name of ['..%2Fetc', '%E0%A4%A', 'UPPER', '%00', 'a'.repeat(64)]) {
      const answer = await ask(gateway, `/functions/${name}/invocations`, { method: 'POST' });
      expect([answer.status, errorOf(answer).code]).toEqual([400, 'INVALID_NAME']);
    }
  });
});

it('A client that goes away cancels its call', async () => {
  let signal: AbortSignal | undefined;
  const gateway = await gatewayFor({
    invokeWithDetails: (_name, _payload, options) => {
      signal = options.signal;
      return new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(new TroupeError('CANCELLED', 'gone')));
      });
    },
  });
  const outgoing = open(gateway, '/functions/hello/invocations', { method: 'POST' });
  outgoing.on('error', () => {});
  await until(() => signal);
  expect(signal?.aborted).toBe(false);
  outgoing.destroy();
  await until(() => signal?.aborted);
});

it('A client that has its answer cancels nothing', async () => {
  let signal: AbortSignal | undefined;
  const gateway = await gatewayFor({
    invokeWithDetails: async (_name, _payload, options) => {
      signal = options.signal;
      return { result: 1, invocation: RECORD };
    },
  });
  const response = await responseTo(open(gateway, '/functions/hello/invocations', { method: 'POST' }));
  await new Promise((resolve) => response.once('close', resolve).resume());
  await gateway.close();
  expect(signal?.aborted).toBe(false);
});

describe('Requests that come together', () => {
  const POST = 'POST /functions/hello/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n';

  it('are called in one go, and each is answered in the order of its connection', async () => {
    let turn = 0;
    const turns: number[] = [];
    const gateway = await gatewayFor({
      invokeWithDetails: async (_, payload) => {
        if (turns.push(turn) === 1) queueMicrotask(() => turn++);
        return { result: payload, invocation: RECORD };
      },
    });
    const { socket, received } = rawConnection(gateway);
    socket.write([1, 2, 3].map((body) => `${POST}${body}`).join(''));
    await until(() => received().split('HTTP/1.1 200').length === 4);
    expect(turns).toEqual([0, 0, 0]);
    expect(
      received()
        .match(/\r\n\r\n\d/g)
        ?.map((end) => end.trim()),
    ).toEqual(['1', '2', '3']);
  });

  it('are all cancelled when their connection goes away, those that wait for an earlier answer too', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const gateway = await gatewayFor({
      invokeWithDetails: (_name, _payload, options) => {
        signals.push(options.signal);
        return new Promise(() => {});
      },
    });
    const { socket } = rawConnection(gateway);
    const other = rawConnection(gateway);
    socket.write(`${POST}1${POST}2`);
    other.socket.write(`${POST}3`);
    await until(() => signals.length === 3);
    socket.destroy();
    await until(() => signals.filter((signal) => signal?.aborted).length === 2);
    expect(signals.filter((signal) => signal?.aborted)).toHaveLength(2);
  });

  it('do not share the fate of one that fails', async () => {
    const gateway = await gatewayFor();
    const { socket, received } = rawConnection(gateway);
    socket.write(`${POST}{${POST}7`);
    await until(() => received().includes('HTTP/1.1 200'));
    expect(received()).toMatch(/^HTTP\/1\.1 400 [\s\S]*INVALID_JSON[\s\S]*HTTP\/1\.1 200 [\s\S]*\r\n\r\n7$/);
  });
});
