/**
 * Channel driver for byte streams: pipes, Unix sockets, TCP, any Duplex.
 *
 * Small frames that are sent within one tick leave in one write: they are written into a slab, which is never written twice, so that
 * nothing is copied again. With a frame upon which this end begins to wait, what there is leaves at once. Large payloads are handed to the
 * stream as they are and must not change until the channel has drained.
 *
 * A close is a frame, and the end of the stream follows it. An end without that frame means that the other side has died; an end
 * within a frame, or a frame that cannot be read, is FRAME_INVALID.
 */
import type { Duplex } from 'node:stream';
import type { TroupeError } from '../errors.ts';
import { systemClock } from '../kernel/clock.ts';
import { ChannelCore, frameCost } from './channel-core.ts';
import { closeFrame, closeReason, closesChannel, vanishedError } from './close-frame.ts';
import { FRAME_HEAD_BYTES, FrameDecoder, writeFrameHead } from './frame-codec.ts';
import { type ChannelOptions, HIGH_WATER_BYTES, MAX_FRAME_BYTES } from './limits.ts';
import { LoopSpinner } from './loop-spinner.ts';
import { type Channel, FRAME_KINDS, type Frame, isAnswer, type SendOutcome } from './protocol.ts';
import { MAX_IDLE_SPIN_MS, SpinPolicy } from './spin-policy.ts';

const SLAB_BYTES = 65_536;
/** Larger payloads are not copied into the slab. */
const COPIED_BYTES = 16_384;

/** Sockets have them, other Duplexes do not. */
interface MaybeRefed {
  ref?(): unknown;
  unref?(): unknown;
}

/** Reads for a stream that does not read into memory of its own. */
export interface StreamReader {
  /** Where the next bytes are to be put. Good until `filled`. */
  space(): Uint8Array;
  /** So many have come there, or to other memory. */
  filled(bytes: number, space: Uint8Array): void;
}

export interface StreamChannelOptions extends ChannelOptions {
  /** Takes the reader of a stream that emits no 'data', as a socket with `onread` does. */
  readonly reads?: (reader: StreamReader) => void;
  /** What this end keeps its event loop turning for, as long as that pays: answers to its calls, or calls while it has none inside. */
  readonly spinsFor?: 'answers' | 'calls';
  /** False: it sleeps through every wait. True unless told otherwise. */
  readonly spin?: boolean;
}

export class StreamChannel implements Channel {
  readonly #stream: Duplex;
  readonly #core: ChannelCore;
  readonly #decoder: FrameDecoder;
  readonly #highWaterBytes: number;
  readonly #maxFrameBytes: number;
  #slab = Buffer.allocUnsafeSlow(0);
  #slabStart = 0;
  #slabEnd = 0;
  #slabCost = 0;
  #flushArmed = false;
  #isCorked = false;
  /** Sent, and not yet taken by the operating system. */
  #waitingBytes = 0;
  readonly #spinsFor: StreamChannelOptions['spinsFor'];
  /** Calls that this end has sent, or has inside, and that are not answered. */
  #inFlight = 0;
  readonly #spinner: LoopSpinner;

