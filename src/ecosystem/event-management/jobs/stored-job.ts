/** A job as it is on disk: its members in a fixed order, the rarest last and left out from where none follows. A durable contract: new ones come at the end. Pure. */
import { isBytes, isError, isNumber, isRecord, isText, listOf } from '../../../store/shape.ts';
import type { FailedAttempt } from '../protocol.ts';
import { type JobRecord, type JobTerms, STORED_STATUSES } from './job-record.ts';

const PARKED = 1;
const LIMITED = 2;
const BEGUN = 4;
const UNDELIVERED = 8;

/** Values that are larger than so many bytes are left out: they have records of their own. */
export function storedRecord(record: JobRecord, largeBytes: number): unknown[] {
  const { payload, result, isParked, isLimited, isBegun, isUndelivered } = record;
  const flags =
    (isParked ? PARKED : 0) | (isLimited ? LIMITED : 0) | (isBegun ? BEGUN : 0) | (isUndelivered ? UNDELIVERED : 0);
  const stored = [
    record.queue,
    record.level,
    STORED_STATUSES.indexOf(record.status),
    record.enqueuedAtMs,
    record.attempts,
    flags,
    payload !== undefined && payload.length <= largeBytes ? payload : null,
    record.sequence ?? null,
    record.startedAtMs ?? null,
    record.endedAtMs ?? null,
    record.keptUntilMs ?? null,
    result !== undefined && result.length <= largeBytes ? result : null,
    record.terms ?? null,
    record.orderingKey ?? null,
    record.idempotencyKey ?? null,
    record.onceUntilMs ?? null,
    record.dueAtMs ?? null,
    record.errors ?? null,
    record.limitKey ?? null,
  ];
  while (stored.at(-1) === null) stored.pop();
  return stored;
}

/** Undefined where it cannot be understood: it passed its checksum, so another program wrote it. */
export function loadedRecord(value: unknown): JobRecord | undefined {
  if (!Array.isArray(value)) return undefined;
  const [queue, level, statusIndex, enqueuedAtMs, attempts, flags, payload, sequence, startedAtMs, endedAtMs, ...rest] =
    value;
  const [keptUntilMs, result, terms, orderingKey, idempotencyKey, onceUntilMs, dueAtMs, errors, limitKey] = rest;
  const status = STORED_STATUSES[Number(statusIndex)];
  const isWhole =
    isText(queue) &&
    isNumber(level) &&
    status !== undefined &&
    [enqueuedAtMs, attempts, flags].every(isNumber) &&
    [sequence, startedAtMs, endedAtMs, keptUntilMs, onceUntilMs, dueAtMs].every(isAbsentOr(isNumber)) &&
    [payload, result].every(isAbsentOr(isBytes)) &&
    [orderingKey, idempotencyKey, limitKey].every(isAbsentOr(isText)) &&
    isAbsentOr(isRecord)(terms) &&
    isAbsentOr(listOf(isAttempt))(errors);
  if (!isWhole) return undefined;
  return {
    queue,
    level,
    status,
    enqueuedAtMs,
    attempts,
    payload: payload ?? undefined,
    terms: (terms ?? undefined) as JobTerms | undefined,
    orderingKey: orderingKey ?? undefined,
    limitKey: limitKey ?? undefined,
    idempotencyKey: idempotencyKey ?? undefined,
    onceUntilMs: onceUntilMs ?? undefined,
    errors: errors ?? undefined,
    sequence: sequence ?? undefined,
    isParked: (flags & PARKED) !== 0,
    isLimited: (flags & LIMITED) !== 0,
    isBegun: (flags & BEGUN) !== 0,
    dueAtMs: dueAtMs ?? undefined,
    startedAtMs: startedAtMs ?? undefined,
    endedAtMs: endedAtMs ?? undefined,
    keptUntilMs: keptUntilMs ?? undefined,
    result: result ?? undefined,
    isUndelivered: (flags & UNDELIVERED) !== 0,
  };
}

const isAttempt = (value: unknown): value is FailedAttempt =>
  isRecord(value) && isNumber(value['attempt']) && isNumber(value['atMs']) && isError(value['error']);

function isAbsentOr(is: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => value === null || value === undefined || is(value);
}
