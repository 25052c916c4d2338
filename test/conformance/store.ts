/** What every driver's `Store` does beside its databases. `openStore` gives a fresh, empty store; the suite closes it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/protocol.ts';
import { entryPages } from '../../src/store/scan.ts';

export function storeConformance(openStore: () => Promise<Store>): void {
  describe('Store', () => {
    let store: Store;

    beforeEach(async () => {
      store = await openStore();
    });
    afterEach(() => store.close());

    const fill = async (count: number) => {
      await store
        .database('jobs')
        .commit(Array.from({ length: count }, (_, n) => ({ kind: 'put', key: ['a', n], value: n }) as const));
      await store.events.append('s', [1, 2, 3], { expectedLength: 0 });
    };

    const countsOf = () => {
      const counts: Record<string, number> = {};
      for (const { database, records } of store.scan()) counts[database] = (counts[database] ?? 0) + records;
      return counts;
    };

    it('scans every record of every database once, in pages', async () => {
      await fill(1_234);
      expect(countsOf()).toMatchObject({ jobs: 1_234, events: 3 });
      const pages = [...store.scan()].filter(({ database }) => database === 'jobs');
      expect(pages.map(({ records }) => records)).toEqual([500, 500, 234]);
      expect(pages.flatMap(({ damaged }) => damaged)).toEqual([]);
    });

    it('scans on while others write', async () => {
      await fill(1_000);
      let seen = 0;
      for (const { database, records } of store.scan()) {
        if (database !== 'jobs') continue;
        seen += records;
        await store.database('jobs').commit([{ kind: 'delete', key: ['a', seen - 1] }]);
      }
      expect(seen).toBe(1_000);
    });

    it.each([0, 1, 499, 500, 501, 1_000, 1_001])('gives %d entries of a prefix in pages, each once', async (count) => {
      await fill(count);
      await store.database('jobs').commit([{ kind: 'put', key: ['b'], value: true }]);
      const values = [...entryPages(store.database('jobs'), ['a'])].flatMap((page) => page.map(({ value }) => value));
      expect(values).toEqual(Array.from({ length: count }, (_, n) => n));
    });
  });
}
