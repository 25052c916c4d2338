import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openLmdbStore } from '../../src/store/lmdb-store.ts';
import { eventLogConformance } from '../conformance/event-log.ts';
import { keyValueStoreConformance } from '../conformance/key-value-store.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'troupe-store-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const openStore = () => openLmdbStore({ dataDir });
keyValueStoreConformance(openStore);
eventLogConformance(openStore);

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
