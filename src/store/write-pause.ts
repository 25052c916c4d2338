/** The pause after a disk has refused something: a full one may have room again. 50 ms, then twice as long each time, at most 5 s. */
import type { CancelTimer } from '../kernel/clock.ts';

const FIRST_MS = 50;
const LONGEST_MS = 5_000;

export class WritePause {
  readonly #after: (delayMs: number, callback: () => void) => CancelTimer;
  #cancel: CancelTimer | undefined;
  #nextMs = FIRST_MS;

  constructor(after: (delayMs: number, callback: () => void) => CancelTimer) {
    this.#after = after;
  }

  get isOn(): boolean {
    return this.#cancel !== undefined;
  }

  /** Refused: nothing is to be written until `over` is called. */
  begin(over: () => void): void {
    this.#cancel = this.#after(this.#nextMs, () => {
      this.#cancel = undefined;
      over();
    });
    this.#nextMs = Math.min(LONGEST_MS, 2 * this.#nextMs);
  }

  /** The disk takes what it is given: the next pause is a short one. */
  wasTaken(): void {
    this.#nextMs = FIRST_MS;
  }

  /** It is over, and nobody is called. */
  cancel(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
