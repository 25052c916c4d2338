import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDirectory } from '../../src/store/directory-lock.ts';
import { openLmdbStore } from '../../src/store/lmdb-store.ts';
import { type StoreProcess, startStoreProcess } from './start-store-process.ts';

let dataDir: string;
const started: StoreProcess[] = [];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'troupe-store-'));
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((each) => each.kill()));
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(mode: string, fileBlocks?: string): Promise<StoreProcess> {
  const storeProcess = await startStoreProcess(mode, dataDir, fileBlocks);
  started.push(storeProcess);
  return storeProcess;
}

describe('the lock', () => {
  it('keeps a second process out and names the holder; the end of the holder, even by SIGKILL, lets it in', async () => {
    const holder = await start('hold');
    const { opened: pid } = await holder.next();
    const refused = openLmdbStore({ dataDir });
    await expect(refused).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED', details: { pid } });
    await expect(refused).rejects.toThrow(new RegExp(`pid ${pid}.*--data`));
    await holder.kill();
    const store = await openLmdbStore({ dataDir });
    await expect(openLmdbStore({ dataDir })).rejects.toMatchObject({ details: { pid: process.pid } });
    expect(await (await start('hold')).next()).toMatchObject({
      code: 'DATA_DIR_LOCKED',
      details: { pid: process.pid },
    });
    await store.close();
    expect(await (await start('hold')).next()).toHaveProperty('opened');
  });

  it('has one winner among several that find a dead holder at once, round after round', async () => {
    for (let round = 0; round < 20; round++) {
      const takers = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(dataDir)));
      const winners = takers.flatMap((taker) => (taker.status === 'fulfilled' ? [taker.value] : []));
      expect(winners).toHaveLength(1);
      for (const taker of takers)
        if (taker.status === 'rejected') expect(taker.reason).toMatchObject({ code: 'DATA_DIR_LOCKED' });
      await winners[0]?.release();
    }
  });

  it('has one winner among several processes that find a killed holder at once', async () => {
    const holder = await start('hold');
    await holder.next();
    await holder.kill();
    const takers = await Promise.all([start('hold'), start('hold'), start('hold'), start('hold')]);
    const reports = await Promise.all(takers.map((taker) => taker.next()));
    expect(reports.filter((report) => 'opened' in report)).toHaveLength(1);
    expect(reports.filter(({ code }) => code === 'DATA_DIR_LOCKED')).toHaveLength(3);
  });

  it('works in a directory whose path is longer than a socket address', async () => {
    dataDir = join(dataDir, 'd'.repeat(120));
    const store = await openLmdbStore({ dataDir });
    await expect(openLmdbStore({ dataDir })).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' });
    await store.close();
  });
});

describe('a data directory that cannot be used', () => {
  it('is refused when there is a file in its place, or in that of its parent', async () => {
    const file = join(dataDir, 'file');
    writeFileSync(file, '');
    for (const each of [file, join(file, 'below')]) {
      const opened = openLmdbStore({ dataDir: each });
      await expect(opened).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE', details: { directory: each } });
      await expect(opened).rejects.toThrow('there is a file in its place');
    }
  });

  it.skipIf(process.getuid?.() === 0)('is refused when this user may not write there', async () => {
    chmodSync(dataDir, 0o555);
    for (const each of [dataDir, join(dataDir, 'below')]) {
      await expect(openLmdbStore({ dataDir: each })).rejects.toThrow('this user may not write there');
    }
    chmodSync(dataDir, 0o755);
  });

  it('is refused where no directory can be made', async () => {
    await expect(openLmdbStore({ dataDir: '/proc/troupe' })).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
    await expect(openLmdbStore({ dataDir: join(dataDir, 'x'.repeat(300)) })).rejects.toThrow('its path is too long');
  });

  it('is refused when its store is not one, and is free for others then', async () => {
    mkdirSync(join(dataDir, 'store'));
    writeFileSync(join(dataDir, 'store', 'data.mdb'), Buffer.alloc(65_536, 'not a database '));
    await expect(openLmdbStore({ dataDir })).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
    rmSync(join(dataDir, 'store'), { recursive: true });
    await (await openLmdbStore({ dataDir })).close();
  });
});

describe('a process that ends without warning', () => {
  it('loses nothing that was acknowledged, and leaves no half of a commit', async () => {
    const writer = await start('commit');
    await writer.next();
    let acknowledged = -1;
    while (acknowledged < 299) acknowledged = Number((await writer.next())['acknowledged']);
    await writer.kill();
    const store = await openLmdbStore({ dataDir });
    const valuesOf = (side: string) =>
      Array.from(store.database('settings').range({ prefix: [side] }), ({ value }) => value);
    const left = valuesOf('left');
    expect(left.length).toBeGreaterThan(acknowledged);
    expect(left).toEqual(left.map((_, index) => index));
    expect(valuesOf('right')).toEqual(left);
    expect(store.events.length('stream')).toBeGreaterThan(acknowledged);
    expect(store.events.length('stream') % 10).toBe(0);
    expect(store.quarantined()).toEqual([]);
    await store.close();
  });
});

describe('a full disk', () => {
  it('refuses the write with STORE_WRITE_FAILED, keeps what was acknowledged, and the store goes on and closes', async () => {
    const filler = await start('fill', '1000');
    expect(await filler.next()).toHaveProperty('opened');
    expect(await filler.next()).toEqual({
      code: 'STORE_WRITE_FAILED',
      burst: ['STORE_WRITE_FAILED', 'STORE_WRITE_FAILED', 'STORE_WRITE_FAILED'],
      isComplete: true,
      failedCommits: 4,
    });
    expect(await filler.next()).toEqual({ isMended: true });
    expect(await filler.next()).toEqual({ closed: true });
    const store = await openLmdbStore({ dataDir });
    const put = await store.database('settings').commit([{ kind: 'put', key: ['more'], value: Buffer.alloc(20_000) }]);
    expect(put.kind).toBe('committed');
    await store.close();
  });
});
