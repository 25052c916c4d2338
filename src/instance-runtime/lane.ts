/**
 * A channel on which calls come in: the one of the instance's own host, or a link from another instance that leases a slot of this one.
 * Calls are numbered by each channel for itself, and answered on the one on which they came.
 */
import type { LeaseWord } from '../transport/lease-word.ts';
import type { Channel } from '../transport/protocol.ts';
import type { CallLane, Invocation } from './invocation.ts';
import { Outbox } from './outbox.ts';

/** The slot that the other end of a link may use. */
export interface LeasedSlot {
  readonly link: number;
  readonly word: LeaseWord;
}

export class Lane implements CallLane {
  readonly outbox: Outbox;
  readonly calls = new Map<number, Invocation>();
  readonly slot: LeasedSlot | undefined;
  readonly #channel: Channel;
  #waiting = 0;

  constructor(channel: Channel, slot?: LeasedSlot) {
    this.#channel = channel;
    this.outbox = new Outbox(channel);
    this.slot = slot;
  }

  get isOwn(): boolean {
    return this.slot === undefined;
  }

  get isClosed(): boolean {
    return this.#channel.isClosed;
  }

  awaitsPeer(change: 1 | -1): void {
    const before = this.#waiting;
    this.#waiting += change;
    if (before === 0 || this.#waiting === 0) this.#channel.setAway?.(this.#waiting > 0);
  }
}
