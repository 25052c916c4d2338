/**
 * Frames as bytes of a stream. The layout is in README.md; all numbers are little-endian.
 *
 * The decoder takes chunks as they come, however they were cut. Bad input ends it: one typed error, and nothing after. It never
 * allocates what a header merely declares: it holds the chunks that came, and joins them once a frame is whole (invariants 4 and 5 in
 * README.md).
 */
import { TroupeError } from '../errors.ts';
import { MAX_FRAME_BYTES } from './limits.ts';
import { FRAME_KINDS, FRAME_VERSION, type Frame, type FrameKind } from './protocol.ts';

/** Before meta and payload; the length field itself included. */
export const FRAME_HEAD_BYTES = 28;
const LENGTH_BYTES = 4;
const IDENTITY_BYTES = 8;

const KNOWN_KINDS: ReadonlySet<number> = new Set(Object.values(FRAME_KINDS));

/** Whether the number is a kind of this version. */
export function isFrameKind(kind: unknown): kind is FrameKind {
  return KNOWN_KINDS.has(kind as number);
}

/** Writes everything but the payload; returns the offset behind it. The target has `FRAME_HEAD_BYTES + frame.meta.length` bytes of room. */
export function writeFrameHead(target: Buffer, frame: Frame, offset: number): number {
  const { meta, payload } = frame;
  target.writeUInt32LE(FRAME_HEAD_BYTES - LENGTH_BYTES + meta.length + payload.length, offset);
  target[offset + 4] = FRAME_VERSION;
  target[offset + 5] = frame.kind;
  target.writeUInt16LE(0, offset + 6);
  target.writeUInt32LE(frame.port, offset + 8);
  target.writeUInt32LE(frame.call, offset + 12);
  target.writeDoubleLE(frame.argument, offset + 16);
  target.writeUInt32LE(meta.length, offset + 24);
  target.set(meta, offset + FRAME_HEAD_BYTES);
  return offset + FRAME_HEAD_BYTES + meta.length;
}

/** The head, and the payload as it is: it is not copied, and must not change before it is written. */
export function encodeFrame(frame: Frame): Uint8Array[] {
  const head = Buffer.allocUnsafeSlow(FRAME_HEAD_BYTES + frame.meta.length);
  writeFrameHead(head, frame, 0);
  return frame.payload.length === 0 ? [head] : [head, frame.payload];
}

export interface FrameDecoderOptions {
  /** Meta and payload above which a frame is invalid; the default is `MAX_FRAME_BYTES`. */
  readonly maxFrameBytes?: number;
}

export class FrameDecoder {
  readonly #maxFrameBytes: number;
  #chunks: Buffer[] = [];
  #heldBytes = 0;
  /** Nothing can be read before this many bytes are held. */
  #neededBytes = LENGTH_BYTES;
  #error: TroupeError | undefined;

  constructor(options: FrameDecoderOptions = {}) {
    this.#maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES;
  }

  /** `FRAME_INVALID` once the input has been bad. */
  get error(): TroupeError | undefined {
    return this.#error;
  }

  /** The frames that this chunk completes. Their bytes are views on the chunk, or on a join of chunks that nobody else holds. */
  push(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    if (this.#error || chunk.length === 0) return frames;
    this.#chunks.push(asBuffer(chunk));
    this.#heldBytes += chunk.length;
    // Joining only once enough is held keeps the cost linear, however small the chunks are.
    if (this.#heldBytes < this.#neededBytes) return frames;
    const [only] = this.#chunks;
    const held = this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks, this.#heldBytes);
    const readTo = this.#read(held, frames);
    this.#chunks = !this.#error && readTo < held.length ? [held.subarray(readTo)] : [];
    this.#heldBytes = this.#error ? 0 : held.length - readTo;
    return frames;
  }

  /** The input has ended. `FRAME_INVALID` when it did so within a frame, or had been bad before. */
  finish(): TroupeError | undefined {
    if (!this.#error && this.#heldBytes > 0) this.#fail(`the input ended ${this.#heldBytes} bytes into a frame`);
    this.#chunks = [];
    this.#heldBytes = 0;
    return this.#error;
  }

  #read(held: Buffer, frames: Frame[]): number {
    let offset = 0;
    for (;;) {
      const available = held.length - offset;
      this.#neededBytes = this.#measure(held, offset, available);
      if (this.#error || available < this.#neededBytes) return offset;
      const end = offset + this.#neededBytes;
      const metaStart = offset + FRAME_HEAD_BYTES;
      const metaEnd = metaStart + held.readUInt32LE(offset + 24);
      frames.push({
        kind: held[offset + 5] as FrameKind,
        port: held.readUInt32LE(offset + 8),
        call: held.readUInt32LE(offset + 12),
        argument: held.readDoubleLE(offset + 16),
        meta: held.subarray(metaStart, metaEnd),
        payload: held.subarray(metaEnd, end),
      });
      offset = end;
    }
  }

  /** How many bytes the frame at `offset` has, as far as can be said yet. Checks each field as soon as it is there. */
  #measure(held: Buffer, offset: number, available: number): number {
    if (available < LENGTH_BYTES) return LENGTH_BYTES;
    const frameBytes = LENGTH_BYTES + held.readUInt32LE(offset);
    const contentBytes = frameBytes - FRAME_HEAD_BYTES;
    if (contentBytes < 0) return this.#fail('it is shorter than its own head');
    if (contentBytes > this.#maxFrameBytes) {
      return this.#fail(`it has ${contentBytes} bytes, and ${this.#maxFrameBytes} are allowed`);
    }
    if (available < IDENTITY_BYTES) return IDENTITY_BYTES;
    if (held[offset + 4] !== FRAME_VERSION) {
      return this.#fail(`it is of version ${held[offset + 4]}, and this end speaks version ${FRAME_VERSION}`);
    }
    if (!isFrameKind(held[offset + 5])) return this.#fail(`its kind ${held[offset + 5]} is unknown`);
    if (held.readUInt16LE(offset + 6) !== 0) return this.#fail('its reserved bytes are in use');
    if (available < FRAME_HEAD_BYTES) return FRAME_HEAD_BYTES;
    if (held.readUInt32LE(offset + 24) > contentBytes) return this.#fail('its meta is longer than the frame');
    return frameBytes;
  }

  #fail(why: string): number {
    this.#error = new TroupeError('FRAME_INVALID', `A frame cannot be read: ${why}. The channel is closed.`);
    return 0;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
