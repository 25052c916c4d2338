import { request as httpRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { ask, errorOf, gatewayFor, invoke, RECORD, rawConnection, readWhole, responseTo } from './gateway-harness.ts';

const LIMIT = 1_024;
const POST = 'POST /functions/hello/invocations HTTP/1.1\r\nHost: localhost\r\n';

describe('A body over the limit', () => {
  it('is refused by its declared length, before any of it is sent', async () => {
    const gateway = await gatewayFor({ payloadLimitBytes: LIMIT });
    const { socket, received } = rawConnection(gateway);
    socket.write(`${POST}Content-Length: ${LIMIT + 1}\r\n\r\n`);
    await until(() => received().includes('PAYLOAD_TOO_LARGE'));
    expect(received()).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('is refused at the byte that passes the limit when its length is not declared', async () => {
    const gateway = await gatewayFor({ payloadLimitBytes: LIMIT });
    const { socket, received } = rawConnection(gateway);
    socket.write(`${POST}Transfer-Encoding: chunked\r\n\r\n400\r\n${'x'.repeat(0x400)}\r\n`);
    socket.write('1\r\n!\r\n');
    await until(() => received().includes('PAYLOAD_TOO_LARGE'));
    expect(received()).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('does not keep its client from reading why, nor the connection from its next request', async () => {
    const gateway = await gatewayFor({ payloadLimitBytes: LIMIT });
    const huge = Buffer.alloc(8 * 1_048_576);
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const answer = await invoke(gateway, { body: huge, headers });
      expect([answer.status, errorOf(answer).code]).toEqual([413, 'PAYLOAD_TOO_LARGE']);
    }
    const { socket, received } = rawConnection(gateway);
    socket.write(
      `${POST}Content-Length: ${LIMIT + 1}\r\n\r\n${'x'.repeat(LIMIT + 1)}GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    );
    await until(() => received().includes('{"status":"ok"}'));
  });

  it('is not asked for when the client waits to be asked', async () => {
    const gateway = await gatewayFor({ payloadLimitBytes: LIMIT });
    const refused = rawConnection(gateway);
    refused.socket.write(`${POST}Content-Length: ${LIMIT + 1}\r\nExpect: 100-continue\r\n\r\n`);
    await refused.closed;
    expect(refused.received()).toMatch(/^HTTP\/1\.1 413 /);
    const taken = rawConnection(gateway);
    taken.socket.write(`${POST}Content-Length: 1\r\nExpect: 100-continue\r\n\r\n`);
    await until(() => taken.received().startsWith('HTTP/1.1 100 Continue'));
    taken.socket.write('7');
    await until(() => taken.received().includes('HTTP/1.1 200 OK'));
  });

  it('is refused on every route that takes one', async () => {
    const gateway = await gatewayFor({ payloadLimitBytes: LIMIT });
    const body = 'x'.repeat(LIMIT + 1);
    const statuses = [
      await ask(gateway, '/fn/hello/', { method: 'POST', body }),
      await ask(gateway, '/functions/hello', { method: 'PUT', body }),
      await ask(gateway, '/functions/hello/aliases/beta', { method: 'PUT', body }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([413, 413, 413]);
  });
});

it('A body of exactly the limit is taken', async () => {
  const gateway = await gatewayFor({ payloadLimitBytes: LIMIT });
  const answer = await invoke(gateway, { body: 'x'.repeat(LIMIT), headers: { 'content-type': 'text/plain' } });
  expect(answer.status).toBe(200);
});

it('Bodies that are coming in hold a bounded number of bytes together, and free them when they end', async () => {
  const gateway = await gatewayFor({ payloadLimitBytes: LIMIT });
  const slow = Array.from({ length: 33 }, () => {
    const outgoing = httpRequest({
      port: gateway.port,
      agent: false,
      method: 'POST',
      path: '/functions/hello/invocations',
      headers: { 'content-length': LIMIT, 'content-type': 'text/plain' },
    });
    outgoing.on('error', () => {});
    outgoing.write('x'.repeat(LIMIT - 1));
    return outgoing;
  });
  const refused = await readWhole(await Promise.race(slow.map(responseTo)));
  expect([refused.status, errorOf(refused).code]).toEqual([429, 'OVERLOADED']);
  for (const outgoing of slow) outgoing.destroy();
  const body = 'x'.repeat(LIMIT);
  await until(async () => (await invoke(gateway, { body, headers: { 'content-type': 'text/plain' } })).status === 200);
});

it('A client that goes away in the middle of its body calls nothing', async () => {
  let calls = 0;
  const gateway = await gatewayFor({
    invokeWithDetails: async () => {
      calls++;
      return { result: 1, invocation: RECORD };
    },
  });
  const { socket, closed } = rawConnection(gateway);
  socket.write(`${POST}Content-Length: 10\r\n\r\n123`);
  await until(() => socket.bytesWritten > 0);
  socket.destroy();
  await closed;
  expect((await invoke(gateway)).status).toBe(200);
  expect(calls).toBe(1);
});
