/**
 * What waits for an answer, by its number on the channel. Numbers count up, 1 to 2^32 - 1 and again, and skip those whose place is taken by a
 * call that has been inside for long.
 *
 * An array in place of a Map: a Map that takes and gives a hundred thousand calls a second is replaced again and again, and each dead one
 * leads the garbage collector to its successor, so that the calls of all of them outlive their answers.
 */
const FIRST_PLACES = 16;

interface Numbered {
  channelNumber?: number;
}

export class CallTable<T extends Numbered> {
  /** Its length is a power of two. Where this end gives the numbers, it is at least half empty. */
  #places: (T | undefined)[] = new Array<T | undefined>(FIRST_PLACES).fill(undefined);
  #size = 0;
  #last = 0;

  get size(): number {
    return this.#size;
  }

  /** The number that the next item gets. */
  nextNumber(): number {
    if (this.#size * 2 >= this.#places.length) this.#grow();
    let number = this.#last;
    do number = (number + 1) >>> 0 || 1;
    while (this.#places[number & (this.#places.length - 1)]);
    this.#last = number;
    return number;
  }

  /** With the number that `nextNumber` just gave, or one that the other end of the channel has chosen and that is not in here. */
  add(number: number, item: T): void {
    // Numbers of the other end skip what is taken there, where the table may be larger.
    while (this.#places[number & (this.#places.length - 1)]) this.#grow();
    item.channelNumber = number;
    this.#places[number & (this.#places.length - 1)] = item;
    this.#size++;
  }

  get(number: number): T | undefined {
    const item = this.#places[number & (this.#places.length - 1)];
    return item?.channelNumber === number ? item : undefined;
  }

  delete(number: number): void {
    if (!this.get(number)) return;
    this.#places[number & (this.#places.length - 1)] = undefined;
    this.#size--;
  }

  items(): T[] {
    return this.#places.filter((item) => item !== undefined);
  }

  /** All items; the table is empty afterwards. */
  clear(): T[] {
    const items = this.items();
    this.#places = new Array<T | undefined>(FIRST_PLACES).fill(undefined);
    this.#size = 0;
    return items;
  }

  #grow(): void {
    const old = this.#places;
    this.#places = new Array<T | undefined>(old.length * 2).fill(undefined);
    for (const item of old) {
      if (item?.channelNumber !== undefined) this.#places[item.channelNumber & (this.#places.length - 1)] = item;
    }
  }
}
