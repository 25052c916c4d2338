/** Check and backup of what a host has on disk: for one that runs, and for a data directory that none has open. Puts together, and decides nothing. */
import { join, resolve } from 'node:path';
import { type BackupParts, backUpData } from './ecosystem/data-management/backup.ts';
import { checkData } from './ecosystem/data-management/check.ts';
import type { Backup, DataCheck, FaultSource } from './ecosystem/data-management/protocol.ts';
import { EventStore } from './ecosystem/event-management/events/event-store.ts';
import { jobFaults } from './ecosystem/event-management/jobs/job-faults.ts';
import { ScheduleStore } from './ecosystem/event-management/schedules/schedule-store.ts';
import { TroupeError } from './errors.ts';
import { isArtifactSound } from './function-management/builder/artifact-store.ts';
import { loadFunctions } from './function-management/registry/stored-function.ts';
import { systemClock } from './kernel/clock.ts';
import { functionKeys } from './store/keys.ts';
import { holdsStore, openLmdbStore } from './store/lmdb-store.ts';
import type { Store } from './store/protocol.ts';
import { executionFaults } from './workflow-composition/execution-store/execution-faults.ts';
import { loadWorkflows } from './workflow-composition/registry/stored-workflow.ts';

export interface DataCareParts extends BackupParts {
  readonly store: Store;
}

/** One check and one backup at a time: both read all there is. */
export class DataCare {
  readonly #parts: DataCareParts;
  readonly #underWay = new Set<string>();

  constructor(parts: DataCareParts) {
    this.#parts = parts;
  }

  check(): Promise<DataCheck> {
    const { store, clock } = this.#parts;
    return this.#alone('check', () => checkData({ store, clock, sources: faultSources(this.#parts) }));
  }

  /** Rejects with `INVALID_ARGUMENT`, `CONFLICT` or `DATA_DIR_UNUSABLE`. */
  backUp(directory: string): Promise<Backup> {
    return this.#alone('backup', () => backUpData(this.#parts, directory));
  }

  async #alone<Result>(what: string, run: () => Promise<Result>): Promise<Result> {
    if (this.#underWay.has(what)) {
      throw new TroupeError('OVERLOADED', `A ${what} of this data is under way already. Try again when it is done.`);
    }
    this.#underWay.add(what);
    try {
      return await run();
    } finally {
      this.#underWay.delete(what);
    }
  }
}

/** Keeps the code of functions from being deleted: `keep` until its answer is called. */
export function codeKeeper(): { isKept(): boolean; keep(): () => void } {
  const keepers = new Set<object>();
  return {
    isKept: () => keepers.size > 0,
    keep() {
      const keeper = {};
      keepers.add(keeper);
      return () => void keepers.delete(keeper);
    },
  };
}

/**
 * Opens the data directory for as long as `use` takes. Rejects with `INVALID_ARGUMENT` where it is none, and as opening a store does: with
 * `DATA_DIR_LOCKED` while a host has it.
 */
export async function withStoredData<Result>(
  directory: string,
  use: (care: DataCare) => Promise<Result>,
): Promise<Result> {
  const dataDir = resolve(directory);
  if (!holdsStore(dataDir)) {
    throw new TroupeError('INVALID_ARGUMENT', `${dataDir} is not the data directory of a host. Check the path.`);
  }
  const store = await openLmdbStore({ dataDir });
  try {
    // Nobody else is there who could delete code.
    const keepCode = () => () => undefined;
    const artifactsDirectory = join(dataDir, 'artifacts');
    return await use(new DataCare({ store, dataDir, artifactsDirectory, clock: systemClock, keepCode }));
  } finally {
    await store.close();
  }
}

/** Whoever stores something that can fit together, or not, is asked here. */
function faultSources(parts: Pick<DataCareParts, 'store' | 'artifactsDirectory'>): readonly FaultSource[] {
  const { store } = parts;
  return [
    { name: 'functions', faults: () => functionFaults(parts) },
    { name: 'workflows', faults: () => loadWorkflows(store.database('workflows')).faults },
    { name: 'executions', faults: () => executionFaults(store.database('executions')) },
    { name: 'jobs', faults: () => jobFaults(store.database('jobs')) },
    { name: 'schedules', faults: () => new ScheduleStore(store.database('schedules')).faults() },
    { name: 'cloud-events', faults: () => new EventStore(store.database('cloud-events')).faults() },
  ];
}

async function* functionFaults({
  store,
  artifactsDirectory,
}: Pick<DataCareParts, 'store' | 'artifactsDirectory'>): AsyncGenerator<string | undefined> {
  const database = store.database('functions');
  const { entries, faults } = loadFunctions(database, artifactsDirectory);
  yield* faults;
  for (const { versions } of entries.values()) {
    for (const { name, version, artifact } of versions) {
      if (await isArtifactSound(artifactsDirectory, artifact.hash)) continue;
      // It may have been removed meanwhile, and its code with it.
      if (!database.get(functionKeys.version(name, version))) continue;
      yield `The code of version ${version} of "${name}", artifacts/${artifact.hash}, is missing or damaged. Deploy it again.`;
    }
  }
}
