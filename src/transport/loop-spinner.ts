/**
 * How a thread waits for a socket without sleeping: it keeps its event loop turning, so that what comes is read by the next turn, a few
 * microseconds later, instead of after a wake-up of 30 to 50. Timers and other sockets are served all the while.
 */
import type { SpinPolicy } from './spin-policy.ts';

export interface LoopSpinnerOptions {
  readonly policy: SpinPolicy;
  readonly nowMs: () => number;
  /** Whether anything can still come. */
  readonly isOpen: () => boolean;
}

export class LoopSpinner {
  readonly #options: LoopSpinnerOptions;
  #isTurning = false;
  /** 0 while it does not spin. */
  #sinceMs = 0;
  #untilMs = 0;

  constructor(options: LoopSpinnerOptions) {
    this.#options = options;
  }

  /** A wait begins. */
  begin(): void {
    if (this.#sinceMs > 0) return;
    const { policy, nowMs } = this.#options;
    const budgetMs = policy.budgetMs();
    if (budgetMs === 0) return;
    this.#sinceMs = nowMs();
    this.#untilMs = this.#sinceMs + budgetMs;
    this.#turnLater();
  }

  /** What was waited for has come. */
  end(): void {
    if (this.#sinceMs === 0) return;
    this.#options.policy.won(this.#options.nowMs() - this.#sinceMs);
    this.#sinceMs = 0;
  }

  #turnLater(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isTurning = false;
    if (this.#sinceMs === 0) return;
    const { policy, nowMs, isOpen } = this.#options;
    if (isOpen() && nowMs() < this.#untilMs) return this.#turnLater();
    if (isOpen()) policy.lost();
    this.#sinceMs = 0;
  };
}
