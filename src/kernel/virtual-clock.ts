/**
 * A clock that stands still until it is told to move. Timers fire in order of their time, and of their arming where times are equal.
 */
import type { CancelTimer, Clock } from './clock.ts';

interface VirtualTimer {
  readonly atMs: number;
  readonly sequence: number;
  readonly callback: () => void;
}

export class VirtualClock implements Clock {
  #nowMs = 0;
  #sequence = 0;
  readonly #wallStartMs: number;
  readonly #timers = new Set<VirtualTimer>();

  constructor(wallStartMs = Date.UTC(2026, 0, 1)) {
    this.#wallStartMs = wallStartMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallStartMs + this.#nowMs;
  }

  after(delayMs: number, callback: () => void): CancelTimer {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), sequence: this.#sequence++, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers are armed. */
  get pending(): number {
    return this.#timers.size;
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
    await settle();
    for (let timer = this.#earliest(); timer && timer.atMs <= endMs; timer = this.#earliest()) {
      this.#timers.delete(timer);
      this.#nowMs = timer.atMs;
      timer.callback();
      await settle();
    }
    this.#nowMs = endMs;
  }

  #earliest(): VirtualTimer | undefined {
    let earliest: VirtualTimer | undefined;
    for (const timer of this.#timers) {
      if (
        !earliest ||
        timer.atMs < earliest.atMs ||
        (timer.atMs === earliest.atMs && timer.sequence < earliest.sequence)
      )
        earliest = timer;
    }
    return earliest;
  }
}

/** Two turns of the event loop: every promise that is already settled has run its reactions, and so have those of their messages. */
async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  await new Promise<void>((resolve) => setImmediate(resolve));
}
