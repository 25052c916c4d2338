/**
 * How many instances a function needed at once, in intervals in which it was called: the chance that it needs at least n, from what it needed
 * before, with forgetting. In powers of two: bursts differ in size by factors. Pure but for its memory.
 */
const SIZES = 12;
const FORGETTING = 0.9;

export const BURST_FLOATS = SIZES + 1;

export class BurstSizes {
  /** At k: intervals in which it needed 2^k to 2^(k+1)-1 instances; behind them, all. Can be stored as it is. */
  readonly state: Float32Array;

  constructor(state: Float32Array = new Float32Array(BURST_FLOATS)) {
    this.state = state;
  }

  observe(needed: number): void {
    const size = Math.min(SIZES - 1, Math.floor(Math.log2(Math.max(1, needed))));
    for (let index = 0; index <= SIZES; index++) this.state[index] = this.#at(index) * FORGETTING;
    this.state[size] = this.#at(size) + 1;
    this.state[SIZES] = this.#at(SIZES) + 1;
  }

  /** 1 for the first instance; a size class is shared out evenly. */
  chanceOfAtLeast(needed: number): number {
    if (needed <= 1) return 1;
    const total = this.#at(SIZES);
    if (total === 0) return 0;
    let sum = 0;
    for (let index = 0; index < SIZES; index++) {
      const [from, to] = [2 ** index, 2 ** (index + 1)];
      if (from >= needed) sum += this.#at(index);
      else if (to > needed) sum += (this.#at(index) * (to - needed)) / (to - from);
    }
    return sum / total;
  }

  #at(index: number): number {
    return this.state[index] ?? 0;
  }
}
