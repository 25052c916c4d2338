/**
 * Channel driver for threads of one process: a ring of shared memory each way, and beside them a MessagePort.
 *
 * Frames go through the ring. What is too large for it, or finds it full, is posted, and the order is kept. The port is also the doorbell
 * of a reader that has parked; under load nobody parks, and nothing is posted. Who waits for something spins for it as long as that has
 * paid before (`spin-policy.ts`, `spinner.ts`), and never blocks its event loop.
 *
 * The port outlives what was in the rings: its end is the end of the channel, after all that the other side had published before.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { TroupeError } from '../errors.ts';
import { FifoQueue } from '../kernel/mailbox.ts';
import { ChannelCore, frameCost } from './channel-core.ts';
import { closeFrame, closeReason, closesChannel, vanishedError } from './close-frame.ts';
import { type ChannelOptions, HIGH_WATER_BYTES, MAX_FRAME_BYTES } from './limits.ts';
import { packPosted, readPosted } from './posted-frame.ts';
import { type Channel, FRAME_KINDS, type Frame, isAnswer, type SendOutcome } from './protocol.ts';
import { RingReader, RingWriter, recordSize } from './ring-buffer.ts';
import { SpinPolicy } from './spin-policy.ts';
import { type Ringing, type Spinner, threadSpinner, type Waiting } from './spinner.ts';

/** The other end has rung. */
const BELL = 0;
/** Larger frames are posted: what a message costs is less than two copies through the ring, and one more where there is none to give. */
const INLINE_BYTES = 73_728;
const INLINE_GIVEN_BYTES = 32_768;
/** Whoever is waited for copies about as much as was sent, into memory that is in no cache. */
const COPIED_BYTES_PER_MS = 3_500_000;
/** Beyond it a wake-up is no longer what costs. */
const MAX_COPYING_MS = 0.4;
/** A bell costs 3 to 10 us. */
const FRAMES_PER_BELL = 16;
/** Frames delivered in one go; the event loop has a turn between. */
const FRAMES_PER_TURN = 512;
/** Calls begin one after the other for so long: then what they have answered leaves first. */
const BATCH_MS = 0.1;

export interface RingChannelOptions extends ChannelOptions {
  readonly port: MessagePort;
  /** Read by the other end. */
  readonly outgoing: SharedArrayBuffer;
  readonly incoming: SharedArrayBuffer;
  /** What this end spins for: the answers to calls that it has sent, or calls while it has none inside. Absent: it never spins. */
  readonly spinsFor?: 'answers' | 'calls';
  readonly policy?: SpinPolicy;
  readonly spinner?: Spinner;
}

