/**
 * The list of executions that have ended. Its keys lie by workflow, status and time; a query merges the ranges that it asks for and reads, of each,
 * one entry more than it gives.
 */
import { TroupeError } from '../../errors.ts';
import { executionKeys } from '../../store/keys.ts';
import type { Entry, Key, KeyValueStore, RangeOptions } from '../../store/protocol.ts';
import type { ExecutionQuery, ExecutionSummary } from './protocol.ts';
import { ENDED_STATUSES, loadedSummary } from './stored-records.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/** Newest first; of two that started at the same time, the one whose id sorts last. Throws `INVALID_ARGUMENT`. */
export function endedExecutions(store: KeyValueStore, query: ExecutionQuery): readonly ExecutionSummary[] {
  const { workflow, status, limit = DEFAULT_LIMIT } = checked(query);
  const statuses = ENDED_STATUSES.filter((each) => status === undefined || each === status);
  if (statuses.length === 0) return [];
  const workflows = workflow === undefined ? endedWorkflows(store) : [workflow];
  const ranges = workflows.flatMap((name) => statuses.map((each) => store.range(rangeOf(name, each, query))));
  const found: ExecutionSummary[] = [];
  for (const { value } of newestFirst(ranges)) {
    // One that cannot be understood is left out of the list.
    const summary = loadedSummary(value);
    if (summary) found.push(summary);
    if (found.length === limit) break;
  }
  return found;
}

function checked(query: ExecutionQuery): ExecutionQuery {
  const { limit = DEFAULT_LIMIT, fromMs = 0, untilMs = 0 } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new TroupeError('INVALID_ARGUMENT', `limit must be a whole number from 1 to ${MAX_LIMIT}, not ${limit}.`);
  }
  if (!Number.isFinite(fromMs) || !Number.isFinite(untilMs)) {
    throw new TroupeError('INVALID_ARGUMENT', 'fromMs and untilMs must be milliseconds since the Unix epoch.');
  }
  return query;
}

function rangeOf(workflow: string, status: string, { fromMs, untilMs }: ExecutionQuery): RangeOptions {
  return {
    prefix: executionKeys.endedOf(workflow, status),
    ...(fromMs !== undefined && { start: executionKeys.endedSince(workflow, status, fromMs) }),
    ...(untilMs !== undefined && { end: executionKeys.endedSince(workflow, status, untilMs) }),
    reverse: true,
  };
}

/** Of each workflow one entry is read: the last before those of the workflow that follows it. */
function endedWorkflows(store: KeyValueStore): readonly string[] {
  const names: string[] = [];
  for (;;) {
    const before = names.at(-1);
    const [last] = store.range({
      prefix: executionKeys.endedAll,
      ...(before !== undefined && { end: executionKeys.endedWorkflow(before) }),
      reverse: true,
      limit: 1,
    });
    if (!last) return names;
    names.push(String(last.key[1]));
  }
}

/** Merges ranges that each go from new to old. Whatever was begun is closed, since each holds a cursor. */
function* newestFirst(ranges: readonly Iterable<Entry>[]): Iterable<Entry> {
  const sources = ranges.map((range) => range[Symbol.iterator]());
  const heads = sources.map((source) => source.next());
  try {
    for (;;) {
      let newest = -1;
      for (const [index, head] of heads.entries()) {
        if (head.done) continue;
        const best = heads[newest];
        if (!best || best.done || isNewer(head.value.key, best.value.key)) newest = index;
      }
      const [head, source] = [heads[newest], sources[newest]];
      if (!head || head.done || !source) return;
      yield head.value;
      heads[newest] = source.next();
    }
  } finally {
    for (const source of sources) source.return?.();
  }
}

function isNewer(key: Key, than: Key): boolean {
  const [startedAtMs, otherMs] = [Number(key[3]), Number(than[3])];
  return startedAtMs === otherMs ? String(key[4]) > String(than[4]) : startedAtMs > otherMs;
}
