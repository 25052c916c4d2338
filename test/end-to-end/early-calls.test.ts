import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTroupe } from '../../src/troupe.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { failureOf, PLACES, SharedHost } from './shared-host.ts';

/** Loads for a while, so that what is done meanwhile is done to calls that were sent ahead. */
const SLOW_LOAD = 'const until = Date.now() + 150; while (Date.now() < until); ';

describe.each(PLACES)(
  'calls that wait for the first instance, in a $isolation of an agent $agent',
  ({ agent, isolation }) => {
    const host = new SharedHost({ agent });
    const cold = (code: string, config = {}) => host.function(SLOW_LOAD + code, { isolation, ...config });

    it('are all answered, each with its own result, and their phases add up', async () => {
      const name = await cold('export default async (n) => n * 2', { concurrency: 3, maxInstances: 1 });
      const calls = Array.from({ length: 7 }, (_, n) => host.troupe.invokeWithDetails(name, n));
      const answers = await Promise.all(calls);
      expect(answers.map(({ result }) => result)).toEqual([0, 2, 4, 6, 8, 10, 12]);
      for (const { invocation } of answers) {
        const sum = Object.values(invocation.phasesUs).reduce((total, us) => total + us, 0);
        expect(invocation.coldStart).toBe('first');
        expect(sum).toBeCloseTo(invocation.totalUs, 0);
        expect(invocation.phasesUs.specialise).toBeGreaterThan(100_000);
      }
    });

    it('may be streams, and requests', async () => {
      const stream = await cold('export default async function* (n) { while (n > 0) yield n--; }');
      const web = await cold('export default { fetch: async (request) => new Response(await request.text()) }');
      const chunks: unknown[] = [];
      const response = host.troupe.fetch(web, new Request('http://localhost/', { method: 'POST', body: 'tea' }));
      for await (const chunk of host.troupe.stream(stream, 300)) chunks.push(chunk);
      expect([chunks.length, chunks.at(-1)]).toEqual([300, 1]);
      expect(await (await response).text()).toBe('tea');
    });

    it('never run when they are cancelled, or out of time, before the function is there', async () => {
      const directory = await temporaryDirectory();
      const [file, lock] = [join(directory, 'begun'), join(directory, 'lock')];
      await writeFile(file, '');
      const code = `import { appendFileSync, existsSync } from 'node:fs';
      while (existsSync(${JSON.stringify(lock)}));
      export default ({ file, n }) => { appendFileSync(file, n + ' '); return n }`;
      const name = await host.function(code, { isolation, concurrency: 1_000, maxInstances: 1 });
      await writeFile(lock, '');
      const giveUp = new AbortController();
      // More than an instance reads at a time.
      const cancelled = Array.from({ length: 700 }, () =>
        host.troupe.invoke(name, { file, n: 1 }, { signal: giveUp.signal }),
      );
      const late = host.troupe.invoke(name, { file, n: 2 }, { timeoutMs: 250 });
      const patient = host.troupe.invoke(name, { file, n: 3 });
      const reasons = Promise.all([...cancelled, late].map(failureOf));
      setTimeout(() => giveUp.abort(), 200);
      expect((await reasons).map(({ code }) => code)).toEqual([...cancelled.map(() => 'CANCELLED'), 'TIMEOUT']);
      await rm(lock);
      expect(await patient).toBe(3);
      expect(await readFile(file, 'utf8')).toBe('3 ');
    });

    it('are told why when the function does not load in an instance', async () => {
      const marker = join(await temporaryDirectory(), 'broken');
      const code = `import { existsSync } from 'node:fs';
      if (existsSync(${JSON.stringify(marker)})) throw new Error('no database');
      export default () => 1`;
      const name = await cold(code, { concurrency: 2 });
      await writeFile(marker, '');
      const failures = await Promise.all([1, 2, 3].map(() => failureOf(host.troupe.invoke(name))));
      for (const failure of failures) {
        expect(failure.code).toBe('INSTANCE_START_FAILED');
        expect(failure.message).toContain('no database');
      }
    });

    it.each([true, false])('are told why when the worker dies while it loads (idempotent: %s)', async (idempotent) => {
      const marker = join(await temporaryDirectory(), 'deadly');
      const code = `import { existsSync } from 'node:fs';
      if (existsSync(${JSON.stringify(marker)})) process.exit(3);
      export default () => 1`;
      const name = await cold(code, { idempotent });
      await writeFile(marker, '');
      expect(await failureOf(host.troupe.invoke(name))).toMatchObject({ code: 'INSTANCE_START_FAILED' });
    });

    it('end with the version that they were routed to, or with the next, when a deploy comes in between', async () => {
      const first = await cold('export default () => 1');
      const call = host.troupe.invoke(first);
      await host.deploy(first, 'export default () => 2', { isolation });
      expect([1, 2]).toContain(await call);
      expect(await host.troupe.invoke(first)).toBe(2);
    });
  },
);

describe('a call that never lets its instance turn its loop', () => {
  it('costs those that were sent ahead with it their instance, and not all of their time', async () => {
    // Without spinning, and asleep by the time that it has loaded, the host hears of the instance by a bell alone.
    const troupe = await createTroupe({ spin: false });
    const code = `${SLOW_LOAD}export default ({ loops, n }) => { while (loops); return n; }`;
    const name = 'stubborn';
    await troupe.deploy({ name, source: { language: 'js', code }, concurrency: 3, idempotent: true });
    const stuck = failureOf(troupe.invoke(name, { loops: true }, { timeoutMs: 400 }));
    const others = [1, 2].map((n) => troupe.invoke(name, { loops: false, n }, { timeoutMs: 8_000 }));
    expect((await stuck).code).toBe('TIMEOUT');
    expect(await Promise.all(others)).toEqual([1, 2]);
    await troupe.close();
  });
});
