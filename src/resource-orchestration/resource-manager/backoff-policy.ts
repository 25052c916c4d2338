/**
 * How soon what failed is tried again. Pure: time and chance are arguments.
 *
 * Workers are counted by group. The first failure costs nothing: the replacement starts at once. From the second in a row on, the group
 * waits, exponentially longer, and is then let in one worker at a time until one of them is approved (the half-open state of a circuit
 * breaker). So a function that crashes at start costs a few attempts per minute, however many instances were claimed for it.
 */
import type { SerializedError } from '../../errors.ts';
import type { Random } from '../../kernel/random.ts';

const BACKOFF_BASE_MS = 200;
export const BACKOFF_MAX_MS = 30_000;

/** A worker that ran this long did not fail because of its start: such a failure counts as a first one. */
export const HEALTHY_AFTER_MS = 10_000;

/** Beyond it the group that failed longest ago is forgiven. */
const MAX_GROUPS = 10_000;

/**
 * The wait before retry 0, 1, 2 …: doubles from `BACKOFF_BASE_MS` to `BACKOFF_MAX_MS`, half of it drawn ("equal jitter"; Marc Brooker,
 * "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). The first is 100 to 200 ms, the last 15 to 30 s.
 */
export function backoffMs(retry: number, random: Random): number {
  const longestMs = Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** retry);
  return Math.round(longestMs / 2 + (random() * longestMs) / 2);
}

/**
 * The wait before an agent is started again, after so many in a row that lived less than `HEALTHY_AFTER_MS` and on which no worker
 * did its work: none for the first two, then as above.
 */
export function agentBackoffMs(shortLives: number, random: Random): number {
  return shortLives < 3 ? 0 : backoffMs(shortLives - 3, random);
}

export interface GroupFailure {
  readonly atMs: number;
  readonly placedAtMs: number;
  /** Absent when the worker never came up. */
  readonly startedAtMs?: number;
  readonly error?: SerializedError;
}

export type Admission =
  | { readonly admitted: true }
  | { readonly admitted: false; readonly retryInMs: number; readonly error?: SerializedError };

interface GroupRecord {
  failures: number;
  lastFailureAtMs: number;
  /** Nothing of the group starts before it. */
  untilMs: number;
  /** The claim that was let in last and has neither failed nor been approved since. */
  probe?: string;
  error?: SerializedError;
}

export class GroupBackoff {
  readonly #groups = new Map<string, GroupRecord>();

  failed(group: string, failure: GroupFailure, random: Random): void {
    const record = this.#groups.get(group);
    // Workers that were there already when the group failed last belong to the same burst: ten that die together are one failure.
    if (record && failure.placedAtMs < record.lastFailureAtMs) return;
    const ranMs = failure.startedAtMs === undefined ? 0 : failure.atMs - failure.startedAtMs;
    const failures = ranMs >= HEALTHY_AFTER_MS ? 1 : (record?.failures ?? 0) + 1;
    // Put in again, so that the map is in order of the last failure.
    this.#groups.delete(group);
    this.#groups.set(group, {
      failures,
      lastFailureAtMs: failure.atMs,
      untilMs: failures < 2 ? failure.atMs : failure.atMs + backoffMs(failures - 2, random),
      ...(failure.error && { error: failure.error }),
    });
    const [oldest] = this.#groups.keys();
    if (this.#groups.size > MAX_GROUPS && oldest !== undefined) this.#groups.delete(oldest);
  }

  /** A worker of the group does its work. True when the group was held back until now. */
  approved(group: string): boolean {
    return this.#groups.delete(group);
  }

  /** Asks to start one worker. Admitting one of a failing group closes the door behind it, for `BACKOFF_MAX_MS` or until it is approved. */
  admit(group: string, { claimId, nowMs }: { readonly claimId: string; readonly nowMs: number }): Admission {
    const record = this.#groups.get(group);
    if (!record || record.failures < 2) return { admitted: true };
    if (nowMs < record.untilMs) {
      return { admitted: false, retryInMs: record.untilMs - nowMs, ...(record.error && { error: record.error }) };
    }
    record.untilMs = nowMs + BACKOFF_MAX_MS;
    record.probe = claimId;
    return { admitted: true };
  }

  /** The claim is no more. True when it was the one let in: the door is then open for another. */
  withdrawn(group: string, claimId: string): boolean {
    const record = this.#groups.get(group);
    if (record?.probe !== claimId) return false;
    delete record.probe;
    record.untilMs = 0;
    return true;
  }

  /** When the group may be asked for again. */
  retryAtMs(group: string): number {
    return this.#groups.get(group)?.untilMs ?? 0;
  }
}
