/**
 * One slot of an instance that another instance may use: a word in memory that both, and their agent, share. The word alone says who may
 * do what; every way into `NONE` is taken by exactly one party, who then reports that the slot is free.
 *
 * ```
 * NONE -lease-> BUSY -end-> IDLE -begin-> BUSY      caller: begin, handBack; callee: end, surrender; agent: lease, revoke
 *                 |revoke    |revoke, handBack
 *               WANTED -end-> NONE
 * ```
 */

const NONE = 0;
/** The caller may begin a call. */
const IDLE = 1;
/** A call is inside. */
const BUSY = 2;
/** A call is inside, and the slot is wanted back after it. */
const WANTED = 3;

/** `freed`: it is free now, and whoever did this reports it. `later`: whoever ends the call inside reports. `none`: it was free before. */
export type RevokeOutcome = 'freed' | 'later' | 'none';

export function createLeaseWord(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

export class LeaseWord {
  readonly #words: Int32Array;

  constructor(word: SharedArrayBuffer) {
    this.#words = new Int32Array(word);
  }

  get isNone(): boolean {
    return Atomics.load(this.#words, 0) === NONE;
  }

  /** The slot is leased, with the call inside that was given it last. */
  lease(): boolean {
    return this.#change(NONE, BUSY);
  }

  /** The caller takes the slot for one call. */
  begin(): boolean {
    return this.#change(IDLE, BUSY);
  }

  /** The call inside has left. True when the slot was wanted back: it is free now, to be reported by who ended the call. */
  end(): boolean {
    return !this.#change(BUSY, IDLE) && this.#change(WANTED, NONE);
  }

  /** The caller gives up a slot that it does not use. True when it is free by this. */
  handBack(): boolean {
    return this.#change(IDLE, NONE);
  }

  /** Gives the slot up whatever is inside, which the other side can use no more. True when it is free by this. */
  surrender(): boolean {
    return Atomics.exchange(this.#words, 0, NONE) !== NONE;
  }

  /** Wants the slot back; with `onlyIdle`, only where no call is inside. */
  revoke(onlyIdle: boolean): RevokeOutcome {
    for (;;) {
      if (this.#change(IDLE, NONE)) return 'freed';
      const seen = Atomics.load(this.#words, 0);
      if (seen === NONE) return 'none';
      if (seen === WANTED || (seen === BUSY && (onlyIdle || this.#change(BUSY, WANTED)))) return 'later';
    }
  }

  #change(from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, 0, from, to) === from;
  }
}
