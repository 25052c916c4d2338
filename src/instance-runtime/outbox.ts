/**
 * What leaves the instance (invariant 5). Answers are never dropped: when the channel is full they wait here, in order, until it takes frames again.
 * Log lines may be dropped: at most when the channel is full, and then counted.
 *
 * Bounded by its users: a call has one answer, a stream waits for `drained` before its next chunk, nested calls are limited.
 */
import { serializeError, TroupeError } from '../errors.ts';
import { encodeMeta } from '../transport/codec.ts';
import { type Channel, EMPTY, FRAME_KINDS, type Frame } from '../transport/protocol.ts';

export class Outbox {
  readonly #channel: Channel;
  readonly #waiting: Frame[] = [];
  #drained: (() => void)[] = [];

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.onWritable(() => this.#flush());
    channel.onClose(() => {
      this.#waiting.length = 0;
      this.#wake();
    });
  }

  get isFull(): boolean {
    return this.#waiting.length > 0;
  }

  /** Sends in order, now or when the channel takes frames again. A frame that no channel takes becomes the failure of its call. */
  post(frame: Frame): void {
    if (this.#waiting.length > 0 || !this.#sendOrReplace(frame)) this.#waiting.push(frame);
  }

  /** Sends now or not at all. */
  offer(frame: Frame): boolean {
    return this.#waiting.length === 0 && this.#channel.send(frame) === 'sent';
  }

  /** Resolves when nothing waits here any more. */
  drained(): Promise<void> | undefined {
    if (this.#waiting.length === 0) return undefined;
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** False when the channel is full. */
  #sendOrReplace(frame: Frame): boolean {
    const outcome = this.#channel.send(frame);
    if (outcome !== 'too-large') return outcome !== 'full';
    const error = new TroupeError(
      'RESULT_TOO_LARGE',
      'The result is larger than any frame may be. Return less, or stream it.',
    );
    const meta = encodeMeta(serializeError(error));
    return this.#channel.send({ ...frame, kind: FRAME_KINDS.failure, meta, payload: EMPTY }) !== 'full';
  }

  #flush(): void {
    while (this.#waiting.length > 0) {
      const [frame] = this.#waiting;
      if (frame && !this.#sendOrReplace(frame)) return;
      this.#waiting.shift();
    }
    this.#wake();
  }

  #wake(): void {
    const drained = this.#drained;
    this.#drained = [];
    for (const resolve of drained) resolve();
  }
}
