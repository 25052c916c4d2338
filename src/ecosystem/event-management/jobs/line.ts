/**
 * A line of jobs, first in, first out: its head in memory, the rest on disk, so that a million that wait cost no more memory than a thousand. Pure, but
 * for the reader that it is given.
 *
 * Whoever joins stands behind all others, on disk too. What has joined and is not on disk yet is remembered until it is, since the reader cannot see
 * it. Nobody is taken out of the middle: whoever takes the head looks whether it still stands for something.
 */
import { FifoQueue } from '../../../kernel/fifo-queue.ts';

export interface Place {
  /** Rises along the line. */
  readonly sequence: number;
  readonly id: string;
  readonly orderingKey?: string;
}

export interface LineOptions {
  /** How many places are kept in memory. */
  readonly capacity: number;
  /** Those on disk behind that place, in order. */
  readonly read: (afterSequence: number, limit: number) => readonly Place[];
  /** There may be some on disk already. */
  readonly isStored: boolean;
}

export class Line {
  readonly #options: LineOptions;
  readonly #head = new FifoQueue<Place>();
  /** Joined behind what is in memory, and not known to be on disk. */
  #unstored = new FifoQueue<Place>();
  /** There may be more on disk than in memory. */
  #isSpilled: boolean;
  /** The last place that was in memory. */
  #lastSequence = Number.NEGATIVE_INFINITY;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#isSpilled = options.isStored;
  }

  join(place: Place): void {
    if (!this.#isSpilled && this.#head.size < this.#options.capacity) return this.#append(place);
    this.#isSpilled = true;
    this.#unstored.push(place);
  }

  /** All up to this place are on disk, or gone. True where nobody is left who is not. */
  stored(sequence: number): boolean {
    for (let next = this.#unstored.peek(); next && next.sequence <= sequence; next = this.#unstored.peek())
      this.#unstored.shift();
    return this.#unstored.size === 0;
  }

  peek(): Place | undefined {
    if (this.#head.size === 0 && this.#isSpilled) this.#refill();
    return this.#head.peek();
  }

  take(): Place | undefined {
    const place = this.peek();
    this.#head.shift();
    return place;
  }

  #refill(): void {
    const { capacity, read } = this.#options;
    const places = read(this.#lastSequence, capacity);
    for (const place of places) this.#append(place);
    if (places.length >= capacity) return;
    // All that is on disk is in memory now, so what is not there yet follows. Some of it may have got there before it was said to be.
    this.#isSpilled = false;
    const unstored = this.#unstored;
    this.#unstored = new FifoQueue();
    for (let next = unstored.shift(); next; next = unstored.shift())
      if (next.sequence > this.#lastSequence) this.join(next);
  }

  #append(place: Place): void {
    this.#lastSequence = place.sequence;
    this.#head.push(place);
  }
}
