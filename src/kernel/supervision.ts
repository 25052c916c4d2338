/**
 * Decides what follows a failure. Pure: the times of earlier restarts and the time now are arguments.
 */
import type { RestartPolicy, Supervision } from './protocol.ts';

export type SupervisionDecision =
  | { readonly action: 'resume' | 'stop' | 'escalate' }
  | {
      readonly action: 'restart';
      readonly delayMs: number;
      /** The times that count against the limit from now on, oldest first: never more than `maxRestarts`. */
      readonly restartsMs: readonly number[];
    };

export type SupervisionAction = SupervisionDecision['action'];

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
  const recentMs = restartsMs.filter((atMs) => nowMs - atMs < supervision.withinMs);
  if (recentMs.length >= supervision.maxRestarts) return { action: 'escalate' };
  // Beyond 2 ** 30 every back-off is at its maximum, and zero times infinity is not a number.
  const doublings = Math.min(recentMs.length, 30);
  return {
    action: 'restart',
    delayMs: Math.min(supervision.backoffMs * 2 ** doublings, supervision.maxBackoffMs),
    restartsMs: [...recentMs, nowMs],
  };
}
