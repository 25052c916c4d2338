/** A counting semaphore with a bounded queue, first come first served. */
import { TroupeError } from '../../errors.ts';

interface Waiting {
  readonly admit: () => void;
  readonly refuse: (error: TroupeError) => void;
}

export class Slots {
  readonly #size: number;
  readonly #maxWaiting: number;
  readonly #what: string;
  readonly #waiting: Waiting[] = [];
  #active = 0;
  #closed = false;

  /** `what` names in the plural what the slots are for, as in "builds". */
  constructor(size: number, maxWaiting: number, what: string) {
    this.#size = size;
    this.#maxWaiting = maxWaiting;
    this.#what = what;
  }

  get active(): number {
    return this.#active;
  }

  /** Runs the work once a slot is free. Rejects with `OVERLOADED` or `SHUTTING_DOWN` before the work began, else as the work does. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.#enter();
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // The slot passes on directly, so that nobody who comes now goes ahead of those who wait.
      if (next) next.admit();
      else this.#active--;
    }
  }

  /** Refuses those who wait and all who come later; those inside finish. */
  close(): void {
    this.#closed = true;
    for (const { refuse } of this.#waiting.splice(0)) refuse(this.#closedError());
  }

  #enter(): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closedError());
    if (this.#active < this.#size) {
      this.#active++;
      return Promise.resolve();
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      const message = `${this.#waiting.length} ${this.#what} are waiting already. Try again when some of them are done.`;
      return Promise.reject(new TroupeError('OVERLOADED', message));
    }
    return new Promise((admit, refuse) => this.#waiting.push({ admit, refuse }));
  }

  #closedError(): TroupeError {
    return new TroupeError('SHUTTING_DOWN', `The host is draining; no more ${this.#what} are started.`);
  }
}
