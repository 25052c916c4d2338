/**
 * Whether to spin for what comes next, and for how long. Pure: time is an argument.
 *
 * Spinning saves the 30 us of a wake-up when the wait is short and a core is free, and costs the other threads of a full machine more
 * than it saves. So it is earned: a wait that ended within its budget earns, one that did not pays several times as much, and with
 * nothing left the waits are slept through, but for a try every `PROBE_EVERY` of them. How long a wait may last is learned from those
 * that ended in time.
 */

/** A wait that takes longer than this gains little: a wake-up costs half of it. */
export const MAX_SPIN_MS = 0.06;
export const PROBE_EVERY = 64;
/** A won wait earns 1. A lost one costs this much: four in five have to be won. */
const LOSS_COST = 4;
const MAX_EARNED = 16;
/** At the start and after a won probe: enough to find out, too little to hurt. */
const STAKE = LOSS_COST;
/** Weight of the newest wait. */
const WEIGHT = 1 / 8;
/** Of the expected wait. */
const PATIENCE = 4;
const MIN_SPIN_MS = 0.015;

export class SpinPolicy {
  #earned = STAKE;
  #sinceProbe = 0;
  #expectedMs = MAX_SPIN_MS / PATIENCE;

  /** A wait begins: for how long to spin, 0 for not at all. Each budget above 0 is answered by `won` or `lost`. */
  budgetMs(): number {
    if (this.#earned > 0) return Math.min(MAX_SPIN_MS, Math.max(MIN_SPIN_MS, this.#expectedMs * PATIENCE));
    if (++this.#sinceProbe < PROBE_EVERY) return 0;
    this.#sinceProbe = 0;
    return MAX_SPIN_MS;
  }

  /** It came after so long, while we spun. */
  won(waitedMs: number): void {
    this.#earned = Math.min(MAX_EARNED, this.#earned <= 0 ? STAKE : this.#earned + 1);
    this.#expectedMs += (waitedMs - this.#expectedMs) * WEIGHT;
  }

  /** It did not come while we spun. */
  lost(): void {
    this.#earned = Math.max(0, this.#earned - LOSS_COST);
    // The wait was longer than expected; how long is not known.
    this.#expectedMs = Math.min(MAX_SPIN_MS, this.#expectedMs * 1.5);
  }
}
