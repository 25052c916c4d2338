/**
 * A mailbox: two queues, of which the control lane is always emptied first. Only the user lane is bounded; control messages come from
 * the runtime itself (lifecycle, timers, watches), are few, and must arrive while the actor is overloaded.
 */

export class FifoQueue<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    // Compacting at half keeps the cost of a shift constant on average, where Array.shift moves every item.
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

export interface Envelope {
  readonly type: string;
  readonly body: unknown;
  /** Present when the message is asked. */
  readonly reply?: ReplySlot;
}

/** Settles an ask; only the first call counts. */
export interface ReplySlot {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export class Mailbox {
  readonly #control = new FifoQueue<Envelope>();
  readonly #user = new FifoQueue<Envelope>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get depth(): number {
    return this.#control.size + this.#user.size;
  }

  putControl(envelope: Envelope): void {
    this.#control.push(envelope);
  }

  /** False when the user lane is full. */
  putUser(envelope: Envelope): boolean {
    if (this.#user.size >= this.#capacity) return false;
    this.#user.push(envelope);
    return true;
  }

  take(): Envelope | undefined {
    return this.#control.shift() ?? this.#user.shift();
  }
}
