/** What is due when. Entries are not taken out; whoever takes one that is due looks whether it still means anything. */
import { type HeapTimer, TimerHeap } from './timer-heap.ts';

interface Due<T> extends HeapTimer {
  readonly what: T;
}

export class DueQueue<T> {
  readonly #heap = new TimerHeap<Due<T>>();
  #sequence = 0;

  /** `Infinity` where there is none. */
  get nextMs(): number {
    return this.#heap.peek()?.atMs ?? Number.POSITIVE_INFINITY;
  }

  push(atMs: number, what: T): void {
    this.#heap.push({ atMs, sequence: this.#sequence++, what });
  }

  /** The earliest one, if its time has come. */
  takeDue(nowMs: number): T | undefined {
    return this.nextMs <= nowMs ? this.#heap.pop()?.what : undefined;
  }
}
