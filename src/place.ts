/** The place of a host: a data directory, or memory and a temporary directory that are gone when it closes. */
import { join, resolve } from 'node:path';
import { makeTemporaryArtifacts } from './function-management/builder/temporary-artifacts.ts';
import type { Clock } from './kernel/clock.ts';
import { openLmdbStore } from './store/lmdb-store.ts';
import { openMemoryStore } from './store/memory-store.ts';
import type { Store } from './store/protocol.ts';

/** Where a host keeps what is to last, or what it has instead. */
export interface Place {
  readonly store: Store;
  /** Undefined: everything is in memory. */
  readonly dataDir: string | undefined;
  readonly artifactsDirectory: string;
  close(): Promise<void>;
}

/** Rejects with `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE` or `SCHEMA_TOO_NEW`. */
export async function openPlace(
  dataDir: string | undefined,
  { clock, warn }: { readonly clock: Clock; readonly warn: (message: string) => void },
): Promise<Place> {
  if (dataDir !== undefined) {
    const root = resolve(dataDir);
    const store = await openLmdbStore({
      dataDir: root,
      clock,
      onQuarantine: ({ database, key, reason }) =>
        warn(`A record of ${database} is quarantined: ${key.join('/')}: ${reason}`),
    });
    return { store, dataDir: root, artifactsDirectory: join(root, 'artifacts'), close: () => store.close() };
  }
  const store = await openMemoryStore({ clock });
  const artifacts = await makeTemporaryArtifacts();
  return {
    store,
    dataDir: undefined,
    artifactsDirectory: artifacts.path,
    async close() {
      await store.close();
      await artifacts.remove();
    },
  };
}
