/**
 * Whether this program may use what is on disk (invariant 6). A fresh store is stamped; an older one is migrated, step by step; a newer
 * one is refused.
 */
import { TroupeError } from '../errors.ts';
import type { Engine } from './engine.ts';
import { metaKeys } from './keys.ts';
import type { Store } from './protocol.ts';
import { decodeRecord, encodeRecord, encodeValue } from './record-codec.ts';

/** Takes a store from layout `to - 1` to `to`. It may be run again after a crash, so running it twice must do no harm. */
export interface Migration {
  readonly to: number;
  migrate(store: Store): Promise<void>;
}

/** In order, one for each version from 2 on. */
export const MIGRATIONS: readonly Migration[] = [];

/** Rejects with `SCHEMA_TOO_NEW`, or with `RECORD_CORRUPT` when the version cannot be read. */
export async function bringUpToDate(
  engine: Engine,
  store: Store,
  options: { readonly schemaVersion: number; readonly migrations: readonly Migration[] },
): Promise<void> {
  const { schemaVersion, migrations } = options;
  const found = readVersion(engine);
  if (found === undefined) return writeVersion(engine, schemaVersion);
  if (found > schemaVersion) {
    throw new TroupeError(
      'SCHEMA_TOO_NEW',
      `The data directory has schema version ${found}, and this troupe knows only up to ${schemaVersion}. Upgrade troupe, or use another data directory.`,
      { details: { found, supported: schemaVersion } },
    );
  }
  for (let version = found + 1; version <= schemaVersion; version++) {
    const migration = migrations.find(({ to }) => to === version);
    if (!migration)
      throw new TroupeError('INTERNAL', `There is no migration of the store to schema version ${version}.`);
    await migration.migrate(store);
    await writeVersion(engine, version);
  }
}

/** Undefined when the store is fresh. */
function readVersion(engine: Engine): number | undefined {
  const meta = engine.table('meta');
  let isDamaged = false;
  for (const key of metaKeys.schemaVersions) {
    const bytes = meta.get(key);
    const decoded = bytes && decodeRecord(key, bytes);
    if (decoded?.kind === 'record' && typeof decoded.value === 'number') return decoded.value;
    if (decoded) isDamaged = true;
  }
  if (!isDamaged) return undefined;
  throw new TroupeError(
    'RECORD_CORRUPT',
    'Both copies of the schema version of the data directory are damaged, so nothing in it can be trusted. Restore it from a backup.',
    { details: { database: 'meta', keys: metaKeys.schemaVersions } },
  );
}

async function writeVersion(engine: Engine, version: number): Promise<void> {
  const meta = engine.table('meta');
  await engine.transact(() => {
    for (const key of metaKeys.schemaVersions) meta.put(key, encodeRecord(key, 0, encodeValue(version)));
  });
}
