/** What a queue is to its neighbours. Types only. */
import type { TroupeError } from '../../../errors.ts';
import type { Enqueued, JobChange, JobStatus, JobView, QueueView } from '../protocol.ts';
import type { AttemptEnd } from './attempt.ts';
import type { JobTerms } from './job-record.ts';
import type { Written } from './job-writer.ts';
import type { KeyLimit } from './key-limits.ts';
import type { RateLimit } from './rate-limit.ts';

/** How jobs of one function are run, as its configuration says. */
export interface QueueSettings {
  /** Calls at a time. */
  readonly concurrency: number;
  readonly rateLimit?: RateLimit;
  readonly perKey?: KeyLimit;
  readonly batch?: BatchSettings;
  /** That may be there, whatever they wait for; one more is refused. */
  readonly maxJobs: number;
}

export interface BatchSettings {
  readonly maxSize: number;
  readonly maxWaitMs: number;
}

/** Checked and encoded by the door. */
export interface NewJob {
  readonly payload: Uint8Array;
  /** Of `LEVELS`. */
  readonly level: number;
  /** Not before then, in ms since the Unix epoch. */
  readonly dueAtMs?: number;
  readonly delayMs?: number;
  readonly maxAgeMs?: number;
  readonly terms?: JobTerms;
  readonly orderingKey?: string;
  readonly limitKey?: string;
  readonly idempotencyKey?: string;
  readonly idempotencyWindowMs?: number;
}

export interface EnqueueRequest {
  /** All or none. */
  readonly jobs: readonly NewJob[];
  /** They are on disk. */
  readonly accepted: (enqueued: readonly Enqueued[]) => void;
  readonly refused: (error: TroupeError) => void;
}

export type JobListener = (change: JobChange) => void;

export type JobQueueMessages = {
  enqueue: { body: EnqueueRequest };
  attemptEnded: { body: AttemptEnd };
  written: { body: Written };
  /** That it has ended is on disk: the next of its ordering key may begin. */
  released: { body: { readonly id: string; readonly orderingKey?: string } };
  /** What came of it is with its destination. */
  handedOn: { body: { readonly id: string } };
  /** There may be room for that limit key again. */
  keyFree: { body: { readonly limitKey: string } };
  /** There may be more to begin. */
  goOn: { body: undefined };
  /** As it is now; undefined where it is none of this queue's, or not any more. */
  show: { body: { readonly id: string; readonly isBrief?: boolean }; reply: JobView | undefined };
  running: { body: { readonly isBrief?: boolean }; reply: readonly JobView[] };
  /** Answers once it is on disk. Nothing happens to one that has ended. */
  cancel: { body: { readonly id: string }; reply: JobStatus };
  /** Of a dead letter, or one that was cancelled: it begins anew. Refuses with `CONFLICT`. */
  retry: { body: { readonly id: string }; reply: JobStatus };
  /** Forgets those of them that have ended; answers with how many that were, once it is on disk. */
  forget: { body: { readonly ids: readonly string[] }; reply: number };
  /** Answers once all that is known of the queue is on disk. */
  sync: { body: undefined; reply: undefined };
  pause: { body: undefined; reply: undefined };
  resume: { body: undefined; reply: undefined };
  view: { body: undefined; reply: QueueView };
  configure: { body: QueueSettings };
  /** From now on `listener` is told of every change, until `unwatch`. */
  watch: { body: JobListener };
  unwatch: { body: JobListener };
  /** What it calls is there: jobs may run. */
  begin: { body: undefined };
  /** Begins nothing more. */
  drain: { body: undefined };
};
