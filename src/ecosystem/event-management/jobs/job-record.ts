/** A job as it is known. Records are never changed, only replaced. Whether it runs is not in it: that is known by its queue. Pure. */
import type { SerializedError } from '../../../errors.ts';
import type { Backoff, Destination, FailedAttempt } from '../protocol.ts';

/** `high`, `normal`, `background`. */
export const LEVELS = ['high', 'normal', 'background'] as const;

export const STORED_STATUSES = ['waiting', 'delayed', 'retrying', 'succeeded', 'failed', 'cancelled'] as const;
export type StoredStatus = (typeof STORED_STATUSES)[number];

/** What was asked for when it was enqueued, without what is the default. */
export interface JobTerms {
  readonly maxAttempts?: number;
  readonly backoff?: Backoff;
  readonly retryOnly?: readonly string[];
  readonly retryExcept?: readonly string[];
  readonly timeoutMs?: number;
  readonly heartbeatMs?: number;
  readonly keepMs?: number;
  /** Milliseconds since the Unix epoch: no attempt begins after. */
  readonly startByMs?: number;
  /** Milliseconds since the Unix epoch: it has ended then. */
  readonly deadlineAtMs?: number;
  readonly onSuccess?: Destination;
  readonly onFailure?: Destination;
}

/** Every member is always there: records of one shape are copied, and read, several times as fast. */
export interface JobRecord {
  /** The function, or workflow, that it calls. */
  readonly queue: string;
  /** Of `LEVELS`. */
  readonly level: number;
  readonly status: StoredStatus;
  readonly enqueuedAtMs: number;
  /** Those that have ended. */
  readonly attempts: number;
  /** Undefined where it is large and comes from the store. */
  readonly payload: Uint8Array | undefined;
  readonly terms: JobTerms | undefined;
  readonly orderingKey: string | undefined;
  readonly limitKey: string | undefined;
  readonly idempotencyKey: string | undefined;
  /** The idempotency key leads to this job until then. */
  readonly onceUntilMs: number | undefined;
  readonly errors: readonly FailedAttempt[] | undefined;
  /** `waiting`: its place in line. */
  readonly sequence: number | undefined;
  /** `waiting`, and for others of its key. */
  readonly isParked: boolean;
  /** `waiting`, until there is room within the limits of its key. */
  readonly isLimited: boolean;
  /** `waiting`, and begun before it was on disk: it stands in no line, only among those of its queue that run. */
  readonly isBegun: boolean;
  /** `delayed` and `retrying`. */
  readonly dueAtMs: number | undefined;
  readonly startedAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
  /** It goes then. */
  readonly keptUntilMs: number | undefined;
  readonly result: Uint8Array | undefined;
  /** It has ended, and its destination does not know yet. */
  readonly isUndelivered: boolean;
}

/** From one record of a job to the next; undefined: there is none. */
export interface RecordChange {
  readonly from: JobRecord | undefined;
  readonly to: JobRecord | undefined;
}

/** For places in line: nothing where it has none. */
export function orderingOf({ orderingKey }: Pick<JobRecord, 'orderingKey'>): { readonly orderingKey?: string } {
  return orderingKey === undefined ? {} : { orderingKey };
}

export function isOver({ status }: Pick<JobRecord, 'status'>): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled';
}

/** Of very many failures the first tells how it began, and the last ones how it goes on. */
const KEPT_ERRORS = 20;
const STACK_LIMIT = 2_000;

export function withFailure(
  { attempts, errors = [] }: Pick<JobRecord, 'attempts' | 'errors'>,
  { error, atMs }: { readonly error: SerializedError; readonly atMs: number },
): readonly FailedAttempt[] {
  const { stack } = error;
  const short =
    stack === undefined || stack.length <= STACK_LIMIT ? error : { ...error, stack: stack.slice(0, STACK_LIMIT) };
  const failure = { attempt: attempts + 1, error: short, atMs };
  const [first, ...rest] = errors;
  return first && errors.length >= KEPT_ERRORS ? [first, ...rest.slice(1), failure] : [...errors, failure];
}
