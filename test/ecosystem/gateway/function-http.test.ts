import { describe, expect, it } from 'vitest';
import { TroupeError } from '../../../src/errors.ts';
import type { HttpEvent } from '../../../src/transport/protocol.ts';
import { until } from '../../support/until.ts';
import { ask, bytesOf, errorOf, gatewayFor, httpAnswer, open, rawConnection, responseTo } from './gateway-harness.ts';

const OK = { status: 200, headers: [] } as const;

async function eventOf(write: string): Promise<{ name: string; event: HttpEvent }> {
  let seen: { name: string; event: HttpEvent } | undefined;
  const gateway = await gatewayFor({
    http(name, event) {
      seen = { name, event };
      return httpAnswer(OK);
    },
  });
  rawConnection(gateway).socket.write(write);
  return until(() => seen);
}

describe('The request that a function gets', () => {
  it('has the address that its client used, any method, every header and the body', async () => {
    const { name, event } = await eventOf(
      'PATCH /fn/page/a%20b/?q=1&q=2 HTTP/1.1\r\nHost: shop.example:8080\r\nX-One: 1\r\nx-one: 2\r\nCookie: a=1\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nContent-Length: 3\r\n\r\nabc',
    );
    expect(name).toBe('page');
    expect(event).toEqual({
      method: 'PATCH',
      url: 'http://shop.example:8080/fn/page/a%20b/?q=1&q=2',
      headers: [
        ['host', 'shop.example:8080'],
        ['x-one', '1'],
        ['x-one', '2'],
        ['cookie', 'a=1'],
        ['content-length', '3'],
      ],
      body: Buffer.from('abc'),
    });
  });

  it('may end at the name of the function, and come through a proxy', async () => {
    expect((await eventOf('GET /fn/page HTTP/1.1\r\nHost: h\r\n\r\n')).event.url).toBe('http://h/fn/page');
    const proxied = await eventOf('GET http://h/fn/page/x?y HTTP/1.1\r\nHost: h\r\n\r\n');
    expect(proxied.event.url).toBe('http://h/fn/page/x?y');
    expect((await eventOf('GET /fn/page HTTP/1.0\r\n\r\n')).event.url).toMatch(/^http:\/\/localhost:\d+\/fn\/page$/);
  });

  it('is refused when it names no host that could be', async () => {
    const gateway = await gatewayFor();
    for (const host of ['a b', 'user@evil', 'h/x', 'h:99999', '[::1']) {
      const answer = await ask(gateway, '/fn/page/', { headers: { host } });
      expect([host, answer.status]).toEqual([host, 400]);
    }
  });
});

