/** What the engine and its executions say to each other. Internal to this folder; types only. */
import type { Clock } from '../../kernel/clock.ts';
import type { ExecutionEvent } from '../events.ts';
import type { ExecutionState, ExecutionStatus } from '../execution-state.ts';
import type { ExecutionStore, OpenExecution } from '../execution-store/protocol.ts';
import type { StepAction } from '../language.ts';
import type { CompiledWorkflow } from '../registry/protocol.ts';
import type { ExecutionOutlook, OutlookGate, WorkflowSchedulerMessages } from '../scheduler/protocol.ts';
import type { CallFunction, ExecutionView, SendRequest, StepOutcome, WorkflowEngineMessages } from './protocol.ts';

/** One step that was started, until it has ended. */
export interface Run {
  readonly step: string;
  attempt: number;
  /** `pausing`: between two attempts. */
  phase: 'preparing' | 'ready' | 'inside' | 'pausing';
  action?: Exclude<StepAction, { kind: 'output' | 'fail' | 'sleep' | 'await' }>;
  startedAtMs: number;
  startedMs: number;
  /** An execution of its own, which outlives the memory of this one. */
  isChild?: boolean;
  cancel?: () => void;
}

export interface ChildStart {
  readonly parentId: string;
  readonly step: string;
  /** What its id follows from. */
  readonly deed: string;
  readonly attempt: number;
  readonly workflow: string;
  readonly input: Uint8Array;
  readonly timeoutMs?: number;
  readonly depth: number;
  /** A child that failed before is redriven too. */
  readonly redrivenAtMs?: number;
}

/** What all executions of an engine share. */
export interface ExecutionHost {
  readonly clock: Clock;
  readonly random: () => number;
  readonly store: ExecutionStore;
  readonly callFunction: CallFunction;
  readonly sendRequest: SendRequest;
  /** Throws a `TroupeError` where a value cannot be sent or stored. */
  encode(value: unknown): Uint8Array;
  isWorkflow(name: string): boolean;
  /** `settled` comes in a later turn; a child goes on when nobody waits for it any more. */
  startChild(child: ChildStart, settled: (outcome: StepOutcome) => void): { cancel(): void };
  /** Whether the scheduler wants an outlook. */
  readonly gate: OutlookGate;
  tellScheduler<T extends 'outlookChanged' | 'stepEnded' | 'executionEnded'>(
    type: T,
    body: WorkflowSchedulerMessages[T]['body'],
  ): void;
  /** Nothing is to be done for it before its time. `handled`: how many messages it has had from the engine. */
  idle(id: string, handled: number, open: OpenExecution): void;
  /** It is over, and that is where it is to be. */
  ended(state: ExecutionState): void;
}

export interface ExecutionParts {
  readonly host: ExecutionHost;
  readonly compiled: CompiledWorkflow;
  readonly state: ExecutionState;
  /** Of the events in `state`, those that are on disk. */
  readonly flushed: number;
  readonly listed?: OpenExecution;
  /** Somebody waits for its result and nobody was told that it has started: the start may be written with the first result. */
  readonly isInvoked: boolean;
}

export type ExecutionMessages = {
  /** Go on from what the state is. Answers once the start is durable. */
  begin: { body: undefined; reply: undefined };
  beginUnasked: { body: undefined };
  /** Answers once the start is durable. */
  confirm: { body: undefined; reply: undefined };
  actionReady: { body: { readonly run: Run; readonly action: StepAction } };
  stepSettled: { body: { readonly run: Run; readonly outcome: StepOutcome } };
  written: { body: 'appended' | 'conflict' };
  goOn: { body: undefined };
  signal: { body: { readonly signal: string; readonly payload: Uint8Array }; reply: undefined };
  cancel: { body: { readonly reason: string }; reply: ExecutionStatus };
  giveUp: { body: { readonly reason: string } };
  pause: { body: undefined; reply: ExecutionStatus };
  resume: { body: undefined; reply: ExecutionStatus };
  redrive: { body: undefined; reply: ExecutionStatus };
  show: { body: undefined; reply: { readonly view: ExecutionView; readonly outlook: ExecutionOutlook } };
  history: { body: undefined; reply: readonly ExecutionEvent[] };
  watch: {
    body: { readonly event: (event: ExecutionEvent) => void };
    reply: { readonly stop: () => void };
  };
};

/** What the engine takes besides, from its executions. */
export type EngineMessages = WorkflowEngineMessages & {
  idle: { body: { readonly id: string; readonly handled: number; readonly open: OpenExecution } };
  ended: { body: { readonly state: ExecutionState } };
  startChild: { body: { readonly child: ChildStart; readonly settled: (outcome: StepOutcome) => void } };
};
