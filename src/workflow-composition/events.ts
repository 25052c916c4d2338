/**
 * The journal of an execution: everything that has happened to it, in order. A durable contract: fields are never renamed or given another
 * meaning, and an event of an unknown type refuses to load. What is not here can be derived from what is here and the definition.
 *
 * Values (inputs, outputs, payloads of signals) are payloads as `transport/codec.ts` encodes them: nobody decodes one who does not look into it.
 */
import type { SerializedError } from '../errors.ts';

/** `strict`: a result is on disk before anything that depends on it starts. `pipelined`: only what leaves the host waits. `memory`: nothing is. */
export const DURABILITIES = ['strict', 'pipelined', 'memory'] as const;
export type Durability = (typeof DURABILITIES)[number];

/** Where the time of one attempt went, in ms. */
export interface StepTiming {
  /** Milliseconds since the Unix epoch. */
  readonly startedAtMs: number;
  /** Until an instance took it, a cold start not included. */
  readonly queueMs: number;
  readonly coldStartMs: number;
  readonly runMs: number;
}

/** What an HTTP request brought besides its body. */
export interface RequestParts {
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

interface Event {
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
}

export interface ExecutionStarted extends Event, RequestParts {
  readonly type: 'executionStarted';
  readonly workflow: string;
  readonly version: number;
  readonly input: Uint8Array;
  readonly durability: Durability;
  readonly deadlineAtMs?: number;
  /** The step of another execution that waits for this one. */
  readonly parent?: { readonly executionId: string; readonly step: string };
  /** How many executions and calls are above it. */
  readonly depth: number;
}

export interface StepSucceeded extends Event {
  readonly type: 'stepSucceeded';
  readonly step: string;
  /** From 1. */
  readonly attempt: number;
  readonly output: Uint8Array;
  /** Of an HTTP answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What the language worked out the inputs to be, where later steps may ask for them. */
  readonly inputs?: Uint8Array;
  /** Absent where the language computed the output itself. */
  readonly timing?: StepTiming;
  /** It took the oldest signal of this name. */
  readonly tookSignal?: string;
}

export interface StepFailed extends Event {
  readonly type: 'stepFailed';
  readonly step: string;
  readonly attempt: number;
  readonly error: SerializedError;
  /** When the next attempt begins; without it the step has failed for good. */
  readonly retryAtMs?: number;
  readonly timing?: StepTiming;
}

/** A durable timer: the step succeeds, without output, at its time. */
export interface TimerStarted extends Event {
  readonly type: 'timerStarted';
  readonly step: string;
  readonly dueAtMs: number;
}

export interface SignalAwaited extends Event {
  readonly type: 'signalAwaited';
  readonly step: string;
  readonly signal: string;
  /** The step fails with `TIMEOUT` then. */
  readonly dueAtMs?: number;
}

export interface SignalReceived extends Event {
  readonly type: 'signalReceived';
  readonly signal: string;
  readonly payload: Uint8Array;
}

export interface ExecutionPaused extends Event {
  readonly type: 'executionPaused';
}

export interface ExecutionResumed extends Event {
  readonly type: 'executionResumed';
}

export interface CancelRequested extends Event {
  readonly type: 'cancelRequested';
  readonly reason: string;
}

/** The steps named are as if they had never run; the execution goes on. */
export interface ExecutionRedriven extends Event {
  readonly type: 'executionRedriven';
  readonly steps: readonly string[];
}

export interface ExecutionSucceeded extends Event {
  readonly type: 'executionSucceeded';
  /** The step whose output is the result: values are stored once. */
  readonly outputOf?: string;
  /** In place of it. */
  readonly output?: Uint8Array;
}

export interface ExecutionFailed extends Event {
  readonly type: 'executionFailed';
  readonly error: SerializedError;
  /** The step that failed, where one did. */
  readonly step?: string;
}

export interface ExecutionCancelled extends Event {
  readonly type: 'executionCancelled';
  readonly reason: string;
}

export type ExecutionEvent =
  | ExecutionStarted
  | StepSucceeded
  | StepFailed
  | TimerStarted
  | SignalAwaited
  | SignalReceived
  | ExecutionPaused
  | ExecutionResumed
  | CancelRequested
  | ExecutionRedriven
  | ExecutionSucceeded
  | ExecutionFailed
  | ExecutionCancelled;

export type EventType = ExecutionEvent['type'];
