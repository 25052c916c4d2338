/** Executions of all places in one list, newest first. Pure. */
import type { ExecutionState } from '../execution-state.ts';
import type { ExecutionQuery, ExecutionSummary } from '../execution-store/protocol.ts';
import { summaryOf } from './views.ts';

const DEFAULT_LIMIT = 100;
const MOST = 1_000;

export function listExecutions(
  query: ExecutionQuery,
  places: {
    readonly open: Iterable<ExecutionSummary>;
    readonly ended: readonly ExecutionSummary[];
    readonly memory: Iterable<ExecutionState>;
  },
): readonly ExecutionSummary[] {
  const byId = new Map<string, ExecutionSummary>();
  for (const ended of places.ended) byId.set(ended.id, ended);
  for (const state of places.memory) add(byId, summaryOf(state), query);
  for (const open of places.open) add(byId, open, query);
  const limit = Math.min(MOST, Math.max(1, query.limit ?? DEFAULT_LIMIT));
  return [...byId.values()].sort((one, other) => other.startedAtMs - one.startedAtMs).slice(0, limit);
}

/** One that was redriven is not what the list of the ended says of it. */
function add(byId: Map<string, ExecutionSummary>, summary: ExecutionSummary, query: ExecutionQuery): void {
  byId.delete(summary.id);
  const { workflow, status, fromMs = 0, untilMs = Number.POSITIVE_INFINITY } = query;
  if (workflow !== undefined && summary.workflow !== workflow) return;
  if (status !== undefined && summary.status !== status) return;
  if (summary.startedAtMs >= fromMs && summary.startedAtMs < untilMs) byId.set(summary.id, summary);
}
