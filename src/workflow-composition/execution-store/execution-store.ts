/**
 * W4, the execution store: journals of executions, the list of the unfinished ones, and that of those that have ended, over the database `executions`.
 *
 * Boundary: knows what an event looks like, and not what follows from it; that is the engine's. Keeps nothing in memory, so its size depends on
 * nothing, and whatever it answers is what is stored.
 * Invariants (numbers as in README.md):
 * 1. An append is one commit: its events, its entry in the one list or the other, and its large values.
 * 2. An append happens only to a journal of exactly the expected length.
 * 3. A journal is read whole or not at all.
 */
import { hash } from 'node:crypto';
import { executionKeys } from '../../store/keys.ts';
import type { KeyValueStore, Operation } from '../../store/protocol.ts';
import type { ExecutionEvent } from '../events.ts';
import { fold } from '../fold.ts';
import { endedExecutions } from './ended-list.ts';
import { hasAny, readJournal } from './journal.ts';
import type {
  AppendOutcome,
  AppendRequest,
  ExecutionQuery,
  ExecutionStore,
  ExecutionSummary,
  OpenExecution,
} from './protocol.ts';
import { removalOf, sweep } from './removal.ts';
import { storedEvent } from './stored-event.ts';
import {
  type CompactedRecord,
  ENDED_STATUSES,
  endOf,
  loadedCompacted,
  loadedOpen,
  loadedSummary,
  putEnded,
  putOpen,
} from './stored-records.ts';
import { tidy } from './tidying.ts';

export class DurableExecutionStore implements ExecutionStore {
  readonly #store: KeyValueStore;

  /** `store` is the database `executions`. */
  constructor(store: KeyValueStore) {
    this.#store = store;
  }

