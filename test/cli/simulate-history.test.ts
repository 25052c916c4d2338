import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CallHistory } from '../../src/function-management/autoscaler/protocol.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { errorOf, killWhatIsLeft, type Ran, type Serving, serve, troupe } from './troupe-process.ts';

const CALLS = 5;
const FUNCTIONS = ['hello', 'other'] as const;

let data: string;
let host: Serving;

/** Of `fixed`, for programs. */
async function simulate(...source: string[]): Promise<Ran> {
  // Another host, which is not there: what is replayed is only what was asked for.
  const env = { TROUPE_HOST: 'http://127.0.0.1:1', TROUPE_DATA_DIR: '/nowhere/at/all' };
  return troupe(['simulate', ...source, '--policy', 'fixed', '--json'], { env });
}

const figuresOf = ({ stdout }: Ran) => JSON.parse(stdout)[0];

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'troupe-test-'));
  host = await serve(data);
});

afterAll(async () => {
  await killWhatIsLeft();
  await rm(data, { recursive: true, force: true, maxRetries: 5 });
});

describe('troupe simulate replays what a host has counted', () => {
  it('nothing, which it says, while nothing was called', async () => {
    const ran = await simulate('--host', host.url);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(errorOf(ran).message).toBe(`The host at ${host.url} has counted no calls: there is nothing to replay.`);
  });

  it('while the host runs, to the last call', async () => {
    for (const name of FUNCTIONS) await host.run('deploy', './hello.ts', '--name', name);
    const call = () => fetch(`${host.url}/functions/hello/invocations`, { method: 'POST' });
    for (let time = 0; time < CALLS; time++) expect((await call()).status).toBe(200);
    const ran = await simulate('--host', host.url);
    expect(ran).toMatchObject({ code: 0, stderr: `read 1 functions, ${CALLS} calls\n` });
    expect(figuresOf(ran)).toMatchObject({ policy: 'fixed', functions: 1, invocations: CALLS, avoidableColdStarts: 0 });
    const text = await troupe(['simulate', '--host', host.url]);
    expect(text.stdout).toMatch(/^1 functions, \d minutes, 5 calls in \d active minutes\n[\s\S]*\npredictive /);
  });

  it('but not from the data directory that it has open: the error says how', async () => {
    const ran = await simulate('--data', data);
    expect(ran).toMatchObject({ code: 8, stdout: '' });
    expect(errorOf(ran)).toMatchObject({ code: 'DATA_DIR_LOCKED', details: { pid: host.pid } });
    expect(errorOf(ran).message).toContain('talk to it with --host');
  });

  it('when it has been closed, from its data directory, and again when it is back', async () => {
    await fetch(`${host.url}/functions/other/invocations`, { method: 'POST' });
    const history = (await (await fetch(`${host.url}/history`)).json()) as CallHistory;
    expect(history.functions.map(({ name, memoryMb }) => [name, memoryMb])).toEqual([
      ['hello', 128],
      ['other', 128],
    ]);
    await fetch(`${host.url}/functions/other/invocations`, { method: 'POST' });
    host.process.interrupt();
    expect(await host.process.done()).toMatchObject({ code: 0 });
    const closed = await simulate('--data', data);
    expect(closed).toMatchObject({ code: 0, stderr: `read 2 functions, ${CALLS + 2} calls\n` });
    host = await serve(data);
    expect(figuresOf(await simulate('--host', host.url))).toMatchObject({ functions: 2, invocations: CALLS + 2 });
  });

  it('and not what is no host', async () => {
    const nobody = await simulate('--host', 'http://127.0.0.1:1');
    expect(nobody.code).toBe(8);
    expect(errorOf(nobody).code).toBe('HOST_UNREACHABLE');
    const empty = await temporaryDirectory();
    const none = await simulate('--data', empty);
    expect(none.code).toBe(2);
    expect(errorOf(none).message).toBe(`${empty} is not the data directory of a host. Check the path.`);
    expect(await readdir(empty)).toEqual([]);
  });

  it('also two weeks of it, function by function', async () => {
    const minutes = 14 * 1_440;
    const functions = [
      { name: 'hourly', memoryMb: 1_024, runMs: 3, calls: Array.from({ length: 336 }, (_, hour) => [hour * 60, 2]) },
      { name: 'daily', memoryMb: 512, calls: Array.from({ length: 14 }, (_, day) => [day * 1_440 + 7, 1]) },
    ];
    const server = createServer((_, response) =>
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ firstMinute: 29_453_760, minutes, functions })),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const ran = await simulate('--host', `127.0.0.1:${(server.address() as AddressInfo).port}`);
    await new Promise((resolve) => server.close(resolve));
    expect(figuresOf(ran)).toMatchObject({
      functions: 2,
      invocations: 2 * 336 + 14,
      activeMinutes: 336 + 14,
      coldStarts: 336 + 14,
      // Ten minutes after each call.
      wasteGbMinutes: 10 * 336 + 10 * 14 * 0.5,
    });
  });
});
