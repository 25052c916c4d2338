import { describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { failureOf, PLACES, SharedHost } from './shared-host.ts';

/** What a generator of 2,000 may have made when its reader stops after a few: the credit of a stream, and what was read. */
const AHEAD = 16;

describe.each(PLACES)('a stream from a $isolation of an agent $agent', ({ agent, isolation }) => {
  const host = new SharedHost({ agent });
  const messagesOf = (name: string) => host.troupe.logs({ functionName: name }).map(({ message }) => message);

  const COUNTER = `let made = 0;
    export const config = { concurrency: 2 };
    export default async function* (event, { log }) {
      if (event === 'made') { yield made; return; }
      try { for (made = 1; made <= 2_000; made++) yield { made, filler: 'x'.repeat(100) }; }
      finally { log.info('finally'); }
    }`;

  it('comes in order and whole', async () => {
    const name = await host.function(COUNTER, { isolation });
    let next = 1;
    for await (const { made } of host.troupe.stream<{ made: number }>(name)) expect(made).toBe(next++);
    expect(next).toBe(2_001);
  });

  it('is at most a few chunks ahead of its reader, and its finally runs when the reader leaves', async () => {
    const name = await host.function(COUNTER, { isolation });
    const stream = host.troupe.stream<{ made: number }>(name);
    for (let read = 1; read <= 5; read++) expect((await stream.next()).value?.made).toBe(read);
    // Another call of the same instance says how far the generator is, once it has had time to run away.
    const made = async () => (await host.troupe.invoke<number[]>(name, 'made'))[0] ?? 0;
    const counts = [await made()];
    await until(async () => counts.push(await made()) && counts.at(-1) === counts.at(-2), { intervalMs: 20 });
    expect(counts.at(-1)).toBeGreaterThan(5);
    expect(counts.at(-1)).toBeLessThanOrEqual(5 + AHEAD + 1);
    expect(messagesOf(name)).toEqual([]);
    await stream.return?.();
    await until(() => messagesOf(name).includes('finally'));
    await until(() => host.troupe.invocations(50, name).some(({ status }) => status === 'CANCELLED'));
  });

  it('ends with the error of the function after the chunks that came before it', async () => {
    const name = await host.function(
      `export default async function* () { yield 1; yield 2; throw new RangeError('the end') }`,
      { isolation },
    );
    const seen: unknown[] = [];
    const read = async () => {
      for await (const chunk of host.troupe.stream(name)) seen.push(chunk);
    };
    const failure = await failureOf(read());
    expect(seen).toEqual([1, 2]);
    expect(failure).toMatchObject({ code: 'FUNCTION_ERROR', cause: { name: 'RangeError', message: 'the end' } });
  });

  it('ends with a typed error when its instance dies on the way', async () => {
    const name = await host.function(
      'export default async function* () { yield 1; await new Promise((done) => setTimeout(done, 20)); process.exit(1) }',
      { isolation },
    );
    const stream = host.troupe.stream(name);
    expect(await stream.next()).toEqual({ done: false, value: 1 });
    expect((await failureOf(stream.next())).code).toBe('INSTANCE_CRASHED');
  });

  it('ends with TIMEOUT when the function is too slow, and what came before stays', async () => {
    const name = await host.function(
      `export default async function* (_, { log }) { try { yield 1; await new Promise(() => {}) } finally { log.info('finally') } }`,
      { isolation, timeoutMs: 1_000 },
    );
    await host.troupe
      .stream(name, null, { timeoutMs: 1 })
      .next()
      .catch(() => {});
    const stream = host.troupe.stream(name);
    expect((await stream.next()).value).toBe(1);
    expect((await failureOf(stream.next())).code).toBe('TIMEOUT');
  });

  it('carries a response: status, repeated headers and a body in pieces', async () => {
    const name = await host.function(
      `export default { fetch(request) {
        if (new URL(request.url).pathname === '/empty') return new Response(null, { status: 204, headers: { 'x-empty': 'yes' } });
        const headers = new Headers([['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['content-type', 'text/plain']]);
        let at = 0;
        const body = new ReadableStream({ async pull(controller) {
          if (at === 3) return controller.close();
          controller.enqueue(new TextEncoder().encode('piece ' + at++));
        } });
        return new Response(body, { status: 206, headers });
      } }`,
      { isolation },
    );
    const response = await host.troupe.fetch(name, new Request('http://localhost/'));
    expect(response.status).toBe(206);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    const pieces: string[] = [];
    if (response.body) for await (const piece of response.body) pieces.push(Buffer.from(piece).toString());
    expect(pieces).toEqual(['piece 0', 'piece 1', 'piece 2']);
    const empty = await host.troupe.fetch(name, new Request('http://localhost/empty'));
    expect([empty.status, empty.headers.get('x-empty'), await empty.text()]).toEqual([204, 'yes', '']);
    expect(await empty.body).toBeNull();
    await until(() => host.troupe.invocations(1, name)[0]?.status === 'succeeded');
  });
});

describe('a plain function that answers HTTP', () => {
  const host = new SharedHost();
  const fetch = (name: string, path: string, init?: RequestInit) =>
    host.troupe.fetch(name, new Request(`http://localhost${path}`, init));

  it('gets the request as an event and says the response with statusCode, headers and cookies', async () => {
    const name = await host.function(
      `export default ({ method, path, query, headers, body }) => ({ statusCode: 418, headers: { 'x-one': 'y' }, cookies: ['a=1', 'b=2'],
        body: JSON.stringify({ method, path, query, body, type: headers['content-type'] }) })`,
    );
    const response = await fetch(name, '/a/b?q=1&q=2', {
      method: 'POST',
      body: '{"n":1}',
      headers: { 'content-type': 'application/json' },
    });
    expect([response.status, response.headers.get('x-one'), response.headers.getSetCookie()]).toEqual([
      418,
      'y',
      ['a=1', 'b=2'],
    ]);
    expect(await response.json()).toEqual({
      method: 'POST',
      path: '/a/b',
      query: { q: ['1', '2'] },
      body: '{"n":1}',
      type: 'application/json',
    });
  });

  it('answers data as JSON, text as text, nothing as 204, and a generator as lines', async () => {
    const name = await host.function(
      `export default ({ path }) => ({ '/data': { a: 1 }, '/text': 'plain', '/html': '<p>' })[path]`,
    );
    const generator = await host.function('export default async function* () { yield { a: 1 }; yield { a: 2 } }');
    const answers = [];
    for (const path of ['/data', '/text', '/html', '/none']) {
      const response = await fetch(name, path);
      answers.push([response.status, response.headers.get('content-type')?.split(';')[0], await response.text()]);
    }
    expect(answers).toEqual([
      [200, 'application/json', '{"a":1}'],
      [200, 'text/plain', 'plain'],
      [200, 'text/html', '<p>'],
      [204, undefined, ''],
    ]);
    const lines = await fetch(generator, '/');
    expect([lines.headers.get('content-type'), await lines.text()]).toEqual([
      'application/x-ndjson',
      '{"a":1}\n{"a":2}\n',
    ]);
  });

  it('rejects with what went wrong when it fails before its head', async () => {
    const name = await host.function(`export default { fetch() { throw new Error('no head') } }`);
    expect(await failureOf(fetch(name, '/'))).toMatchObject({ code: 'FUNCTION_ERROR', cause: { message: 'no head' } });
    expect((await failureOf(fetch('nobody', '/'))).code).toBe('FUNCTION_NOT_FOUND');
  });

  it('is cancelled when whoever reads the body leaves', async () => {
    const name = await host.function(
      `export default { fetch(request, { log }) { return new Response(new ReadableStream({
        pull(controller) { controller.enqueue(new Uint8Array(1_000)) }, cancel() { log.info('cancelled') } })) } }`,
    );
    const response = await fetch(name, '/');
    const reader = response.body?.getReader();
    expect((await reader?.read())?.value?.byteLength).toBe(1_000);
    await reader?.cancel();
    await until(() => host.troupe.logs({ functionName: name }).some(({ message }) => message === 'cancelled'));
  });
});
