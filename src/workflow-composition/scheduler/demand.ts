/**
 * What the executions of one workflow need of one function at the moment, added up, and what was ordered for that. Pure but for its memory.
 *
 * Executions do not all need theirs at the same time: each need is a Bernoulli trial, in use with the chance `load / instances`, and what is ordered is
 * the mean of their sum and a margin of its standard deviation; never less than what one of them needs for certain.
 */

/** Of one execution. */
export interface Need {
  readonly demand: Demand;
  readonly instances: number;
  readonly load: number;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly isOccupied: boolean;
  /** It is over, was replaced, or its execution has ended. */
  isGone: boolean;
}

/** Of executions that have nothing to do with each other, nine in ten times this is enough. */
const MARGIN = 1.28;
/** What one workflow may order of one function. */
const MOST_ORDERED = 1_000;

export class Demand {
  readonly workflow: string;
  readonly functionName: string;
  /** Whether it waits for a turn before more of it is ordered. */
  isInTurn = false;
  /** When it is to be looked at again. */
  checkAtMs = Number.POSITIVE_INFINITY;
  /** Needs of executions that are still known, also those whose time has not come, or is over. */
  references = 0;
  /** What was ordered last. */
  ordered = 0;
  orderedUntilMs = Number.NEGATIVE_INFINITY;
  /** Instances that were ordered and that no step has found yet, and within what time one has to begin to have found one. */
  open = 0;
  openSinceMs = 0;
  openUntilMs = Number.NEGATIVE_INFINITY;
  readonly #needs = new Set<Need>();
  #load = 0;
  #variance = 0;
  #waiting = 0;
  #largest = 0;
  #untilMs = Number.NEGATIVE_INFINITY;

  constructor(workflow: string, functionName: string) {
    this.workflow = workflow;
    this.functionName = functionName;
  }

  /** When the last of them ends. */
  get untilMs(): number {
    return this.#untilMs;
  }

  add(need: Need): void {
    this.#needs.add(need);
    this.#count(need, 1);
    if (need.isOccupied) return;
    this.#largest = Math.max(this.#largest, need.instances);
    this.#untilMs = Math.max(this.#untilMs, need.untilMs);
  }

  remove(need: Need): void {
    if (!this.#needs.delete(need)) return;
    this.#count(need, -1);
    // Sums of fractions drift.
    if (this.#needs.size === 0) this.#load = this.#variance = 0;
    if (this.#waiting === 0) this.#largest = 0;
  }

  /** Drops what is over, and works out afresh what is left. Answers when the next of them ends. */
  sweep(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    this.#largest = 0;
    this.#untilMs = Number.NEGATIVE_INFINITY;
    for (const need of this.#needs) {
      if (need.untilMs <= nowMs) {
        need.isGone = true;
        this.#needs.delete(need);
        this.#count(need, -1);
        continue;
      }
      nextMs = Math.min(nextMs, need.untilMs);
      if (need.isOccupied) continue;
      this.#largest = Math.max(this.#largest, need.instances);
      this.#untilMs = Math.max(this.#untilMs, need.untilMs);
    }
    if (this.#needs.size === 0) this.#load = this.#variance = 0;
    return nextMs;
  }

  /** Instances; for calls that are there alone, none: those have theirs. */
  get needed(): number {
    if (this.#waiting === 0) return 0;
    const sum = this.#load + MARGIN * Math.sqrt(Math.max(0, this.#variance));
    return Math.min(MOST_ORDERED, Math.max(this.#largest, this.#needs.size === 1 ? 0 : Math.ceil(sum - 1e-6)));
  }

  #count({ instances, load, isOccupied }: Need, sign: 1 | -1): void {
    this.#load += sign * load;
    this.#variance += sign * load * Math.max(0, instances - load);
    if (!isOccupied) this.#waiting += sign;
  }
}
