/**
 * The call channel of a worker as its users see it: the driver's channel, whose end is explained by whoever watches the worker, and
 * which knows whether calls are inside.
 *
 * A driver only sees that the other end is gone, or that it said goodbye: an instance that calls `process.exit` does. So an end that
 * this side did not ask for is held back until the watcher says why, unless it comes with a reason of its own. The watcher always
 * speaks: a worker without a channel is of no use and is ended.
 */
import type { TroupeError } from '../../errors.ts';
import { type Channel, FRAME_KINDS, type Frame, isAnswer, type SendOutcome } from '../../transport/protocol.ts';

/** What a driver says when it knows nothing better. */
const UNEXPLAINED: readonly string[] = ['CHANNEL_CLOSED', 'FRAME_INVALID'];

export interface WorkerChannelEvents {
  /** The first call has come in after none was inside. */
  readonly busy: () => void;
  /** The last call has been answered. */
  readonly idle: () => void;
  /** The other end is gone without a reason: find it, and call `explain`. */
  readonly broken: () => void;
}

export class WorkerChannel implements Channel {
  readonly #inner: Channel;
  readonly #events: WorkerChannelEvents;
  #inFlight = 0;
  #isClosing = false;
  #innerEnded = false;
  #ended = false;
  #innerError: TroupeError | undefined;
  #error: TroupeError | undefined;
  #explanation: { readonly error: TroupeError; readonly wasAsked: boolean } | undefined;
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
      receive(frame);
      if (isAnswer(frame.kind) && this.#inFlight > 0 && --this.#inFlight === 0) this.#events.idle();
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
    this.#isClosing = true;
    this.#inner.close(error);
  }

  ref(): void {
    this.#inner.ref();
  }

  unref(): void {
    this.#inner.unref();
  }

  /**
   * Why the worker is gone. Frames that it sent before are still delivered first, unless `atOnce`: its end of the wire still lives.
   * When it was asked to go and said goodbye, there is no error.
   */
  explain(error: TroupeError, { wasAsked, atOnce }: { readonly wasAsked: boolean; readonly atOnce: boolean }): void {
    this.#explanation ??= { error, wasAsked };
    if (this.#innerEnded) this.#finishExplained();
    else if (atOnce) this.#inner.close(error);
  }

  #innerClosed(error: TroupeError | undefined): void {
    this.#innerEnded = true;
    this.#innerError = error;
    if (this.#isClosing || (error && !UNEXPLAINED.includes(error.code))) this.#finish(error);
    else if (this.#explanation) this.#finishExplained();
    else this.#events.broken();
  }

  #finishExplained(): void {
    if (!this.#explanation) return;
    const { error, wasAsked } = this.#explanation;
    this.#finish(wasAsked ? this.#innerError : error);
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
