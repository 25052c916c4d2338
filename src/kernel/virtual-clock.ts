/**
 * A clock that stands still until it is told to move (invariant 16). Timers fire in order of their time, and of their arming where times
 * are equal.
 */
import type { CancelTimer, Clock } from './clock.ts';
import { type HeapTimer, TimerHeap } from './timer-heap.ts';

interface VirtualTimer extends HeapTimer {
  readonly callback: () => void;
  isArmed: boolean;
}

/** More turns of the event loop than this between two timers means that actors send messages in a circle for ever. */
const MAX_TURNS_TO_SETTLE = 10_000;

export class VirtualClock implements Clock {
  #nowMs = 0;
  #sequence = 0;
  #pending = 0;
  #wallStartMs: number;
  readonly #timers = new TimerHeap<VirtualTimer>();
  readonly #holds: (() => boolean)[] = [];
  readonly #settle: () => Promise<void>;

  /** `settle`: waits until all has happened that a timer has led to. */
  constructor(wallStartMs = Date.UTC(2026, 0, 1), settle?: () => Promise<void>) {
    this.#wallStartMs = wallStartMs;
    this.#settle = settle ?? (() => this.#settleByTurns());
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallStartMs + this.#nowMs;
  }

  after(delayMs: number, callback: () => void): CancelTimer {
    const timer: VirtualTimer = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      sequence: this.#sequence++,
      callback,
      isArmed: true,
    };
    this.#timers.push(timer);
    this.#pending++;
    return () => this.#disarm(timer);
  }

  /** As when somebody sets the clock: timers do not move with it. */
  stepWall(byMs: number): void {
    this.#wallStartMs += byMs;
  }

  holdWhile(isBusy: () => boolean): void {
    this.#holds.push(isBusy);
  }

  /** How many timers are armed. */
  get pending(): number {
    return this.#pending;
  }

  /** When the next timer fires, or `undefined` when none is armed. */
  get nextMs(): number | undefined {
    return this.#earliest()?.atMs;
  }

  /**
   * Moves time forward by `durationMs`, firing each timer at its own time and letting the promises that it resolved, and the messages
   * that these sent, run before the next one.
   */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await this.#settle();
    while (await this.step(endMs));
    this.#nowMs = endMs;
  }

  /** Moves on to the next timer that fires until then, as `advance` does. False where there is none, and no time has passed. */
  async step(untilMs = Number.MAX_VALUE): Promise<boolean> {
    const timer = this.#earliest();
    if (!timer || timer.atMs > untilMs) return false;
    this.#timers.pop();
    this.#disarm(timer);
    this.#nowMs = timer.atMs;
    timer.callback();
    await this.#settle();
    return true;
  }

  #disarm(timer: VirtualTimer): void {
    if (!timer.isArmed) return;
    timer.isArmed = false;
    this.#pending--;
  }

  /** A cancelled timer stays in the heap until it is the earliest: taking it from the middle would cost a search. */
  #earliest(): VirtualTimer | undefined {
    let timer = this.#timers.peek();
    while (timer && !timer.isArmed) {
      this.#timers.pop();
      timer = this.#timers.peek();
    }
    return timer;
  }

  /** Two turns of the event loop run the reactions of every promise that is settled, and of the messages that these sent. */
  async #settleByTurns(): Promise<void> {
    let turns = 0;
    do {
      await loopTurn();
      await loopTurn();
      if (turns++ > MAX_TURNS_TO_SETTLE) throw new Error('Virtual time cannot move on: actors send messages for ever.');
    } while (this.#holds.some((isBusy) => isBusy()));
  }
}

function loopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
