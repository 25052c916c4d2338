/**
 * A channel on which calls come in: the one of the instance's own host, or a link from another instance that leases a slot of this one.
 * Calls are numbered by each channel for itself, and answered on the one on which they came.
 */
import { CallTable } from '../transport/call-table.ts';
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
  readonly calls = new CallTable<Invocation>();
  readonly slot: LeasedSlot | undefined;
  readonly #channel: Channel;
  readonly #awaited = { peer: 0, host: 0 };
  #isAway = false;

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

  /** Who waits for this instance spins in vain while it waits for others, unless it is waiting for the host. */
  awaits(whom: 'peer' | 'host', change: 1 | -1): void {
    this.#awaited[whom] += change;
    const isAway = this.#awaited.peer > 0 && this.#awaited.host === 0;
    if (isAway === this.#isAway) return;
    this.#isAway = isAway;
    this.#channel.setAway?.(isAway);
  }
}
