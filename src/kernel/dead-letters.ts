/** The messages that nobody will handle: all of them counted, the latest kept for a look (invariant 6). */
import type { DeadLetter, DeadLetterReason } from './protocol.ts';

const KEPT = 256;

export class DeadLetters {
  readonly #latest: DeadLetter[] = [];
  readonly #counts: Record<DeadLetterReason, number> = { 'mailbox-full': 0, stopped: 0, killed: 0, 'failed-start': 0 };
  #next = 0;

  /** Overwrites the oldest once full: a flood of dead letters costs no more than one each. */
  add(letter: DeadLetter): void {
    this.#counts[letter.reason]++;
    this.#latest[this.#next] = letter;
    this.#next = (this.#next + 1) % KEPT;
  }

  /** Oldest first. */
  latest(): readonly DeadLetter[] {
    return this.#latest.length < KEPT
      ? [...this.#latest]
      : [...this.#latest.slice(this.#next), ...this.#latest.slice(0, this.#next)];
  }

  counts(): Readonly<Record<DeadLetterReason, number>> {
    return { ...this.#counts };
  }
}
