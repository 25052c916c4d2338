/** W2, the workflow engine: what runs an execution, and what may be done to one. Types only. */
import type { SerializedError, TroupeError } from '../../errors.ts';
import type { WorkflowCall } from '../../function-management/router/protocol.ts';
import type { Durability, ExecutionEvent, RequestParts, StepTiming } from '../events.ts';
import type { ExecutionStatus, StepState } from '../execution-state.ts';
import type { ExecutionQuery, ExecutionSummary } from '../execution-store/protocol.ts';
import type { HttpStep, WorkflowGraph } from '../language.ts';

/** How a step reaches a function. */
export interface StepCall {
  readonly functionName: string;
  readonly payload: Uint8Array;
  readonly timeoutMs?: number;
  /** The same for every attempt at the step, whatever happens to the host. */
  readonly idempotencyKey: string;
  readonly depth: number;
  /** The function has said that it goes on. */
  readonly alive?: () => void;
}

export type StepOutcome =
  | {
      readonly kind: 'succeeded';
      readonly payload: Uint8Array;
      /** Of an HTTP answer. */
      readonly headers?: Readonly<Record<string, string>>;
      readonly timing: StepTiming;
      readonly isCold: boolean;
    }
  | { readonly kind: 'failed'; readonly error: TroupeError; readonly timing: StepTiming; readonly isCold: boolean };

/** `settled` is called exactly once, never before `callFunction` has returned. */
export type CallFunction = (call: StepCall, settled: (outcome: StepOutcome) => void) => { cancel(): void };

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed where it is JSON, text where it is text, else bytes. */
  readonly body: unknown;
}

/** Rejects with a `TroupeError`; an answer of 400 or more is one. */
export type SendRequest = (
  request: HttpStep,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number },
) => Promise<HttpAnswer>;

export interface StartExecution extends RequestParts {
  readonly workflow: string;
  readonly version?: number;
  readonly alias?: string;
  /** Encoded. */
  readonly input: Uint8Array;
  /** One that exists is returned as it is; without it a new one is made up. */
  readonly id?: string;
  /** For the whole of it, in ms; shortens the workflow's own. */
  readonly timeoutMs?: number;
  readonly durability?: Durability;
  readonly depth?: number;
}

export interface StartedExecution {
  readonly id: string;
  readonly workflow: string;
  readonly version: number;
  /** False where there was one of that id already. */
  readonly isNew: boolean;
}

export type ExecutionResult =
  | { readonly kind: 'succeeded'; readonly output: Uint8Array | undefined }
  | { readonly kind: 'failed'; readonly error: SerializedError }
  | { readonly kind: 'cancelled'; readonly reason: string };

export interface ExecutionView extends ExecutionSummary {
  readonly steps: number;
  readonly running: readonly RunningStep[];
  readonly known: readonly StepState[];
  readonly graph: WorkflowGraph;
  readonly output?: Uint8Array;
  /** How much longer, in ms; absent where it has ended or nothing was learned yet. */
  readonly remainingMs?: { readonly p50: number; readonly p90: number };
  /** When it goes on by itself. */
  readonly wakeAtMs?: number;
  readonly deadlineAtMs?: number;
}

export interface RunningStep {
  readonly step: string;
  readonly attempt: number;
  readonly startedAtMs: number;
  readonly target?: string;
}

export type WorkflowEngineMessages = {
  /** Answers once the start is on disk, unless its durability is `memory`. */
  start: { body: StartExecution; reply: StartedExecution };
  /** As a function is called: settled with its result, and not on disk before its first result is. */
  invoke: { body: WorkflowCall };
  /** Its caller has given it up. */
  abandon: { body: WorkflowCall };
  /** Answers when it has ended, however long that takes. Refuses with `EXECUTION_NOT_FOUND`. */
  result: { body: { readonly id: string }; reply: ExecutionResult };
  show: { body: { readonly id: string }; reply: ExecutionView };
  history: { body: { readonly id: string }; reply: readonly ExecutionEvent[] };
  list: { body: ExecutionQuery; reply: readonly ExecutionSummary[] };
  /** Answers once it is on disk. Kept until a step takes it; a host that is asked for one that has ended refuses with `CONFLICT`. */
  signal: { body: { readonly id: string; readonly signal: string; readonly payload: Uint8Array }; reply: undefined };
  /** Answers once it is on disk; what it has done is taken back after that. Nothing happens to one that has ended. */
  cancel: { body: { readonly id: string; readonly reason: string }; reply: ExecutionStatus };
  /** What runs goes on to its end; nothing more starts. */
  pause: { body: { readonly id: string }; reply: ExecutionStatus };
  resume: { body: { readonly id: string }; reply: ExecutionStatus };
  /** Only of one that has failed or was cancelled: what succeeded stays, the rest runs again. */
  redrive: { body: { readonly id: string }; reply: ExecutionStatus };
  /** Each event in order, those of the past before the answer; which ends it. */
  watch: {
    body: { readonly id: string; readonly event: (event: ExecutionEvent) => void };
    reply: { readonly stop: () => void };
  };
  /** Starts nothing more; answers when all that were invoked have ended, or been refused after that time. */
  drain: { body: { readonly timeoutMs: number }; reply: undefined };
  stats: { body: undefined; reply: WorkflowEngineStats };
};

export interface WorkflowEngineStats {
  /** In memory with all their state. */
  readonly resident: number;
  /** Unfinished, and on disk only. */
  readonly waiting: number;
  readonly started: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly steps: number;
}
