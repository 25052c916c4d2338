/** Measured times, reported as they are. */
export class Distribution {
  readonly #values: number[] = [];

  add(value: number): void {
    this.#values.push(value);
  }

  get count(): number {
    return this.#values.length;
  }

  /** Nearest rank. */
  quantile(share: number): number {
    const sorted = this.#values.toSorted((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  }

  /** `n=12 p50 3 p90 8 max 11 ms`. */
  toString(): string {
    if (this.count === 0) return 'n=0';
    const [p50, p90, max] = [0.5, 0.9, 1].map((share) => this.quantile(share).toFixed(0));
    return `n=${this.count} p50 ${p50} p90 ${p90} max ${max} ms`;
  }
}
