/** Event management: durable jobs, schedules that enqueue them, events and triggers. What crosses its border; types, and the lists that name their values. */
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

/**
 * Where the outcome of a job goes: as the payload of another job, or as a POST, at least once; or as the data of an event, which is published once. The
 * source of the event is `/troupe/functions/` and the name of the function where it is left out.
 */
export type Destination =
  | { readonly function: string }
  | { readonly url: string }
  | { readonly event: { readonly type: string; readonly source?: string; readonly subject?: string } };

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
  /** Whose job it is, where the function's `queue.perKey` has limits for each. */
  readonly limitKey?: string;
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
  readonly limitKey?: string;
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

/** What a schedule does about times at which the host did not run. */
export const MISSED_POLICIES = ['once', 'skip'] as const;
export type MissedPolicy = (typeof MISSED_POLICIES)[number];
/** What a schedule does while the job of an earlier firing has not ended. */
export const OVERLAP_POLICIES = ['allow', 'skip', 'queue'] as const;
export type OverlapPolicy = (typeof OVERLAP_POLICIES)[number];

/** Exactly one of `cron`, `everyMs` and `at`. */
export interface ScheduleOptions {
  /** A function, or a workflow. It is given a `ScheduleEvent`. */
  readonly function: string;
  readonly payload?: unknown;
  /** 5 fields: minute, hour, day, month, weekday; 6 with seconds first; 7 with a year last; or `@daily` and its like. */
  readonly cron?: string;
  /** Of `cron`, from the IANA database, as `Europe/Zurich`. That of the host, as it is when the schedule is set, where it is left out. */
  readonly timeZone?: string;
  /** At least 100; from `startAt` on, or from when the schedule is set. */
  readonly everyMs?: number;
  /** Once, then. */
  readonly at?: Date | number;
  /** `once` (default): one job for the latest of the times that were missed. `skip`: none. */
  readonly missed?: MissedPolicy;
  /** `allow` (default): nothing. `skip`: does not fire. `queue`: the next job waits for the one before. */
  readonly overlap?: OverlapPolicy;
  /** Does not fire before. */
  readonly startAt?: Date | number;
  /** Does not fire after. */
  readonly endAt?: Date | number;
  /** Of the jobs that it enqueues. */
  readonly job?: ScheduleJobOptions;
}

export type ScheduleJobOptions = Omit<
  EnqueueOptions,
  'delayMs' | 'runAt' | 'idempotencyKey' | 'idempotencyWindowMs' | 'orderingKey'
>;

export interface ScheduleSet {
  readonly name: string;
  readonly isNew: boolean;
  /** False where it was set just so before: then nothing has changed. */
  readonly isChanged: boolean;
  /** Absent where it is paused, or over. */
  readonly nextAtMs?: number;
}

/** What came of one time of a schedule. */
export interface ScheduleFiring {
  /** When it was to fire. */
  readonly scheduledAtMs: number;
  /** When it did, or did not. */
  readonly atMs: number;
  readonly outcome: 'fired' | 'skipped';
  readonly jobId?: string;
  /** Why it was skipped. */
  readonly reason?: string;
}

/** A schedule as it is shown. Times are ms since the Unix epoch. */
export interface ScheduleView {
  readonly name: string;
  readonly function: string;
  readonly cron?: string;
  readonly timeZone?: string;
  readonly everyMs?: number;
  readonly atMs?: number;
  readonly startAtMs?: number;
  readonly endAtMs?: number;
  readonly missed: MissedPolicy;
  readonly overlap: OverlapPolicy;
  readonly isPaused: boolean;
  /** Absent where it is paused, or over. */
  readonly nextAtMs?: number;
  readonly last?: ScheduleFiring;
  /** Jobs that were enqueued, times that were skipped with a reason, and times at which the host did not run. */
  readonly counts: { readonly fired: number; readonly skipped: number; readonly missed: number };
}

export interface ScheduleDetails extends ScheduleView {
  readonly payload: unknown;
  readonly job?: ScheduleJobOptions;
  /** The next five. */
  readonly nextTimesMs: readonly number[];
}

export interface ScheduleQuery {
  readonly function?: string;
  /** Only schedules whose names come after it. */
  readonly after?: string;
  /** Default 1,000, at most 10,000. In the order of their names. */
  readonly limit?: number;
}

