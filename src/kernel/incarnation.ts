/**
 * One life of an actor, from a run of its `start` to the next, and all that must end with it (invariant 12): timers, watches, stop
 * callbacks and the replies that it promised for later. Code of an earlier life that still runs holds its own incarnation and so
 * cannot touch the next one.
 */
import { type TroupeError, toTroupeError } from '../errors.ts';
import type { CancelTimer } from './clock.ts';
import type { ReplySlot } from './mailbox.ts';

export type StopCallback = () => void | Promise<void>;

export class Incarnation {
  #isOver = false;
  #isAbandoned = false;
  readonly #cancels = new Set<CancelTimer>();
  readonly #owed = new Set<ReplySlot>();
  #stopCallbacks: StopCallback[] = [];
  #cleanedUp: Promise<void> | undefined;
  readonly #reportError: (thrown: unknown) => void;

  /** `reportError` hears of stop callbacks that throw. */
  constructor(reportError: (thrown: unknown) => void) {
    this.#reportError = reportError;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Keeps a cancellation that `end` will call. */
  hold(cancel: CancelTimer): void {
    this.#cancels.add(cancel);
  }

  letGo(cancel: CancelTimer): void {
    this.#cancels.delete(cancel);
  }

  /** Once the incarnation is over the callback runs at once: what it frees was acquired too late for any other end. */
  onStop(callback: StopCallback): void {
    if (this.#isOver) void this.#run(callback);
    else this.#stopCallbacks.push(callback);
  }

  /** The reply settles with the promise, or is rejected by `rejectOwed`, whichever is first (invariant 7). */
  owe(reply: ReplySlot, promise: Promise<unknown>): void {
    this.#owed.add(reply);
    promise.then(
      (value) => {
        if (this.#owed.delete(reply)) reply.resolve(value);
      },
      (thrown) => {
        if (this.#owed.delete(reply)) reply.reject(toTroupeError(thrown));
      },
    );
  }

  /** No timer or watch calls back after this, and nothing new can be started. */
  end(): void {
    this.#isOver = true;
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }

  /** Most actors end owing nothing, and the stack of an error costs more than all the rest of that. */
  rejectOwed(error: () => TroupeError): void {
    if (this.#owed.size === 0) return;
    const reason = error();
    for (const reply of this.#owed) reply.reject(reason);
    this.#owed.clear();
  }

  /** Runs the stop callbacks, last registered first; every caller gets the same run. */
  cleanUp(): Promise<void> {
    this.#cleanedUp ??= this.#runStopCallbacks();
    return this.#cleanedUp;
  }

  /** Stop callbacks that have not begun will not. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  async #runStopCallbacks(): Promise<void> {
    for (let callback = this.#stopCallbacks.pop(); callback; callback = this.#stopCallbacks.pop()) {
      if (this.#isAbandoned) return;
      await this.#run(callback);
    }
  }

  async #run(callback: StopCallback): Promise<void> {
    try {
      await callback();
    } catch (thrown) {
      // The others still free what they hold, and there is no actor left to restart.
      this.#reportError(thrown);
    }
  }
}