  /** Takes the stream over. It no longer keeps the process alive. */
  constructor(stream: Duplex, options: StreamChannelOptions = {}) {
    this.#stream = stream;
    const { spinsFor, spin: isAllowed = true } = options;
    this.#spinsFor = spinsFor;
    this.#spinner = new LoopSpinner({
      policy: new SpinPolicy(spinsFor === 'calls' ? { isAllowed, maxSpinMs: MAX_IDLE_SPIN_MS } : { isAllowed }),
      nowMs: systemClock.nowMs,
      isOpen: () => !this.#core.isClosed,
    });
    this.#highWaterBytes = options.highWaterBytes ?? HIGH_WATER_BYTES;
    this.#maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES;
    this.#decoder = new FrameDecoder({ maxFrameBytes: this.#maxFrameBytes });
    this.#core = new ChannelCore(() => this.#resumeWhenTaken());
    if (options.reads) {
      const space = () => this.#decoder.space();
      const filled: StreamReader['filled'] = (bytes, into) =>
        this.#received(this.#core.isClosed ? [] : this.#decoder.filled(bytes, into));
      options.reads({ space, filled });
    } else {
      stream.on('data', (chunk: Buffer) => this.#received(this.#core.isClosed ? [] : this.#decoder.push(chunk)));
    }
    stream.on('end', () => this.#vanished());
    stream.on('error', (cause) => this.#vanished(cause));
    stream.on('close', () => this.#vanished());
    this.unref();
  }

  get isClosed(): boolean {
    return this.#core.isClosed;
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
    this.#put(frame);
    if (this.#spinsFor !== undefined) this.#sentOne(frame.kind);
    else this.#armFlush();
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
    if (this.#core.isClosed) return this.#core.abandon();
    this.#put(closeFrame(0, error));
    this.#core.abandon(error);
    this.#finish();
  }

  /** The first call is on its way: waiting for it awake saves a wake-up. */
  awaitCall(): void {
    if (this.#spinsFor === 'calls') this.#spinner.begin();
  }

  ref(): void {
    (this.#stream as MaybeRefed).ref?.();
  }

  unref(): void {
    (this.#stream as MaybeRefed).unref?.();
  }

  #put(frame: Frame): void {
    const { payload } = frame;
    const isCopied = payload.length <= COPIED_BYTES;
    const roomBytes = FRAME_HEAD_BYTES + frame.meta.length + (isCopied ? payload.length : 0);
    if (this.#slabEnd + roomBytes > this.#slab.length) this.#renewSlab(roomBytes);
    const cost = frameCost(frame);
    this.#waitingBytes += cost;
    this.#slabEnd = writeFrameHead(this.#slab, frame, this.#slabEnd);
    if (isCopied) {
      this.#slab.set(payload, this.#slabEnd);
      this.#slabEnd += payload.length;
      this.#slabCost += cost;
    } else {
      // Both parts, and what else is written until the flush, leave in one system call.
      if (!this.#isCorked) this.#stream.cork();
      this.#isCorked = true;
      this.#writeSlab();
      this.#write(payload, cost);
    }
  }

  #renewSlab(roomBytes: number): void {
    this.#writeSlab();
    this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, roomBytes));
    this.#slabStart = 0;
    this.#slabEnd = 0;
  }

  #armFlush(): void {
    if (this.#flushArmed) return;
    this.#flushArmed = true;
    // After the microtasks of this turn: the frames that they send still join.
    process.nextTick(() => {
      this.#flushArmed = false;
      this.#flush();
    });
  }

  #flush(): void {
    this.#writeSlab();
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#stream.uncork();
  }

  #writeSlab(): void {
    if (this.#slabStart === this.#slabEnd) return;
    this.#write(this.#slab.subarray(this.#slabStart, this.#slabEnd), this.#slabCost);
    this.#slabStart = this.#slabEnd;
    this.#slabCost = 0;
  }

  #write(bytes: Uint8Array, cost: number): void {
    this.#stream.write(bytes, () => {
      this.#waitingBytes -= cost;
      // Half empty before asking for more, so that a sender does not go to and fro for each frame.
      if (this.#core.wasRefused && this.#waitingBytes * 2 <= this.#highWaterBytes) this.#core.relieved();
    });
  }

  #received(frames: Frame[]): void {
    if (this.#core.isClosed) return;
    for (const frame of frames) {
      if (closesChannel(frame)) {
        this.#core.end(closeReason(frame));
        return this.#finish();
      }
      if (this.#spinsFor !== undefined) this.#receivedOne(frame.kind);
      this.#core.accept(frame);
    }
    if (this.#decoder.error) return this.#fail(this.#decoder.error);
    if (this.#core.keptBytes > this.#highWaterBytes) this.#stream.pause();
  }

  /** Where this end has nothing to do from here on but to wait, there is nothing to wait for with the flush. */
  #sentOne(kind: Frame['kind']): void {
    const isCaller = this.#spinsFor === 'answers';
    const isCounted = isCaller ? kind === FRAME_KINDS.invoke : isAnswer(kind) && this.#inFlight > 0;
    if (!isCounted) return this.#armFlush();
    const isFirst = isCaller && this.#inFlight++ === 0;
    const isLast = !isCaller && --this.#inFlight === 0;
    if (isFirst || isLast) this.#flush();
    else this.#armFlush();
    if (isCaller || isLast) this.#spinner.begin();
  }

  #receivedOne(kind: Frame['kind']): void {
    const isCaller = this.#spinsFor === 'answers';
    if (!(isCaller ? isAnswer(kind) && this.#inFlight > 0 : kind === FRAME_KINDS.invoke)) return;
    this.#inFlight += isCaller ? -1 : 1;
    this.#spinner.end();
  }

  #resumeWhenTaken(): void {
    if (this.#stream.isPaused() && this.#core.keptBytes * 2 <= this.#highWaterBytes) this.#stream.resume();
  }

  /** The input cannot be read any further: the other end is told why, and the frames that came before are still delivered. */
  #fail(error: TroupeError): void {
    if (this.#core.isClosed) return;
    this.#put(closeFrame(0, error));
    this.#core.end(error);
    this.#finish();
  }

  /** Nothing more will be sent. What still comes in is dropped, and the stream ends when the other side has ended it too. */
  #finish(): void {
    this.#flush();
    this.#stream.end(() => this.unref());
    this.#stream.resume();
  }

  #vanished(cause?: unknown): void {
    if (this.#core.isClosed) return;
    this.#core.end(this.#decoder.finish() ?? vanishedError(cause));
    this.#stream.destroy();
  }
}
