/**
 * An event as it is on disk: as it is in memory, but that a value above `LARGE_VALUE_BYTES` stands under a key of its own, once per execution, and
 * the event has a reference in its place (invariants 4 and 5). What is read is checked field by field: the disk is not trusted. Pure.
 */

import {
  type FieldGuards,
  faultFinder,
  fieldsOf,
  type Guard,
  isBytes,
  isError,
  isNumber,
  isRecord,
  isText,
  listOf,
  maybe,
  oneOf,
  recordOf,
} from '../../store/shape.ts';
import { DURABILITIES, type EventType, type ExecutionEvent, type StepTiming } from '../events.ts';

/** 16 KiB: below it, one record is cheaper to write and read than two. */
export const LARGE_VALUE_BYTES = 16_384;

/** In place of the bytes: the hash under which they are stored. */
interface Reference {
  readonly value: string;
}

export type LoadedEvent =
  | { readonly kind: 'event'; readonly event: ExecutionEvent }
  | { readonly kind: 'unknown'; readonly type: string }
  | { readonly kind: 'damaged'; readonly why: string };

type EventOf<Type extends EventType> = Extract<ExecutionEvent, { readonly type: Type }>;
type Fields<Type extends EventType> = FieldGuards<Omit<EventOf<Type>, 'type' | 'atMs'>>;

const maybeBytes = maybe(isBytes);
const maybeText = maybe(isText);
const maybeNumber = maybe(isNumber);
const maybeTexts = maybe(recordOf(isText));
const maybeTiming: Guard<StepTiming | undefined> = maybe(
  fieldsOf<StepTiming>({ startedAtMs: isNumber, queueMs: isNumber, coldStartMs: isNumber, runMs: isNumber }),
);

const FIELDS: { readonly [Type in EventType]: Fields<Type> } = {
  executionStarted: {
    workflow: isText,
    version: isNumber,
    input: isBytes,
    durability: oneOf(DURABILITIES),
    deadlineAtMs: maybeNumber,
    parent: maybe(
      fieldsOf<{ readonly executionId: string; readonly step: string }>({ executionId: isText, step: isText }),
    ),
    depth: isNumber,
    headers: maybeTexts,
    query: maybeTexts,
  },
  stepSucceeded: {
    step: isText,
    attempt: isNumber,
    output: isBytes,
    headers: maybeTexts,
    inputs: maybeBytes,
    timing: maybeTiming,
    tookSignal: maybeText,
  },
  stepFailed: { step: isText, attempt: isNumber, error: isError, retryAtMs: maybeNumber, timing: maybeTiming },
  timerStarted: { step: isText, dueAtMs: isNumber },
  signalAwaited: { step: isText, signal: isText, dueAtMs: maybeNumber },
  signalReceived: { signal: isText, payload: isBytes },
  executionPaused: {},
  executionResumed: {},
  cancelRequested: { reason: isText },
  executionRedriven: { steps: listOf(isText) },
  executionSucceeded: { outputOf: maybeText, output: maybeBytes },
  executionFailed: { error: isError, step: maybeText },
  executionCancelled: { reason: isText },
};

interface Kind {
  readonly faultIn: (event: Readonly<Record<string, unknown>>) => string | undefined;
  /** The fields that hold a value. */
  readonly values: readonly string[];
}

const KINDS: ReadonlyMap<string, Kind> = new Map(
  Object.entries<Readonly<Record<string, Guard<unknown>>>>(FIELDS).map(([type, fields]) => {
    const values = Object.keys(fields).filter((name) => fields[name] === isBytes || fields[name] === maybeBytes);
    return [type, { faultIn: faultFinder({ ...fields, atMs: isNumber }), values }];
  }),
);

/** `keep` is given each large value, and gives the hash under which it will be found. */
export function storedEvent(event: ExecutionEvent, keep: (value: Uint8Array) => string): unknown {
  let stored: Record<string, unknown> | undefined;
  for (const field of KINDS.get(event.type)?.values ?? []) {
    const value = (event as unknown as Readonly<Record<string, unknown>>)[field];
    if (!isBytes(value) || value.length <= LARGE_VALUE_BYTES) continue;
    stored ??= { ...event };
    stored[field] = { value: keep(value) } satisfies Reference;
  }
  return stored ?? event;
}

/** `stored` is the reader's own copy, and becomes the event. */
export function loadedEvent(stored: unknown, find: (hash: string) => Uint8Array | undefined): LoadedEvent {
  if (!isRecord(stored) || !isText(stored['type'])) return { kind: 'damaged', why: 'is not an event' };
  const { type } = stored;
  const kind = KINDS.get(type);
  if (!kind) return { kind: 'unknown', type };
  const event: Record<string, unknown> = stored;
  for (const field of kind.values) {
    const reference = event[field];
    if (!isReference(reference)) continue;
    const value = find(reference.value);
    if (!value) return { kind: 'damaged', why: `has lost its ${field}` };
    event[field] = value;
  }
  const fault = kind.faultIn(event);
  if (fault !== undefined) return { kind: 'damaged', why: `(${type}) has a wrong ${fault}` };
  return { kind: 'event', event: event as unknown as ExecutionEvent };
}

function isReference(value: unknown): value is Reference {
  return isRecord(value) && isText(value['value']);
}
