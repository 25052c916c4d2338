/** What may be said of a schedule, checked at the door: every fault at once, and nothing written. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { checkScheduleName, FUNCTION_NAME_PATTERN } from '../../../config.ts';
import { TroupeError } from '../../../errors.ts';
import { newJob } from '../jobs/job-options.ts';
import {
  type BackfillRange,
  type EnqueueOptions,
  MISSED_POLICIES,
  OVERLAP_POLICIES,
  type ScheduleJobOptions,
  type ScheduleOptions,
} from '../protocol.ts';
import { type Cadence, nextTime } from './cadence.ts';
import { cronFaults } from './cron-fault.ts';
import { isTimeZone } from './cron-times.ts';
import type { ScheduleRecord, ScheduleSpec } from './schedule-record.ts';

/** In ms since the Unix epoch: what a `Date` can hold. */
const LAST_TIME_MS = 8_640_000_000_000_000;
/** Faster than that is no schedule but a loop. */
const SHORTEST_MS = 100;
const LONGEST_MS = 100 * 365 * 86_400_000;
const NOTHING = new Uint8Array(0);

const time = z.union(
  [z.number().int().min(0).max(LAST_TIME_MS), z.date().transform((date) => date.getTime())],
  'must be a Date, or whole milliseconds since the Unix epoch',
);
const job = z.record(z.string(), z.unknown(), 'must be an object with options of jobs');

const schema = z.strictObject({
  function: z
    .string('must be the name of a function or a workflow')
    .regex(FUNCTION_NAME_PATTERN, 'is not the name of a function'),
  payload: z.unknown().optional(),
  cron: z.string('must be a string').optional(),
  timeZone: z.string('must be a string').optional(),
  everyMs: z.number().int().min(SHORTEST_MS).max(LONGEST_MS).optional(),
  at: time.optional(),
  missed: z.enum(MISSED_POLICIES).default('once'),
  overlap: z.enum(OVERLAP_POLICIES).default('allow'),
  startAt: time.optional(),
  endAt: time.optional(),
  job: job.optional(),
});

/** Set by the schedule itself. */
const NOT_OF_JOBS = ['delayMs', 'runAt', 'idempotencyKey', 'idempotencyWindowMs', 'orderingKey'];

/** Throws `INVALID_NAME`, or `INVALID_ARGUMENT` that names every wrong option. What depends on the present time is not looked at. */
export function specOf(name: string, options: ScheduleOptions): ScheduleSpec {
  checkScheduleName(name);
  const parsed = schema.safeParse(options);
  const faults = parsed.success ? [] : parsed.error.issues.map(issueText);
  faults.push(...timingFaults(options ?? {}), ...jobFaults(options?.job));
  if (!parsed.success || faults.length > 0) throw wrongSchedule(name, faults);
  const { function: target, cron, timeZone, everyMs, at, startAt, endAt, missed, overlap } = parsed.data;
  return {
    function: target,
    ...(cron !== undefined && { cron: cron.trim().replaceAll(/\s+/g, ' ') }),
    ...(timeZone !== undefined && { timeZone }),
    ...(everyMs !== undefined && { everyMs }),
    ...(at !== undefined && { atMs: at }),
    ...(startAt !== undefined && { startAtMs: startAt }),
    ...(endAt !== undefined && { endAtMs: endAt }),
    missed,
    overlap,
    ...(options.job !== undefined && { job: plainJob(options.job) }),
  };
}

export interface SetRequest {
  readonly name: string;
  readonly spec: ScheduleSpec;
  readonly payload?: Uint8Array;
}

/**
 * The record that follows from it. What fires at the same times as before goes on as it did. Throws `INVALID_ARGUMENT` where it would never fire.
 */
export function recordOf(
  { name, spec, payload }: SetRequest,
  known: ScheduleRecord | undefined,
  { wallMs, hostTimeZone }: { readonly wallMs: number; readonly hostTimeZone: string },
): ScheduleRecord {
  const isSameTiming = known !== undefined && isDeepStrictEqual(timingOf(spec), timingOf(known.spec));
  const cadence = isSameTiming ? known.cadence : cadenceOf(spec, wallMs, hostTimeZone);
  const record = {
    spec,
    cadence,
    fromMs: isSameTiming ? known.fromMs : wallMs,
    isPaused: known?.isPaused ?? false,
    revision: (known?.revision ?? 0) + 1,
    ...(payload && { payloadBytes: payload.length }),
  };
  if (isSameTiming || nextTime(cadence, wallMs) !== undefined) return record;
  throw wrongSchedule(name, [neverFires(cadence, wallMs)]);
}

