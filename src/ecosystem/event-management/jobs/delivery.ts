/** How the outcome of a job gets to its destination: as another job, which is then the one that must not be lost, or as an event. */
import { deserializeError, TroupeError } from '../../../errors.ts';
import type { ActorRef } from '../../../kernel/protocol.ts';
import type { Destination, NewCloudEvent } from '../protocol.ts';
import { enqueueAll } from './enqueue-all.ts';
import type { JobRecord } from './job-record.ts';
import type { JobStore } from './job-store.ts';
import type { JobQueueMessages } from './queue-protocol.ts';

/** The queue of requests to URLs; no function can have that name. */
export const HTTP_QUEUE = 'http:';

/** What a destination is given. */
export interface JobOutcome {
  readonly jobId: string;
  readonly function: string;
  readonly status: string;
  readonly attempts: number;
  readonly payload: unknown;
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly message: string; readonly code?: string };
}

export interface DeliveryParts {
  readonly store: JobStore;
  readonly encode: (value: unknown) => Uint8Array;
  readonly decode: (payload: Uint8Array) => unknown;
  readonly open: (queue: string) => Promise<ActorRef<JobQueueMessages>>;
  /** Resolves once it is on disk. An event of the same source and id is published once. */
  readonly publish: (event: NewCloudEvent) => Promise<void>;
}

/** Resolves once it is on disk. Again for the same job it does nothing: the key of the delivery is its own. */
export async function deliver(id: string, record: JobRecord, parts: DeliveryParts): Promise<void> {
  const { onSuccess, onFailure } = record.terms ?? {};
  const destination = record.status === 'succeeded' ? onSuccess : onFailure;
  if (!destination) return;
  const outcome = outcomeOf(id, record, parts);
  const once = `${id} ${record.status} ${record.endedAtMs}`;
  if ('event' in destination) return publishOutcome(destination.event, { once, outcome }, parts);
  const [queue, value] = addressed(destination, outcome);
  const job = { payload: parts.encode(value), level: record.level, idempotencyKey: once };
  await enqueueAll(await parts.open(queue), [job]);
}

/** What is too large for an event goes without payload and result: `troupe.job` has them. */
async function publishOutcome(
  { type, source, subject }: EventDestination,
  { once, outcome }: { readonly once: string; readonly outcome: JobOutcome },
  { publish }: DeliveryParts,
): Promise<void> {
  const event = {
    id: once,
    type,
    source: source ?? `/troupe/functions/${outcome.function}`,
    ...(subject !== undefined && { subject }),
    data: outcome,
  };
  try {
    await publish(event);
  } catch (thrown) {
    if (!(thrown instanceof TroupeError) || thrown.code !== 'PAYLOAD_TOO_LARGE') throw thrown;
    const { payload: _payload, result: _result, ...small } = outcome;
    await publish({ ...event, data: small });
  }
}

type EventDestination = Extract<Destination, { readonly event: unknown }>['event'];

function addressed(
  destination: Exclude<Destination, { readonly event: unknown }>,
  outcome: JobOutcome,
): readonly [queue: string, payload: unknown] {
  if ('function' in destination) return [destination.function, outcome];
  return [HTTP_QUEUE, { url: destination.url, body: outcome }];
}

function outcomeOf(id: string, record: JobRecord, { store, decode }: DeliveryParts): JobOutcome {
  const { queue, status, attempts, errors } = record;
  const payload = store.payload(id, record);
  const result = store.result(id, record);
  const last = errors?.at(-1)?.error;
  const error = last && (deserializeError(last) as Error & { code?: string });
  return {
    jobId: id,
    function: queue,
    status,
    attempts,
    payload: payload?.length ? decode(payload) : undefined,
    ...(result?.length && { result: decode(result) }),
    ...(error &&
      status === 'failed' && {
        error: { name: error.name, message: error.message, ...(error.code !== undefined && { code: error.code }) },
      }),
  };
}
