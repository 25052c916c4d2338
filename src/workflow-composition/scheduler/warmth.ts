/**
 * Where nothing is cold, nothing has to be looked ahead for: a function that was warm for many steps in a row, the last a moment ago, has an instance.
 * So a host that runs thousands of small workflows a second pays next to nothing. One cold start, and it is looked ahead for again.
 *
 * Pure but for its memory. Invariants (numbers as in README.md): 6. A cold start ends the trust in a function at once.
 */
import type { ExecutionOutlook, OutlookGate, StepReport } from './protocol.ts';

/** Steps without a cold start, in a row. */
const TRUSTED_AFTER = 64;
/** What was called so lately is not let go by any keep-alive worth its name; where it is, the next cold start shows it. */
const FRESH_MS = 250;
/** Outlooks that a workflow is not asked for are asked for again after this. */
const QUIET_MS = 100;
const MOST_KNOWN = 10_000;

interface Known {
  inRow: number;
  seenMs: number;
}

export class Warmth implements OutlookGate {
  readonly horizon: number;
  readonly #targets = new Map<string, Known>();
  /** Workflows: outlooks in a row that were of no use, and until when no more are asked for. */
  readonly #workflows = new Map<string, { inRow: number; quietUntilMs: number }>();

  constructor(horizon: number) {
    this.horizon = horizon;
  }

  wants(workflow: string, nowMs: number): boolean {
    if (this.horizon === 0) return false;
    const known = this.#workflows.get(workflow);
    return known === undefined || nowMs >= known.quietUntilMs;
  }

  stepEnded({ workflow, target, coldStartMs }: StepReport, nowMs: number): void {
    if (target === undefined) return;
    if (coldStartMs !== undefined) {
      this.#targets.delete(target);
      this.#workflows.delete(workflow);
      return;
    }
    const known = this.#targets.get(target);
    if (known) {
      known.inRow++;
      known.seenMs = nowMs;
      return;
    }
    if (this.#targets.size >= MOST_KNOWN) this.#targets.clear();
    this.#targets.set(target, { inRow: 1, seenMs: nowMs });
  }

  /** Whether each of its steps finds an instance without anybody's doing, and takes none from others that do not. */
  isWarm({ running, upcoming }: Pick<ExecutionOutlook, 'running' | 'upcoming'>, nowMs: number): boolean {
    for (const { target } of running) if (target !== undefined && !this.#isTrusted(target, nowMs)) return false;
    for (const { target } of upcoming) if (target !== undefined && !this.#isTrusted(target, nowMs)) return false;
    return true;
  }

  #isTrusted(target: string, nowMs: number): boolean {
    const known = this.#targets.get(target);
    return known !== undefined && known.inRow >= TRUSTED_AFTER && nowMs - known.seenMs <= FRESH_MS;
  }

  /** An outlook of the workflow was of use, or was not. */
  outlookSeen(workflow: string, wasOfUse: boolean, nowMs: number): void {
    const known = this.#workflows.get(workflow);
    if (wasOfUse) {
      if (known) this.#workflows.delete(workflow);
      return;
    }
    if (!known) {
      if (this.#workflows.size >= MOST_KNOWN) this.#workflows.clear();
      this.#workflows.set(workflow, { inRow: 1, quietUntilMs: nowMs });
      return;
    }
    known.inRow++;
    if (known.inRow >= TRUSTED_AFTER && nowMs >= known.quietUntilMs) known.quietUntilMs = nowMs + QUIET_MS;
  }
}
