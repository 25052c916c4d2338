/**
 * Where what the scheduler has learned outlives the host: a record for each workflow, and for each function. It is a hint: what cannot be understood is
 * learned again.
 */
import { forecastKeys } from '../../store/keys.ts';
import type { KeyValueStore, Operation } from '../../store/protocol.ts';
import type { ProfileChanges, SavedProfiles, SavedStep, SavedVersion } from './profiles.ts';

/** In a commit: what is learned must not hold up what others write. */
const RECORDS_AT_ONCE = 100;

export class ProfileMemory {
  readonly #store: KeyValueStore;

  /** `store` is the database `forecasts`. */
  constructor(store: KeyValueStore) {
    this.#store = store;
  }

  load(): SavedProfiles {
    const workflows: [string, readonly SavedVersion[]][] = [];
    for (const { key, value } of this.#store.range({ prefix: forecastKeys.workflows })) {
      if (Array.isArray(value) && value.every(isVersion)) workflows.push([String(key[1]), value]);
    }
    const targets: [string, readonly number[]][] = [];
    for (const { key, value } of this.#store.range({ prefix: forecastKeys.coldStarts })) {
      if (areNumbers(value)) targets.push([String(key[1]), value]);
    }
    return { workflows, targets };
  }

  /** Rejects as the store does; what was saved until then stays so. */
  async save({ workflows, targets, forgottenWorkflows, forgottenTargets }: ProfileChanges): Promise<void> {
    const operations: Operation[] = [
      ...workflows.map(([name, value]): Operation => ({ kind: 'put', key: forecastKeys.workflow(name), value })),
      ...targets.map(([name, value]): Operation => ({ kind: 'put', key: forecastKeys.coldStart(name), value })),
      ...forgottenWorkflows.map((name): Operation => ({ kind: 'delete', key: forecastKeys.workflow(name) })),
      ...forgottenTargets.map((name): Operation => ({ kind: 'delete', key: forecastKeys.coldStart(name) })),
    ];
    for (let from = 0; from < operations.length; from += RECORDS_AT_ONCE)
      await this.#store.commit(operations.slice(from, from + RECORDS_AT_ONCE));
  }
}

function isVersion(value: unknown): value is SavedVersion {
  return Array.isArray(value) && typeof value[0] === 'number' && Array.isArray(value[1]) && value[1].every(isSavedStep);
}

function isSavedStep(value: unknown): value is SavedStep {
  const step = value as Partial<SavedStep> | null;
  if (typeof step !== 'object' || step === null || typeof step.key !== 'string') return false;
  const { runsMs, seen, coldPart, ran, decided, decidedBy } = step;
  const isNamed = decidedBy === undefined || typeof decidedBy === 'string';
  return isNamed && areNumbers(runsMs) && areNumbers([seen, coldPart, ran, decided]);
}

function areNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(Number.isFinite);
}
