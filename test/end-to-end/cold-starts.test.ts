import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { HostOptions } from '../../src/config.ts';
import { createTroupe, type Troupe } from '../../src/troupe.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';

async function open(options: HostOptions): Promise<Troupe> {
  const troupe = await createTroupe(options);
  onTestFinished(() => troupe.close());
  return troupe;
}

const source = { language: 'js', code: 'const twice = (n) => 2 * n; export default (n) => twice(n)' } as const;

/** Where the one artifact of this data directory keeps its code cache. */
async function cacheFiles(dataDir: string): Promise<string[]> {
  const artifacts = join(dataDir, 'artifacts');
  const hashes = (await readdir(artifacts)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  const files = await Promise.all(
    hashes.map(async (hash) => (await readdir(join(artifacts, hash))).map((name) => join(artifacts, hash, name))),
  );
  return files.flat().filter((path) => /cache-\d+\.bin$/.test(path));
}

describe.each(['inline', 'process'] as const)('Under an agent %s', (agent) => {
  it.each(['thread', 'process'] as const)('a first call in a %s spends no time on starting', async (isolation) => {
    const troupe = await open({ agent });
    let count = 0;
    await until(
      async () => {
        const name = `cold-${++count}`;
        await troupe.deploy({ name, source, isolation });
        const { result, invocation } = await troupe.invokeWithDetails(name, 21);
        expect([result, invocation.coldStart]).toEqual([42, 'first']);
        return (invocation.phasesUs.start ?? Number.POSITIVE_INFINITY) < 5_000;
      },
      { timeoutMs: 30_000, intervalMs: 500, what: 'a start in under 5 ms, where a fresh one takes 20 and more' },
    );
  });

  it.each(['thread', 'process'] as const)('the code cache that the deploy made serves a %s', async (isolation) => {
    const dataDir = join(await temporaryDirectory(), 'data');
    const troupe = await open({ dataDir, agent });
    await troupe.deploy({ name: 'twice', source, isolation });
    const [file = '', ...others] = await cacheFiles(dataDir);
    const afterLoading = await readFile(file);
    expect(others).toEqual([]);
    expect(await troupe.invoke('twice', 21)).toBe(42);
    // The first call compiled the handler: the cache is made again with it, under the same name, as process and thread share it.
    await until(async () => !(await readFile(file)).equals(afterLoading), { what: 'a better cache' });
    expect(await cacheFiles(dataDir)).toEqual([file]);
  });
});

it('A code cache that is damaged, or gone as after a change of Node, costs no call and is made again', async () => {
  const dataDir = join(await temporaryDirectory(), 'data');
  const first = await open({ dataDir });
  await first.deploy({ name: 'twice', source });
  const [file = ''] = await cacheFiles(dataDir);
  await first.close();
  for (const spoil of [() => writeFile(file, 'no cache at all'), () => rm(file)]) {
    await spoil();
    const next = await createTroupe({ dataDir });
    expect(await next.invoke('twice', 21)).toBe(42);
    await until(async () => (await readFile(file).catch(() => Buffer.alloc(0))).byteLength > 100);
    await next.close();
  }
});

it('A host that is told to keep no spares answers all the same', async () => {
  const troupe = await open({ spares: 0 });
  await troupe.deploy({ name: 'twice', source });
  expect(await troupe.invoke('twice', 4)).toBe(8);
});

it.each([-1, 65, 1.5, 'many'])('The number of spares is checked: %s', async (spares) => {
  await expect(createTroupe({ spares: spares as number })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

it('A function that takes more to load than the default memory can be deployed, with more memory', async () => {
  const troupe = await open({ memoryBudgetMb: 2_048 });
  const code = `const held = Array.from({ length: 1500 }, (_, index) => Array.from({ length: 20000 }, (_, at) => at + index + 0.5));
    export default () => held.length`;
  await troupe.deploy({ name: 'large', source: { language: 'js', code }, memoryMb: 512 });
  expect(await troupe.invoke('large')).toBe(1_500);
});
