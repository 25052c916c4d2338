/** An attempt at a job, and the call that it is made with. Types only. */
import type { TroupeError } from '../../../errors.ts';
import type { JobRecord } from './job-record.ts';
import type { Place } from './line.ts';

/** What a call needs of the host: a function, or a workflow, that is called. */
export type CallTarget = (
  call: {
    readonly functionName: string;
    readonly payload: Uint8Array;
    readonly idempotencyKey: string;
    /** From 1. */
    readonly attempt: number;
    /** How many attempts have failed by themselves: a workflow begins a new execution then. */
    readonly failures: number;
    readonly timeoutMs: number | undefined;
    /** The function says that it goes on; with a payload, how far it has come. */
    readonly alive: (progress: Uint8Array | undefined) => void;
  },
  settled: (outcome: AttemptOutcome) => void,
) => { cancel(): void };

export type AttemptOutcome =
  | { readonly kind: 'succeeded'; readonly payload: Uint8Array }
  | { readonly kind: 'failed'; readonly error: TroupeError };

export interface Running {
  readonly id: string;
  readonly place: Place;
  readonly record: JobRecord;
  readonly startedAtMs: number;
  /** Undefined until it is called. */
  handle: { cancel(): void } | undefined;
  /** Why it is told to end. */
  stopped: 'cancelled' | 'lost' | undefined;
  progress: Uint8Array | undefined;
  /** All that one call is about, where the function takes batches; the first of them has the handle. */
  batch: readonly Running[] | undefined;
}

export interface AttemptEnd {
  readonly running: Running;
  readonly outcome: AttemptOutcome;
}
