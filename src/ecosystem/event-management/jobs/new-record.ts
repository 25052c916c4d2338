/** The first record of a job, from what was asked for. Pure. */
import type { JobRecord, JobTerms } from './job-record.ts';
import type { NewJob } from './queue-protocol.ts';

/** For so long a second job with the same key is the first one. */
const DEFAULT_WINDOW_MS = 86_400_000;

export interface Arrival {
  readonly queue: string;
  readonly atMs: number;
  /** Its place in line, where it does not have to wait for its time. */
  readonly nextSequence: () => number;
}

export function newRecord(job: NewJob, { queue, atMs, nextSequence }: Arrival): JobRecord {
  const { level, payload, orderingKey, limitKey, idempotencyKey, idempotencyWindowMs = DEFAULT_WINDOW_MS } = job;
  const dueAtMs = job.dueAtMs ?? (job.delayMs === undefined ? atMs : atMs + job.delayMs);
  const isDelayed = dueAtMs > atMs;
  const terms = termsOf(job, atMs);
  return {
    queue,
    level,
    status: isDelayed ? 'delayed' : 'waiting',
    enqueuedAtMs: atMs,
    attempts: 0,
    payload,
    terms,
    orderingKey,
    limitKey,
    idempotencyKey,
    onceUntilMs: idempotencyKey === undefined ? undefined : atMs + idempotencyWindowMs,
    errors: undefined,
    sequence: isDelayed ? undefined : nextSequence(),
    isParked: false,
    isLimited: false,
    isBegun: false,
    dueAtMs: isDelayed ? dueAtMs : undefined,
    startedAtMs: undefined,
    endedAtMs: undefined,
    keptUntilMs: undefined,
    result: undefined,
    isUndelivered: false,
  };
}

function termsOf({ terms, maxAgeMs }: NewJob, atMs: number): JobTerms | undefined {
  return maxAgeMs === undefined ? terms : { ...terms, startByMs: atMs + maxAgeMs };
}