/** Of times that have passed; both ends are included. */
export interface BackfillRange {
  readonly from: Date | number;
  /** Now where it is left out. */
  readonly to?: Date | number;
}

export interface Backfilled {
  /** Times of the schedule in the range. */
  readonly times: number;
  /** Jobs that were enqueued for them. */
  readonly enqueued: number;
  /** Times that had a job already. */
  readonly existing: number;
}

/** A CloudEvent 1.0 as it is kept, and as functions are given it. Extensions stand beside the other attributes. */
export interface CloudEvent<Data = unknown> {
  readonly specversion: '1.0';
  /** Together with `source` it says which event this is. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** As RFC 3339 has it. */
  readonly time: string;
  readonly subject?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  /** A `Uint8Array` where it is binary. */
  readonly data?: Data;
  readonly [extension: string]: unknown;
}

/** What is published: `id`, `time` and `specversion` are filled in where they are left out. */
export interface NewCloudEvent {
  readonly source: string;
  readonly type: string;
  readonly id?: string;
  readonly time?: string | Date;
  readonly specversion?: string;
  readonly subject?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly data?: unknown;
  /** In place of `data`. */
  readonly data_base64?: string;
  readonly [extension: string]: unknown;
}

/** A trigger that an event has fired. */
export interface FiredTrigger {
  readonly trigger: string;
  /** The function, or workflow, that it starts. */
  readonly function: string;
}

export interface Published {
  readonly id: string;
  readonly source: string;
  /** False where an event of that source and id was there already: the answer is that of the first, and nothing is started again. */
  readonly isNew: boolean;
  readonly deliveries: readonly FiredTrigger[];
}

/** Of the CNCF CloudEvents Subscriptions API. Values are compared with the text of an attribute, as it is written, capitals included. */
export type Filter =
  | { readonly exact: Readonly<Record<string, string>> }
  | { readonly prefix: Readonly<Record<string, string>> }
  | { readonly suffix: Readonly<Record<string, string>> }
  | { readonly any: readonly Filter[] }
  | { readonly all: readonly Filter[] }
  | { readonly not: Filter };

/** How the jobs of a trigger run; as in `EnqueueOptions`. */
export type TriggerJobOptions = Pick<
  EnqueueOptions,
  | 'delayMs'
  | 'maxAgeMs'
  | 'priority'
  | 'orderingKey'
  | 'maxAttempts'
  | 'backoff'
  | 'retryOnly'
  | 'retryExcept'
  | 'timeoutMs'
  | 'heartbeatMs'
  | 'keepMs'
  | 'onSuccess'
  | 'onFailure'
>;

export interface TriggerOptions {
  /** The function, or workflow, that is called with the event. */
  readonly function: string;
  /** All of them must match; without any, every event fires it. */
  readonly filters?: readonly Filter[];
  readonly job?: TriggerJobOptions;
}

export interface Trigger extends TriggerOptions {
  readonly name: string;
  readonly filters: readonly Filter[];
  readonly createdAtMs: number;
}

/** What became of an event that has fired a trigger. */
export interface TriggerDelivery {
  readonly source: string;
  readonly id: string;
  readonly type: string;
  /** `failed`: given up, since nothing took it for a day, or it cannot be read any more. */
  readonly status: 'started' | 'failed';
  readonly atMs: number;
  readonly jobId?: string;
  readonly error?: string;
}

export interface TriggerCounts {
  /** Events that have fired it. */
  readonly matched: number;
  /** Jobs that it has enqueued. */
  readonly started: number;
  readonly failed: number;
}

export interface TriggerView extends Trigger, TriggerCounts {
  /** Matched, and not started yet. */
  readonly pending: number;
  /** The last ones, newest first; and the last ones that have failed. */
  readonly deliveries: readonly TriggerDelivery[];
  readonly failures: readonly TriggerDelivery[];
}

/** An event as it is kept. */
export interface EventView {
  /** Of all events of this host, in their order. */
  readonly sequence: number;
  readonly publishedAtMs: number;
  readonly event: CloudEvent;
  readonly deliveries: readonly FiredTrigger[];
}

export interface EventQuery {
  readonly type?: string;
  readonly source?: string;
  /** Default 50, at most 1,000. Newest first. */
  readonly limit?: number;
  /** Only events before this one, by its `sequence`. */
  readonly before?: number;
}
