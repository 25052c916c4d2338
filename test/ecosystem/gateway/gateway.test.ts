import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startGateway } from '../../../src/ecosystem/gateway/gateway.ts';
import type { HostStats } from '../../../src/ecosystem/monitoring/protocol.ts';
import { TroupeError } from '../../../src/errors.ts';
import type { CallHistory } from '../../../src/function-management/autoscaler/protocol.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { until } from '../../support/until.ts';
import {
  ask,
  bytesOf,
  errorOf,
  fakeHost,
  gatewayFor,
  httpAnswer,
  invoke,
  open,
  RECORD,
  rawConnection,
  readWhole,
  responseTo,
} from './gateway-harness.ts';

describe('Routes', () => {
  it('that are not there are 404 and say what is near', async () => {
    const gateway = await gatewayFor();
    for (const path of [
      '/',
      '/function',
      '/functions/',
      '/functions/a/b/c/d',
      '/FN/x',
      '//',
      '/functions/a/versions/1',
    ]) {
      const answer = await ask(gateway, path);
      expect([path, answer.status, errorOf(answer).code]).toEqual([
        path,
        path === '/functions/' ? 400 : 404,
        path === '/functions/' ? 'INVALID_NAME' : 'ROUTE_NOT_FOUND',
      ]);
    }
    const { near } = errorOf(await ask(gateway, '/functions/a/alias/b')).details;
    expect(near).toContain('PUT|DELETE /functions/:name/aliases/:alias');
    expect(near).not.toContain('GET|HEAD /metrics');
  });

  it('that do not take the method are 405 and say which they take', async () => {
    const gateway = await gatewayFor();
    for (const [method, path, allow] of [
      ['GET', '/functions/a/invocations', 'POST'],
      ['POST', '/functions/a', 'DELETE, GET, HEAD, PUT'],
      ['OPTIONS', '/healthz', 'GET, HEAD'],
      ['PATCH', '/functions/a/aliases/b', 'DELETE, PUT'],
    ] as const) {
      const answer = await ask(gateway, path, { method });
      expect([answer.status, errorOf(answer).code, answer.headers.allow]).toEqual([405, 'METHOD_NOT_ALLOWED', allow]);
    }
  });

  it('answer HEAD as they answer GET, without the body', async () => {
    const answer = await ask(await gatewayFor(), '/healthz', { method: 'HEAD' });
    expect([answer.status, answer.text, answer.headers['content-length']]).toEqual([200, '', '15']);
  });
});

