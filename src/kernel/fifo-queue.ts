/**
 * A first-in-first-out queue on a ring of slots. In steady state neither `push` nor `shift` allocates, which is what every message
 * pays; a burst doubles the ring, and a large ring is let go once it is empty.
 */

const INITIAL_SLOTS = 8;
/** A larger ring than this is not kept for an empty queue: thousands of actors may have had one burst each. */
const KEPT_SLOTS = 1_024;

export class FifoQueue<T> {
  /** Its length is a power of two, so that a position wraps with a mask. */
  #slots: (T | undefined)[] = new Array<T | undefined>(INITIAL_SLOTS).fill(undefined);
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    if (this.#size === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = item;
    this.#size++;
  }

  /** The next that `shift` gives. */
  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#slots[this.#head];
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#size--;
    if (this.#size === 0 && this.#slots.length > KEPT_SLOTS) this.#reset();
    return item;
  }

  /** Takes the item at `index` from the head in constant time: the head item takes its place, so order is lost. */
  takeAny(index: number): T | undefined {
    if (index > 0 && index < this.#size) {
      const at = (this.#head + index) & (this.#slots.length - 1);
      const item = this.#slots[at];
      this.#slots[at] = this.#slots[this.#head];
      this.#slots[this.#head] = item;
    }
    return this.shift();
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Array<T | undefined>(old.length * 2).fill(undefined);
    for (let index = 0; index < this.#size; index++) {
      this.#slots[index] = old[(this.#head + index) & (old.length - 1)];
    }
    this.#head = 0;
  }

  #reset(): void {
    this.#slots = new Array<T | undefined>(INITIAL_SLOTS).fill(undefined);
    this.#head = 0;
  }
}
