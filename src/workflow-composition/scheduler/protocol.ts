/** W3, the workflow scheduler: has an instance ready when a step needs it, and not much earlier. Types only. */
import type { UpcomingStep } from '../language.ts';

export const LOOK_AHEAD_POLICIES = ['horizon', 'prewarm-all', 'prewarm-horizon', 'just-in-time'] as const;
export type LookAheadPolicyName = (typeof LOOK_AHEAD_POLICIES)[number];

/** What a policy knows of one execution when something in it has changed. */
export interface ExecutionOutlook {
  readonly executionId: string;
  readonly workflow: string;
  readonly version: number;
  readonly running: readonly RunningStep[];
  /** Nearest first. */
  readonly upcoming: readonly UpcomingStep[];
}

/** A step that has begun and not ended, also one that sleeps or waits for a signal. */
export interface RunningStep {
  /** As `profileKey` gives it. */
  readonly key: string;
  /** On the monotonic clock. */
  readonly startedMs: number;
  /** The function that it is inside of: an instance which it occupies is not free for others. */
  readonly target?: string;
  /** Where that is known, as of a timer; on the monotonic clock. */
  readonly endsMs?: number;
}

/** Learned of a step, over the executions of a version. Times in ms. */
export interface StepProfile {
  /** Of the run time, without the wait for an instance. */
  readonly runMs: { readonly p50: number; readonly p90: number };
  /** How often it ran, for each time that the step which decides on it did: a branch taken nine times in ten has 0.9, a fan-out more than 1. */
  readonly perDecision: number;
  /** Of its attempts, lately, how many found no instance: those take a cold start longer. */
  readonly coldPart: number;
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

/**
 * That so many instances of a function are to be ordered at one time and to be kept until another, on the monotonic clock. A policy gives them for one
 * execution; the scheduler gives them for a workflow, with those of all its executions added up, and none before its time has come.
 */
export interface PrewarmOrder {
  readonly functionName: string;
  readonly instances: number;
  /** The cold start is over when the step is expected: it has been taken off already. */
  readonly fromMs: number;
  readonly untilMs: number;
  /**
   * For people. Of an order of the scheduler, the workflow: a later one of the same function and the same reason replaces it, and `instances: 0` takes
   * it back.
   */
  readonly reason: string;
  /** How many of them are in use at a time, on average from `fromMs` to `untilMs`: what many executions are added up by. All of them without it. */
  readonly load?: number;
  /** It may wait for a moment where others load. */
  readonly inTurn?: true;
  /** By calls that are there: nothing is to be started for them, but they take the place of others. */
  readonly occupied?: true;
}

/** Pure: the same outlook at the same time, with the same profiles, gives the same orders. */
export interface LookAheadPolicy {
  readonly name: LookAheadPolicyName;
  /** How many upcoming steps it wants to be told of; 0: it never looks ahead. */
  readonly horizon: number;
  plan(nowMs: number, outlook: ExecutionOutlook, profiles: Profiles): readonly PrewarmOrder[];
}

/** What the engine asks without a message, before it works an outlook out. */
export interface OutlookGate {
  /** So many upcoming steps make an outlook; 0: none is wanted, ever. What ended is wanted nevertheless: estimates live on it. */
  readonly horizon: number;
  /** False for a moment where everything that the workflow calls has been warm for long: an outlook would change nothing. */
  wants(workflow: string, nowMs: number): boolean;
}

/** One attempt of a step is over. */
export interface StepReport {
  readonly workflow: string;
  readonly version: number;
  readonly key: string;
  readonly target: string | undefined;
  readonly runMs: number;
  /** What it has waited for an instance; undefined where it found one. */
  readonly coldStartMs: number | undefined;
}

export type WorkflowSchedulerMessages = {
  /** Something has changed in an execution. */
  outlookChanged: { body: ExecutionOutlook };
  /**
   * How often each step ran in an execution that is over, and what decided on it. Of steps that something decided against, `times` is 0; one that was
   * seen before and is left out counts as that.
   */
  executionEnded: {
    body: {
      readonly executionId: string;
      readonly workflow: string;
      readonly version: number;
      readonly runs: readonly { readonly key: string; readonly times: number; readonly decidedBy?: string }[];
    };
  };
  stepEnded: { body: StepReport };
  /** An instance is ready, so long after it was asked for, whoever asked for it. */
  instanceStarted: { body: { readonly functionName: string; readonly tookMs: number } };
  /** How much longer it takes, as the critical path of its outlook has it; undefined where nothing was learned yet. In ms. */
  estimate: { body: ExecutionOutlook; reply: { readonly p50: number; readonly p90: number } | undefined };
  stats: { body: undefined; reply: WorkflowSchedulerStats };
};

export interface WorkflowSchedulerStats {
  readonly policy: LookAheadPolicyName;
  /** Instances ordered, and those of them that a step has found: it began while the order stood, and had no cold start. */
  readonly prewarmed: number;
  readonly hits: number;
  /** CPU time spent on plans, and how many there were. */
  readonly planningMs: number;
  readonly plans: number;
}
