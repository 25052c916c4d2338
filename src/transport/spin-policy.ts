/**
 * Whether to spin for what comes next, and for how long. Pure: time is an argument.
 *
 * Spinning saves the 30 us of a wake-up when the wait is short and a core is free, and costs the other threads of a full machine more
 * than it saves. So it is earned: a wait that ended within its budget earns, one that did not pays several times as much, and with
 * nothing left the waits are slept through, but for a try after 8 of them, then after twice as many each time, up to `PROBE_EVERY`. How long a wait may last is learned from those
 * that ended in time.
 */

/** A wait that takes longer than this gains little: a wake-up costs a third to a half of it. */
export const MAX_SPIN_MS = 0.1;
/** Who waits for calls and not for answers: a caller over HTTP, one at a time, has a tenth to a fifth of a millisecond between two. */
export const MAX_IDLE_SPIN_MS = 0.3;
export const PROBE_EVERY = 64;
const FIRST_PROBE = 8;
/** A won wait earns 1. A lost one costs this much: four in five have to be won. */
const LOSS_COST = 4;
const MAX_EARNED = 16;
/** At the start, and for a try: enough to find out, too little to hurt. */
const STAKE = 2 * LOSS_COST;
const PROBE_MS = 0.06;
const PROBE_PART = 0.6;
/** Weight of the newest wait. */
const WEIGHT = 1 / 8;
/** Of the expected wait. */
const PATIENCE = 4;
const MIN_SPIN_MS = 0.015;
const FIRST_WAITS = 2;

export interface SpinPolicyOptions {
  /** False: every wait is slept through. True unless told otherwise. */
  readonly isAllowed?: boolean;
  /** For those whose wait is worth less than `MAX_SPIN_MS`. */
  readonly maxSpinMs?: number;
  /**
   * For how long to spin the first times, when what is waited for takes longer than ever after: until the other end says that it is ready, and
   * until its first answer. That says nothing of the waits that follow.
   */
  readonly firstSpinMs?: number;
}

export class SpinPolicy {
  readonly #isAllowed: boolean;
  #earned = STAKE;
  readonly #maxSpinMs: number;
  #sinceProbe = 0;
  #probeEvery = FIRST_PROBE;
  #expectedMs: number;
  readonly #firstMs: number;
  #firstLeft: number;
  #isFirst = false;

  constructor({ isAllowed = true, maxSpinMs = MAX_SPIN_MS, firstSpinMs = 0 }: SpinPolicyOptions = {}) {
    this.#isAllowed = isAllowed;
    this.#maxSpinMs = maxSpinMs;
    this.#firstMs = firstSpinMs;
    this.#firstLeft = firstSpinMs > 0 ? FIRST_WAITS : 0;
    this.#expectedMs = maxSpinMs / PATIENCE;
  }

  /** A wait begins: for how long to spin, 0 for not at all. Each budget above 0 is answered by `won` or `lost`, unless the wait was called off. */
  budgetMs(): number {
    if (!this.#isAllowed) return 0;
    this.#isFirst = this.#firstLeft > 0;
    if (this.#isFirst) {
      this.#firstLeft--;
      return this.#firstMs;
    }
    if (this.#earned > 0) return Math.min(this.#maxSpinMs, Math.max(MIN_SPIN_MS, this.#expectedMs * PATIENCE));
    if (++this.#sinceProbe < this.#probeEvery) return 0;
    this.#probeEvery = Math.min(PROBE_EVERY, this.#probeEvery * 2);
    this.#sinceProbe = 0;
    // Two in a row: the first may only wake up the other side.
    this.#earned = STAKE;
    const probeMs = Math.min(this.#maxSpinMs, Math.max(PROBE_MS, this.#maxSpinMs * PROBE_PART));
    this.#expectedMs = probeMs / PATIENCE;
    return probeMs;
  }

  /** It came after so long, while we spun. */
  won(waitedMs: number): void {
    if (this.#isFirst) return;
    this.#earned = Math.min(MAX_EARNED, this.#earned + 1);
    if (this.#earned === MAX_EARNED) this.#probeEvery = FIRST_PROBE;
    this.#expectedMs += (waitedMs - this.#expectedMs) * WEIGHT;
  }

  /** It did not come while we spun. */
  lost(): void {
    if (this.#isFirst) return;
    this.#earned = Math.max(0, this.#earned - LOSS_COST);
    // The wait was longer than expected; how long is not known.
    this.#expectedMs = Math.min(this.#maxSpinMs, this.#expectedMs * 1.5);
  }
}
