import { expect, it } from 'vitest';
import { type Memory, openMemoryStore } from '../../src/store/memory-store.ts';
import { eventLogConformance } from '../conformance/event-log.ts';
import { keyValueStoreConformance } from '../conformance/key-value-store.ts';
import { storeConformance } from '../conformance/store.ts';

keyValueStoreConformance(() => openMemoryStore());
eventLogConformance(() => openMemoryStore());
storeConformance(() => openMemoryStore());

it('keeps what it holds for the next store on the same memory', async () => {
  const memory: Memory = new Map();
  const first = await openMemoryStore({ memory });
  await first.database('settings').commit([{ kind: 'put', key: ['a'], value: 1 }]);
  await first.close();
  const second = await openMemoryStore({ memory });
  expect(second.database('settings').get(['a'])?.value).toBe(1);
});

it('refuses to be copied to a disk: it has none', async () => {
  const store = await openMemoryStore();
  await expect(store.backup('/nowhere')).rejects.toMatchObject({ code: 'CONFLICT' });
});
