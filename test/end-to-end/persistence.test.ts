import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { HostOptions } from '../../src/config.ts';
import { openLmdbStore } from '../../src/store/lmdb-store.ts';
import { createTroupe, type Troupe } from '../../src/troupe.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { failureOf } from './shared-host.ts';

async function open(options: HostOptions): Promise<Troupe> {
  const troupe = await createTroupe(options);
  onTestFinished(() => troupe.close());
  return troupe;
}

describe.each(['inline', 'process'] as const)('a data directory, under an agent %s', (agent) => {
  it('brings back versions, aliases and code, whole and without a build', async () => {
    const dataDir = join(await temporaryDirectory(), 'data');
    const file = join(await temporaryDirectory(), 'greet.ts');
    const first = await open({ dataDir, agent });
    for (const word of ['Hello', 'Hi']) {
      await writeFile(file, `export default (name: string) => \`${word}, \${name}\`;\n`);
      await first.deploy({ name: 'greet', source: file, timeoutMs: 4_000 });
    }
    await first.setAlias('greet', 'stable', 1);
    await first.setAlias('greet', 'canary', [
      { version: 1, weight: 9 },
      { version: 2, weight: 1 },
    ]);
    await first.deploy({ name: 'gone', source: file });
    await first.remove('gone');
    const before = await first.list();
    await first.close();
    await rm(file);

    const second = await open({ dataDir, agent });
    expect(await second.list()).toEqual(before);
    expect(await second.invoke('greet', 'Ada')).toBe('Hi, Ada');
    const { result, invocation } = await second.invokeWithDetails('greet', 'Ada', { alias: 'stable' });
    expect([result, invocation.functionVersion, invocation.coldStart]).toEqual(['Hello, Ada', 1, expect.any(String)]);
    expect((await failureOf(second.invoke('gone'))).code).toBe('FUNCTION_NOT_FOUND');
    await writeFile(file, 'export default () => 3;\n');
    expect((await second.deploy({ name: 'greet', source: file })).version).toBe(3);
    expect((await second.deploy({ name: 'gone', source: file })).version).toBe(2);
  });

  it('keeps the stacks of errors pointing at the source after a restart', async () => {
    const dataDir = join(await temporaryDirectory(), 'data');
    const file = join(await temporaryDirectory(), 'throws.ts');
    await writeFile(file, 'type Nothing = never;\n\nexport default () => {\n  throw new Error("here");\n};\n');
    const first = await open({ dataDir, agent });
    await first.deploy({ name: 'throws', source: file });
    await first.close();
    const second = await open({ dataDir, agent });
    const { cause } = await failureOf(second.invoke('throws'));
    expect((cause as Error).stack).toMatch(/throws\.ts:4:\d+/);
  });

  it('keeps minInstances ready from the start', async () => {
    const dataDir = join(await temporaryDirectory(), 'data');
    const first = await open({ dataDir, agent });
    await first.deploy({ name: 'warm', source: { code: 'export default () => 1', language: 'js' }, minInstances: 1 });
    await first.close();
    const second = await open({ dataDir, agent });
    await expect.poll(async () => (await second.stats()).routes[0]?.ready, { timeout: 10_000 }).toBe(1);
    expect((await second.invokeWithDetails('warm')).invocation.coldStart).toBeUndefined();
  });
});

describe('a data directory that cannot be opened', () => {
  it('is DATA_DIR_LOCKED while another host has it, which goes on, and free after that', async () => {
    const dataDir = await temporaryDirectory();
    const first = await open({ dataDir });
    expect(await failureOf(createTroupe({ dataDir }))).toMatchObject({ code: 'DATA_DIR_LOCKED', exitCode: 8 });
    await first.deploy({ name: 'one', source: { code: 'export default () => 1', language: 'js' } });
    expect(await first.invoke('one')).toBe(1);
    await first.close();
    expect(await (await open({ dataDir })).invoke('one')).toBe(1);
  });

  it('is SCHEMA_TOO_NEW when a newer troupe wrote it, and stays as it is', async () => {
    const dataDir = await temporaryDirectory();
    await (await openLmdbStore({ dataDir, schemaVersion: 99, migrations: [] })).close();
    const failure = await failureOf(createTroupe({ dataDir }));
    expect(failure).toMatchObject({ code: 'SCHEMA_TOO_NEW', details: { found: 99 } });
    await (await openLmdbStore({ dataDir, schemaVersion: 99, migrations: [] })).close();
  });

  it('is DATA_DIR_UNUSABLE when there is a file in its place', async () => {
    const file = join(await temporaryDirectory(), 'file');
    await writeFile(file, 'mine');
    expect((await failureOf(createTroupe({ dataDir: file }))).code).toBe('DATA_DIR_UNUSABLE');
    expect((await stat(file)).size).toBe(4);
  });
});
