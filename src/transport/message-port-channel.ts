/**
 * Channel driver for threads of one process: one posted message for each frame.
 *
 * A MessagePort has no back-pressure. So the receiver acknowledges bytes, one number for every `ACK_BYTES` of frames that its owner
 * has had, and the sender counts what is not acknowledged yet.
 */
import { type MessagePort, type Transferable, Worker } from 'node:worker_threads';
import { TroupeError } from '../errors.ts';
import { ChannelCore, frameCost } from './channel-core.ts';
import { closeFrame, closeReason, closesChannel, vanishedError } from './close-frame.ts';
import { type ChannelOptions, HIGH_WATER_BYTES, MAX_FRAME_BYTES } from './limits.ts';
import { type PostedFrame, packPosted, readPosted } from './posted-frame.ts';
import type { Channel, Frame, SendOutcome } from './protocol.ts';

/** The lowest high-water mark: below it the sender would wait for acknowledgements that are not due yet. */
const ACK_BYTES = 65_536;
export class MessagePortChannel implements Channel {
  readonly #endpoint: MessagePort | Worker;
  readonly #core: ChannelCore;
  readonly #highWaterBytes: number;
  readonly #maxFrameBytes: number;
  readonly #onMessage = (message: unknown): void => this.#received(message);
  readonly #onGone = (): void => this.#ended(vanishedError());
  #unacknowledgedBytes = 0;
  #toAcknowledgeBytes = 0;

  /**
   * Takes the endpoint over: nobody else may listen to it or post on it. A port no longer keeps the process alive. A `Worker` is never
   * stopped, and keeps the process alive as before until `unref`.
   */
  constructor(endpoint: MessagePort | Worker, options: ChannelOptions = {}) {
    this.#endpoint = endpoint;
    this.#highWaterBytes = Math.max(options.highWaterBytes ?? HIGH_WATER_BYTES, ACK_BYTES);
    this.#maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES;
    this.#core = new ChannelCore((frame) => this.#delivered(frame));
    endpoint.on('message', this.#onMessage);
    endpoint.on('messageerror', this.#onGone);
    endpoint.on(endpoint instanceof Worker ? 'exit' : 'close', this.#onGone);
    if (!(endpoint instanceof Worker)) endpoint.unref();
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
    if (this.#unacknowledgedBytes > this.#highWaterBytes) {
      this.#core.refused();
      return 'full';
    }
    this.#unacknowledgedBytes += frameCost(frame);
    this.#post(frame);
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
    this.#post(closeFrame(0, error));
    this.#core.abandon(error);
    this.#release();
  }

  ref(): void {
    this.#endpoint.ref();
  }

  unref(): void {
    this.#endpoint.unref();
  }

  #post(frame: Frame): void {
    const { message, transferred } = packPosted(frame);
    this.#postMessage(message, transferred);
  }

  #postMessage(message: PostedFrame | number, transferred?: readonly Transferable[]): void {
    this.#endpoint.postMessage(message, transferred);
  }

  #received(message: unknown): void {
    if (typeof message === 'number') {
      this.#unacknowledgedBytes -= message;
      if (this.#core.wasRefused && this.#unacknowledgedBytes <= this.#highWaterBytes) this.#core.relieved();
      return;
    }
    const frame = readPosted(message);
    if (!frame || frame.meta.length + frame.payload.length > this.#maxFrameBytes) {
      this.close(new TroupeError('FRAME_INVALID', 'A message on the port is no frame. The channel is closed.'));
    } else if (closesChannel(frame)) this.#ended(closeReason(frame));
    else this.#core.accept(frame);
  }

  #delivered(frame: Frame): void {
    this.#toAcknowledgeBytes += frameCost(frame);
    if (this.#toAcknowledgeBytes < ACK_BYTES || this.#core.isClosed) return;
    this.#postMessage(this.#toAcknowledgeBytes);
    this.#toAcknowledgeBytes = 0;
  }

  #ended(error: TroupeError | undefined): void {
    if (this.#core.isClosed) return;
    this.#core.end(error);
    this.#release();
  }

  #release(): void {
    const endpoint = this.#endpoint;
    endpoint.off('message', this.#onMessage);
    endpoint.off('messageerror', this.#onGone);
    endpoint.off(endpoint instanceof Worker ? 'exit' : 'close', this.#onGone);
    // What was posted before is still delivered at the other end.
    if (!(endpoint instanceof Worker)) endpoint.close();
  }
}
