/**
 * The last few observations of something, and their quantiles. What is older is forgotten, so a function that has become slow is known to be slow after
 * a few calls. An observation costs a store; a quantile, a sort of 64 numbers when enough has changed. Pure but for its memory.
 */
const SIZE = 64;

export interface Quantiles {
  readonly p50: number;
  readonly p90: number;
}

export class RecentSample {
  readonly #values: Float32Array;
  /** All of them, those forgotten included. */
  #seen: number;
  #quantiles: Quantiles = { p50: 0, p90: 0 };
  #computedAt = 0;

  constructor(values: readonly number[] = [], seen = values.length) {
    this.#values = new Float32Array(SIZE);
    const kept = values.slice(-SIZE);
    const from = Math.max(seen, kept.length) - kept.length;
    for (const [index, value] of kept.entries()) this.#values[(from + index) % SIZE] = value;
    this.#seen = from + kept.length;
  }

  get seen(): number {
    return this.#seen;
  }

  add(value: number): void {
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) return;
    this.#values[this.#seen % SIZE] = value;
    this.#seen++;
  }

  /** They may lag behind by an eighth of the observations. The same object as long as they are the same. */
  quantiles(): Quantiles {
    const count = Math.min(SIZE, this.#seen);
    if (this.#seen - this.#computedAt <= (this.#computedAt < SIZE ? 0 : SIZE / 8)) return this.#quantiles;
    const sorted = this.#values.slice(0, count).sort();
    const at = (part: number) => sorted[Math.round((count - 1) * part)] ?? 0;
    this.#quantiles = { p50: at(0.5), p90: at(0.9) };
    this.#computedAt = this.#seen;
    return this.#quantiles;
  }

  /** Oldest first. */
  values(): number[] {
    const count = Math.min(SIZE, this.#seen);
    return Array.from({ length: count }, (_, index) => this.#values[(this.#seen - count + index) % SIZE] ?? 0);
  }
}
