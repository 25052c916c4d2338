/**
 * Time as an argument. Components take a `Clock`; only the composition root hands out the real one.
 *
 * `nowMs` is monotonic and has a fraction: use it for durations and deadlines. `wallMs` is the calendar time, may step, and is only
 * for records that people read.
 */
// The global of the same name is looked up through a getter each time: a quarter of what reading the clock costs.
import { performance } from 'node:perf_hooks';

/** Stops a timer; calling it again, or after the timer fired, does nothing. */
export type CancelTimer = () => void;

export interface Clock {
  /** Monotonic milliseconds from an arbitrary start, with a fraction. */
  nowMs(): number;
  /** Milliseconds since the Unix epoch. */
  wallMs(): number;
  /** Calls back once, not before `delayMs` have passed. A real timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): CancelTimer;
  /** On a clock that is moved by hand: it does not move on while `isBusy` answers true. */
  holdWhile?(isBusy: () => boolean): void;
  /** As above, from now until the answer is called: something goes on in real time. `what` is for people. */
  hold?(what: string, whose?: HoldOwner): () => void;
}

/** `host`: it ends, or something is broken. `outside`: other people's code, or another machine; it may go on for ever. */
export type HoldOwner = 'host' | 'outside';

/** `setTimeout` takes a signed 32-bit delay and fires at once beyond it. */
const LONGEST_TIMEOUT_MS = 2_147_483_647;

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, callback) {
    let timer = arm(delayMs);
    function arm(remainingMs: number): NodeJS.Timeout {
      const step = Math.min(Math.max(remainingMs, 0), LONGEST_TIMEOUT_MS);
      const next = setTimeout(() => {
        if (remainingMs > step) timer = arm(remainingMs - step);
        else callback();
      }, step);
      next.unref();
      return next;
    }
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs` of the given clock. */
export function delay(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}

/** Work beyond the host's own: a clock that is moved by hand stands still until it is done. */
export function holdClock<T>(clock: Clock, what: string, work: Promise<T>): Promise<T> {
  return clock.hold ? work.finally(clock.hold(what, 'outside')) : work;
}
