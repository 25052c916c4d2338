/**
 * What is on disk of events and triggers, and what makes each change there. An event, that its source and id are taken, and that each trigger that it
 * has fired is still to start something, are written together (invariant 1). Pure.
 */
import { createHash } from 'node:crypto';
import { cloudEventKeys } from '../../../store/keys.ts';
import type { Operation } from '../../../store/protocol.ts';
import { fieldsOf, isBytes, isNumber, isRecord, isText, listOf, maybe, oneOf } from '../../../store/shape.ts';
import type { FiredTrigger, Trigger, TriggerCounts, TriggerDelivery } from '../protocol.ts';
import { filterFaults } from './filters.ts';

export interface EventRecord {
  readonly source: string;
  readonly id: string;
  readonly type: string;
  readonly atMs: number;
  /** All of the event, as functions are given it. */
  readonly payload: Uint8Array;
  /** Trigger and function, in turn. */
  readonly fired: readonly string[];
}

/** The event that has a source and id. */
export interface Once {
  readonly sequence: number;
  readonly untilMs: number;
}

export interface TriggerRecord extends Omit<Trigger, 'name'> {
  /** Only events after this one are its own: one of the same name that was removed before may have fired for others. */
  readonly since: number;
}

export interface CountsRecord extends TriggerCounts {
  readonly deliveries: readonly TriggerDelivery[];
  readonly failures: readonly TriggerDelivery[];
}

export interface Standing {
  /** The highest that was ever given out. */
  readonly lastSequence: number;
  /** Events that are kept, and the bytes of their payloads. */
  readonly events: number;
  readonly bytes: number;
}

export const NO_COUNTS: CountsRecord = { matched: 0, started: 0, failed: 0, deliveries: [], failures: [] };

/** Of each, of the last ones. */
const SHOWN_DELIVERIES = 10;

/** Sources and ids are longer than keys may be. */
export function hashOf({ source, id }: Pick<EventRecord, 'source' | 'id'>): string {
  return createHash('sha256').update(source).update('\0').update(id).digest('base64url');
}

export function firedIn({ fired }: Pick<EventRecord, 'fired'>): FiredTrigger[] {
  const triggers: FiredTrigger[] = [];
  for (let at = 0; at + 1 < fired.length; at += 2)
    triggers.push({ trigger: fired[at] ?? '', function: fired[at + 1] ?? '' });
  return triggers;
}

export interface NewRecord {
  readonly sequence: number;
  readonly hash: string;
  readonly untilMs: number;
  readonly record: EventRecord;
}

export function published({ sequence, hash, untilMs, record }: NewRecord): Operation[] {
  const once: Once = { sequence, untilMs };
  return [
    { kind: 'put', key: cloudEventKeys.event(sequence), value: record },
    { kind: 'put', key: cloudEventKeys.once(hash), value: once },
    ...firedIn(record).map(
      (fired): Operation => ({
        kind: 'put',
        key: cloudEventKeys.pending(sequence, fired.trigger),
        value: fired.function,
      }),
    ),
  ];
}

/** `once`: what has its source and id now, which may be another one. */
export function forgotten(
  { sequence, hash }: Pick<NewRecord, 'sequence' | 'hash'>,
  once: Once | undefined,
): Operation[] {
  return [
    { kind: 'delete', key: cloudEventKeys.event(sequence) },
    ...(once?.sequence === sequence ? [{ kind: 'delete', key: cloudEventKeys.once(hash) } as const] : []),
  ];
}

/** What has happened to a trigger since its counts were written. */
export interface Tally {
  readonly matched: number;
  readonly deliveries: readonly TriggerDelivery[];
}

export function counted(counts: CountsRecord, { matched, deliveries }: Tally): CountsRecord {
  const failed = deliveries.filter(({ status }) => status === 'failed');
  return {
    matched: counts.matched + matched,
    started: counts.started + deliveries.length - failed.length,
    failed: counts.failed + failed.length,
    deliveries: newest(counts.deliveries, deliveries),
    failures: newest(counts.failures, failed),
  };
}

function newest(known: readonly TriggerDelivery[], more: readonly TriggerDelivery[]): readonly TriggerDelivery[] {
  return more.length === 0 ? known : [...more.slice(-SHOWN_DELIVERIES).reverse(), ...known].slice(0, SHOWN_DELIVERIES);
}

const isEvent = fieldsOf<EventRecord>({
  source: isText,
  id: isText,
  type: isText,
  atMs: isNumber,
  payload: isBytes,
  fired: listOf(isText),
});
const isOnce = fieldsOf<Once>({ sequence: isNumber, untilMs: isNumber });
const isStanding = fieldsOf<Standing>({ lastSequence: isNumber, events: isNumber, bytes: isNumber });
const isTrigger = fieldsOf<TriggerRecord>({
  function: isText,
  filters: (value): value is TriggerRecord['filters'] => filterFaults(value).length === 0,
  job: maybe((value): value is NonNullable<TriggerRecord['job']> => isRecord(value)),
  createdAtMs: isNumber,
  since: isNumber,
});
const isDelivery = fieldsOf<TriggerDelivery>({
  source: isText,
  id: isText,
  type: isText,
  status: oneOf(['started', 'failed']),
  atMs: isNumber,
  jobId: maybe(isText),
  error: maybe(isText),
});
const isCounts = fieldsOf<CountsRecord>({
  matched: isNumber,
  started: isNumber,
  failed: isNumber,
  deliveries: listOf(isDelivery),
  failures: listOf(isDelivery),
});

/** Undefined where it cannot be understood: it passed its checksum, so another program wrote it. */
const loaded =
  <T>(guard: (value: unknown) => value is T) =>
  (value: unknown): T | undefined =>
    guard(value) ? value : undefined;

export const loadedEvent = loaded(isEvent);
export const loadedOnce = loaded(isOnce);
export const loadedStanding = loaded(isStanding);
export const loadedTrigger = loaded(isTrigger);
export const loadedCounts = loaded(isCounts);
