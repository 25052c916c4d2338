/**
 * Compaction and deletion of what ended long enough ago. Each execution is dealt with in one commit, which is refused if its summary has changed in
 * the meantime: whoever is redriven is open again, and is left alone (invariants 6 and 7). Many small ones share a commit.
 */
import { executionKeys } from '../../store/keys.ts';
import type { KeyValueStore, Operation } from '../../store/protocol.ts';
import type { ExecutionEvent } from '../events.ts';
import { fold } from '../fold.ts';
import { readJournal } from './journal.ts';
import type { ExecutionSummary } from './protocol.ts';
import { MAX_OPERATIONS, removalOf, sweep } from './removal.ts';
import {
  type CompactedRecord,
  endOf,
  loadedRetained,
  loadedSummary,
  putRetained,
  type Retained,
  type Stage,
} from './stored-records.ts';

interface TidyRequest {
  readonly compactBeforeMs: number;
  readonly deleteBeforeMs: number;
  readonly limit: number;
}

type Plan = (retained: Retained, summary: ExecutionSummary) => readonly Operation[];

/** Rejects as the store does; what it has done until then stays done. */
export async function tidy(store: KeyValueStore, request: TidyRequest): Promise<number> {
  await sweep(store);
  let left = request.limit;
  const due = async (stage: Stage, beforeMs: number, plan: Plan) => {
    left -= await dealWith(store, operationsDue(store, { stage, beforeMs, limit: left, plan }));
  };
  const deletion: Plan = (retained) => deletionOf(store, retained);
  await due('compacted', request.deleteBeforeMs, deletion);
  await due('whole', request.deleteBeforeMs, deletion);
  await due('whole', request.compactBeforeMs, (retained, summary) => compactionOf(store, retained, summary));
  await sweep(store);
  return request.limit - left;
}

/** What to do about each execution that is due, one after the other: a list is made only when it is its turn. */
function* operationsDue(
  store: KeyValueStore,
  {
    stage,
    beforeMs,
    limit,
    plan,
  }: { readonly stage: Stage; readonly beforeMs: number; readonly limit: number; readonly plan: Plan },
): Iterable<readonly Operation[]> {
  if (limit <= 0) return;
  const prefix = executionKeys.retainedIn(stage);
  const entries = [...store.range({ prefix, end: executionKeys.retainedBefore(stage, beforeMs), limit })];
  for (const { key, value } of entries) {
    const forget: Operation = { kind: 'delete', key };
    const retained = loadedRetained(key, value);
    const entry = retained.workflow === undefined ? undefined : store.get(executionKeys.ended(retained));
    const summary = loadedSummary(entry?.value);
    // It was redriven, and may have ended again since; or its summary is damaged: what is not understood is kept.
    if (retained.workflow === undefined || !entry || !summary || endOf(summary) !== retained.endedAtMs) yield [forget];
    else yield [{ kind: 'check', key: entry.key, expect: entry.revision }, forget, ...plan(retained, summary)];
  }
}

/** As many at a time as fit into a commit. Resolves with how many there were. */
async function dealWith(store: KeyValueStore, all: Iterable<readonly Operation[]>): Promise<number> {
  let batch: (readonly Operation[])[] = [];
  let size = 0;
  let count = 0;
  for (const operations of all) {
    if (size > 0 && size + operations.length > MAX_OPERATIONS) {
      await commit(store, batch);
      batch = [];
      size = 0;
    }
    batch.push(operations);
    size += operations.length;
    count++;
  }
  if (size > 0) await commit(store, batch);
  return count;
}

/** One execution that has changed must not keep the others of its commit from being dealt with. */
async function commit(store: KeyValueStore, batch: readonly (readonly Operation[])[]): Promise<void> {
  const { kind } = await store.commit(batch.flat());
  if (kind === 'committed' || batch.length === 1) return;
  for (const operations of batch) await store.commit(operations);
}

function compactionOf(store: KeyValueStore, retained: Retained, summary: ExecutionSummary): readonly Operation[] {
  const moved = putRetained({ ...retained, stage: 'compacted' });
  const events = readable(store, retained.id);
  // A journal that cannot be read stays for whoever wants to know why, until its time has come.
  if (!events) return [moved];
  const { output } = fold(retained.id, events);
  const record: CompactedRecord = { summary, ...(output && { output }) };
  const put: Operation = { kind: 'put', key: executionKeys.compacted(retained.id), value: record };
  return [moved, put, ...removalOf(store, retained.id).operations];
}

function readable(store: KeyValueStore, id: string): readonly ExecutionEvent[] | undefined {
  try {
    const events = readJournal(store, id);
    return events?.[0]?.type === 'executionStarted' ? events : undefined;
  } catch {
    return undefined;
  }
}

function deletionOf(store: KeyValueStore, { id, ...place }: Retained): readonly Operation[] {
  return [
    { kind: 'delete', key: executionKeys.ended({ ...place, id }) },
    { kind: 'delete', key: executionKeys.compacted(id) },
    ...removalOf(store, id).operations,
  ];
}
