/** The job of one time of a schedule. Its key follows from the schedule and the time, so that there is one, whoever enqueues it (invariant 1). Pure. */
import type { ScheduleEvent } from '../../../handler.ts';
import { newJob } from '../jobs/job-options.ts';
import type { NewJob } from '../jobs/queue-protocol.ts';
import { windowMs } from './firing.ts';
import type { ScheduleRecord } from './schedule-record.ts';

export interface Codec {
  readonly encode: (value: unknown) => Uint8Array;
  readonly decode: (payload: Uint8Array) => unknown;
}

export interface Scheduled {
  readonly name: string;
  readonly record: ScheduleRecord;
  readonly payload: Uint8Array | undefined;
}

export function keyOf(name: string, atMs: number): string {
  return `${name}@${new Date(atMs).toISOString()}`;
}

export function jobOf({ name, record, payload }: Scheduled, atMs: number, { encode, decode }: Codec): NewJob {
  const { spec, cadence } = record;
  const event = eventOf(name, atMs, payload && decode(payload));
  return newJob(encode(event), {
    ...spec.job,
    idempotencyKey: keyOf(name, atMs),
    idempotencyWindowMs: windowMs(cadence, atMs),
    // With `skip` too: of a backfill, and of what a crash left running, the host knows by this alone that it has not ended.
    ...(spec.overlap !== 'allow' && { orderingKey: `schedule ${name}` }),
  });
}

export function eventOf(name: string, atMs: number, payload: unknown): ScheduleEvent {
  return { schedule: name, scheduledAtMs: atMs, scheduledAt: new Date(atMs).toISOString(), payload };
}
