/** Puts a store together from a driver's engine; what both drivers share. */
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { Engine } from './engine.ts';
import { EventLogDatabase } from './event-log-database.ts';
import { KeyValueDatabase } from './key-value-database.ts';
import { SCHEMA_VERSION } from './keys.ts';
import type { DatabaseName, QuarantinedRecord, Store } from './protocol.ts';
import { Quarantine } from './quarantine.ts';
import { scanTables } from './scan.ts';
import { bringUpToDate, MIGRATIONS, type Migration } from './schema.ts';
import { DEFAULT_MAX_OUTSTANDING_WRITES, Writer } from './writer.ts';

export interface StoreOptions {
  readonly clock?: Clock;
  /** Called once for each damaged record that is met. */
  readonly onQuarantine?: (record: QuarantinedRecord) => void;
  /** Operations that may wait for the disk; more are refused with `OVERLOADED`. */
  readonly maxOutstandingWrites?: number;
  /** What this program can read; only tests of migrations give it. */
  readonly schemaVersion?: number;
  readonly migrations?: readonly Migration[];
}

/** Rejects as `bringUpToDate`; the engine is closed then. */
export async function createStore(engine: Engine, options: StoreOptions): Promise<Store> {
  const clock = options.clock ?? systemClock;
  const quarantine = new Quarantine(engine, { clock, onQuarantine: options.onQuarantine ?? (() => undefined) });
  const writer = new Writer(engine, {
    maxOutstandingWrites: options.maxOutstandingWrites ?? DEFAULT_MAX_OUTSTANDING_WRITES,
    wallMs: clock.wallMs(),
  });
  const partsOf = (name: string) => ({ name, table: engine.table(name), writer, quarantine });
  const databases: Readonly<Record<DatabaseName, KeyValueDatabase>> = {
    functions: new KeyValueDatabase(partsOf('functions')),
    settings: new KeyValueDatabase(partsOf('settings')),
    forecasts: new KeyValueDatabase(partsOf('forecasts')),
    history: new KeyValueDatabase(partsOf('history')),
    workflows: new KeyValueDatabase(partsOf('workflows')),
    executions: new KeyValueDatabase(partsOf('executions')),
    jobs: new KeyValueDatabase(partsOf('jobs')),
    schedules: new KeyValueDatabase(partsOf('schedules')),
    'cloud-events': new KeyValueDatabase(partsOf('cloud-events')),
  };
  const events = new EventLogDatabase(partsOf('events'));
  let closing: Promise<void> | undefined;
  const store: Store = {
    database: (name) => databases[name],
    events,
    quarantined() {
      writer.checkOpen();
      return quarantine.list();
    },
    stats() {
      const all = [...Object.values(databases), events];
      return {
        driver: engine.driver,
        outstandingWrites: writer.outstanding,
        commits: all.reduce((sum, { committed }) => sum + committed, 0),
        conflicts: all.reduce((sum, { conflicts }) => sum + conflicts, 0),
        failedCommits: writer.failedCommits,
        quarantined: quarantine.size,
      };
    },
    scan: () => scanTables(['meta', ...Object.keys(databases), 'events', 'quarantine'].map(partsOf)),
    async backup(directory) {
      writer.checkOpen();
      await engine.backup(directory);
    },
    close() {
      closing ??= writer.close().then(() => engine.close());
      return closing;
    },
  };
  try {
    await bringUpToDate(engine, store, {
      schemaVersion: options.schemaVersion ?? SCHEMA_VERSION,
      migrations: options.migrations ?? MIGRATIONS,
    });
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}
