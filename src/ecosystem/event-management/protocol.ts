/** Event management: durable jobs. What crosses its border; types, and the lists that name their values. */
import type { SerializedError, TroupeError } from '../../errors.ts';

export const JOB_STATUSES = ['waiting', 'delayed', 'running', 'retrying', 'succeeded', 'failed', 'cancelled'] as const;
/** `delayed`: its time has not come. `retrying`: an attempt has failed and another one follows. `failed`: a dead letter. */
export type JobStatus = (typeof JOB_STATUSES)[number];

export const ENDED_STATUSES = ['succeeded', 'failed', 'cancelled'] as const;
export type EndedStatus = (typeof ENDED_STATUSES)[number];

/** How long to wait before the next attempt. */
export interface Backoff {
  /** `fixed`: always `delayMs`. `exponential`: `delayMs`, then twice as long after each attempt. */
  readonly type: 'fixed' | 'exponential';
  readonly delayMs: number;
  /** No pause is longer. An hour where it is left out. */
  readonly maxDelayMs?: number;
  /** `full`: a random part of the pause, so that what failed together does not come back together. Default: `full` with `exponential`, else `none`. */
  readonly jitter?: 'full' | 'none';
}

/** Where the outcome of a job goes: as the payload of another job, or as a POST. Handed over at least once. */
export type Destination = { readonly function: string } | { readonly url: string };

export interface EnqueueOptions {
  /** Not before so many ms have passed. */
  readonly delayMs?: number;
  /** Not before that time; in place of `delayMs`. */
  readonly runAt?: Date | number;
  /** No attempt begins later than so long after the enqueuing: the job fails then. */
  readonly maxAgeMs?: number;
  /** It has ended by then, or fails; an attempt that runs is cancelled. */
  readonly deadline?: Date | number;
  /** `high` before `normal` before `background`, always; jobs of one priority in the order of their arrival. */
  readonly priority?: 'high' | 'normal' | 'background';
  /** Jobs of one key run one at a time, in the order in which they could have run; those of others are not held up. */
  readonly orderingKey?: string;
  /** A second job with this key within `idempotencyWindowMs` is not enqueued: the first one is what is answered. Handed to the function. */
  readonly idempotencyKey?: string;
  /** A day where it is left out. */
  readonly idempotencyWindowMs?: number;
  /** The first one included; 3 where it is left out. */
  readonly maxAttempts?: number;
  /** Exponential from 1 s with full jitter where it is left out; a number is a fixed pause in ms. */
  readonly backoff?: Backoff | number;
  /** Names or codes of errors: no other one is retried. */
  readonly retryOnly?: readonly string[];
  /** Names or codes of errors that are not retried. `NonRetryableError` never is. */
  readonly retryExcept?: readonly string[];
  /** Shortens the function's own timeout for each attempt. */
  readonly timeoutMs?: number;
  /** An attempt that does not call `context.heartbeat()` for so long has failed. */
  readonly heartbeatMs?: number;
  /** What is known of the job, its result included, is kept so long after it succeeded or was cancelled. A day where it is left out. */
  readonly keepMs?: number;
  readonly onSuccess?: Destination;
  readonly onFailure?: Destination;
}

export interface Enqueued {
  readonly id: string;
  /** False where a job with the same idempotency key was there already. */
  readonly isNew: boolean;
}

/** One attempt that failed. */
export interface FailedAttempt {
  readonly attempt: number;
  readonly error: SerializedError;
  readonly atMs: number;
}

/** A job as it is shown. Times are ms since the Unix epoch. */
export interface JobView {
  readonly id: string;
  /** The function, or workflow, that it calls. */
  readonly function: string;
  readonly status: JobStatus;
  readonly priority: 'high' | 'normal' | 'background';
  readonly enqueuedAtMs: number;
  /** Attempts that have ended, and one that runs. */
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly payload: unknown;
  /** What the function returned. */
  readonly result?: unknown;
  /** Of every attempt, oldest first; of many the first and the last ones. */
  readonly errors: readonly FailedAttempt[];
  /** What `context.progress` was last given, by the attempt that runs or ran last on this host. */
  readonly progress?: unknown;
  /** The earliest time of its next attempt. */
  readonly dueAtMs?: number;
  /** Of the last attempt. */
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  readonly orderingKey?: string;
  readonly idempotencyKey?: string;
}

export interface JobQuery {
  readonly function?: string;
  readonly status?: JobStatus;
  /** Default 50, at most 1,000. Newest first. */
  readonly limit?: number;
  /** Only jobs that were enqueued before this one. */
  readonly before?: string;
  /** Without payloads and results, which may be large. */
  readonly isBrief?: boolean;
}

/** What happened to a job, as those who watch are told. */
export interface JobChange {
  readonly id: string;
  readonly function: string;
  readonly status: JobStatus;
  readonly attempts: number;
  readonly progress?: unknown;
  readonly error?: TroupeError;
}

/** Which changes are told; all where nothing is said. */
export interface JobFilter {
  /** Of this job. */
  readonly id?: string;
  readonly function?: string;
}

/** Jobs of one function. */
export interface QueueView {
  readonly function: string;
  readonly isPaused: boolean;
  /** By status; those that have ended as long as they are kept. */
  readonly counts: Readonly<Record<JobStatus, number>>;
  /** How many have ended since the host started. */
  readonly ended: Readonly<Record<EndedStatus, number>>;
}
