/**
 * What every driver does alike on its own side of a channel: keeps frames until there is a receiver, closes once and in order, and
 * tells those who were refused when there is room again. It knows nothing of how bytes travel.
 *
 * Invariants (numbers as in README.md):
 * 1. Frames are delivered in the order of `accept`.
 * 3. The end is told once, after the frames that came before it, and nothing is delivered after it.
 */
import type { TroupeError } from '../errors.ts';
import { FifoQueue } from '../kernel/mailbox.ts';
import { FRAME_OVERHEAD_BYTES } from './limits.ts';
import type { Frame } from './protocol.ts';

type CoreState = 'open' | 'ending' | 'ended';

export function frameCost(frame: Frame): number {
  return FRAME_OVERHEAD_BYTES + frame.meta.length + frame.payload.length;
}

export class ChannelCore {
  readonly #delivered: ((frame: Frame) => void) | undefined;
  readonly #kept = new FifoQueue<Frame>();
  #receive: ((frame: Frame) => void) | undefined;
  #closeCallbacks: ((error?: TroupeError) => void)[] = [];
  #writableCallbacks: (() => void)[] = [];
  #state: CoreState = 'open';
  #error: TroupeError | undefined;
  #keptBytes = 0;
  #drainArmed = false;
  #wasRefused = false;

  /** `delivered` hears of each frame once its receiver has had it. */
  constructor(delivered?: (frame: Frame) => void) {
    this.#delivered = delivered;
  }

  get isClosed(): boolean {
    return this.#state !== 'open';
  }

  /** What waits for a receiver. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  onFrame(receive: (frame: Frame) => void): void {
    this.#receive = receive;
    this.#armDrain();
  }

  onClose(closed: (error?: TroupeError) => void): void {
    if (this.#state === 'ended') tell(closed, this.#error);
    else this.#closeCallbacks.push(closed);
  }

  onWritable(writable: () => void): void {
    this.#writableCallbacks.push(writable);
  }

  /** A frame has arrived. */
  accept(frame: Frame): void {
    if (this.#state !== 'open') return;
    if (this.#receive && this.#kept.size === 0) {
      this.#receive(frame);
      this.#delivered?.(frame);
      return;
    }
    this.#kept.push(frame);
    this.#keptBytes += frameCost(frame);
    this.#armDrain();
  }

  /** Nothing more will arrive. What is kept is still delivered, and the end told after it. */
  end(error?: TroupeError): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#error = error;
    if (this.#kept.size === 0) this.#finish();
  }

  /** This side wants nothing more. The end is told soon, never inside this call. */
  abandon(error?: TroupeError): void {
    if (this.#state === 'ended') return;
    const wasOpen = this.#state === 'open';
    this.#state = 'ending';
    if (wasOpen) this.#error = error;
    while (this.#kept.shift());
    this.#keptBytes = 0;
    queueMicrotask(() => this.#finish());
  }

  /** `send` has answered 'full'. */
  refused(): void {
    this.#wasRefused = true;
  }

  get wasRefused(): boolean {
    return this.#wasRefused;
  }

  /** There is room again. */
  relieved(): void {
    if (!this.#wasRefused || this.#state !== 'open') return;
    this.#wasRefused = false;
    for (const writable of this.#writableCallbacks) writable();
  }

  #armDrain(): void {
    if (this.#drainArmed || !this.#receive || this.#kept.size === 0) return;
    this.#drainArmed = true;
    queueMicrotask(() => this.#drain());
  }

  #drain(): void {
    this.#drainArmed = false;
    try {
      for (let frame = this.#kept.shift(); frame; frame = this.#kept.shift()) {
        this.#keptBytes -= frameCost(frame);
        this.#receive?.(frame);
        this.#delivered?.(frame);
      }
    } finally {
      this.#armDrain();
    }
    if (this.#state === 'ending') this.#finish();
  }

  #finish(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    const callbacks = this.#closeCallbacks;
    this.#closeCallbacks = [];
    this.#writableCallbacks = [];
    for (const closed of callbacks) tell(closed, this.#error);
  }
}

function tell(closed: (error?: TroupeError) => void, error: TroupeError | undefined): void {
  if (error) closed(error);
  else closed();
}
