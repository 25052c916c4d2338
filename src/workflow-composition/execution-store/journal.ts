/** Reads journals: every event in its place and whole, or a typed error that says which is not (invariants 3 and 5). */
import { type ErrorCode, TroupeError } from '../../errors.ts';
import { executionKeys } from '../../store/keys.ts';
import type { Key, KeyValueStore } from '../../store/protocol.ts';
import { isBytes } from '../../store/shape.ts';
import type { ExecutionEvent } from '../events.ts';
import { loadedEvent } from './stored-event.ts';

/** Undefined where there is none, or what is left of it is on its way out. Throws `RECORD_CORRUPT` or `JOURNAL_UNREADABLE`. */
export function readJournal(store: KeyValueStore, id: string): readonly ExecutionEvent[] | undefined {
  const events: ExecutionEvent[] = [];
  const values = new Map<string, Uint8Array>();
  const find = (hash: string) => {
    const value = values.get(hash) ?? store.get(executionKeys.value(id, hash))?.value;
    if (!isBytes(value)) return undefined;
    values.set(hash, value);
    return value;
  };
  let isBroken = false;
  const onDamaged = () => {
    isBroken = true;
  };
  for (const { key, value } of store.range({ prefix: executionKeys.eventsOf(id), onDamaged })) {
    const index = events.length;
    if (key[2] !== index) isBroken = true;
    if (isBroken) break;
    const loaded = loadedEvent(value, find);
    if (loaded.kind === 'damaged') throw corrupt(id, index, loaded.why);
    if (loaded.kind === 'unknown') throw unknownEvent(id, index, loaded.type);
    events.push(loaded.event);
  }
  if (events.length > 0 && !isBroken) return events;
  // Deletion takes the first event first.
  if (events.length === 0 && hasAny(store, executionKeys.leftover(id))) return undefined;
  if (!isBroken && !hasAny(store, executionKeys.open(id))) return undefined;
  throw corrupt(id, events.length, 'is damaged or missing');
}

/** Whether there is anything under the key or below it, damaged or not. */
export function hasAny(store: KeyValueStore, prefix: Key): boolean {
  let isDamaged = false;
  const onDamaged = () => {
    isDamaged = true;
  };
  for (const _ of store.range({ prefix, limit: 1, onDamaged })) return true;
  return isDamaged;
}

function corrupt(id: string, index: number, why: string): TroupeError {
  return fault('RECORD_CORRUPT', `Event ${index} of execution "${id}" ${why}: its journal cannot be read.`, id, index);
}

function unknownEvent(id: string, index: number, type: string): TroupeError {
  const what = `Event ${index} of execution "${id}" is of type ${JSON.stringify(type)}, which this program does not know`;
  return fault('JOURNAL_UNREADABLE', `${what}: a newer troupe wrote it. Update this one.`, id, index);
}

function fault(code: ErrorCode, message: string, executionId: string, event: number): TroupeError {
  return new TroupeError(code, message, { details: { executionId, event } });
}
