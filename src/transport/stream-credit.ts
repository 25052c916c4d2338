/**
 * Both ends of a stream with credit. The consumer grants chunks, the producer takes one grant before it makes a chunk. So at zero
 * credit the generator is not pulled (invariant 7 in README.md), and no end ever holds more than the first grant. The frames between
 * them are not known here.
 *
 * The scheme is the one of HTTP/2 flow control (RFC 9113, section 5.2), counted in chunks instead of bytes.
 */
import { TroupeError } from '../errors.ts';
import { FifoQueue } from '../kernel/mailbox.ts';

/** What a stream starts with, on both ends and without any frame. 16 hides the way of a grant, and bounds what is made in vain. */
export const INITIAL_CREDIT = 16;

export interface ChunkQueueOptions {
  /** Sends a grant of so many more chunks to the producer. Called while chunks are taken, for several at a time. */
  readonly grant: (chunks: number) => void;
  /** The consumer has gone before the end. Called at most once. */
  readonly onCancel?: () => void;
  /** The default is `INITIAL_CREDIT`; both ends must agree. */
  readonly initialCredit?: number;
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

type QueueState = { readonly is: 'open' | 'ended' | 'cancelled' } | { readonly is: 'failed'; readonly error: unknown };

/** The consumer's end: what arrives is pushed, and taken by iterating once. */
export class ChunkQueue<T> implements AsyncIterableIterator<T, undefined> {
  readonly #grant: (chunks: number) => void;
  readonly #onCancel: () => void;
  readonly #capacity: number;
  readonly #chunks = new FifoQueue<{ readonly chunk: T }>();
  readonly #waiters = new FifoQueue<Waiter<T>>();
  #state: QueueState = { is: 'open' };
  #toGrant = 0;

  constructor(options: ChunkQueueOptions) {
    this.#grant = options.grant;
    this.#onCancel = options.onCancel ?? (() => undefined);
    this.#capacity = options.initialCredit ?? INITIAL_CREDIT;
  }

  /** Whether more may come. */
  get isOpen(): boolean {
    return this.#state.is === 'open';
  }

  /** False when the chunk was not taken: the stream is over, or the producer sent more than it was granted, which fails the stream. */
  push(chunk: T): boolean {
    if (this.#state.is !== 'open') return false;
    const waiter = this.#waiters.shift();
    if (waiter) {
      waiter.resolve({ done: false, value: chunk });
      this.#took();
      return true;
    }
    if (this.#chunks.size >= this.#capacity) {
      this.fail(new TroupeError('FRAME_INVALID', 'A stream sent more chunks than it was granted.'));
      this.#onCancel();
      return false;
    }
    this.#chunks.push({ chunk });
    return true;
  }

  /** No more will come; what is here is still taken first. */
  end(): void {
    if (this.#state.is !== 'open') return;
    this.#state = { is: 'ended' };
    this.#releaseWaiters();
  }

  /** As `end`, but the iteration then throws, once. */
  fail(error: unknown): void {
    if (this.#state.is !== 'open') return;
    const waiter = this.#waiters.shift();
    // Somebody who waits gets the error now; it must not come a second time.
    this.#state = waiter ? { is: 'ended' } : { is: 'failed', error };
    waiter?.reject(error);
    this.#releaseWaiters();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const held = this.#chunks.shift();
    if (held) {
      this.#took();
      return Promise.resolve({ done: false, value: held.chunk });
    }
    const state = this.#state;
    if (state.is === 'failed') {
      this.#state = { is: 'ended' };
      return Promise.reject(state.error);
    }
    if (state.is !== 'open') return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
  }

  /** The consumer leaves: what is here is dropped, and the producer is told unless it has ended already. */
  return(): Promise<IteratorResult<T, undefined>> {
    const wasOpen = this.#state.is === 'open';
    this.#state = { is: 'cancelled' };
    while (this.#chunks.shift());
    this.#releaseWaiters();
    if (wasOpen) this.#onCancel();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Half of the credit at a time: one frame for several chunks, while the producer never runs dry for want of a grant. */
  #took(): void {
    this.#toGrant++;
    if (this.#state.is !== 'open' || this.#toGrant * 2 < this.#capacity) return;
    const chunks = this.#toGrant;
    this.#toGrant = 0;
    this.#grant(chunks);
  }

  #releaseWaiters(): void {
    for (let waiter = this.#waiters.shift(); waiter; waiter = this.#waiters.shift()) {
      waiter.resolve({ done: true, value: undefined });
    }
  }
}

/** The producer's end: one `take` before each chunk is made. */
export class CreditGate {
  readonly #waiters = new FifoQueue<(granted: boolean) => void>();
  #credit: number;
  #isCancelled = false;
  #reason: unknown;
  /** Made when asked for: it costs more than a call that streams nothing. */
  #controller: AbortController | undefined;

  constructor(initialCredit = INITIAL_CREDIT) {
    this.#credit = initialCredit;
  }

  get credit(): number {
    return this.#credit;
  }

  /** Aborted once the consumer has gone. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#isCancelled) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** True, and one credit less, without waiting; false when there is none now, or the consumer has gone. */
  tryTake(): boolean {
    if (this.#credit === 0 || this.#isCancelled) return false;
    this.#credit--;
    return true;
  }

  /** Resolves with true once there is credit, in the order of asking; with false once the consumer has gone. */
  take(): Promise<boolean> {
    if (this.#isCancelled) return Promise.resolve(false);
    if (this.tryTake()) return Promise.resolve(true);
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** The consumer has granted more. What is not a positive whole number is ignored. */
  grant(chunks: number): void {
    if (this.#isCancelled || !Number.isSafeInteger(chunks) || chunks <= 0) return;
    this.#credit = Math.min(this.#credit + chunks, Number.MAX_SAFE_INTEGER);
    while (this.#credit > 0) {
      const waiter = this.#waiters.shift();
      if (!waiter) return;
      this.#credit--;
      waiter(true);
    }
  }

  /** The consumer has gone: everyone who waits is released. */
  cancel(reason?: unknown): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    for (let waiter = this.#waiters.shift(); waiter; waiter = this.#waiters.shift()) waiter(false);
  }
}
