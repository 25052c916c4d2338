/**
 * Decides what follows a failure. Pure: the times of earlier failures and the time now are arguments.
 */
import type { RestartPolicy, Supervision } from './protocol.ts';

export type SupervisionDecision =
  | { readonly action: 'resume' | 'stop' | 'escalate' }
  | { readonly action: 'restart'; readonly delayMs: number };

export const DEFAULT_SUPERVISION: RestartPolicy = {
  onFailure: 'restart',
  maxRestarts: 5,
  withinMs: 60_000,
  backoffMs: 10,
  maxBackoffMs: 5_000,
};

/** `restartsMs` holds the times of the restarts so far, oldest first; `nowMs` is the time of the failure. */
export function decideSupervision(
  supervision: Supervision,
  restartsMs: readonly number[],
  nowMs: number,
): SupervisionDecision {
  if (supervision.onFailure !== 'restart') return { action: supervision.onFailure };
  const recent = restartsMs.filter((atMs) => nowMs - atMs < supervision.withinMs).length;
  if (recent >= supervision.maxRestarts) return { action: 'escalate' };
  return { action: 'restart', delayMs: Math.min(supervision.backoffMs * 2 ** recent, supervision.maxBackoffMs) };
}
