import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { killWhatIsLeft, type Serving, serve, TroupeProcess, troupe } from './troupe-process.ts';

afterEach(killWhatIsLeft);

describe('troupe serve', () => {
  it('says where it listens, and keeps what was deployed for the next host on the directory', async () => {
    const data = await temporaryDirectory();
    const first = await serve(data);
    expect(first).toMatchObject({ dataDir: data, pid: first.process.child.pid });
    await until(() => first.process.stderr.includes(`troupe serves ${first.url}, data in ${data}`));
    await first.run('deploy', './hello.ts', '--name', 'hello');
    first.process.interrupt();
    expect(await first.process.done()).toMatchObject({ code: 0 });

    const second = await serve(data);
    expect(await second.run('invoke', 'hello')).toMatchObject({ code: 0, stdout: '{"hello":"world"}\n' });
    await stop(second);
  });

  it('lets calls finish at the first interrupt, takes no new ones, and leaves no process', async () => {
    const host = await serve(await temporaryDirectory());
    const workers = await withCallInside(host);
    host.process.interrupt();
    await until(() => host.process.stderr.includes('Letting calls finish. Ctrl-C again to stop at once.'));
    expect(await host.run('invoke', 'waits', '-d', '{}')).toMatchObject({ code: 8 });
    await writeFile(workers.file, '');
    expect(await workers.call).toMatchObject({ code: 0, stdout: '"waited"\n' });
    expect(await host.process.done()).toMatchObject({ code: 0 });
    expect(workers.pids.filter(isAlive)).toEqual([]);
  });

  it('ends at once at the second interrupt, with code 130 and no process left', async () => {
    const host = await serve(await temporaryDirectory());
    const workers = await withCallInside(host);
    host.process.interrupt();
    await until(() => host.process.stderr.includes('Ctrl-C again'));
    host.process.interrupt();
    expect(await host.process.done()).toMatchObject({ code: 130 });
    expect(await workers.call).toMatchObject({ code: 8, stderr: expect.stringContaining('HOST_UNREACHABLE') });
    await until(() => !workers.pids.some(isAlive), { what: 'the node agent to be gone' });
  });

  it('waits for calls no longer than --drain, and takes SIGTERM as an interrupt', async () => {
    const host = await serve(await temporaryDirectory(), ['--drain', '100']);
    const { call } = await withCallInside(host);
    host.process.interrupt('SIGTERM');
    expect(await call).toMatchObject({ code: 8, stderr: expect.stringContaining('SHUTTING_DOWN') });
    expect(await host.process.done()).toMatchObject({ code: 0 });
  });

  it('can be interrupted while it starts', async () => {
    const data = await temporaryDirectory();
    const process = new TroupeProcess(['serve', '--port', '0', '--data', join(data, 'new')]);
    // The lock is the first thing that a host takes.
    await until(() => execFileSync('ls', ['-R', data]).includes('lock') || process.child.exitCode !== null);
    process.interrupt();
    const { code } = await process.done();
    expect([0, 130]).toContain(code);
    const next = await serve(join(data, 'new'));
    await stop(next);
  });

  it('honours the environment, and flags over it', async () => {
    const data = await temporaryDirectory();
    const env = { TROUPE_PORT: '1', TROUPE_DATA_DIR: join(data, 'environment') };
    const host = await serve(join(data, 'flag'), ['--port', '0'], { env });
    expect(host.dataDir).toBe(join(data, 'flag'));
    const inEnvironment = { TROUPE_PORT: new URL(host.url).port, TROUPE_DATA_DIR: host.dataDir };
    const locked = await troupe(['serve'], { env: inEnvironment });
    expect(locked).toMatchObject({
      code: 8,
      stderr: expect.stringContaining(`in use by the process with pid ${host.pid}`),
    });
    const taken = await troupe(['serve', '--data', join(data, 'other')], { env: inEnvironment });
    expect(taken).toMatchObject({ code: 8, stderr: expect.stringContaining('PORT_IN_USE') });
    await stop(host);
  });

  it.each([
    ['a data directory that is a file', 3, ['--data', 'FILE'], {}, 'DATA_DIR_UNUSABLE'],
    ['an address beyond this machine', 4, ['--data', 'DATA', '--address', '0.0.0.0'], {}, 'BIND_REFUSED'],
    ['a port in the environment that is none', 3, ['--data', 'DATA'], { TROUPE_PORT: 'http' }, 'TROUPE_PORT'],
  ])('refuses %s with code %d', async (_, code, args, env, says) => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'FILE'), '');
    const given = args.map((arg) => (arg === 'FILE' || arg === 'DATA' ? join(directory, arg) : arg));
    const port = 'TROUPE_PORT' in env ? [] : ['--port', '0'];
    const ran = await troupe(['serve', ...port, ...given], { env });
    expect(ran.stderr).toContain(says);
    expect(ran).toMatchObject({ code, stdout: '' });
  });
});

/** A call that is inside until its file is there, and the processes that the host has started. */
async function withCallInside(host: Serving) {
  const file = join(host.dataDir, 'file-that-is-waited-for');
  await host.run('deploy', './waits.js', '--name', 'waits', '--function-timeout', '120000');
  const call = host.run('invoke', 'waits', '-d', JSON.stringify({ file }));
  await until(async () => (await host.run('logs', 'waits')).stdout.includes('inside'), { intervalMs: 50 });
  const pids = execFileSync('ps', ['-o', 'pid=', '--ppid', String(host.pid)])
    .toString()
    .trim()
    .split(/\s+/)
    .map(Number);
  expect(pids.length).toBeGreaterThan(0);
  return { call, file, pids };
}

async function stop({ process }: Serving): Promise<void> {
  process.interrupt();
  expect(await process.done()).toMatchObject({ code: 0 });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
