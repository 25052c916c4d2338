/**
 * The virtual clock of a host. It stands still while anything goes on in real time, and moves from one due time to the next.
 *
 * Invariants (numbers as in README.md):
 * 1. Time moves only while the host is quiet.
 * 2. One moves it at a time.
 * 3. What waits for an instance does not wait for the test.
 */
import { TroupeError } from '../../errors.ts';
import { type CancelTimer, type Clock, delay, type HoldOwner, systemClock } from '../../kernel/clock.ts';
import { holdProcess } from '../../kernel/process-hold.ts';
import { VirtualClock } from '../../kernel/virtual-clock.ts';
import { durationText } from './duration.ts';
import { OpenCalls } from './open-calls.ts';
import { RealWork } from './real-work.ts';

export interface HostClockOptions {
  readonly startMs: number;
  readonly callPatienceMs: number;
  readonly stallTimeoutMs: number;
  readonly cancelGraceMs: number;
}

/** How often it looks after calls that wait, and how finely time flows once the host closes; in real time. */
const LOOK_MS = 5;

export class HostClock implements Clock {
  readonly calls: OpenCalls;
  readonly #work: RealWork;
  readonly #time: VirtualClock;
  #moving: Promise<unknown> = Promise.resolve();
  #movers = 0;
  #isLooking = false;
  #isReleased = false;
  #isStopped = false;

  constructor({ startMs, callPatienceMs: patienceMs, stallTimeoutMs, cancelGraceMs }: HostClockOptions) {
    const work = new RealWork({ patienceMs, stallTimeoutMs });
    this.#work = work;
    this.calls = new OpenCalls({
      patienceMs,
      cancelGraceMs,
      changed: () => {
        work.progressed();
        void this.#lookAfterCalls();
      },
    });
    work.watch((nowMs) => this.calls.isAnyRunning(nowMs));
    this.#time = new VirtualClock(startMs, () => this.#settle());
  }

  nowMs(): number {
    return this.#time.nowMs();
  }

  wallMs(): number {
    return this.#time.wallMs();
  }

  after(delayMs: number, callback: () => void): CancelTimer {
    return this.#time.after(delayMs, callback);
  }

  holdWhile(isBusy: () => boolean): void {
    this.#work.watch(() => isBusy());
  }

  hold(what: string, whose: HoldOwner = 'host'): () => void {
    return this.#work.begin(what, whose);
  }

  advance(durationMs: number): Promise<void> {
    return this.#move(async () => {
      const endMs = this.nowMs() + durationMs;
      await this.#settle();
      while (!this.#isReleased && (await this.#time.step(endMs)));
      if (!this.#isReleased) await this.#time.advance(endMs - this.nowMs());
    });
  }

  runUntil<T>(promise: Promise<T>, withinMs: number): Promise<T> {
    let hasSettled = false;
    const settled = () => {
      hasSettled = true;
    };
    promise.then(settled, settled);
    return this.#move(async () => {
      const endMs = this.nowMs() + withinMs;
      await this.#settle();
      while (!hasSettled && !this.#isReleased) {
        if (!(await this.#time.step(endMs))) throw tooLate(withinMs);
      }
      return promise;
    });
  }

  /** From now on time goes by as the real one does: the host closes, and gives what is inside its time. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    void this.#flow();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Invariant 2. */
  #move<T>(move: () => Promise<T>): Promise<T> {
    this.#movers++;
    const moved = this.#moving.then(move).finally(() => {
      this.#movers--;
    });
    this.#moving = moved.catch(() => undefined);
    return holdProcess(moved);
  }

  /** Invariant 1. */
  async #settle(): Promise<void> {
    if (this.#isReleased) await this.#work.isQuiet();
    else await this.#work.whenQuiet();
  }

  /**
   * Invariant 3. A cold start takes timers of the host, and a call may wait for one while nobody moves the clock: then it goes from due time to due
   * time by itself.
   */
  async #lookAfterCalls(): Promise<void> {
    if (this.#isLooking || this.#isReleased) return;
    this.#isLooking = true;
    while (this.calls.size > 0 && !this.#isReleased) {
      await delay(systemClock, LOOK_MS);
      if (this.#movers > 0 || !this.calls.isAnyWaiting || !(await this.#work.isQuiet())) continue;
      if (this.#movers > 0 || !this.calls.isAnyWaiting) continue;
      // Where the host stands still, whoever moves the clock is told.
      await this.#move(() => this.#time.step()).catch(() => undefined);
    }
    this.#isLooking = false;
  }

  async #flow(): Promise<void> {
    let lastMs = systemClock.nowMs();
    while (!this.#isStopped) {
      await delay(systemClock, LOOK_MS);
      const nowMs = systemClock.nowMs();
      await this.#time.advance(nowMs - lastMs);
      lastMs = nowMs;
    }
  }
}

function tooLate(withinMs: number): TroupeError {
  return new TroupeError(
    'TIMEOUT',
    `What was waited for has not come within ${durationText(withinMs)} of virtual time. Perhaps it waits for something that the test has to do first.`,
  );
}
