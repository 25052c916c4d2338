/** What becomes of a job: from its record and what has happened, the next record. Pure: time and chance are arguments. */
import {
  ERROR_CODES,
  type ErrorCode,
  isErrorCode,
  type SerializedError,
  serializeError,
  type TroupeError,
} from '../../../errors.ts';
import { isCovered, pauseMs } from '../../../kernel/retry-policy.ts';
import type { Backoff } from '../protocol.ts';
import { type JobRecord, withFailure } from './job-record.ts';

export const DEFAULT_MAX_ATTEMPTS = 3;
export const DEFAULT_BACKOFF: Backoff = { type: 'exponential', delayMs: 1_000 };
const LONGEST_PAUSE_MS = 3_600_000;
const DAY_MS = 86_400_000;
export const DEFAULT_KEEP_MS = DAY_MS;
/** A dead letter waits so long for somebody to find it. */
export const KEEP_DEAD_MS = 30 * DAY_MS;

/** The host was short of something: that is no attempt. `AGENT_LOST` is one: the job may be what took the agent down. */
const NOT_TRIED: ReadonlySet<ErrorCode> = new Set([
  'OVERLOADED',
  'NO_CAPACITY',
  'MAILBOX_FULL',
  'ACTOR_STOPPED',
  'ASK_TIMEOUT',
]);
/** Pauses until the host may have room again; `attempt` counts from the first refusal. */
const HOST_PAUSE = { delayMs: 100, backoff: 2, maxDelayMs: 5_000, jitter: 'full' } as const;
/** They would fail in the same way again. */
const FINAL_KINDS: ReadonlySet<string> = new Set(['usage', 'build', 'configuration', 'not-allowed', 'not-found']);

