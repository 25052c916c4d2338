import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { realRequest, requestOf } from '../../src/instance-runtime/lazy-request.ts';
import type { HttpEvent } from '../../src/transport/protocol.ts';

const EVENT: HttpEvent = {
  method: 'POST',
  url: 'http://shop.example:8080/fn/page/a%20b/?q=1',
  headers: [
    ['content-type', 'application/json'],
    ['x-one', '1'],
    ['x-one', '2'],
  ],
  body: Buffer.from('{"a":1}'),
};

function lazy(event: Partial<HttpEvent> = {}): Request {
  return requestOf({ ...EVENT, ...event }, new AbortController());
}

describe('The request that a fetch handler gets', () => {
  it('says of itself what the real one says', async () => {
    const event = fc.record({
      method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
      url: fc.webUrl({ withQueryParameters: true, withFragments: true }),
      headers: fc.array(
        fc.tuple(
          fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/).map((name) => `x-${name}`),
          fc.stringMatching(/^[\x20-\x7e]{0,20}$/),
        ),
      ),
      body: fc.uint8Array(),
      read: fc.constantFrom('text', 'arrayBuffer', 'clone', 'blob'),
    });
    await fc.assert(
      fc.asyncProperty(event, async ({ read, ...given }) => {
        const real = realRequest(given, new AbortController().signal);
        expect(await tellAll(lazy(given), read)).toEqual(await tellAll(real, read));
      }),
    );
  });

  it('is a Request to whoever asks, and takes its place in a new one', async () => {
    const request = lazy();
    expect(request).toBeInstanceOf(Request);
    expect(Object.prototype.toString.call(request)).toBe('[object Request]');
    expect(request.constructor).toBe(Request);
    expect(inspect(request)).toContain('shop.example:8080');
    request.headers.set('x-added', 'yes');
    const copy = new Request(request, { method: 'PUT' });
    expect([copy.method, copy.url, copy.headers.get('x-one'), copy.headers.get('x-added')]).toEqual([
      'PUT',
      EVENT.url,
      '1, 2',
      'yes',
    ]);
    expect(await copy.json()).toEqual({ a: 1 });
    expect(request.bodyUsed).toBe(true);
  });

  it('can be sent on with fetch', async () => {
    const server = createServer(async (incoming, response) => {
      let body = '';
      for await (const chunk of incoming) body += String(chunk);
      response.end(`${incoming.method} ${incoming.headers['x-one']} ${body}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const answer = await fetch(lazy({ url: `http://127.0.0.1:${port}/` }));
      expect(await answer.text()).toBe('POST 1, 2 {"a":1}');
    } finally {
      server.close();
    }
  });

  it('gives its body once, by whatever way', async () => {
    const ways = ['json', 'text', 'arrayBuffer', 'blob', 'clone', 'body'] as const;
    for (const first of ['json', 'text', 'arrayBuffer', 'blob'] as const) {
      for (const second of ways) {
        const request = lazy();
        await request[first]();
        expect(request.bodyUsed).toBe(true);
        if (second === 'body') expect(() => request.body?.getReader()).toThrow(TypeError);
        else await expect((async () => request[second]())()).rejects.toThrow(TypeError);
      }
    }
  });

  it('streams its body where that is asked for', async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of lazy().body ?? []) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('{"a":1}');
  });

  it('has no body where the method has none, and a broken one is told when it is read', async () => {
    const get = lazy({ method: 'GET' });
    expect([get.body, await get.text(), get.bodyUsed]).toEqual([null, '', false]);
    await expect(lazy({ body: Buffer.from('{') }).json()).rejects.toThrow(SyntaxError);
    expect(await lazy({ body: Buffer.from('\uFEFFa\xFF', 'utf8') }).text()).toBe('aÿ');
    expect(await lazy({ body: Buffer.from([0x61, 0xff]) }).text()).toBe('a\uFFFD');
  });

  it('carries the signal of its call', () => {
    const controller = new AbortController();
    const request = requestOf(EVENT, controller);
    const copy = request.clone();
    controller.abort(new Error('gone'));
    expect([request.signal.aborted, copy.signal.aborted]).toEqual([true, true]);
  });

  it('is refused before the handler runs when the standard does not allow it', () => {
    for (const wrong of [
      { method: 'TRACE' },
      { method: 'no method' },
      { url: '/relative' },
      { url: 'http://user:secret@h/' },
      { headers: [['no name', 'x']] },
      { headers: [['x', 'a\nb']] },
    ] as const) {
      expect(() => lazy(wrong)).toThrow(TypeError);
    }
  });
});

async function tellAll(request: Request, read: 'text' | 'arrayBuffer' | 'clone' | 'blob'): Promise<unknown> {
  const { method, url, redirect, mode, credentials, cache, referrer, keepalive, destination } = request;
  const before = request.bodyUsed;
  const content = read === 'clone' ? await request.clone().text() : await request[read]();
  const text = content instanceof Blob ? await content.text() : content;
  return {
    ...{ method, url, redirect, mode, credentials, cache, referrer, keepalive, destination },
    headers: [...request.headers],
    bytes: text instanceof ArrayBuffer ? [...new Uint8Array(text)] : text,
    used: [before, request.bodyUsed],
    hasBody: request.body !== null,
  };
}
