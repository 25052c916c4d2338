import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { backUpData } from '../../../src/ecosystem/data-management/backup.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

async function dataDirectory() {
  const root = await temporaryDirectory();
  const dataDir = join(root, 'data');
  const artifactsDirectory = join(dataDir, 'artifacts');
  for (const name of ['a1', '.building', '.records', '.dependencies/d/node_modules/.bin'])
    await mkdir(join(artifactsDirectory, name), { recursive: true });
  await writeFile(join(artifactsDirectory, 'a1', 'executable'), 'code', { mode: 0o755 });
  await symlink('../x', join(artifactsDirectory, '.dependencies/d/node_modules/.bin/x'));
  const keepers = new Set<object>();
  const events: string[] = [];
  const parts = {
    dataDir,
    artifactsDirectory,
    clock: new VirtualClock(),
    keepCode: () => {
      const keeper = {};
      keepers.add(keeper);
      return () => void keepers.delete(keeper);
    },
  };
  const store = (act: (directory: string) => Promise<void> = async () => {}) => ({
    async backup(directory: string) {
      events.push(`${keepers.size} keep the code`);
      await mkdir(join(directory, 'store'));
      await act(directory);
    },
  });
  return { root, parts, store, keepers, events };
}

describe('A backup', () => {
  it('has the store and the code, packages included, and not what is under construction', async () => {
    const { root, parts, store, keepers, events } = await dataDirectory();
    const copy = join(root, 'deep', 'copy');
    const done = await backUpData({ ...parts, store: store() }, copy);
    expect(done).toEqual({ directory: copy, bytes: 4, tookMs: 0 });
    expect((await readdir(copy)).sort()).toEqual(['artifacts', 'store']);
    expect((await readdir(join(copy, 'artifacts'))).sort()).toEqual(['.dependencies', 'a1']);
    expect(await readFile(join(copy, 'artifacts', 'a1', 'executable'), 'utf8')).toBe('code');
    expect(await readdir(join(copy, 'artifacts/.dependencies/d/node_modules/.bin'))).toEqual(['x']);
    expect(await readdir(join(root, 'deep'))).toEqual(['copy']);
    // From before the store is copied until the end.
    expect([events, keepers.size]).toEqual([['1 keep the code'], 0]);
  });

  it('that fails leaves nothing, and lets code be deleted again', async () => {
    const { root, parts, store, keepers } = await dataDirectory();
    const failing = store(() => Promise.reject(new Error('the disk is full')));
    await expect(backUpData({ ...parts, store: failing }, join(root, 'copy'))).rejects.toMatchObject({
      code: 'DATA_DIR_UNUSABLE',
      message: expect.stringContaining('the disk is full'),
    });
    expect([await readdir(root), keepers.size]).toEqual([['data'], 0]);
  });

  it('does not replace what was put in its place meanwhile', async () => {
    const { root, parts, store } = await dataDirectory();
    const copy = join(root, 'copy');
    const racing = store(async () => {
      await mkdir(copy);
      await writeFile(join(copy, 'precious'), 'yes');
    });
    await expect(backUpData({ ...parts, store: racing }, copy)).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
    expect(await readdir(copy)).toEqual(['precious']);
    expect((await readdir(root)).sort()).toEqual(['copy', 'data']);
  });

  it('is refused within the data directory, by whatever way', async () => {
    const { root, parts, store } = await dataDirectory();
    await symlink(parts.dataDir, join(root, 'link'));
    for (const place of [parts.dataDir, join(parts.dataDir, 'copy'), join(root, 'link', 'copy')]) {
      await expect(backUpData({ ...parts, store: store() }, place)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
  });
});
