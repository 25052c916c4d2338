/** Outlooks and profiles by hand. */

import type { UpcomingStep } from '../../../src/workflow-composition/language.ts';
import type {
  ExecutionOutlook,
  Profiles,
  RunningStep,
  StepProfile,
  TargetProfile,
} from '../../../src/workflow-composition/scheduler/protocol.ts';

export function outlook(
  running: readonly (Partial<RunningStep> & { readonly key: string })[],
  upcoming: readonly (Partial<UpcomingStep> & { readonly key: string })[],
  executionId = 'e1',
): ExecutionOutlook {
  return {
    executionId,
    workflow: 'w',
    version: 1,
    running: running.map((step) => ({ startedMs: 0, ...step })),
    upcoming: upcoming.map(({ key, ...step }) => ({ key, target: `f-${key}`, after: [], ...step })),
  };
}

/** Steps by key: the median of their run time, or more. */
export function profiles(
  steps: Readonly<Record<string, number | Partial<StepProfile>>>,
  coldStartMs: TargetProfile['coldStartMs'] = { p50: 20, p90: 20 },
): Profiles {
  return {
    step: (_workflow, _version, key) => {
      const given = steps[key];
      if (given === undefined) return undefined;
      const profile = { runMs: { p50: 100, p90: 100 }, perDecision: 1, coldPart: 0, seen: 1_000 };
      return typeof given === 'number' ? { ...profile, runMs: { p50: given, p90: given } } : { ...profile, ...given };
    },
    target: () => ({ coldStartMs }),
  };
}
