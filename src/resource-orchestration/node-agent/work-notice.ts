/**
 * Tells an agent that calls go to its workers, which it does not see: when the first one begins after a quiet time, and then each
 * `NOTICE_MS` while any has begun or is inside. So the agent watches their memory, and nobody ticks while nothing runs.
 *
 * It is on the way of every call that begins while none is inside: that costs a look at a flag.
 */
import type { Clock } from '../../kernel/clock.ts';

/** An agent watches on for a second after it was last told. */
const NOTICE_MS = 500;

export interface WorkNoticeOptions {
  readonly clock: Clock;
  readonly workersWithCalls: () => readonly string[];
  readonly tell: (workerIds: readonly string[]) => void;
}

export class WorkNotice {
  readonly #options: WorkNoticeOptions;
  #isArmed = false;
  #hasBegun = false;
  #saidInside = false;

  constructor(options: WorkNoticeOptions) {
    this.#options = options;
  }

  /** The first call has begun in a worker that had none inside. */
  began(): void {
    this.#hasBegun = true;
    if (!this.#isArmed) this.#tell(this.#options.workersWithCalls());
  }

  #tell(workerIds: readonly string[]): void {
    this.#hasBegun = false;
    this.#saidInside = workerIds.length > 0;
    this.#options.tell(workerIds);
    this.#isArmed = true;
    this.#options.clock.after(NOTICE_MS, () => {
      this.#isArmed = false;
      const inside = this.#options.workersWithCalls();
      // That none is inside any more is said once, too.
      if (this.#hasBegun || this.#saidInside || inside.length > 0) this.#tell(inside);
    });
  }
}
