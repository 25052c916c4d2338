/**
 * Channel driver within one thread: a pair of ends, each of which delivers in a microtask of its own. Frames are handed over as they
 * are, so both ends see the same memory: neither may change bytes that it has sent or received.
 */
import type { TroupeError } from '../errors.ts';
import { FifoQueue } from '../kernel/mailbox.ts';
import { ChannelCore, frameCost } from './channel-core.ts';
import { closeReason, closesChannel } from './close-frame.ts';
import { type ChannelOptions, HIGH_WATER_BYTES, MAX_FRAME_BYTES } from './limits.ts';
import type { Channel, Frame, SendOutcome } from './protocol.ts';

export function createLocalChannelPair(options: ChannelOptions = {}): [Channel, Channel] {
  const near = new LocalChannel(options);
  const far = new LocalChannel(options);
  near.join(far);
  far.join(near);
  return [near, far];
}

class LocalChannel implements Channel {
  readonly #core: ChannelCore;
  readonly #highWaterBytes: number;
  readonly #maxFrameBytes: number;
  readonly #onTheWay = new FifoQueue<Frame>();
  #peer: LocalChannel | undefined;
  #deliveryArmed = false;
  /** Sent, and not yet had by the receiver. */
  #waitingBytes = 0;
  #ending: { readonly error: TroupeError | undefined } | undefined;

  constructor(options: ChannelOptions) {
    this.#highWaterBytes = options.highWaterBytes ?? HIGH_WATER_BYTES;
    this.#maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES;
    this.#core = new ChannelCore((frame) => this.#peer?.taken(frame));
  }

  get isClosed(): boolean {
    return this.#core.isClosed;
  }

  join(peer: LocalChannel): void {
    this.#peer = peer;
  }

  send(frame: Frame): SendOutcome {
    if (this.#core.isClosed) return 'closed';
    if (frame.meta.length + frame.payload.length > this.#maxFrameBytes) return 'too-large';
    if (closesChannel(frame)) {
      this.close(closeReason(frame));
      return 'sent';
    }
    if (this.#waitingBytes > this.#highWaterBytes) {
      this.#core.refused();
      return 'full';
    }
    this.#waitingBytes += frameCost(frame);
    this.#peer?.arrive(frame);
    return 'sent';
  }

  onFrame(receive: (frame: Frame) => void): void {
    this.#core.onFrame(receive);
  }

  onClose(closed: (error?: TroupeError) => void): void {
    this.#core.onClose(closed);
  }

  onWritable(writable: () => void): void {
    this.#core.onWritable(writable);
  }

  close(error?: TroupeError): void {
    const wasClosed = this.#core.isClosed;
    this.#core.abandon(error);
    if (!wasClosed) this.#peer?.closedByPeer(error);
  }

  /** Memory keeps no process alive. */
  ref(): void {}
  unref(): void {}

  arrive(frame: Frame): void {
    this.#onTheWay.push(frame);
    this.#armDelivery();
  }

  taken(frame: Frame): void {
    this.#waitingBytes -= frameCost(frame);
    if (this.#core.wasRefused && this.#waitingBytes * 2 <= this.#highWaterBytes) this.#core.relieved();
  }

  closedByPeer(error: TroupeError | undefined): void {
    this.#ending = { error };
    this.#armDelivery();
  }

  #armDelivery(): void {
    if (this.#deliveryArmed) return;
    this.#deliveryArmed = true;
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    this.#deliveryArmed = false;
    try {
      for (let frame = this.#onTheWay.shift(); frame; frame = this.#onTheWay.shift()) this.#core.accept(frame);
    } finally {
      if (this.#onTheWay.size > 0) this.#armDelivery();
    }
    if (this.#ending) this.#core.end(this.#ending.error);
  }
}
