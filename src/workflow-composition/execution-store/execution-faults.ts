/**
 * Whether every execution has a journal that can be read and stands in one of the two lists: what is wrong, for people. Each is looked at in one
 * turn, and so as one commit left it; `undefined` stands where others may have a turn.
 */
import { executionKeys } from '../../store/keys.ts';
import type { KeyValueStore } from '../../store/protocol.ts';
import { entryPages } from '../../store/scan.ts';
import type { ExecutionEvent } from '../events.ts';
import { hasAny, readJournal } from './journal.ts';
import { ENDED_STATUSES, loadedCompacted, loadedOpen, loadedSummary } from './stored-records.ts';

/** `store` is the database `executions`. */
export function* executionFaults(store: KeyValueStore): Iterable<string | undefined> {
  for (const page of entryPages(store, executionKeys.opens)) {
    for (const { key } of page) yield* openFaults(store, String(key[1]));
    yield undefined;
  }
  for (const page of entryPages(store, executionKeys.endedAll)) {
    for (const { key } of page) {
      const id = String(key[4]);
      const now = store.get(key);
      if (!now) continue;
      if (!loadedSummary(now.value)) yield `The summary of execution ${id} cannot be understood.`;
      const compacted = store.get(executionKeys.compacted(id));
      if (compacted && !loadedCompacted(compacted.value)) yield `What is kept of execution ${id} cannot be understood.`;
      if (!compacted && !hasAny(store, executionKeys.eventsOf(id)))
        yield `Execution ${id} has ended, and has neither a journal nor what is kept of one.`;
    }
    yield undefined;
  }
  for (let id = nextId(store, undefined); id !== undefined; id = nextId(store, id)) {
    yield* journalFaults(store, id);
    yield undefined;
  }
}

function* openFaults(store: KeyValueStore, id: string): Iterable<string> {
  const entry = store.get(executionKeys.open(id));
  if (!entry) return;
  if (!loadedOpen(entry.value)) yield `What is known of the open execution ${id} cannot be understood.`;
  if (!hasAny(store, executionKeys.eventsOf(id))) yield `Execution ${id} is open and has no journal.`;
}

function* journalFaults(store: KeyValueStore, id: string): Iterable<string> {
  try {
    const events = readJournal(store, id);
    if (events && !isListed(store, id, events[0])) yield `Execution ${id} has a journal and is in no list.`;
  } catch (thrown) {
    yield thrown instanceof Error ? thrown.message : String(thrown);
  }
}

function isListed(store: KeyValueStore, id: string, first: ExecutionEvent | undefined): boolean {
  if (hasAny(store, executionKeys.open(id)) || hasAny(store, executionKeys.leftover(id))) return true;
  if (first?.type !== 'executionStarted') return false;
  const { workflow, atMs: startedAtMs } = first;
  return ENDED_STATUSES.some((status) => hasAny(store, executionKeys.ended({ workflow, status, startedAtMs, id })));
}

/** Of each journal one event is read: no index is as high as this one. */
function nextId(store: KeyValueStore, after: string | undefined): string | undefined {
  const start = after === undefined ? {} : { start: executionKeys.event(after, Number.MAX_VALUE) };
  for (const { key } of store.range({ prefix: ['event'], ...start, limit: 1 })) return String(key[1]);
  return undefined;
}
