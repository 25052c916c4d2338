/**
 * Gives turns to the actors that have work, one message each, in the order in which they became ready.
 *
 * After `MESSAGES_PER_LOOP_TURN` messages the event loop gets a turn, so that timers and sockets are served under any load
 * (invariant 14). The count runs on over idle times, because a loop of awaited asks is idle between any two of them.
 */
import type { Clock } from './clock.ts';
import { FifoQueue } from './fifo-queue.ts';
import type { Random } from './random.ts';

const MESSAGES_PER_LOOP_TURN = 512;
/** A reaction to it is a microtask that costs a third of what `queueMicrotask` does. */
const RESOLVED = Promise.resolve();

/** What the dispatcher needs of an actor. */
export interface Dispatchable {
  /** Owned by the dispatcher: true while in its queue. */
  isQueued: boolean;
  readonly hasWork: boolean;
  /** Handles one message from `nowMs` on, and says when it was done; never throws. Asks for another turn itself. */
  turn(nowMs: number): number;
}

export class Dispatcher {
  readonly #ready = new FifoQueue<Dispatchable>();
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #order: Random | undefined;
  #isArmed = false;
  #sinceLoopTurn = 0;

  /** With an order, the next actor is drawn from those that are ready (invariant 17). */
  constructor(clock: Pick<Clock, 'nowMs'>, order: Random | undefined) {
    this.#clock = clock;
    this.#order = order;
  }

  get isIdle(): boolean {
    return this.#ready.size === 0;
  }

  schedule(actor: Dispatchable): void {
    if (actor.isQueued || !actor.hasWork) return;
    actor.isQueued = true;
    this.#ready.push(actor);
    if (!this.#isArmed) this.#arm();
  }

  #arm(): void {
    this.#isArmed = true;
    if (this.#sinceLoopTurn < MESSAGES_PER_LOOP_TURN) void RESOLVED.then(this.#pump);
    else setImmediate(this.#pumpAfterLoopTurn);
  }

  readonly #pumpAfterLoopTurn = (): void => {
    this.#sinceLoopTurn = 0;
    this.#pump();
  };

  readonly #pump = (): void => {
    // The end of one turn is the beginning of the next: reading the clock costs a twentieth of a small message.
    let nowMs = this.#clock.nowMs();
    try {
      while (this.#ready.size > 0 && this.#sinceLoopTurn < MESSAGES_PER_LOOP_TURN) {
        this.#sinceLoopTurn++;
        const actor = this.#order
          ? this.#ready.takeAny(Math.floor(this.#order() * this.#ready.size))
          : this.#ready.shift();
        if (!actor) break;
        actor.isQueued = false;
        nowMs = actor.turn(nowMs);
      }
    } finally {
      this.#isArmed = false;
      if (this.#ready.size > 0) this.#arm();
    }
  };
}
