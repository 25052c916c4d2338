/**
 * A job as it is kept, and where it stands. Records are never changed, only replaced; where a job is listed follows from its record alone, so that it
 * is listed once (invariant 2). Whether it runs is not in it: that is known by its queue. Pure.
 */
import type { SerializedError } from '../../../errors.ts';
import { jobKeys } from '../../../store/keys.ts';
import type { Key, Operation } from '../../../store/protocol.ts';
import {
  faultFinder,
  isBytes,
  isError,
  isFlag,
  isNumber,
  isRecord,
  isText,
  listOf,
  maybe,
  oneOf,
} from '../../../store/shape.ts';
import type { Backoff, Destination, FailedAttempt } from '../protocol.ts';

/** `high`, `normal`, `background`. */
export const LEVELS = ['high', 'normal', 'background'] as const;

/** 16 KiB: above it a value has a record of its own, which is written once and not with each change of the job. */
export const LARGE_VALUE_BYTES = 16_384;

const STORED_STATUSES = ['waiting', 'delayed', 'retrying', 'succeeded', 'failed', 'cancelled'] as const;
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

export interface JobRecord {
  /** The function, or workflow, that it calls. */
  readonly queue: string;
  /** Of `LEVELS`. */
  readonly level: number;
  readonly status: StoredStatus;
  readonly enqueuedAtMs: number;
  /** Absent where it is large and comes from the store. */
  readonly payload?: Uint8Array;
  readonly terms?: JobTerms;
  readonly orderingKey?: string;
  readonly limitKey?: string;
  readonly idempotencyKey?: string;
  /** The idempotency key leads to this job until then. */
  readonly onceUntilMs?: number;
  /** Those that have ended. */
  readonly attempts: number;
  readonly errors?: readonly FailedAttempt[];
  /** `waiting`: its place in line. */
  readonly sequence?: number;
  /** `waiting`, and for others of its key. */
  readonly isParked?: boolean;
  /** `waiting`, until there is room within the limits of its key. */
  readonly isLimited?: boolean;
  /** `delayed` and `retrying`. */
  readonly dueAtMs?: number;
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  /** It goes then. */
  readonly keptUntilMs?: number;
  readonly result?: Uint8Array;
  /** It has ended, and its destination does not know yet. */
  readonly isUndelivered?: boolean;
}

/** From one record of a job to the next; undefined: there is none. */
export interface RecordChange {
  readonly from: JobRecord | undefined;
  readonly to: JobRecord | undefined;
}

/** Everything that makes the change on disk: the record, its large values, and where it is listed. */
export function operationsOf(id: string, { from, to }: RecordChange): Operation[] {
  const operations: Operation[] = [];
  if (to) operations.push({ kind: 'put', key: jobKeys.job(id), value: stored(to) });
  else if (from) operations.push({ kind: 'delete', key: jobKeys.job(id) });
  largeValue(operations, jobKeys.payload(id), { before: from, after: to, field: 'payload' });
  largeValue(operations, jobKeys.result(id), { before: from, after: to, field: 'result' });
  if (to && !from) operations.push(...onceOperations(id, to));
  const [before, after] = [listings(id, from), listings(id, to)];
  for (const each of before)
    if (!after.some(({ key }) => isSameKey(key, each.key))) operations.push({ kind: 'delete', key: each.key });
  for (const each of after)
    if (!before.some(({ key }) => isSameKey(key, each.key))) operations.push({ kind: 'put', ...each });
  return operations;
}

function onceOperations(id: string, { queue, idempotencyKey, onceUntilMs: untilMs }: JobRecord): Operation[] {
  if (idempotencyKey === undefined || untilMs === undefined) return [];
  return [
    { kind: 'put', key: jobKeys.once(queue, idempotencyKey), value: { id, untilMs } },
    { kind: 'put', key: jobKeys.onceUntil(untilMs, queue, idempotencyKey), value: true },
  ];
}

interface Listing {
  readonly key: Key;
  readonly value: unknown;
}

