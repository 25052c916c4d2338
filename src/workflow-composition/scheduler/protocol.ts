/** W3, the workflow scheduler: has an instance ready when a step needs it, and not much earlier. Types only. */
import type { UpcomingStep } from '../language.ts';

export const LOOK_AHEAD_POLICIES = ['horizon', 'prewarm-all', 'prewarm-horizon', 'just-in-time'] as const;
export type LookAheadPolicyName = (typeof LOOK_AHEAD_POLICIES)[number];

/** What a policy knows of one execution when something in it has changed. */
export interface ExecutionOutlook {
  readonly executionId: string;
  readonly workflow: string;
  readonly version: number;
  /** Steps that are inside functions now, by key; when they began, on the monotonic clock. */
  readonly running: readonly { readonly key: string; readonly startedMs: number }[];
  /** Nearest first. */
  readonly upcoming: readonly UpcomingStep[];
}

/** Learned of a step, over the executions of a version. Times in ms. */
export interface StepProfile {
  /** Of the run time, without the wait for an instance. */
  readonly runMs: { readonly p50: number; readonly p90: number };
  /** How often it ran, for each time that the step which decides on it did: a branch taken nine times in ten has 0.9, a fan-out more than 1. */
  readonly perDecision: number;
  readonly seen: number;
}

export interface TargetProfile {
  /** Of the cold starts of a function. */
  readonly coldStartMs: { readonly p50: number; readonly p90: number };
}

export interface Profiles {
  step(workflow: string, version: number, key: string): StepProfile | undefined;
  target(functionName: string): TargetProfile | undefined;
}

/** That a function is to have so many instances ready from one time to another, on the monotonic clock. */
export interface PrewarmOrder {
  readonly functionName: string;
  readonly instances: number;
  readonly fromMs: number;
  readonly untilMs: number;
  /** For people. */
  readonly reason: string;
}

/** Pure: the same outlook at the same time, with the same profiles, gives the same orders. */
export interface LookAheadPolicy {
  readonly name: LookAheadPolicyName;
  /** How many upcoming steps it wants to be told of; 0: it never looks ahead. */
  readonly horizon: number;
  plan(nowMs: number, outlook: ExecutionOutlook, profiles: Profiles): readonly PrewarmOrder[];
}

/** One attempt of a step is over. */
export interface StepReport {
  readonly workflow: string;
  readonly version: number;
  readonly key: string;
  readonly target: string | undefined;
  readonly runMs: number;
  /** Undefined where it found an instance. */
  readonly coldStartMs: number | undefined;
}

export type WorkflowSchedulerMessages = {
  /** Something has changed in an execution. */
  outlookChanged: { body: ExecutionOutlook };
  /** How often each step ran in an execution that is over, and what decided on it. */
  executionEnded: {
    body: {
      readonly executionId: string;
      readonly workflow: string;
      readonly version: number;
      readonly runs: readonly { readonly key: string; readonly times: number; readonly decidedBy?: string }[];
    };
  };
  stepEnded: { body: StepReport };
  /** How much longer it takes, as the critical path of its outlook has it; undefined where nothing was learned yet. In ms. */
  estimate: { body: ExecutionOutlook; reply: { readonly p50: number; readonly p90: number } | undefined };
  stats: { body: undefined; reply: WorkflowSchedulerStats };
};

export interface WorkflowSchedulerStats {
  readonly policy: LookAheadPolicyName;
  /** Orders given, and those of them for which a call came in time. */
  readonly prewarmed: number;
  readonly hits: number;
  /** CPU time spent on plans, and how many there were. */
  readonly planningMs: number;
  readonly plans: number;
}
