/** At most so many starts in any span of so many ms: a sliding log, exact and as long as the limit. Pure: time is an argument. */

export interface RateLimit {
  readonly max: number;
  readonly perMs: number;
}

export class StartLog {
  readonly #limit: RateLimit;
  /** A ring: the oldest is overwritten. In ms since the Unix epoch, since it outlives the host. */
  readonly #startsMs: number[];
  #next = 0;

  constructor(limit: RateLimit, startsMs: readonly number[] = []) {
    this.#limit = limit;
    this.#startsMs = startsMs.slice(-limit.max);
    this.#next = this.#startsMs.length % limit.max;
  }

  /** The earliest time of the next start; in the past where it may be now. */
  get nextAtMs(): number {
    const { max, perMs } = this.#limit;
    const oldest = this.#startsMs.length < max ? undefined : this.#startsMs[this.#next];
    return oldest === undefined ? Number.NEGATIVE_INFINITY : oldest + perMs;
  }

  /** How many may begin at that time. */
  freeAt(nowMs: number): number {
    const { max, perMs } = this.#limit;
    const known = this.#startsMs.length;
    let free = max - known;
    for (let back = 0; back < known; back++) {
      const startMs = this.#startsMs[(this.#next + back + (max - known)) % max] ?? 0;
      if (startMs > nowMs - perMs) break;
      free++;
    }
    return free;
  }

  started(atMs: number): void {
    this.#startsMs[this.#next] = atMs;
    this.#next = (this.#next + 1) % this.#limit.max;
  }

  /** Those that still count, oldest first. */
  recent(nowMs: number): readonly number[] {
    const { perMs } = this.#limit;
    const inOrder = [...this.#startsMs.slice(this.#next), ...this.#startsMs.slice(0, this.#next)];
    return inOrder.filter((startMs) => startMs > nowMs - perMs);
  }
}