/** Throws `INVALID_ARGUMENT`. */
export function rangeOf(range: BackfillRange, wallMs: number): { readonly fromMs: number; readonly toMs: number } {
  const parsed = z.strictObject({ from: time, to: time.optional() }).safeParse(range);
  if (!parsed.success) throw wrongRange(parsed.error.issues.map(issueText));
  const { from: fromMs, to: toMs = wallMs } = parsed.data;
  if (fromMs > toMs) throw wrongRange([`from (${iso(fromMs)}) is later than to (${iso(toMs)})`]);
  if (toMs > wallMs) throw wrongRange([`to (${iso(toMs)}) has not come yet: a backfill is for times that have passed`]);
  return { fromMs, toMs };
}

function issueText({ path, message }: z.core.$ZodIssue): string {
  return `${path.join('.') || 'options'}: ${message}`;
}

function timingFaults(options: Partial<Record<keyof ScheduleOptions, unknown>>): string[] {
  const { cron, timeZone, startAt, endAt } = options;
  const given = (['cron', 'everyMs', 'at'] as const).filter((each) => options[each] !== undefined);
  const faults: string[] = [];
  if (given.length !== 1)
    faults.push(`needs exactly one of cron, everyMs and at, and has ${given.join(' and ') || 'none'}`);
  if (typeof cron === 'string') faults.push(...cronFaults(cron).map((fault) => `cron: ${fault}`));
  if (typeof timeZone === 'string' && !isTimeZone(timeZone))
    faults.push(
      `timeZone: ${JSON.stringify(timeZone)} is not a time zone: use a name of the IANA database, as "Europe/Zurich" or "UTC"`,
    );
  if (timeZone !== undefined && cron === undefined)
    faults.push('timeZone: goes with cron alone: everyMs and at mean the same in every zone');
  const [start, end] = [msOf(startAt), msOf(endAt)];
  if (start !== undefined && end !== undefined && start > end)
    faults.push(`startAt: ${iso(start)} is later than endAt, ${iso(end)}`);
  return faults;
}

function msOf(value: unknown): number | undefined {
  const parsed = time.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

function jobFaults(options: unknown): string[] {
  if (!job.safeParse(options).success) return [];
  const faults = NOT_OF_JOBS.filter((each) => (options as Record<string, unknown>)[each] !== undefined).map(
    (each) => `job.${each}: is for the schedule to say`,
  );
  try {
    newJob(NOTHING, options as EnqueueOptions);
  } catch (thrown) {
    const { faults: ofJob = [] } = (thrown as TroupeError).details as { readonly faults?: readonly string[] };
    faults.push(...ofJob.map((fault) => `job.${fault}`));
  }
  return faults;
}

/** As plain data, which may be kept and compared. */
function plainJob(options: ScheduleJobOptions): ScheduleJobOptions {
  const { deadline, ...rest } = options;
  const given = Object.entries(structuredClone(rest)).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(given), ...(deadline !== undefined && { deadline: Number(deadline) }) };
}

function timingOf({ cron, timeZone, everyMs, atMs, startAtMs, endAtMs }: ScheduleSpec) {
  return { cron, timeZone, everyMs, atMs, startAtMs, endAtMs };
}

function cadenceOf(spec: ScheduleSpec, wallMs: number, hostTimeZone: string): Cadence {
  const { cron, timeZone = hostTimeZone, everyMs, atMs = 0, startAtMs, endAtMs } = spec;
  const between = { ...(startAtMs !== undefined && { startAtMs }), ...(endAtMs !== undefined && { endAtMs }) };
  if (cron !== undefined) return { kind: 'cron', cron, timeZone, ...between };
  if (everyMs !== undefined) return { kind: 'every', everyMs, anchorMs: startAtMs ?? wallMs, ...between };
  return { kind: 'once', atMs, ...between };
}

function neverFires(cadence: Cadence, wallMs: number): string {
  const { startAtMs, endAtMs, ...bare } = cadence;
  if (nextTime(bare, wallMs) !== undefined) return 'never fires: none of its times lies between startAt and endAt';
  if (cadence.kind === 'once') return `at: ${iso(cadence.atMs)} has passed`;
  return 'cron: there is no such day to come, so it would never fire';
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function wrongSchedule(name: string, faults: readonly string[]): TroupeError {
  return new TroupeError('INVALID_ARGUMENT', `Schedule ${JSON.stringify(name)}: ${faults.join('; ')}.`, {
    details: { faults },
  });
}

function wrongRange(faults: readonly string[]): TroupeError {
  return new TroupeError('INVALID_ARGUMENT', `Wrong range: ${faults.join('; ')}.`, { details: { faults } });
}
