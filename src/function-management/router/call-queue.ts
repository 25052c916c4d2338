/**
 * Calls in line: the first is taken, and any may leave from where it stands, each at the same cost however long the line is.
 *
 * A list through the calls themselves. A call that leaves forgets its neighbours: dead ones would otherwise lead the garbage collector
 * from one to the next, as those of a Set do that takes and gives a hundred thousand a second.
 */
export interface Queueable {
  /** The three are the queue's own. */
  queue: CallQueue<this> | undefined;
  before: this | undefined;
  after: this | undefined;
}

export class CallQueue<T extends Queueable> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first;
  }

  push(call: T): void {
    const last = this.#last;
    call.queue = this as CallQueue<T & Queueable>;
    call.before = last;
    if (last) last.after = call;
    else this.#first = call;
    this.#last = call;
    this.#size++;
  }

  /** False when the call does not stand in this queue. */
  remove(call: T): boolean {
    if (call.queue !== this) return false;
    const { before, after } = call;
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    call.queue = undefined;
    call.before = undefined;
    call.after = undefined;
    this.#size--;
    return true;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let call = this.#first; call; call = call.after) yield call;
  }
}
