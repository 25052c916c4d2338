/**
 * The host's end of the sandbox: one worker thread, started when it is first needed or shortly before, and the queue of what it is to evaluate.
 *
 * 1. Every request settles, in the order in which requests came, but for those that end their worker.
 * 2. A worker that is stuck, worn or gone is replaced. What it was evaluating fails; what waited in it is evaluated again by the next one, which
 *    changes nothing, for expressions have no effects.
 * 3. The worker never keeps the process alive.
 * 4. What waits is bounded in number and in size.
 */
import { randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { serializeError, TroupeError } from '../../../../errors.ts';
import type { CancelTimer, Clock } from '../../../../kernel/clock.ts';
import { FifoQueue } from '../../../../kernel/fifo-queue.ts';
import { type Cargo, pack, sizeOf, unpack } from './cargo.ts';
import { expressionFailed, type FailureReason } from './failure.ts';
import {
  BEATS,
  CURRENT,
  type FromWorker,
  type SandboxAnswer,
  type SandboxOptions,
  type SandboxRequest,
  SHARED_LENGTH,
  type WorkerSetup,
} from './sandbox-protocol.ts';

const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES = 268_435_456;
/** At a time in the worker: enough to keep it busy, few enough that the data exists twice for little. */
const MAX_INSIDE = 256;
const MAX_INSIDE_BYTES = 16_777_216;
/** For built-ins that look at no deadline; then the worker is ended. */
const GRACE_MS = 400;
/** It takes 50 ms; a machine under heavy load takes a hundred times that. */
const START_TIMEOUT_MS = 15_000;
/** Workers in a row that ended without an answer: the next one would too. */
const MAX_LOST_IN_A_ROW = 3;
/** Many times what QuickJS is allowed of it: it must be QuickJS that notices. */
const STACK_MB = 16;

export interface SandboxHostOptions extends SandboxOptions {
  readonly clock: Clock;
  /** The compiled file of the worker. */
  readonly workerPath: string;
}

/** For tests and benches. */
export interface SandboxStats {
  readonly evaluated: number;
  readonly waiting: number;
  readonly workersStarted: number;
  /** Characters of JSON sent to the worker, and bytes beside it. */
  readonly shippedBytes: number;
}

interface Job {
  readonly request: SandboxRequest;
  readonly sizeBytes: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Seat {
  readonly worker: Worker;
  readonly shared: Int32Array;
  readonly startedMs: number;
  isReady: boolean;
  seenBeats: number;
}

export class Sandbox {
  readonly #options: SandboxHostOptions;
  readonly #tag = `bytes-${randomBytes(12).toString('hex')}-`;
  #waiting = new FifoQueue<Job>();
  #inside: Job[] = [];
  #insideBytes = 0;
  #heldBytes = 0;
  #seat: Seat | undefined;
  #watch: CancelTimer | undefined;
  #isScheduled = false;
  #isClosed = false;
  #lostInARow = 0;
  #lastId = 0;
  #evaluated = 0;
  #workersStarted = 0;
  #shippedBytes = 0;

  constructor(options: SandboxHostOptions) {
    this.#options = options;
  }

  /** The data is taken as it is now. Rejects with `EXPRESSION_FAILED`, or `OVERLOADED`. */
  evaluate(kind: SandboxRequest['kind'], source: string, data: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw stopped(source);
      if (this.#waiting.size + this.#inside.length >= MAX_WAITING) throw overloaded(`${MAX_WAITING} expressions`);
      const cargo = this.#pack(source, data);
      const sizeBytes = sizeOf(cargo);
      if (this.#heldBytes > 0 && this.#heldBytes + sizeBytes > MAX_WAITING_BYTES) throw overloaded('too much data');
      this.#heldBytes += sizeBytes;
      this.#waiting.push({ request: { id: this.#nextId(), kind, source, ...cargo }, sizeBytes, resolve, reject });
      this.#schedule();
    });
  }

  /** Starts the first worker ahead of what it is to evaluate; where none comes up, whoever asks first is told. */
  wake(): void {
    if (this.#workersStarted === 0 && !this.#isClosed) this.#takeSeat();
  }

  get stats(): SandboxStats {
    return {
      evaluated: this.#evaluated,
      waiting: this.#waiting.size + this.#inside.length,
      workersStarted: this.#workersStarted,
      shippedBytes: this.#shippedBytes,
    };
  }

  /** Whatever waits fails with `stopped`. Resolves when the thread has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const seat = this.#leaveSeat();
    this.#failAll('stopped', 'was not evaluated: the sandbox was closed.');
    await seat?.worker.terminate();
  }

  #pack(source: string, data: unknown): Cargo {
    try {
      return pack(data, this.#tag);
    } catch (error) {
      throw expressionFailed('thrown', source, `looks at data that is no JSON: ${serializeError(error).message}.`);
    }
  }

  /** Int32, and never 0. */
  #nextId(): number {
    this.#lastId = this.#lastId >= 2 ** 31 - 1 ? 1 : this.#lastId + 1;
    return this.#lastId;
  }

  /** What is asked for in one go travels in one message. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#send();
    });
  }

  #send(): void {
    if (this.#waiting.size === 0 || this.#isClosed) return;
    const seat = this.#seat ?? this.#takeSeat();
    if (!seat) return;
    const batch: SandboxRequest[] = [];
    while (this.#inside.length < MAX_INSIDE && this.#insideBytes <= MAX_INSIDE_BYTES) {
      const job = this.#waiting.shift();
      if (!job) break;
      this.#inside.push(job);
      this.#insideBytes += job.sizeBytes;
      this.#shippedBytes += job.sizeBytes;
      batch.push(job.request);
    }
    if (batch.length === 0) return;
    seat.worker.postMessage(batch);
    this.#watch ??= this.#options.clock.after(this.#watchMs, () => this.#look());
  }

  #takeSeat(): Seat | undefined {
    const { timeoutMs, memoryBytes, resultLimitBytes, workerPath, clock } = this.#options;
    const shared = new Int32Array(new SharedArrayBuffer(SHARED_LENGTH * Int32Array.BYTES_PER_ELEMENT));
    const setup: WorkerSetup = { timeoutMs, memoryBytes, resultLimitBytes, shared, tag: this.#tag };
    this.#workersStarted++;
    const worker = new Worker(workerPath, {
      workerData: setup,
      env: {},
      execArgv: [],
      resourceLimits: { stackSizeMb: STACK_MB },
    });
    const seat: Seat = { worker, shared, startedMs: clock.nowMs(), isReady: false, seenBeats: 0 };
    let failure: unknown;
    worker.on('message', (message: FromWorker) => this.#hear(seat, message));
    worker.on('error', (error) => {
      failure = error;
    });
    worker.on('exit', () => this.#lose(seat, failure));
    worker.unref();
    this.#seat = seat;
    return seat;
  }

  #leaveSeat(): Seat | undefined {
    const seat = this.#seat;
    this.#seat = undefined;
    this.#watch?.();
    this.#watch = undefined;
    return seat;
  }

  #hear(seat: Seat, message: FromWorker): void {
    if (seat !== this.#seat) return;
    if (message.kind === 'ready') {
      seat.isReady = true;
      return;
    }
    this.#lostInARow = 0;
    for (const answer of message.answers) this.#settle(answer);
    if (message.isWorn) this.#replace();
    else this.#send();
  }

  #settle(answer: SandboxAnswer): void {
    const job = this.#inside.shift();
    if (!job) return;
    this.#insideBytes -= job.sizeBytes;
    this.#heldBytes -= job.sizeBytes;
    this.#evaluated++;
    if (answer.kind === 'value') job.resolve(unpack(answer.json, answer.bytes, this.#tag));
    else job.reject(expressionFailed(answer.reason, job.request.source, `${answer.what}.`));
  }

  get #watchMs(): number {
    return this.#options.timeoutMs + GRACE_MS;
  }

  /** Every part of the work begins with a beat: without one since the last look, what is at work has been for as long as that was. */
  #look(): void {
    this.#watch = undefined;
    const seat = this.#seat;
    if (!seat || this.#inside.length === 0) return;
    const beats = Atomics.load(seat.shared, BEATS);
    const current = Atomics.load(seat.shared, CURRENT);
    const isStuck = current !== 0 && beats === seat.seenBeats;
    seat.seenBeats = beats;
    if (isStuck) return this.#replace(current, 'timeout', `took more than ${this.#options.timeoutMs} ms`);
    if (!seat.isReady && this.#options.clock.nowMs() - seat.startedMs > START_TIMEOUT_MS) {
      this.#lostInARow = MAX_LOST_IN_A_ROW;
      return this.#lose(seat, new Error('its thread does not come up'));
    }
    this.#watch = this.#options.clock.after(this.#watchMs, () => this.#look());
  }

  /** Its thread is gone, and nobody ended it. */
  #lose(seat: Seat, failure: unknown): void {
    if (seat !== this.#seat) return;
    const why = failure === undefined ? 'its thread ended' : serializeError(failure).message;
    const current = Atomics.load(seat.shared, CURRENT);
    this.#lostInARow++;
    if (!seat.isReady || (current === 0 && this.#lostInARow >= MAX_LOST_IN_A_ROW)) {
      void this.#leaveSeat()?.worker.terminate();
      this.#failAll('stopped', `was not evaluated: the sandbox cannot be started: ${why}.`);
      return;
    }
    this.#replace(current, isOutOfMemory(failure) ? 'memory' : 'thrown', `broke the sandbox: ${why}`);
  }

  /** The guilty one fails; the others are first in line again. */
  #replace(guilty = 0, reason: FailureReason = 'thrown', what = ''): void {
    void this.#leaveSeat()?.worker.terminate();
    const queue = new FifoQueue<Job>();
    for (const job of this.#inside) {
      if (job.request.id !== guilty) {
        queue.push(job);
        continue;
      }
      this.#heldBytes -= job.sizeBytes;
      job.reject(expressionFailed(reason, job.request.source, `${what}.`));
    }
    for (let job = this.#waiting.shift(); job; job = this.#waiting.shift()) queue.push(job);
    this.#waiting = queue;
    this.#inside = [];
    this.#insideBytes = 0;
    this.#schedule();
  }

  #failAll(reason: FailureReason, what: string): void {
    const jobs = this.#inside;
    for (let job = this.#waiting.shift(); job; job = this.#waiting.shift()) jobs.push(job);
    this.#inside = [];
    this.#insideBytes = 0;
    this.#heldBytes = 0;
    for (const { request, reject } of jobs) reject(expressionFailed(reason, request.source, what));
  }
}

function stopped(source: string): TroupeError {
  return expressionFailed('stopped', source, 'was not evaluated: the sandbox was closed.');
}

function overloaded(what: string): TroupeError {
  return new TroupeError('OVERLOADED', `The sandbox for expressions has ${what} waiting, and takes no more.`);
}

function isOutOfMemory(failure: unknown): boolean {
  return serializeError(failure).code === 'ERR_WORKER_OUT_OF_MEMORY';
}