/** Where a job of that record is listed. */
export function listings(id: string, record: JobRecord | undefined): readonly Listing[] {
  if (!record) return [];
  const places = placesOf(id, record);
  return record.isUndelivered ? [...places, { key: jobKeys.undelivered(record.queue, id), value: true }] : places;
}

function placesOf(id: string, record: JobRecord): readonly Listing[] {
  const { queue, level, status, sequence = 0, orderingKey, limitKey } = record;
  const { dueAtMs = 0, endedAtMs = 0, keptUntilMs = 0 } = record;
  switch (status) {
    case 'waiting':
      if (record.isParked && orderingKey !== undefined)
        return [{ key: jobKeys.parked(queue, orderingKey, sequence), value: id }];
      if (record.isLimited && limitKey !== undefined)
        return [{ key: jobKeys.limited(queue, limitKey, sequence), value: inLine(id, orderingKey) }];
      return [{ key: jobKeys.ready(queue, level, sequence), value: inLine(id, orderingKey) }];
    case 'delayed':
    case 'retrying':
      return [{ key: jobKeys.due(queue, dueAtMs, id), value: true }];
    case 'failed':
      return [
        { key: jobKeys.dead(queue, endedAtMs, id), value: true },
        { key: jobKeys.kept(keptUntilMs, id), value: queue },
      ];
    default:
      return [{ key: jobKeys.kept(keptUntilMs, id), value: queue }];
  }
}

/** What stands at a place in line. */
function inLine(id: string, orderingKey: string | undefined): unknown {
  return orderingKey === undefined ? id : [id, orderingKey];
}

function isSameKey(one: Key, other: Key): boolean {
  return one.length === other.length && one.every((part, index) => part === other[index]);
}

/** A large payload is written with the first record, a large result with the record that brings it. Both go with the last. */
function largeValue(
  operations: Operation[],
  key: Key,
  change: {
    readonly before: JobRecord | undefined;
    readonly after: JobRecord | undefined;
    readonly field: 'payload' | 'result';
  },
): void {
  const { before, after, field } = change;
  const value = after?.[field];
  if (value && value.length > LARGE_VALUE_BYTES && value !== before?.[field])
    operations.push({ kind: 'put', key, value });
  // Whether there is one is not known of a record that came from the disk.
  if (before && !after) operations.push({ kind: 'delete', key });
}

function stored(record: JobRecord): JobRecord {
  const isPayloadLarge = (record.payload?.length ?? 0) > LARGE_VALUE_BYTES;
  const isResultLarge = (record.result?.length ?? 0) > LARGE_VALUE_BYTES;
  if (!isPayloadLarge && !isResultLarge) return record;
  const { payload, result, ...rest } = record;
  return {
    ...rest,
    ...(payload && !isPayloadLarge && { payload }),
    ...(result && !isResultLarge && { result }),
  };
}

const isAttempt = (value: unknown): value is FailedAttempt =>
  isRecord(value) && isNumber(value['attempt']) && isNumber(value['atMs']) && isError(value['error']);

const faultIn = faultFinder<JobRecord>({
  queue: isText,
  level: isNumber,
  status: oneOf(STORED_STATUSES),
  enqueuedAtMs: isNumber,
  payload: maybe(isBytes),
  terms: maybe((value): value is JobTerms => isRecord(value)),
  orderingKey: maybe(isText),
  limitKey: maybe(isText),
  idempotencyKey: maybe(isText),
  onceUntilMs: maybe(isNumber),
  attempts: isNumber,
  errors: maybe(listOf(isAttempt)),
  sequence: maybe(isNumber),
  isParked: maybe(isFlag),
  isLimited: maybe(isFlag),
  dueAtMs: maybe(isNumber),
  startedAtMs: maybe(isNumber),
  endedAtMs: maybe(isNumber),
  keptUntilMs: maybe(isNumber),
  result: maybe(isBytes),
  isUndelivered: maybe(isFlag),
});

/** Undefined where it cannot be understood: it passed its checksum, so another program wrote it. */
export function loadedRecord(value: unknown): JobRecord | undefined {
  return isRecord(value) && faultIn(value) === undefined ? (value as unknown as JobRecord) : undefined;
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