describe('Health', () => {
  it('is there while the process answers, readiness until the host drains', async () => {
    let isReady = true;
    const gateway = await startGateway({
      host: {
        ...fakeHost(),
        get isReady() {
          return isReady;
        },
      },
      port: 0,
      address: '127.0.0.1',
    });
    expect((await ask(gateway, '/readyz')).status).toBe(200);
    isReady = false;
    const draining = await ask(gateway, '/readyz');
    expect([draining.status, draining.json]).toEqual([503, { status: 'draining' }]);
    expect((await ask(gateway, '/healthz')).status).toBe(200);
    await gateway.close();
  });

  it('shows numbers as JSON and for Prometheus', async () => {
    const stats = { logLines: 7 } as HostStats;
    const history: CallHistory = {
      firstMinute: 9,
      minutes: 2,
      functions: [{ name: 'f', memoryMb: 64, calls: [[1, 3]] }],
    };
    const gateway = await gatewayFor({
      stats: async () => stats,
      history: async () => history,
      metrics: async () => 'troupe_up 1\n',
    });
    expect((await ask(gateway, '/stats')).json).toEqual({ logLines: 7 });
    const answer = await ask(gateway, '/history');
    expect({ status: answer.status, history: answer.json }).toEqual({ status: 200, history });
    expect(answer.headers['content-type']).toContain('application/json');
    const metrics = await ask(gateway, '/metrics');
    expect([metrics.text, metrics.headers['content-type']]).toEqual([
      'troupe_up 1\n',
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
  });
});

describe('Listening', () => {
  const start = (address: string, port = 0) => startGateway({ host: fakeHost(), port, address });

  it('is refused beyond loopback', async () => {
    for (const address of ['0.0.0.0', '::', '', '192.168.1.1', 'example.com', '127.0.0.1.evil.com', '1127.0.0.1']) {
      await expect(start(address)).rejects.toMatchObject({ code: 'BIND_REFUSED' });
    }
  });

  it('works under every name of loopback, and says its address', async () => {
    for (const [address, url] of [
      ['127.0.0.1', 'http://127.0.0.1'],
      ['127.8.9.10', 'http://127.8.9.10'],
      ['localhost', 'http://localhost'],
    ] as const) {
      const gateway = await start(address);
      expect(gateway.url).toBe(`${url}:${gateway.port}`);
      expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
      await gateway.close();
    }
  });

  it('on a port that is taken says how to mend it', async () => {
    const { port } = await gatewayFor();
    const refused = start('127.0.0.1', port);
    await expect(refused).rejects.toMatchObject({ code: 'PORT_IN_USE', details: { port } });
    await expect(refused).rejects.toThrow(/another port/);
    await expect(start('127.0.0.1', 70_000)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('Pages of other sites', () => {
  it('may not use the gateway, by their own name or by an address of this machine', async () => {
    const gateway = await gatewayFor();
    for (const headers of [
      { host: 'evil.example' },
      { host: 'localhost.evil.example:4460' },
      { host: '10.0.0.1' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ]) {
      const answer = await invoke(gateway, { headers });
      expect([answer.status, errorOf(answer).code]).toEqual([403, 'ORIGIN_REFUSED']);
    }
  });

  it('of this machine may', async () => {
    const gateway = await gatewayFor();
    for (const headers of [
      { host: 'localhost' },
      { host: 'app.localhost:3000' },
      { host: '[::1]:4460' },
      { origin: 'http://localhost:5173' },
      { origin: 'http://127.0.0.1' },
    ]) {
      expect((await invoke(gateway, { headers })).status).toBe(200);
    }
  });

  it('may use functions that answer requests themselves: whom to trust is their business', async () => {
    const gateway = await gatewayFor({ http: () => httpAnswer({ status: 200, headers: [] }) });
    const headers = { host: 'shop.example', origin: 'https://other.example' };
    expect((await ask(gateway, '/fn/page/', { headers })).status).toBe(200);
  });
});

describe('Closing', () => {
  it('closes idle connections at once and lets calls inside finish', async () => {
    let finish: () => void = () => {};
    let isInside = false;
    const gateway = await gatewayFor({
      async invokeWithDetails() {
        isInside = true;
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return { result: 'done', invocation: RECORD };
      },
    });
    const idle = rawConnection(gateway);
    idle.socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until(() => idle.received().includes('ok'));
    const outgoing = open(gateway, '/functions/hello/invocations', {
      method: 'POST',
      headers: { connection: 'keep-alive' },
    });
    await until(() => isInside);
    const closed = gateway.close();
    await idle.closed;
    await expect(fetch(`${gateway.url}/healthz`)).rejects.toThrow();
    finish();
    expect((await readWhole(await responseTo(outgoing))).json).toBe('done');
    await closed;
  });

  it('waits for a bounded time, and ends followers without waiting', async () => {
    const clock = new VirtualClock();
    let signal: AbortSignal | undefined;
    let isFollowing = false;
    const host = fakeHost({
      invokeWithDetails(_name, _payload, options) {
        signal = options.signal;
        return new Promise(() => {});
      },
      followLogs() {
        isFollowing = true;
        return () => {
          isFollowing = false;
        };
      },
    });
    const gateway = await startGateway({ host, port: 0, address: '127.0.0.1', clock });
    const stuck = open(gateway, '/functions/hello/invocations', { method: 'POST' });
    const broken = responseTo(stuck);
    broken.catch(() => {});
    const follower = await responseTo(open(gateway, '/logs?follow=1'));
    await until(() => signal);
    const closed = gateway.close({ timeoutMs: 5_000 });
    expect((await readWhole(follower)).status).toBe(200);
    expect(isFollowing).toBe(false);
    expect(signal?.aborted).toBe(false);
    await clock.advance(5_000);
    await closed;
    await expect(broken).rejects.toThrow();
    await until(() => signal?.aborted);
  });

  it('closes connections that would be kept as soon as their answer is out', async () => {
    let finish: () => void = () => {};
    const clock = new VirtualClock();
    const host = fakeHost({
      async *stream(): AsyncGenerator<unknown, undefined> {
        yield 1;
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        yield 2;
      },
    });
    const gateway = await startGateway({ host, port: 0, address: '127.0.0.1', clock });
    const { socket, received, closed } = rawConnection(gateway);
    socket.write(
      'POST /functions/hello/invocations HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\nContent-Length: 0\r\n\r\n',
    );
    await until(() => received().includes('1\n'));
    const gatewayClosed = gateway.close();
    finish();
    await closed;
    expect(received()).toMatch(/2\n\r\n0\r\n\r\n$/);
    // The clock stands: nothing but the end of the answer can have closed it.
    await gatewayClosed;
  });

  it('may be asked for again', async () => {
    const gateway = await gatewayFor();
    await Promise.all([gateway.close(), gateway.close()]);
    await gateway.close();
  });
});

describe('What is no HTTP', () => {
  it('is told so, and ends its own connection only', async () => {
    const gateway = await gatewayFor();
    for (const [bytes, status] of [
      ['hello\r\n\r\n', 400],
      ['GET / HTTP/1.1\r\nno colon\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
      ['POST /functions/a/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n', 400],
      ['GET /healthz HTTP/1.1\r\n\r\n', 400],
    ] as const) {
      const { socket, received, closed } = rawConnection(gateway);
      socket.write(bytes);
      await closed;
      expect(received()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    }
    expect((await ask(gateway, '/healthz')).status).toBe(200);
  });

  it('nor any request at random, gets an error of the gateway itself', async () => {
    const gateway = await gatewayFor({
      payloadLimitBytes: 1_024,
      invokeWithDetails: async (_, payload) => ({ result: payload, invocation: RECORD }),
      async *stream(_name, payload): AsyncGenerator<unknown, undefined> {
        yield payload;
      },
      http: (_name, event) => httpAnswer({ status: 200, headers: [] }, bytesOf(JSON.stringify(event))),
      deploy: () => Promise.reject(new TroupeError('BUILD_FAILED', 'no')),
      stats: () => Promise.reject(new TroupeError('ACTOR_STOPPED', 'not here')),
    });
    const segment = fc.constantFrom(
      'functions',
      'fn',
      'hello',
      'invocations',
      'aliases',
      'versions',
      'logs',
      '%',
      '%2e%2e',
      '..',
      '',
      '__proto__',
      'é',
    );
    const headerName = fc.constantFrom(
      'content-type',
      'accept',
      'prefer',
      'x-troupe-timeout-ms',
      'idempotency-key',
      'origin',
      'x-other',
      'expect',
      'connection',
    );
    const headerValue = fc.oneof(
      fc.constantFrom(
        'application/json',
        'text/plain',
        'application/x-msgpack',
        'application/x-ndjson',
        'text/event-stream',
        '-1',
        '0',
        'close',
      ),
      fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) }),
    );
    const anything = fc.record({
      method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'),
      path: fc
        .array(fc.oneof(segment, fc.webSegment()), { maxLength: 5 })
        .map(
          (segments) =>
            `/${segments.map((text) => (/[^\x21-\x7e]/.test(text) ? encodeURIComponent(text) : text)).join('/')}`,
        ),
      query: fc.option(fc.webQueryParameters(), { nil: '' }),
      headers: fc.dictionary(headerName, headerValue, { maxKeys: 4 }),
      body: fc.oneof(
        fc.json().map((text) => Buffer.from(text)),
        fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)),
      ),
    });
    await fc.assert(
      fc.asyncProperty(anything, async ({ method, path, query, headers, body }) => {
        const { socket, received, closed } = rawConnection(gateway);
        const lines = Object.entries({ ...headers, connection: 'close' }).map(
          ([name, value]) => `${name}: ${value}\r\n`,
        );
        socket.write(
          `${method} ${path}?${query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n${lines.join('')}\r\n`,
        );
        socket.write(body);
        await closed;
        const status = Number(/^HTTP\/1\.1 (?:100 Continue\r\n\r\nHTTP\/1\.1 )?(\d{3})/.exec(received())?.[1]);
        expect(status).toBeGreaterThanOrEqual(200);
        // 503 is the answer of the fake host to /stats.
        if (!path.startsWith('/stats')) expect(status).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
    expect((await ask(gateway, '/healthz')).status).toBe(200);
  });
});
