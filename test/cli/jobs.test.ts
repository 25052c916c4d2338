/** Jobs and data on the real command line, against a real host. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { errorOf, killWhatIsLeft, type Ran, type Serving, serve, TroupeProcess, troupe } from './troupe-process.ts';

let host: Serving;
let data: string;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'troupe-test-'));
  host = await serve(data);
  await host.run('deploy', './job.js', '--name', 'work');
});

afterAll(async () => {
  await killWhatIsLeft();
  await rm(data, { recursive: true, force: true, maxRetries: 5 });
});

const json = ({ stdout }: Ran) => JSON.parse(stdout);

async function enqueued(...args: string[]): Promise<string> {
  const { code, stdout } = await host.run('job', 'enqueue', 'work', ...args);
  expect(code).toBe(0);
  return stdout.trim();
}

describe('troupe job', () => {
  it('enqueues, waits for the result, and shows what became of it', async () => {
    const id = await enqueued('-d', '{"n":1}');
    expect(json(await host.run('job', 'result', id))).toEqual({ got: { n: 1 }, attempt: 1 });
    expect((await host.run('job', 'show', id)).stdout).toMatch(/^status +succeeded, attempt 1 of 3$/m);
    expect((await host.run('job', 'ls', '--function', 'work')).stdout).toContain(`${id}  work      succeeded`);
  });

  it('leads a dead letter from its stack to a new beginning, and to its end', async () => {
    const id = await enqueued('-d', '{"fails":true}', '--max-attempts', '1');
    const result = await host.run('job', 'result', id);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('it does not like it');
    expect((await host.run('dlq', 'ls')).stdout).toMatch(
      new RegExp(`^${id} +work +failed .* Error: it does not like it$`, 'm'),
    );
    const shown = (await host.run('dlq', 'show', id)).stdout;
    expect(shown).toMatch(/^attempt 1 .* Error: it does not like it$/m);
    expect(shown).toMatch(/^ +at .*job\.js:2:\d+\)?$/m);
    expect(await host.run('dlq', 'retry', '--all')).toMatchObject({ code: 0, stdout: '1 dead letter begins anew\n' });
    expect((await host.run('job', 'result', id)).code).toBe(1);
    expect((await host.run('dlq', 'purge')).code).toBe(2);
    expect(await host.run('dlq', 'purge', '--yes')).toMatchObject({ code: 0, stdout: '1 dead letter is forgotten\n' });
    expect(await host.run('job', 'show', id)).toMatchObject({ code: 5 });
  });

  it('watches: a line per change, or JSON, until Ctrl-C', async () => {
    const env = { TROUPE_HOST: host.url };
    const plain = new TroupeProcess(['job', 'ls', '--watch'], { env });
    const asJson = new TroupeProcess(['job', 'ls', '--watch', '--json'], { env });
    // One that is enqueued before they follow may be missed.
    await until(async () => {
      await enqueued('-d', '1');
      return plain.stdout.includes('succeeded') && asJson.stdout.includes('succeeded');
    });
    expect(plain.stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} work \S+ running attempt 1 █████░░░░░ 1\/2$/m);
    const changes = asJson.stdout.trimEnd().split('\n');
    expect(changes.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ function: 'work', status: 'running', progress: { done: 1, total: 2 } }),
    );
    for (const process of [plain, asJson]) {
      process.interrupt();
      expect((await process.done()).code).toBe(130);
    }
  });

  it('leaves a job alone that it waits for, when it is interrupted', async () => {
    const id = await enqueued('-d', '{"waitMs":1500}');
    const waiting = new TroupeProcess(['job', 'result', id], { env: { TROUPE_HOST: host.url } });
    await until(async () => json(await host.run('job', 'show', id, '--json')).status === 'running');
    waiting.interrupt();
    const { code, stderr } = await waiting.done();
    expect({ code, stderr }).toEqual({ code: 130, stderr: `The job ${id} goes on.\nInterrupted.\n` });
    expect((await host.run('job', 'result', id)).code).toBe(0);
  });

  it('pauses a queue, whose jobs can then be cancelled before they begin', async () => {
    await host.run('queue', 'pause', 'work');
    const id = await enqueued('-d', '5');
    expect((await host.run('queue', 'ls')).stdout).toMatch(/^work +1 .* paused$/m);
    expect(await host.run('job', 'cancel', id)).toMatchObject({ code: 0, stdout: `${id} is cancelled\n` });
    expect(await host.run('job', 'retry', id)).toMatchObject({ code: 0, stdout: `${id} is waiting\n` });
    await host.run('queue', 'resume', 'work');
    expect(json(await host.run('job', 'result', id)).got).toBe(5);
  });

  it('exits 5 for what is not there', async () => {
    for (const args of ['job show nope', 'job cancel nope', 'job retry nope', 'job result nope', 'dlq retry nope']) {
      const ran = await host.run(...args.split(' '), '--json');
      expect([args, ran.code, errorOf(ran).code]).toEqual([args, 5, 'JOB_NOT_FOUND']);
    }
    for (const args of ['job enqueue wrok', 'queue pause wrok', 'dlq purge --yes --function wrok']) {
      expect([args, (await host.run(...args.split(' '))).code]).toEqual([args, 5]);
    }
  });
});

describe('troupe db', () => {
  it('checks a host that runs, and says that its directory is in use otherwise', async () => {
    const remote = await troupe(['db', 'check', '--host', host.url]);
    expect(remote).toMatchObject({ code: 0, stderr: '' });
    expect(remote.stdout).toMatch(/^\d+ records read in .*\nno faults\n$/);
    const locked = await troupe(['db', 'check', '--data', data, '--json']);
    expect([locked.code, errorOf(locked).code]).toEqual([8, 'DATA_DIR_LOCKED']);
    expect(errorOf(locked).message).toContain('--host');
  });

  it('copies a host that runs; another one runs from the copy', async () => {
    const cwd = await temporaryDirectory();
    const id = await enqueued('-d', '{"later":1}', '--delay', '3600000');
    const copied = await troupe(['db', 'backup', 'copy', '--host', host.url], { cwd });
    expect(copied).toMatchObject({ code: 0 });
    expect(copied.stdout).toMatch(/copy: [\d.]+ \w+ in /);
    const again = await troupe(['db', 'backup', 'copy', '--host', host.url, '--json'], { cwd });
    expect([again.code, errorOf(again).code]).toEqual([2, 'CONFLICT']);
    expect(json(await troupe(['db', 'check', '--data', 'copy', '--json'], { cwd }))).toMatchObject({ isSound: true });
    const offline = await troupe(['db', 'backup', 'second', '--data', 'copy', '--json'], { cwd });
    expect(json(offline)).toMatchObject({ directory: join(cwd, 'second') });
    const other = await serve(join(cwd, 'second'));
    expect(json(await other.run('job', 'show', id, '--json'))).toMatchObject({
      status: 'delayed',
      payload: { later: 1 },
    });
    expect(json(await other.run('invoke', 'work', '-d', '7')).got).toBe(7);
    other.process.interrupt();
    await other.process.done();
    expect((await readdir(cwd)).sort()).toEqual(['copy', 'second']);
  });

  it('names what is wrong, and exits with what that means', async () => {
    const cwd = await temporaryDirectory();
    await troupe(['db', 'backup', 'copy', '--host', host.url], { cwd });
    const artifacts = join(cwd, 'copy', 'artifacts');
    for (const name of await readdir(artifacts)) await rm(join(artifacts, name), { recursive: true });
    const { code, stdout, stderr } = await troupe(['db', 'check', '--data', 'copy'], { cwd });
    expect({ code, stderr }).toEqual({ code: 8, stderr: 'error RECORD_CORRUPT: 1 fault was found.\n' });
    expect(stdout).toMatch(
      /^DATABASE +KEY +FAULT\nfunctions +- +The code of version 1 of "work", artifacts\/\w+, is missing/m,
    );
  });
});