export class RingChannel implements Channel, Waiting, Ringing {
  readonly #port: MessagePort;
  readonly #writer: RingWriter;
  readonly #reader: RingReader;
  readonly #core: ChannelCore;
  readonly #highWaterBytes: number;
  readonly #maxFrameBytes: number;
  readonly #inlineBytes: number;
  readonly #spinsFor: 'answers' | 'calls' | undefined;
  readonly #policy: SpinPolicy;
  readonly #spinner: Spinner;
  /** Came out of band, and is not due yet. */
  readonly #posted = new FifoQueue<Frame>();
  readonly #onMessage = (message: unknown): void => {
    this.#received(message);
    this.#drain();
  };
  readonly #onGone = (): void => this.#gone();
  #hasReceiver = false;
  #isPolling = false;
  #isDrainDue = false;
  /** Frames written since the last look at whether the reader has parked. */
  #unrung = 0;
  /** Calls that this end has sent, or has inside, and that are not answered. */
  #inFlight = 0;
  /** 0 while nobody spins. */
  #spinsSinceMs = 0;
  #spinsUntilMs = 0;
  /** By how much the wait is longer because of the size of what was sent or delivered last. */
  #copyingMs = 0;

  /** Takes the port over. It no longer keeps the process alive. */
  constructor(options: RingChannelOptions) {
    const { port, outgoing, incoming, spinsFor, policy = new SpinPolicy(), spinner = threadSpinner } = options;
    this.#port = port;
    this.#writer = new RingWriter(outgoing);
    this.#reader = new RingReader(incoming);
    this.#core = new ChannelCore();
    this.#highWaterBytes = options.highWaterBytes ?? HIGH_WATER_BYTES;
    this.#maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES;
    this.#inlineBytes = Math.min(INLINE_BYTES, Math.floor(outgoing.byteLength / 3));
    this.#spinsFor = spinsFor;
    this.#policy = policy;
    this.#spinner = spinner;
    port.on('message', this.#onMessage);
    port.on('messageerror', this.#onGone);
    port.on('close', this.#onGone);
    port.unref();
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
    if (this.#isFull()) return 'full';
    const bytes = recordSize(frame.meta.length, frame.payload.length);
    const isInline = bytes <= this.#inlineBytes && (bytes <= INLINE_GIVEN_BYTES || frame.isGiven !== true);
    this.#copyingMs = bytes <= INLINE_GIVEN_BYTES ? 0 : Math.min(MAX_COPYING_MS, bytes / COPIED_BYTES_PER_MS);
    if (!isInline || !this.#writer.tryWrite(frame)) this.#post(frame);
    else this.#hasWritten();
    if (this.#spinsFor !== undefined) this.#sentOne(frame);
    return 'sent';
  }

  onFrame(receive: (frame: Frame) => void): void {
    this.#core.onFrame(receive);
    if (this.#hasReceiver) return;
    this.#hasReceiver = true;
    queueMicrotask(() => this.#drain());
  }

  onClose(closed: (error?: TroupeError) => void): void {
    this.#core.onClose(closed);
  }

  onWritable(writable: () => void): void {
    this.#core.onWritable(writable);
  }

  close(error?: TroupeError): void {
    if (this.#core.isClosed) return this.#core.abandon();
    this.#post(closeFrame(0, error));
    this.#core.abandon(error);
    this.#release();
  }

  setAway(isAway: boolean): void {
    this.#writer.setAway(isAway);
  }

  ref(): void {
    this.#port.ref();
  }

  unref(): void {
    this.#port.unref();
  }

  get hasMore(): boolean {
    return this.#reader.hasMore;
  }

  /** Hands on what has come, up to a bound; returns how many frames that were. Nothing before there is a receiver. */
  poll(nowMs = this.#spinner.nowMs()): number {
    if (this.#isPolling || !this.#hasReceiver) return 0;
    this.#isPolling = true;
    let count = 0;
    const dueMs = nowMs + BATCH_MS;
    try {
      while (count < FRAMES_PER_TURN && !this.#core.isClosed) {
        const frame = this.#next();
        if (!frame) break;
        count++;
        this.#deliver(frame);
        if (this.#spinsFor === 'calls' && this.#reader.hasMore && this.#spinner.nowMs() > dueMs) break;
      }
    } finally {
      this.#isPolling = false;
      if (count > 0) this.#hasRead();
    }
    return count;
  }

  ring(): void {
    this.#unrung = 0;
    if (!this.#core.isClosed && this.#writer.takeParked()) this.#port.postMessage(BELL);
  }

  isWorthwhile(nowMs: number): boolean {
    const isWaiting = this.#spinsFor === 'answers' ? this.#inFlight > 0 : this.#inFlight === 0;
    if (!isWaiting || this.#core.isClosed) return false;
    // The wait is neither won nor lost: the other end only passes it on.
    if (this.#reader.isWriterAway) return false;
    if (this.#spinsSinceMs > 0) {
      if (nowMs < this.#spinsUntilMs) return true;
      this.#policy.lost();
      return false;
    }
    const budgetMs = this.#policy.budgetMs();
    if (budgetMs === 0) return false;
    this.#spinsSinceMs = nowMs;
    this.#spinsUntilMs = nowMs + budgetMs + this.#copyingMs;
    this.#reader.unpark();
    return true;
  }

  giveUp(): void {
    this.#spinsSinceMs = 0;
    if (!this.#core.isClosed && !this.#reader.park()) this.#drain();
  }

  /** Delivers what is there, then sees to it that this end hears of what comes next. */
  #drain(): void {
    if (this.#isPolling || !this.#hasReceiver || this.#core.isClosed) return;
    let hasReturned = false;
    try {
      while (!this.#core.isClosed) {
        const count = this.poll();
        if (count >= FRAMES_PER_TURN) break;
        if (this.#spinsFor !== undefined && count > 0) {
          this.#spinner.add(this);
          hasReturned = true;
          return;
        }
        if (this.#core.isClosed || this.#reader.park()) {
          hasReturned = true;
          return;
        }
      }
    } finally {
      // More is there, or a receiver has thrown: the rest follows after a turn of the loop.
      if (!hasReturned) this.#drainLater();
    }
  }

  #drainLater(): void {
    if (this.#isDrainDue || this.#core.isClosed) return;
    this.#isDrainDue = true;
    setImmediate(() => {
      this.#isDrainDue = false;
      this.#drain();
    });
  }

  /** In the order of sending. Where no record stands in the ring, what was posted before is next: so the ring is looked at last. */
  #next(): Frame | undefined {
    for (;;) {
      const hasPosted = this.#posted.size > 0;
      if (this.#reader.hasRecord) {
        if (!this.#reader.isPostedAhead) return this.#reader.read() ?? this.#fail();
        if (hasPosted) return this.#takePosted();
      } else if (hasPosted) return this.#takePosted();
      if (!this.#reader.hasPosted || !this.#pull()) return undefined;
    }
  }

  #takePosted(): Frame | undefined {
    const frame = this.#posted.shift();
    if (frame) this.#reader.tookPosted(frameCost(frame));
    return frame;
  }

  /** Fetches a message without waiting for the event loop; false when there is none. */
  #pull(): boolean {
    const received = receiveMessageOnPort(this.#port);
    if (received) this.#received(received.message);
    return received !== undefined;
  }

  #received(message: unknown): void {
    if (this.#core.isClosed) return;
    if (message === BELL) {
      if (this.#core.wasRefused && !this.#isFull()) this.#core.relieved();
      return;
    }
    const frame = readPosted(message);
    if (!frame || frame.meta.length + frame.payload.length > this.#maxFrameBytes) this.#fail();
    else this.#posted.push(frame);
  }

  #deliver(frame: Frame): void {
    const { kind } = frame;
    if (closesChannel(frame)) return this.#ended(closeReason(frame));
    if (this.#spinsFor === 'calls') {
      if (kind === FRAME_KINDS.invoke) this.#inFlight++;
    } else if (this.#spinsFor === 'answers' && isAnswer(kind) && this.#inFlight > 0) this.#inFlight--;
    this.#core.accept(frame);
  }

  /** One bell for all that is written in a turn; in a long turn sooner, so that the other end works while this one goes on writing. */
  #hasWritten(): void {
    if (++this.#unrung === 1) this.#spinner.ringLater(this);
    else if (this.#unrung % FRAMES_PER_BELL === 0 && this.#writer.takeParked()) this.#port.postMessage(BELL);
  }

  #sentOne({ kind }: Frame): void {
    if (this.#spinsFor === 'answers') {
      if (kind !== FRAME_KINDS.invoke) return;
      this.#inFlight++;
      this.#spinner.add(this);
    } else if (isAnswer(kind) && this.#inFlight > 0 && --this.#inFlight === 0) this.#spinner.add(this);
  }

  #hasRead(): void {
    if (this.#spinsSinceMs > 0) {
      this.#policy.won(Math.max(0, this.#spinner.nowMs() - this.#spinsSinceMs - this.#copyingMs));
      this.#spinsSinceMs = 0;
    }
    if (!this.#core.isClosed && this.#reader.takeRoomWanted()) this.#port.postMessage(BELL);
  }

  #isFull(): boolean {
    if (!this.#writer.hasMoreWaitingThan(this.#highWaterBytes)) return false;
    // Half empty before more is asked for, so that the two do not go to and fro for each frame.
    this.#writer.wantRoom((this.#highWaterBytes >> 1) + 1);
    if (this.#writer.waitingBytes * 2 <= this.#highWaterBytes) {
      // The reader may have looked before it was asked.
      this.#writer.dropWantRoom();
      return false;
    }
    this.#core.refused();
    return true;
  }

  #post(frame: Frame): void {
    const { message, transferred } = packPosted(frame);
    this.#writer.post(frameCost(frame), () => this.#port.postMessage(message, transferred));
  }

  #fail(): undefined {
    this.close(new TroupeError('FRAME_INVALID', 'What came through shared memory is no frame. The channel is closed.'));
  }

  /** The other end has closed, or died. Nothing comes any more: what it had published is delivered, and then the end. */
  #gone(): void {
    if (this.#core.isClosed) return;
    // Kept until there is a receiver.
    for (let frame = this.#next(); frame && !this.#core.isClosed; frame = this.#next()) this.#deliver(frame);
    this.#ended(vanishedError());
  }

  #ended(error: TroupeError | undefined): void {
    if (this.#core.isClosed) return;
    this.#core.end(error);
    this.#release();
  }

  #release(): void {
    this.#spinner.remove(this);
    const port = this.#port;
    port.off('message', this.#onMessage);
    port.off('messageerror', this.#onGone);
    port.off('close', this.#onGone);
    // What was posted before is still delivered at the other end.
    port.close();
  }
}
