/** What a journal folds to. Types only; `fold.ts` makes them. */
import type { SerializedError } from '../errors.ts';
import type { ExecutionStarted, StepTiming } from './events.ts';

export const EXECUTION_STATUSES = ['running', 'paused', 'cancelling', 'succeeded', 'failed', 'cancelled'] as const;
/** `cancelling`: it was told to stop and is taking back what it has done. */
export type ExecutionStatus = (typeof EXECUTION_STATUSES)[number];

/** Only what the journal knows: a step that runs for the first time is not in it yet. */
export interface StepState {
  readonly step: string;
  /** `retrying`: an attempt has failed and another one follows. */
  status: 'succeeded' | 'failed' | 'retrying' | 'sleeping' | 'awaiting';
  /** Those that have ended. */
  attempts: number;
  output?: Uint8Array;
  headers?: Readonly<Record<string, string>>;
  inputs?: Uint8Array;
  error?: SerializedError;
  /** Of the next attempt, of a timer, or of the patience with a signal. */
  dueAtMs?: number;
  /** The signal that it waits for. */
  signal?: string;
  timing?: StepTiming;
  /** Of the event that was last. */
  atMs: number;
}

export interface ExecutionState {
  readonly id: string;
  readonly started: Omit<ExecutionStarted, 'type'>;
  status: ExecutionStatus;
  /** How many events there are. */
  length: number;
  /** By step, in the order of their first events. */
  readonly steps: Map<string, StepState>;
  /** Those that no step has taken yet, oldest first. */
  readonly signals: { readonly signal: string; readonly payload: Uint8Array }[];
  /** Why it is to be cancelled. */
  cancelReason?: string;
  endedAtMs?: number;
  /** The last time. */
  redrivenAtMs?: number;
  /** Of steps that had succeeded and run again since a redrive: how often they were taken back. What they do anew is another deed, with a key of its own. */
  readonly takenBack: Map<string, number>;
  output?: Uint8Array;
  error?: SerializedError;
  /** The step that has failed the execution. */
  failedStep?: string;
  updatedAtMs: number;
  /**
   * The steps whose state has changed since the language last decided, in order. The language takes them out; a state that was folded from a
   * whole journal has all of them.
   */
  changed: string[];
  /** What the language has derived from all this and may derive again: never journaled, and undefined until it sets it. */
  derived: unknown;
}