describe('The answer of a function', () => {
  it('passes through with its status, its headers and its cookies one by one', async () => {
    const headers = [
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['X-Name', 'Ünï'],
      ['connection', 'close, x-hop'],
      ['x-hop', '1'],
      ['transfer-encoding', 'gzip'],
      ['keep-alive', 'timeout=1'],
    ] as const;
    const gateway = await gatewayFor({ http: () => httpAnswer({ status: 418, headers }, bytesOf('ab', 'cd')) });
    const answer = await ask(gateway, '/fn/page/');
    expect([answer.status, answer.text]).toEqual([418, 'abcd']);
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(answer.headers['x-name']).toBe('Ünï');
    expect(answer.headers).not.toHaveProperty('x-hop');
    expect(answer.headers['transfer-encoding']).toBe('chunked');
  });

  it('has no body to HEAD, with 204 and with 304, and the connection stays usable', async () => {
    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 204],
      ['GET', 304],
    ] as const) {
      let isRead = false;
      async function* body(): AsyncGenerator<Uint8Array, undefined> {
        yield Buffer.from('must not be sent');
        isRead = true;
      }
      const gateway = await gatewayFor({
        http: () => httpAnswer({ status, headers: [['content-length', '16']] }, body()),
      });
      const { socket, received } = rawConnection(gateway);
      socket.write(`${method} /fn/page/ HTTP/1.1\r\nHost: h\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await until(() => received().includes('{"status":"ok"}'));
      expect(received()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(received()).not.toContain('must not be sent');
      await until(() => isRead);
    }
  });

  it('without a body that nobody gets is not waited for without end', async () => {
    let isOver = false;
    async function* endless(): AsyncGenerator<Uint8Array, undefined> {
      try {
        for (;;) yield Buffer.from('x');
      } finally {
        isOver = true;
      }
    }
    const gateway = await gatewayFor({ http: () => httpAnswer(OK, endless()) });
    expect((await ask(gateway, '/fn/page/', { method: 'HEAD' })).status).toBe(200);
    await until(() => isOver);
  });

  it('that is whole at once leaves in one piece, with its length', async () => {
    for (const [body, text] of [
      [bytesOf('whole'), 'whole'],
      [bytesOf(), ''],
    ] as const) {
      const gateway = await gatewayFor({ http: () => httpAnswer(OK, body) });
      const { socket } = rawConnection(gateway);
      const first = new Promise<string>((resolve) => socket.once('data', resolve));
      socket.write('GET /fn/page/ HTTP/1.1\r\nHost: h\r\n\r\n');
      const piece = await first;
      expect(piece).toContain(`\r\nContent-Length: ${text.length}\r\n`);
      expect(piece.endsWith(`\r\n\r\n${text}`)).toBe(true);
    }
  });

  it('whose head is wrong is an error also when its body lets itself be waited for', async () => {
    let isOver = false;
    async function* never(): AsyncGenerator<Uint8Array, undefined> {
      await new Promise(() => {});
      yield Buffer.alloc(0);
    }
    const body = never();
    body.return = async () => {
      isOver = true;
      return { done: true, value: undefined };
    };
    const answer = await ask(
      await gatewayFor({ http: () => httpAnswer({ status: 99, headers: [] }, body) }),
      '/fn/page/',
    );
    expect([answer.status, errorOf(answer).code]).toEqual([502, 'FUNCTION_ERROR']);
    await until(() => isOver);
  });

  it('goes out as it comes, its head first', async () => {
    let goOn: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    async function* body(): AsyncGenerator<Uint8Array, undefined> {
      await gate;
      yield Buffer.from('late');
    }
    const gateway = await gatewayFor({ http: () => httpAnswer(OK, body()) });
    const response = await responseTo(open(gateway, '/fn/page/'));
    expect(response.statusCode).toBe(200);
    goOn();
    expect(String((await response[Symbol.asyncIterator]().next()).value)).toBe('late');
  });

  it('that fails before its head is an error, and after it a broken connection', async () => {
    const failure = new TroupeError('TIMEOUT', 'too slow');
    const early = await gatewayFor({ http: () => ({ head: Promise.reject(failure), body: bytesOf() }) });
    const answer = await ask(early, '/fn/page/');
    expect([answer.status, errorOf(answer).code]).toEqual([504, 'TIMEOUT']);
    async function* body(): AsyncGenerator<Uint8Array, undefined> {
      yield Buffer.from('half');
      throw failure;
    }
    const late = await gatewayFor({ http: () => httpAnswer(OK, body()) });
    await expect(ask(late, '/fn/page/')).rejects.toThrow();
  });

  it('that HTTP does not allow is an error of the function', async () => {
    for (const head of [
      { status: 101, headers: [] },
      { status: 1_000, headers: [] },
      { status: 200, headers: [['x', 'a\r\nset-cookie: evil']] },
      { status: 200, headers: [['not a name', 'x']] },
    ] as const) {
      const answer = await ask(await gatewayFor({ http: () => httpAnswer(head) }), '/fn/page/');
      expect([answer.status, errorOf(answer).code]).toEqual([502, 'FUNCTION_ERROR']);
      expect(answer.headers).not.toHaveProperty('set-cookie');
    }
  });

  it('that is not as long as it says breaks the connection', async () => {
    for (const length of ['3', '5']) {
      const head = { status: 200, headers: [['content-length', length]] } as const;
      const gateway = await gatewayFor({ http: () => httpAnswer(head, bytesOf('ab', 'cd')) });
      await expect(ask(gateway, '/fn/page/')).rejects.toThrow();
    }
    const head = { status: 200, headers: [['content-length', '4']] } as const;
    const gateway = await gatewayFor({ http: () => httpAnswer(head, bytesOf('ab', 'cd')) });
    expect((await ask(gateway, '/fn/page/')).text).toBe('abcd');
  });

  it('that nobody reads is not pulled on, and is cancelled when its reader goes away', async () => {
    let pulled = 0;
    let isOver = false;
    let signal: AbortSignal | undefined;
    const chunk = Buffer.alloc(65_536);
    async function* endless(): AsyncGenerator<Uint8Array, undefined> {
      try {
        for (;;) {
          pulled++;
          yield chunk;
        }
      } finally {
        isOver = true;
      }
    }
    const gateway = await gatewayFor({
      http(_name, _event, options) {
        signal = options.signal;
        return httpAnswer(OK, endless());
      },
    });
    const outgoing = open(gateway, '/fn/page/');
    const response = await responseTo(outgoing);
    response.pause().on('error', () => {});
    let before = -1;
    const stoodStill = () => {
      const isStill = pulled === before;
      before = pulled;
      return isStill;
    };
    await until(stoodStill, { intervalMs: 100 });
    expect(pulled * chunk.length).toBeLessThan(32 * 1_048_576);
    outgoing.destroy();
    await until(() => isOver);
    expect(signal?.aborted).toBe(true);
  });

  it('is given up when the client goes away before there is any', async () => {
    let signal: AbortSignal | undefined;
    const gateway = await gatewayFor({
      http(_name, _event, options) {
        signal = options.signal;
        return { head: new Promise(() => {}), body: bytesOf() };
      },
    });
    const outgoing = open(gateway, '/fn/page/');
    outgoing.on('error', () => {});
    await until(() => signal);
    outgoing.destroy();
    await until(() => signal?.aborted);
  });
});
