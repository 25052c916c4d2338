/**
 * A channel that may be used before it is there: what is sent meanwhile is kept, up to a bound, and follows once it has become another
 * channel. From then on it only passes on.
 */
import type { TroupeError } from '../../errors.ts';
import { frameCost } from '../../transport/channel-core.ts';
import { closeReason, closesChannel } from '../../transport/close-frame.ts';
import { HIGH_WATER_BYTES, MAX_FRAME_BYTES } from '../../transport/limits.ts';
import type { Channel, Frame, SendOutcome } from '../../transport/protocol.ts';

export class LateChannel implements Channel {
  #actual: Channel | undefined;
  #end: { readonly error: TroupeError | undefined } | undefined;
  #kept: Frame[] = [];
  #keptBytes = 0;
  #receive: ((frame: Frame) => void) | undefined;
  #closed: ((error?: TroupeError) => void)[] = [];
  #writable: (() => void)[] = [];
  #isRefed = false;
  #wasRefused = false;

  get isClosed(): boolean {
    return this.#actual ? this.#actual.isClosed : this.#end !== undefined;
  }

  send(frame: Frame): SendOutcome {
    if (this.#actual) return this.#actual.send(frame);
    if (this.#end) return 'closed';
    if (frame.meta.length + frame.payload.length > MAX_FRAME_BYTES) return 'too-large';
    if (closesChannel(frame)) {
      this.close(closeReason(frame));
      return 'sent';
    }
    if (this.#keptBytes > HIGH_WATER_BYTES) {
      this.#wasRefused = true;
      return 'full';
    }
    this.#kept.push(frame);
    this.#keptBytes += frameCost(frame);
    return 'sent';
  }

  /** It was closed meanwhile: then so is the other. */
  become(actual: Channel): void {
    if (this.#end) return actual.close(this.#end.error);
    this.#actual = actual;
    for (const closed of this.#closed) actual.onClose(closed);
    for (const writable of this.#writable) actual.onWritable(writable);
    if (this.#isRefed) actual.ref();
    const kept = this.#kept;
    this.#kept = [];
    // Not more than the other takes before it is full.
    for (const frame of kept) actual.send(frame);
    if (this.#receive) actual.onFrame(this.#receive);
    if (this.#wasRefused) for (const writable of this.#writable) writable();
  }

  onFrame(receive: (frame: Frame) => void): void {
    if (this.#actual) this.#actual.onFrame(receive);
    else this.#receive = receive;
  }

  onClose(closed: (error?: TroupeError) => void): void {
    if (this.#actual) this.#actual.onClose(closed);
    else if (this.#end) closed(this.#end.error);
    else this.#closed.push(closed);
  }

  onWritable(writable: () => void): void {
    if (this.#actual) this.#actual.onWritable(writable);
    else this.#writable.push(writable);
  }

  close(error?: TroupeError): void {
    if (this.#actual) return this.#actual.close(error);
    if (this.#end) return;
    this.#end = { error };
    this.#kept = [];
    const closed = this.#closed;
    this.#closed = [];
    queueMicrotask(() => {
      for (const tell of closed) tell(error);
    });
  }

  ref(): void {
    this.#isRefed = true;
    this.#actual?.ref();
  }

  unref(): void {
    this.#isRefed = false;
    this.#actual?.unref();
  }
}
