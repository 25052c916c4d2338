/** A binary heap of timers: the earliest first, and of equal times the one armed first. Push and pop cost the logarithm of its size. */

export interface HeapTimer {
  readonly atMs: number;
  readonly sequence: number;
}

export class TimerHeap<T extends HeapTimer> {
  readonly #items: T[] = [];

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    this.#items.push(item);
    let index = this.#items.length - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (!this.#swapIfEarlier(index, above)) break;
      index = above;
    }
  }

  pop(): T | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (last === undefined || this.#items.length === 0) return first;
    this.#items[0] = last;
    this.#sink();
    return first;
  }

  #sink(): void {
    for (let index = 0; ; ) {
      const left = 2 * index + 1;
      const right = left + 1;
      const earlier = this.#isEarlier(right, left) ? right : left;
      if (!this.#swapIfEarlier(earlier, index)) return;
      index = earlier;
    }
  }

  #isEarlier(index: number, other: number): boolean {
    const a = this.#items[index];
    const b = this.#items[other];
    if (!a || !b) return false;
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
  }

  #swapIfEarlier(index: number, above: number): boolean {
    const a = this.#items[index];
    const b = this.#items[above];
    if (!a || !b || !this.#isEarlier(index, above)) return false;
    this.#items[index] = b;
    this.#items[above] = a;
    return true;
  }
}