interface Happened {
  readonly atMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

export function succeeded(record: JobRecord, result: Uint8Array, { atMs, startedAtMs }: Ending): JobRecord {
  return ended(record, { status: 'succeeded', atMs, attempts: record.attempts + 1, result, startedAtMs });
}

export function cancelled(record: JobRecord, { atMs, startedAtMs }: Ending): JobRecord {
  const attempts = record.attempts + (startedAtMs === undefined ? 0 : 1);
  return ended(record, { status: 'cancelled', atMs, attempts, startedAtMs });
}

interface Ending {
  readonly atMs: number;
  /** Of the attempt that has ended, where one ran. */
  readonly startedAtMs?: number | undefined;
}

/** It ends as a dead letter whatever its terms say; nothing has run. */
export function expired(record: JobRecord, error: TroupeError, atMs: number): JobRecord {
  const errors = withFailure({ ...record, attempts: record.attempts - 1 }, { error: serializeError(error), atMs });
  return ended(record, { status: 'failed', atMs, attempts: record.attempts, errors });
}

/** An attempt has failed: another one follows, now or later, or it is a dead letter. */
export function failed(
  record: JobRecord,
  error: SerializedError,
  { atMs, random, startedAtMs }: Happened & Ending,
): JobRecord {
  const errors = withFailure(record, { error, atMs });
  const attempts = record.attempts + 1;
  const delayMs = retryPauseMs(record, error, random);
  const isTooLate = delayMs !== undefined && atMs + delayMs > latestStartMs(record);
  if (delayMs === undefined || isTooLate) {
    return ended(record, { status: 'failed', atMs, attempts, errors, startedAtMs });
  }
  const dueAtMs = Math.ceil(atMs + delayMs);
  const since = startedAtMs ?? record.startedAtMs;
  return { ...record, ...NOWHERE, status: 'retrying', attempts, errors, dueAtMs, startedAtMs: since };
}

/** The host ended while it ran: that was an attempt, and the next one comes at once, in the same place in line. */
export function interrupted(record: JobRecord, error: SerializedError, atMs: number): JobRecord {
  const { maxAttempts = DEFAULT_MAX_ATTEMPTS } = record.terms ?? {};
  const errors = withFailure(record, { error, atMs });
  const attempts = record.attempts + 1;
  return attempts < maxAttempts
    ? { ...record, attempts, errors, isBegun: false }
    : ended(record, { status: 'failed', atMs, attempts, errors });
}

/** Its outcome was handed to its destination. */
export function handedOn(record: JobRecord): JobRecord {
  return { ...record, isUndelivered: false };
}

/** Its attempt never began for want of room: in ms, after how long to try again; undefined where that is not what happened. */
export function refusalPauseMs(error: TroupeError, refusals: number, random: () => number): number | undefined {
  return NOT_TRIED.has(error.code) ? pauseMs(refusals, HOST_PAUSE, random) : undefined;
}

/** Its turn has come, at that place in line. */
export function inLine(record: JobRecord, sequence: number): JobRecord {
  return { ...record, ...NOWHERE, status: 'waiting', sequence };
}

/** It runs before it is on disk. */
export function begun(record: JobRecord): JobRecord {
  return { ...record, isBegun: true };
}

/** It does not run after all: it stands in its place again. */
export function notBegun(record: JobRecord): JobRecord {
  return { ...record, isBegun: false };
}

/** It waits for another one of its ordering key, behind those that do already. */
export function parked(record: JobRecord, sequence: number): JobRecord {
  return { ...record, sequence, isParked: true };
}

/** It waits until there is room within the limits of its key, behind those that do already. */
export function limited(record: JobRecord, sequence: number): JobRecord {
  return { ...record, sequence, isLimited: true };
}

/** As if it had never been tried; what went wrong before is still known. */
export function renewed(record: JobRecord, sequence: number): JobRecord {
  const { terms } = record;
  // Its time is over, or it would not be here.
  const { startByMs: _start, deadlineAtMs: _deadline, ...kept } = terms ?? {};
  const anew = { endedAtMs: undefined, keptUntilMs: undefined, result: undefined };
  return { ...record, ...NOWHERE, ...anew, terms: terms && kept, status: 'waiting', attempts: 0, sequence };
}

/** In ms since the Unix epoch; `Infinity` where it may begin at any time. */
export function latestStartMs({ terms }: JobRecord): number {
  return Math.min(terms?.startByMs ?? Number.POSITIVE_INFINITY, terms?.deadlineAtMs ?? Number.POSITIVE_INFINITY);
}

function retryPauseMs(
  { attempts, terms }: JobRecord,
  error: SerializedError,
  random: () => number,
): number | undefined {
  const { maxAttempts = DEFAULT_MAX_ATTEMPTS, backoff = DEFAULT_BACKOFF, retryOnly, retryExcept } = terms ?? {};
  if (attempts + 1 >= maxAttempts || isFinal(error)) return undefined;
  if (!isCovered(error, { ...(retryOnly && { only: retryOnly }), ...(retryExcept && { except: retryExcept }) }))
    return undefined;
  const { type, delayMs, maxDelayMs = LONGEST_PAUSE_MS, jitter = type === 'exponential' ? 'full' : 'none' } = backoff;
  return pauseMs(attempts + 1, { delayMs, backoff: type === 'exponential' ? 2 : 1, maxDelayMs, jitter }, random);
}

function isFinal({ code }: SerializedError): boolean {
  return isErrorCode(code) && FINAL_KINDS.has(ERROR_CODES[code].kind);
}

interface End {
  readonly status: 'succeeded' | 'failed' | 'cancelled';
  readonly atMs: number;
  readonly attempts: number;
  readonly errors?: JobRecord['errors'];
  readonly result?: Uint8Array;
  readonly startedAtMs?: number | undefined;
}

function ended(record: JobRecord, { status, atMs, attempts, errors, result, startedAtMs }: End): JobRecord {
  const keepMs = status === 'failed' ? KEEP_DEAD_MS : (record.terms?.keepMs ?? DEFAULT_KEEP_MS);
  const { onSuccess, onFailure } = record.terms ?? {};
  const destination = status === 'succeeded' ? onSuccess : status === 'failed' ? onFailure : undefined;
  return {
    ...record,
    status,
    attempts,
    errors: errors ?? record.errors,
    sequence: undefined,
    isParked: false,
    isLimited: false,
    isBegun: false,
    dueAtMs: undefined,
    startedAtMs: startedAtMs ?? record.startedAtMs,
    endedAtMs: atMs,
    keptUntilMs: atMs + keepMs,
    result: result ?? record.result,
    isUndelivered: destination !== undefined,
  };
}

const NOWHERE = { sequence: undefined, isParked: false, isLimited: false, isBegun: false, dueAtMs: undefined };