  async append(request: AppendRequest): Promise<AppendOutcome> {
    const { id, events, expectedLength } = request;
    const operations = expectations(request);
    for (const [offset, event] of events.entries()) {
      operations.push({
        kind: 'put',
        key: executionKeys.event(id, expectedLength + offset),
        value: storedEvent(event, (value) => this.#keep(id, value, operations)),
        ...(offset === 0 && { expect: 'absent' }),
      });
    }
    operations.push(...listChanges(request));
    const { kind } = await this.#store.commit(operations);
    return { kind: kind === 'committed' ? 'appended' : 'conflict' };
  }

  read(id: string): readonly ExecutionEvent[] | undefined {
    return readJournal(this.#store, id);
  }

  exists(id: string): boolean {
    const store = this.#store;
    if (store.get(executionKeys.event(id, 0))) return true;
    if (hasAny(store, executionKeys.open(id)) || hasAny(store, executionKeys.compacted(id))) return true;
    return hasAny(store, executionKeys.eventsOf(id)) && !hasAny(store, executionKeys.leftover(id));
  }

  *open(): Iterable<OpenExecution> {
    const damaged: string[] = [];
    const onDamaged = (key: readonly unknown[]) => damaged.push(String(key[1]));
    for (const { key, value } of this.#store.range({ prefix: executionKeys.opens, onDamaged })) {
      const open = loadedOpen(value);
      if (open) yield open;
      else damaged.push(String(key[1]));
    }
    for (const id of damaged) {
      const open = this.#openFromJournal(id);
      if (open) yield open;
    }
  }

  ended(query: ExecutionQuery): readonly ExecutionSummary[] {
    return endedExecutions(this.#store, query);
  }

  compacted(id: string): CompactedRecord | undefined {
    return loadedCompacted(this.#store.get(executionKeys.compacted(id))?.value);
  }

  async delete(id: string): Promise<void> {
    const operations: Operation[] = [
      { kind: 'delete', key: executionKeys.open(id) },
      { kind: 'delete', key: executionKeys.compacted(id) },
    ];
    const summary = this.#endedSummary(id);
    if (summary) {
      operations.push({ kind: 'delete', key: executionKeys.ended(summary) });
      for (const stage of ['whole', 'compacted']) {
        operations.push({ kind: 'delete', key: executionKeys.retained(stage, endOf(summary), id) });
      }
    }
    const rows = removalOf(this.#store, id);
    await this.#store.commit([...operations, ...rows.operations]);
    if (rows.isPartial) await sweep(this.#store);
  }

  tidy(request: {
    readonly compactBeforeMs: number;
    readonly deleteBeforeMs: number;
    readonly limit: number;
  }): Promise<number> {
    return tidy(this.#store, request);
  }

  /** Its content is its key, so that nothing has to be looked up to find it again; one that is there already is not written again (invariant 5). */
  #keep(id: string, value: Uint8Array, operations: Operation[]): string {
    const name = hash('sha256', value, 'base64url');
    const key = executionKeys.value(id, name);
    const isPut = operations.some((operation) => operation.kind === 'put' && operation.key[2] === name);
    if (!isPut && !this.#store.get(key)) operations.push({ kind: 'put', key, value });
    return name;
  }

  /** An execution must not be forgotten because its entry in the list is damaged: its journal knows as much, but for what it waits for. */
  #openFromJournal(id: string): OpenExecution | undefined {
    try {
      const events = this.read(id);
      if (!events) return undefined;
      const { started, status } = fold(id, events);
      const { workflow, version, atMs: startedAtMs } = started;
      return { id, workflow, version, startedAtMs, isWaiting: false, status };
    } catch {
      // Nothing is known of it but its id; whoever asks for it is told why.
      return undefined;
    }
  }

  /** Found by its first event; where that is damaged, by a look through the whole list. */
  #endedSummary(id: string): ExecutionSummary | undefined {
    const compacted = this.compacted(id);
    if (compacted) return compacted.summary;
    const first = this.#store.get(executionKeys.event(id, 0))?.value as Partial<ExecutionEvent> | undefined;
    if (first?.type === 'executionStarted' && first.workflow !== undefined && first.atMs !== undefined) {
      const { workflow, atMs: startedAtMs } = first;
      for (const status of ENDED_STATUSES) {
        const entry = this.#store.get(executionKeys.ended({ workflow, status, startedAtMs, id }));
        if (entry) return loadedSummary(entry.value);
      }
    }
    if (hasAny(this.#store, executionKeys.open(id)) || !this.exists(id)) return undefined;
    for (const { key, value } of this.#store.range({ prefix: executionKeys.endedAll })) {
      if (key[4] === id) return loadedSummary(value);
    }
    return undefined;
  }
}

/** That the journal has exactly the expected length (invariant 2); one that was compacted, or is being deleted, has none, and begins no other. */
function expectations({ id, expectedLength, events }: AppendRequest): Operation[] {
  const operations: Operation[] = [];
  if (expectedLength > 0) {
    operations.push({ kind: 'check', key: executionKeys.event(id, expectedLength - 1), expect: 'present' });
  } else {
    operations.push({ kind: 'check', key: executionKeys.compacted(id), expect: 'absent' });
    operations.push({ kind: 'check', key: executionKeys.leftover(id), expect: 'absent' });
  }
  if (events.length === 0) {
    operations.push({ kind: 'check', key: executionKeys.event(id, expectedLength), expect: 'absent' });
  }
  return operations;
}

/** An execution stands in one of the two lists, never in both (invariant 6). */
function listChanges(request: AppendRequest): Operation[] {
  const { id, events, open, ended } = request;
  const operations: Operation[] = [];
  const place = open ?? ended;
  if (place && events.some(({ type }) => type === 'executionRedriven')) {
    const { workflow, startedAtMs } = place;
    for (const status of ENDED_STATUSES) {
      operations.push({ kind: 'delete', key: executionKeys.ended({ workflow, status, startedAtMs, id }) });
    }
  }
  if (open && !ended) operations.push(putOpen(open));
  else if (ended || Object.hasOwn(request, 'open')) operations.push({ kind: 'delete', key: executionKeys.open(id) });
  if (ended) operations.push(...putEnded(ended));
  return operations;
}
