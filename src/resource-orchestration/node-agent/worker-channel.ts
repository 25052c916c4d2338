/**
 * The call channel of a worker as its users see it: the driver's channel, whose end is explained by whoever watches the worker, and
 * which knows whether calls are inside.
 *
 * A driver only sees that the other end is gone. So an unexplained end is held back until the watcher says why; an orderly end, or one
 * with a reason of its own, is passed on at once. The watcher always speaks: a worker without a channel is of no use and is ended.
 */
import type { TroupeError } from '../../errors.ts';
import { type Channel, FRAME_KINDS, type Frame, type SendOutcome } from '../../transport/protocol.ts';

/** What a driver says when it knows nothing better. */
const UNEXPLAINED: readonly string[] = ['CHANNEL_CLOSED', 'FRAME_INVALID'];

export interface WorkerChannelEvents {
  /** The first call has come in after none was inside. */
  readonly busy: () => void;
  /** The other end is gone without a reason: find it, and call `explain`. */
  readonly broken: (error: TroupeError) => void;
}

export class WorkerChannel implements Channel {
  readonly #inner: Channel;
  readonly #events: WorkerChannelEvents;
  #inFlight = 0;
  #innerEnded = false;
  #ended = false;
  #error: TroupeError | undefined;
  #explanation: { readonly error: TroupeError } | undefined;
  #closeCallbacks: ((error?: TroupeError) => void)[] = [];

  constructor(inner: Channel, events: WorkerChannelEvents) {
    this.#inner = inner;
    this.#events = events;
    inner.onClose((error) => this.#innerClosed(error));
  }

  /** Calls that were sent and not answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get isClosed(): boolean {
    return this.#ended || this.#inner.isClosed;
  }

  send(frame: Frame): SendOutcome {
    const outcome = this.#inner.send(frame);
    if (outcome === 'sent' && frame.kind === FRAME_KINDS.invoke && this.#inFlight++ === 0) this.#events.busy();
    return outcome;
  }

  onFrame(receive: (frame: Frame) => void): void {
    this.#inner.onFrame((frame) => {
      const { kind } = frame;
      if (kind === FRAME_KINDS.result || kind === FRAME_KINDS.failure || kind === FRAME_KINDS.end) this.#inFlight--;
      receive(frame);
    });
  }

  onClose(closed: (error?: TroupeError) => void): void {
    if (this.#ended) tell(closed, this.#error);
    else this.#closeCallbacks.push(closed);
  }

  onWritable(writable: () => void): void {
    this.#inner.onWritable(writable);
  }

  close(error?: TroupeError): void {
    this.#inner.close(error);
  }

  ref(): void {
    this.#inner.ref();
  }

  unref(): void {
    this.#inner.unref();
  }

  /** Why the worker is gone. Frames that it sent before are still delivered first, unless `atOnce`: its end of the wire still lives. */
  explain(error: TroupeError, atOnce: boolean): void {
    this.#explanation ??= { error };
    if (this.#innerEnded) this.#finish(this.#explanation.error);
    else if (atOnce) this.#inner.close(error);
  }

  #innerClosed(error: TroupeError | undefined): void {
    this.#innerEnded = true;
    if (!error || !UNEXPLAINED.includes(error.code)) this.#finish(error);
    else if (this.#explanation) this.#finish(this.#explanation.error);
    else this.#events.broken(error);
  }

  #finish(error: TroupeError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#inFlight = 0;
    this.#error = error;
    const callbacks = this.#closeCallbacks;
    this.#closeCallbacks = [];
    for (const closed of callbacks) tell(closed, error);
  }
}

function tell(closed: (error?: TroupeError) => void, error: TroupeError | undefined): void {
  if (error) closed(error);
  else closed();
}
