/**
 * Channel driver for threads of one process: one posted message for each frame.
 *
 * A MessagePort has no back-pressure. So the receiver acknowledges bytes, one number for every `ACK_BYTES` of frames that its owner
 * has had, and the sender counts what is not acknowledged yet.
 *
 * Posting copies the whole ArrayBuffer under a view. So bytes that are a part of a larger buffer, or of shared memory, are copied out
 * first, and nothing that the sender may still use is ever transferred.
 */
import { type MessagePort, type Transferable, Worker } from 'node:worker_threads';
import { TroupeError } from '../errors.ts';
import { ChannelCore, frameCost } from './channel-core.ts';
import { closeFrame, closeReason, closesChannel, vanishedError } from './close-frame.ts';
import { isFrameKind } from './frame-codec.ts';
import { type ChannelOptions, HIGH_WATER_BYTES, MAX_FRAME_BYTES } from './limits.ts';
import { type Channel, EMPTY, type Frame, type FrameKind, type SendOutcome } from './protocol.ts';

/** The lowest high-water mark: below it the sender would wait for acknowledgements that are not due yet. */
const ACK_BYTES = 65_536;
/** Meta and payload are posted as one array up to this size: cloning an array costs more than copying so many bytes. */
const JOINED_BYTES = 4_096;
/** From this size on an own copy is transferred instead of being cloned once more. */
const TRANSFERRED_BYTES = 65_536;

/** A number in the place of `meta` is its length: it stands before the payload in `bytes`. A 0 stands for empty bytes. */
type Posted = [
  kind: FrameKind,
  port: number,
  call: number,
  argument: number,
  meta: Uint8Array | number,
  bytes: Uint8Array | 0,
];

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
    const { kind, port, call, argument, meta, payload } = frame;
    const bytes = meta.length + payload.length;
    if (bytes === 0) return this.#postMessage([kind, port, call, argument, 0, 0]);
    if (bytes <= JOINED_BYTES && meta.length > 0) {
      const joined = new Uint8Array(bytes);
      joined.set(meta, 0);
      joined.set(payload, meta.length);
      return this.#postMessage([kind, port, call, argument, meta.length, joined]);
    }
    const own = ownBytes(payload);
    const transferred = own !== payload && own.length >= TRANSFERRED_BYTES ? [own.buffer as ArrayBuffer] : undefined;
    this.#postMessage(
      [kind, port, call, argument, meta.length === 0 ? 0 : ownBytes(meta), own.length === 0 ? 0 : own],
      transferred,
    );
  }

  #postMessage(message: Posted | number, transferred?: readonly Transferable[]): void {
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

/** The bytes in an ArrayBuffer of exactly their size. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof ArrayBuffer && bytes.buffer.byteLength === bytes.length) return bytes;
  return new Uint8Array(bytes);
}

function readPosted(message: unknown): Frame | undefined {
  if (!Array.isArray(message)) return undefined;
  const [kind, port, call, argument, meta, bytes] = message as unknown[];
  if (!isFrameKind(kind) || typeof port !== 'number' || typeof call !== 'number' || typeof argument !== 'number') {
    return undefined;
  }
  const content = bytes === 0 ? EMPTY : bytes;
  if (!(content instanceof Uint8Array)) return undefined;
  if (meta === 0) return { kind, port, call, argument, meta: EMPTY, payload: content };
  if (meta instanceof Uint8Array) return { kind, port, call, argument, meta, payload: content };
  if (typeof meta !== 'number' || meta > content.length) return undefined;
  return { kind, port, call, argument, meta: content.subarray(0, meta), payload: content.subarray(meta) };
}
