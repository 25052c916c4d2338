/** The test kit: what its users see. Types only. */
import type { HostOptions } from '../../config.ts';

/** In ms, or as text: `'250ms'`, `'90s'`, `'1h 30m'`, `'30d'`. */
export type Duration = number | string;

export interface TestTroupeOptions extends HostOptions {
  /** `virtual` where it is left out: the time of the host stands still, and moves when the test says so. */
  readonly clock?: 'virtual' | 'real';
  /** What the virtual clock shows at first; 2026-01-01T00:00:00Z where it is left out. */
  readonly startAt?: Date | number;
  /** Of all chance in the host: the same seed gives the same jitter. 1 where it is left out. */
  readonly seed?: number;
  /**
   * How long, in ms of real time, virtual time waits for a call that runs. 2,000: a function of a test is done long before, and one that hangs does
   * not hang the test: virtual time then goes on, and its timeout comes.
   */
  readonly callPatienceMs?: number;
  /** After so long, in ms of real time, without any progress of the host `advance` rejects, and says what is under way. 4,000: before a test runner does. */
  readonly stallTimeoutMs?: number;
}

export interface RunUntilOptions {
  /** Of virtual time; 100 days where it is left out. */
  readonly within?: Duration;
}

/** The time of the host. Functions run in real time, between two moments of it. */
export interface TestClock {
  /** In ms since the Unix epoch, as `Date.now()`. */
  now(): number;
  /**
   * Lets time pass: whatever falls due happens in order, each at its own time, and time stands still while the host works on it. Rejects with
   * `TIMEOUT` where the host makes no progress.
   */
  advance(duration: Duration): Promise<void>;
  /** Lets time pass, from one due time to the next, until the promise settles, and answers as it does. Rejects with `TIMEOUT` where it does not. */
  runUntil<T>(promise: Promise<T>, options?: RunUntilOptions): Promise<T>;
}

export interface MockContext {
  readonly functionName: string;
  readonly attempt: number;
  readonly idempotencyKey: string | undefined;
  /** Aborted when the caller cancels, and at the timeout. */
  readonly signal: AbortSignal;
}

/** Called in the process of the test, in place of a function. What it throws is the error of the function. */
// biome-ignore lint/suspicious/noExplicitAny: a test says what its own payload is.
export type MockHandler = (payload: any, context: MockContext) => unknown;
