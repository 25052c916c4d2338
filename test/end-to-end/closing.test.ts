import { spawn } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { createTroupe } from '../../src/troupe.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { failureOf } from './shared-host.ts';

const WAIT = 'export default (ms) => new Promise((done) => setTimeout(() => done("finished"), ms))';
const INDEX = new URL('../../dist/index.js', import.meta.url);

/** Runs a program that embeds the built host, until it ends by itself. Its temporary files go into a directory of its own. */
async function run(body: string, agent: string) {
  const directory = await temporaryDirectory();
  const program = join(directory, 'program.mjs');
  await writeFile(
    program,
    `import { createTroupe } from ${JSON.stringify(INDEX.href)};
    const wait = { name: 'wait', source: { code: ${JSON.stringify(WAIT)}, language: 'js' } };
    const troupe = await createTroupe({ agent: '${agent}' });
    await troupe.deploy(wait);
    ${body}\n`,
  );
  const files = await temporaryDirectory();
  const startedMs = performance.now();
  const child = spawn(process.execPath, [program], { env: { TMPDIR: files }, stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  clearTimeout(timer);
  return { stdout, stderr, exitCode, tookMs: performance.now() - startedMs, files: await readdir(files) };
}

describe.each(['inline', 'process'] as const)('a program that embeds a host with an agent %s', (agent) => {
  it('ends by itself after close, and leaves no files', async () => {
    const outcome = await run(
      `console.log(await troupe.invoke('wait', 1)); await troupe.close(); console.log('closed');`,
      agent,
    );
    expect(outcome).toMatchObject({ exitCode: 0, stdout: 'finished\nclosed\n', stderr: '', files: [] });
    expect(outcome.tookMs).toBeLessThan(8_000);
  });

  it('ends by itself after its last await when it forgets to close, and leaves no files', async () => {
    const outcome = await run(`console.log(await troupe.invoke('wait', 1));`, agent);
    expect(outcome).toMatchObject({ exitCode: 0, stdout: 'finished\n', stderr: '', files: [] });
    expect(outcome.tookMs).toBeLessThan(8_000);
  });

  it('is not ended before a slow call that it awaits, nor before a stream that it reads', async () => {
    const outcome = await run(
      `await troupe.deploy({ name: 'drip', source: { code: 'export default async function* () { for (let at = 0; at < 3; at++) { await new Promise((done) => setTimeout(done, 200)); yield at } }', language: 'js' } });
      console.log(await troupe.invoke('wait', 700));
      for await (const chunk of troupe.stream('drip')) console.log(chunk);`,
      agent,
    );
    expect(outcome).toMatchObject({ exitCode: 0, stdout: 'finished\n0\n1\n2\n', stderr: '' });
  });

  it('ends with the error that it did not catch, not with a hang', async () => {
    const outcome = await run(`await troupe.invoke('nobody');`, agent);
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderr).toContain('FUNCTION_NOT_FOUND');
  });
});

describe.each(['inline', 'process'] as const)('close, with an agent %s', (agent) => {
  const start = async (options = {}) => {
    const troupe = await createTroupe({ agent, ...options });
    await troupe.deploy({ name: 'wait', source: { code: WAIT, language: 'js' } });
    return troupe;
  };

  it('lets calls inside finish, refuses new ones at once, and may be called again', async () => {
    const troupe = await start();
    await troupe.invoke('wait', 0);
    const inside = troupe.invoke('wait', 400);
    await until(async () => (await troupe.stats()).routes[0]?.inFlight === 1);
    const closing = troupe.close();
    expect(troupe.isReady).toBe(false);
    expect((await failureOf(troupe.invoke('wait', 0))).code).toBe('SHUTTING_DOWN');
    const deployed = troupe.deploy({ name: 'late', source: { code: WAIT, language: 'js' } });
    expect((await failureOf(deployed)).code).toBe('SHUTTING_DOWN');
    expect((await failureOf(troupe.setAlias('wait', 'late', 1))).code).toBe('SHUTTING_DOWN');
    const again = troupe.close();
    expect(await inside).toBe('finished');
    await Promise.all([closing, again, troupe.close()]);
    expect((await failureOf(troupe.invoke('wait', 0))).code).toBe('SHUTTING_DOWN');
    expect((await failureOf(troupe.list())).kind).toBe('unavailable');
  });

  it('lets a call inside finish that still needs another function', async () => {
    const troupe = await start();
    const code = `export default async (_, context) => {
      await new Promise((done) => setTimeout(done, 300));
      return context.invoke('wait', 10);
    }`;
    await troupe.deploy({ name: 'outer', source: { code, language: 'js' } });
    const inside = troupe.invoke('outer');
    await until(async () => (await troupe.stats()).routes.some(({ inFlight }) => inFlight === 1));
    await troupe.close();
    expect(await inside).toBe('finished');
  });

  it('stops what is still inside after drainTimeoutMs, with a typed error', async () => {
    const troupe = await start({ drainTimeoutMs: 100 });
    const inside = failureOf(troupe.invoke('wait', 60_000));
    await until(async () => (await troupe.stats()).routes[0]?.inFlight === 1);
    const startedMs = performance.now();
    await troupe.close();
    expect((await inside).code).toBe('SHUTTING_DOWN');
    expect(performance.now() - startedMs).toBeLessThan(3_000);
  });

  it('comes with `await using`', async () => {
    const troupe = await start();
    await troupe[Symbol.asyncDispose]();
    expect(troupe.isReady).toBe(false);
  });
});
