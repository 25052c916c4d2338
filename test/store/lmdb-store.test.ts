import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openLmdbStore } from '../../src/store/lmdb-store.ts';
import { eventLogConformance } from '../conformance/event-log.ts';
import { keyValueStoreConformance } from '../conformance/key-value-store.ts';
import { storeConformance } from '../conformance/store.ts';
import { until } from '../support/until.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'troupe-store-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const openStore = () => openLmdbStore({ dataDir });
keyValueStoreConformance(openStore);
eventLogConformance(openStore);
storeConformance(openStore);

it('has everything after it was closed and opened again, and revisions go on growing', async () => {
  const first = await openStore();
  const before = await first.database('functions').commit([{ kind: 'put', key: ['a', 1], value: { b: [1] } }]);
  await first.events.append('s', ['x'], { expectedLength: 0 });
  await first.close();
  const second = await openStore();
  expect(second.database('functions').get(['a', 1])?.value).toEqual({ b: [1] });
  expect(second.events.read('s')).toEqual({ events: ['x'] });
  const after = await second.database('functions').commit([{ kind: 'put', key: ['b'], value: 1 }]);
  await second.close();
  if (before.kind !== 'committed' || after.kind !== 'committed') throw new Error('not committed');
  expect(after.revision).toBeGreaterThan(before.revision);
});

it('refuses more outstanding writes than it was told to hold, and takes them again once there is room', async () => {
  const store = await openLmdbStore({ dataDir, maxOutstandingWrites: 3 });
  const put = (key: string) => store.database('settings').commit([{ kind: 'put', key: [key], value: 1 }]);
  const taken = [put('a'), put('b'), put('c')];
  await expect(put('d')).rejects.toMatchObject({ code: 'OVERLOADED' });
  expect(store.stats().outstandingWrites).toBe(3);
  await Promise.all(taken);
  expect((await put('d')).kind).toBe('committed');
  expect(store.stats()).toMatchObject({ driver: 'lmdb', outstandingWrites: 0, commits: 4 });
  await store.close();
});

it('is copied under load: what was acknowledged before is in the copy, and each commit whole or not at all', async () => {
  const store = await openStore();
  const pairs = store.database('settings');
  let isOver = false;
  let acknowledged = 0;
  const load = (async () => {
    for (let n = 0; !isOver; n++) {
      await pairs.commit([
        { kind: 'put', key: ['left', n], value: 'x'.repeat(500) },
        { kind: 'put', key: ['right', n], value: true },
      ]);
      acknowledged = n + 1;
    }
  })();
  await until(() => acknowledged >= 50);
  const before = acknowledged;
  await store.backup(join(dataDir, 'copy'));
  isOver = true;
  await load;
  await store.close();
  const copy = await openLmdbStore({ dataDir: join(dataDir, 'copy') });
  const lengthOf = (side: string) => [...copy.database('settings').range({ prefix: [side] })].length;
  expect(lengthOf('left')).toBeGreaterThanOrEqual(before);
  expect(lengthOf('right')).toBe(lengthOf('left'));
  await copy.close();
});

it('is closed only when a copy of it is made', async () => {
  const store = await openStore();
  await store.database('settings').commit([{ kind: 'put', key: ['a'], value: 1 }]);
  const copied = store.backup(join(dataDir, 'copy'));
  await store.close();
  await copied;
  await expect(store.backup(join(dataDir, 'late'))).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
});

it('says why it cannot be copied to a place', async () => {
  const store = await openStore();
  await writeFile(join(dataDir, 'file'), '');
  await expect(store.backup(join(dataDir, 'file'))).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE' });
  await store.close();
});
