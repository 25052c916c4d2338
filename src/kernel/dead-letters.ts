/** The messages that nobody will handle: all of them counted, the latest kept for a look. */
import type { DeadLetter, DeadLetterReason } from './protocol.ts';

const KEPT = 256;

export class DeadLetters {
  readonly #latest: DeadLetter[] = [];
  readonly #counts: Record<DeadLetterReason, number> = { 'mailbox-full': 0, stopped: 0, killed: 0, 'failed-start': 0 };

  add(letter: DeadLetter): void {
    this.#counts[letter.reason]++;
    this.#latest.push(letter);
    if (this.#latest.length > KEPT) this.#latest.shift();
  }

  /** Oldest first. */
  latest(): readonly DeadLetter[] {
    return [...this.#latest];
  }

  counts(): Readonly<Record<DeadLetterReason, number>> {
    return { ...this.#counts };
  }
}
