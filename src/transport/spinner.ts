/**
 * What a thread does when it has nothing else to do, after all microtasks, in a tick: it rings for the readers that it has written to and
 * that have parked, one bell for all that was written; then it looks at the rings for which it waits, for as long as each has earned.
 *
 * It never starves the event loop: after `LOOP_TURN_MS` without one, it lets the loop take a turn, and then goes on. Timers and sockets
 * are late by that much at most.
 */
import { type Clock, systemClock } from '../kernel/clock.ts';

const LOOP_TURN_MS = 0.25;
/** Looks at the rings between two looks at the clock, which costs 40 ns. */
const LOOKS = 32;

/** Something that may be waited for. */
export interface Waiting {
  /** False when it has taken too long, or nobody waits any more. Called when nothing else is to be done. */
  isWorthwhile(nowMs: number): boolean;
  /** Hands on what has come, and says how much that was. `nowMs` may be a few looks old. */
  poll(nowMs: number): number;
  readonly hasMore: boolean;
  /** Nobody looks any more: it must ask to be woken. */
  giveUp(): void;
}

/** Something that may have to be rung for. */
export interface Ringing {
  ring(): void;
}

const RESOLVED = Promise.resolve();

export class Spinner {
  readonly nowMs: Clock['nowMs'];
  #waiting: Waiting[] = [];
  #ringing: Ringing[] = [];
  #isArmed = false;
  /** Begins with the first spin after a turn of the loop. */
  #stretchStartMs = 0;
  #isTurnAwaited = false;
  #isHeldUp = false;

  constructor({ nowMs }: Pick<Clock, 'nowMs'> = systemClock) {
    this.nowMs = nowMs;
  }

  /** Looks at it soon, and until it is not worth it any more. */
  add(waiting: Waiting): void {
    if (!this.#waiting.includes(waiting)) this.#waiting.push(waiting);
    this.#arm();
  }

  remove(waiting: Waiting): void {
    const index = this.#waiting.indexOf(waiting);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  /** Calls `ring` once, soon. */
  ringLater(ringing: Ringing): void {
    this.#ringing.push(ringing);
    this.#arm();
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    // A tick that is asked for from a microtask runs when there are no more microtasks: until then, what is waited for may not be asked yet.
    void RESOLVED.then(this.#askForTick);
  }

  readonly #askForTick = (): void => {
    process.nextTick(this.#run);
  };

  readonly #run = (): void => {
    this.#isArmed = false;
    this.#ring();
    if (this.#waiting.length === 0 || this.#isHeldUp) return;
    const nowMs = this.nowMs();
    if (!this.#isTurnAwaited) {
      this.#isTurnAwaited = true;
      this.#stretchStartMs = nowMs;
      setImmediate(this.#turned);
    }
    let hasReturned = false;
    try {
      this.#spin(nowMs);
      hasReturned = true;
    } finally {
      // A receiver that throws must not leave the others with nobody who looks.
      if (!hasReturned) this.#arm();
    }
  };

  readonly #turned = (): void => {
    this.#isTurnAwaited = false;
    if (!this.#isHeldUp) return;
    this.#isHeldUp = false;
    this.#run();
  };

  #ring(): void {
    if (this.#ringing.length === 0) return;
    for (const ringing of this.#ringing) ringing.ring();
    this.#ringing.length = 0;
  }

  #spin(startMs: number): void {
    const turnDueMs = this.#stretchStartMs + LOOP_TURN_MS;
    for (let nowMs = startMs; ; nowMs = this.nowMs()) {
      if (nowMs >= turnDueMs) {
        this.#isHeldUp = true;
        return;
      }
      this.#giveUpAt(nowMs);
      if (this.#waiting.length === 0) return;
      if (this.#look(nowMs)) return this.#arm();
    }
  }

  #giveUpAt(nowMs: number): void {
    for (let index = this.#waiting.length - 1; index >= 0; index--) {
      const waiting = this.#waiting[index];
      if (!waiting || waiting.hasMore || waiting.isWorthwhile(nowMs)) continue;
      this.#waiting.splice(index, 1);
      waiting.giveUp();
    }
  }

  /** True when something has come. */
  #look(nowMs: number): boolean {
    const waiting = this.#waiting;
    for (let look = 0; look < LOOKS; look++) {
      for (const one of waiting) {
        if (one.hasMore && one.poll(nowMs) > 0) return true;
      }
    }
    return false;
  }
}

/** All channels of a thread share it. */
export const threadSpinner = new Spinner();
