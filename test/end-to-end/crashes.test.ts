import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { failureOf, PLACES, SharedHost } from './shared-host.ts';

/** Notes each attempt in a file, and ends its instance at the first `crashes` of them. */
const CRASHER = `import { appendFileSync } from 'node:fs';
  export default ({ file, crashes }, { attempt, idempotencyKey }) => {
    appendFileSync(file, attempt + ' ' + idempotencyKey + '\\n');
    if (attempt <= crashes) process.exit(1);
    return { attempt };
  }`;

describe.each(PLACES)('a call whose instance crashes, in a $isolation of an agent $agent', ({ agent, isolation }) => {
  const host = new SharedHost({ agent });

  async function run(options: { idempotent: boolean; crashes: number }) {
    const file = join(await temporaryDirectory(), 'attempts');
    await appendFile(file, '');
    const name = await host.function(CRASHER, { isolation, idempotent: options.idempotent });
    const call = host.troupe.invokeWithDetails(name, { file, crashes: options.crashes }, { idempotencyKey: 'order-7' });
    const outcome = await call.catch((error) => error);
    return { outcome, name, attempts: (await readFile(file, 'utf8')).trim().split('\n') };
  }

  it('is tried again under the same key when the function is idempotent', async () => {
    const { outcome, attempts } = await run({ idempotent: true, crashes: 1 });
    expect(outcome).toMatchObject({ result: { attempt: 2 }, invocation: { attempt: 2, status: 'succeeded' } });
    expect(attempts).toEqual(['1 order-7', '2 order-7']);
  });

  it('is tried again with all of a large payload', async () => {
    const source =
      'export default (event, { attempt }) => { if (attempt < 3) process.exit(1); return [event.length, event[99_999]] }';
    const name = await host.function(source, { isolation, idempotent: true });
    expect(await host.troupe.invoke(name, Buffer.alloc(300_000, 9))).toEqual([300_000, 9]);
  });

  it('fails typed and is not run twice when the function is not idempotent', async () => {
    const { outcome, attempts } = await run({ idempotent: false, crashes: 9 });
    expect(outcome).toMatchObject({ code: 'INSTANCE_CRASHED', retryable: true, details: { attempts: 1 } });
    expect(attempts).toEqual(['1 order-7']);
  });

  it('fails typed after maxAttempts', async () => {
    const { outcome, attempts } = await run({ idempotent: true, crashes: 9 });
    expect(outcome).toMatchObject({ code: 'INSTANCE_CRASHED', details: { attempts: 3 } });
    expect(attempts).toEqual(['1 order-7', '2 order-7', '3 order-7']);
  });
});

describe('an agent process that is killed', () => {
  const host = new SharedHost({ agent: 'process' });

  it('settles every call inside, retries the idempotent ones, and all functions answer again', async () => {
    const slow =
      'export default async ({ ms }, { attempt }) => { await new Promise((done) => setTimeout(done, attempt > 1 ? 0 : ms)); return attempt }';
    const careful = await host.function(slow, { idempotent: true });
    const plain = await host.function(slow, { isolation: 'process' });
    await Promise.all([careful, plain].map((name) => host.troupe.invoke(name, { ms: 0 })));
    const again = host.troupe.invoke(careful, { ms: 60_000 });
    const lost = failureOf(host.troupe.invoke(plain, { ms: 60_000 }));
    await until(async () => (await host.troupe.stats()).routes.reduce((sum, { inFlight }) => sum + inFlight, 0) === 2);
    const pid = (await host.troupe.stats()).resources.nodes[0]?.pid;
    expect(pid).toBeGreaterThan(0);
    process.kill(Number(pid), 'SIGKILL');
    expect((await lost).code).toBe('AGENT_LOST');
    expect(await again).toBe(2);
    expect(await host.troupe.invoke(plain, { ms: 0 })).toBe(1);
  });
});

describe('a function that runs out of memory', () => {
  const host = new SharedHost({ agent: 'process' });

  it.each(['thread', 'process'] as const)(
    'in a %s fails typed, is not tried again, and the host answers on',
    async (isolation) => {
      const name = await host.function(
        'export default (grow) => { if (!grow) return 1; const all = []; for (;;) all.push(Buffer.alloc(1_000_000, 1)) }',
        { isolation, memoryMb: 64, idempotent: true },
      );
      const other = await host.function('export default () => 2');
      const failure = await failureOf(host.troupe.invoke(name, true));
      expect(['OUT_OF_MEMORY', 'AGENT_LOST']).toContain(failure.code);
      expect(await host.troupe.invoke(other)).toBe(2);
      expect(await host.troupe.invoke(name, false)).toBe(1);
    },
  );
});

describe('a function that does not start', () => {
  const host = new SharedHost();

  it('answers whoever waits with why, and starts when it can', async () => {
    const file = join(await temporaryDirectory(), 'ready');
    await appendFile(file, 'yes');
    const name = await host.function(
      `import { readFileSync } from 'node:fs'; const ready = readFileSync(${JSON.stringify(file)}, 'utf8');
      if (ready !== 'yes') throw new Error('not ready: ' + ready); export default () => ready`,
    );
    await appendFile(file, '-no');
    const failure = await failureOf(host.troupe.invoke(name));
    expect(failure.code).toBe('INSTANCE_START_FAILED');
    expect(failure.message).toContain('not ready: yes-no');
    const { truncate } = await import('node:fs/promises');
    await truncate(file, 3);
    const result = await until(() => host.troupe.invoke(name).catch(() => undefined), { intervalMs: 50 });
    expect(result).toBe('yes');
  });
});
