/**
 * What makes a change of a job on disk: its record, its large values, and where it is listed, which follows from its record alone, so that it is listed
 * once (invariant 2). Pure.
 */
import { jobKeys } from '../../../store/keys.ts';
import type { Key, Operation } from '../../../store/protocol.ts';
import type { JobRecord, RecordChange } from './job-record.ts';
import { storedRecord } from './stored-job.ts';

/** 16 KiB: above it a value has a record of its own, which is written once and not with each change of the job. */
export const LARGE_VALUE_BYTES = 16_384;

/** Everything that makes the change on disk: the record, its large values, and where it is listed. */
export function operationsOf(id: string, { from, to }: RecordChange): Operation[] {
  const operations: Operation[] = [];
  if (to) operations.push({ kind: 'put', key: jobKeys.job(id), value: storedRecord(to, LARGE_VALUE_BYTES) });
  else if (from) operations.push({ kind: 'delete', key: jobKeys.job(id) });
  addLargeValues(operations, id, { from, to });
  if (to?.idempotencyKey !== undefined && !from) operations.push(...onceOperations(id, to));
  const before = listings(id, from);
  const after = listings(id, to);
  for (const { key } of before) if (!isAmong(after, key)) operations.push({ kind: 'delete', key });
  for (const { key, value } of after) if (!isAmong(before, key)) operations.push({ kind: 'put', key, value });
  return operations;
}

/** A large payload is written with the first record, a large result with the record that brings it. Both go with the last. */
function addLargeValues(operations: Operation[], id: string, { from, to }: RecordChange): void {
  if (!to) {
    // Whether there are any is not known of a record that came from the disk.
    if (from)
      operations.push({ kind: 'delete', key: jobKeys.payload(id) }, { kind: 'delete', key: jobKeys.result(id) });
    return;
  }
  const { payload, result } = to;
  if (payload && payload.length > LARGE_VALUE_BYTES && payload !== from?.payload)
    operations.push({ kind: 'put', key: jobKeys.payload(id), value: payload });
  if (result && result.length > LARGE_VALUE_BYTES && result !== from?.result)
    operations.push({ kind: 'put', key: jobKeys.result(id), value: result });
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

const NOWHERE: readonly Listing[] = [];

/** Where a job of that record is listed. */
export function listings(id: string, record: JobRecord | undefined): readonly Listing[] {
  if (!record) return NOWHERE;
  const places = placesOf(id, record);
  return record.isUndelivered ? [...places, { key: jobKeys.undelivered(record.queue, id), value: true }] : places;
}

function placesOf(id: string, record: JobRecord): readonly Listing[] {
  const { queue, level, status, sequence = 0, orderingKey, limitKey } = record;
  const { dueAtMs = 0, endedAtMs = 0, keptUntilMs = 0 } = record;
  switch (status) {
    case 'waiting':
      if (record.isBegun) return NOWHERE;
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

function isAmong(all: readonly Listing[], key: Key): boolean {
  for (const listing of all) if (isSameKey(listing.key, key)) return true;
  return false;
}

function isSameKey(one: Key, other: Key): boolean {
  if (one.length !== other.length) return false;
  // What differs most often stands last.
  for (let index = one.length - 1; index >= 0; index--) if (one[index] !== other[index]) return false;
  return true;
}
