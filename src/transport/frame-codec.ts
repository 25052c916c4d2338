/**
 * Frames as bytes of a stream. The layout is in README.md; all numbers are little-endian.
 *
 * The decoder takes chunks as they come, however they were cut. Bad input ends it: one typed error, and nothing after. A frame that is not
 * whole yet is gathered in memory of its own, which is never more than `AHEAD_BYTES` or twice what came, whatever its header declares
 * (invariants 4 and 5 in README.md). Whoever reads may read into that memory at once: then a large frame is not copied.
 */
import { TroupeError } from '../errors.ts';
import { MAX_FRAME_BYTES } from './limits.ts';
import { FRAME_KINDS, FRAME_VERSION, type Frame, type FrameKind } from './protocol.ts';

/** Before meta and payload; the length field itself included. */
export const FRAME_HEAD_BYTES = 28;
const LENGTH_BYTES = 4;
const IDENTITY_BYTES = 8;
/** What may be allocated for a frame of which only the head is there. */
const AHEAD_BYTES = 4_194_304;
/** Frames of which more than this is missing are read into their own memory. */
const DIRECT_BYTES = 16_384;
const SCRATCH_BYTES = 65_536;

const EMPTY_BUFFER = Buffer.alloc(0);
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
  /** A frame from its first byte on, of which `#heldBytes` are there. */
  #partial: Buffer | undefined;
  #heldBytes = 0;
  /** Nothing more can be read before this many bytes are held. */
  #neededBytes = LENGTH_BYTES;
  #error: TroupeError | undefined;
  #scratch: Buffer | undefined;
  /** The part of `#partial` that was given out to read to. */
  #direct: Buffer | undefined;

  constructor(options: FrameDecoderOptions = {}) {
    this.#maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES;
  }

  /** `FRAME_INVALID` once the input has been bad. */
  get error(): TroupeError | undefined {
    return this.#error;
  }

  /** The frames that this chunk completes. Their bytes are views on the chunk, or on memory that nobody else holds. */
  push(chunk: Uint8Array): Frame[] {
    return this.#take(asBuffer(chunk), false);
  }

  /** Where the next bytes may be read to. Good until the next call of any method. */
  space(): Buffer {
    if (this.#partial && this.#neededBytes - this.#heldBytes > DIRECT_BYTES) {
      const memory = this.#reserve(this.#heldBytes + DIRECT_BYTES);
      this.#direct = memory.subarray(this.#heldBytes, this.#neededBytes);
      return this.#direct;
    }
    this.#scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    return this.#scratch;
  }

  /** The frames that are complete now that so many bytes were read to `space`, or to other memory: nothing of them lies there. */
  filled(bytes: number, space: Uint8Array): Frame[] {
    const isDirect = space === this.#direct;
    this.#direct = undefined;
    if (!isDirect) return this.#take(asBuffer(space).subarray(0, bytes), true);
    const frames: Frame[] = [];
    this.#heldBytes += bytes;
    this.#completePartial(frames);
    return frames;
  }

  /** The input has ended. `FRAME_INVALID` when it did so within a frame, or had been bad before. */
  finish(): TroupeError | undefined {
    if (!this.#error && this.#heldBytes > 0) this.#fail(`the input ended ${this.#heldBytes} bytes into a frame`);
    this.#forget();
    return this.#error;
  }

  #take(chunk: Buffer, isBorrowed: boolean): Frame[] {
    const frames: Frame[] = [];
    let offset = 0;
    while (this.#partial && offset < chunk.length) {
      const end = Math.min(chunk.length, offset + this.#neededBytes - this.#heldBytes);
      chunk.copy(this.#reserve(this.#heldBytes + end - offset), this.#heldBytes, offset, end);
      this.#heldBytes += end - offset;
      offset = end;
      this.#completePartial(frames);
    }
    while (!this.#error && offset < chunk.length) {
      const available = chunk.length - offset;
      this.#neededBytes = this.#measure(chunk, offset, available);
      if (this.#error) break;
      if (available < this.#neededBytes) {
        this.#beginPartial(chunk, offset);
        break;
      }
      const end = offset + this.#neededBytes;
      if (isBorrowed) frames.push(readFrame(copyOf(chunk, offset, end), 0, this.#neededBytes));
      else frames.push(readFrame(chunk, offset, end));
      offset = end;
      this.#neededBytes = LENGTH_BYTES;
    }
    return frames;
  }

  #beginPartial(chunk: Buffer, offset: number): void {
    this.#partial = Buffer.allocUnsafeSlow(FRAME_HEAD_BYTES);
    const bytes = chunk.length - offset;
    chunk.copy(this.#reserve(bytes), 0, offset);
    this.#heldBytes = bytes;
  }

  /** Hands the gathered frame on once it is whole. */
  #completePartial(frames: Frame[]): void {
    const partial = this.#partial;
    if (!partial || this.#heldBytes < this.#neededBytes) return;
    this.#neededBytes = this.#measure(partial, 0, this.#heldBytes);
    if (!this.#error && this.#heldBytes < this.#neededBytes) return;
    if (!this.#error) frames.push(readFrame(partial, 0, this.#neededBytes));
    this.#forget();
  }

  /** The memory of the gathered frame, with room for so many bytes. */
  #reserve(bytes: number): Buffer {
    const partial = this.#partial ?? EMPTY_BUFFER;
    if (partial.length >= bytes) return partial;
    const room = Math.max(bytes, Math.min(this.#neededBytes, Math.max(AHEAD_BYTES, 2 * partial.length)));
    this.#partial = Buffer.allocUnsafeSlow(room);
    partial.copy(this.#partial, 0, 0, this.#heldBytes);
    return this.#partial;
  }

  #forget(): void {
    this.#partial = undefined;
    this.#heldBytes = 0;
    this.#neededBytes = LENGTH_BYTES;
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

function readFrame(held: Buffer, offset: number, end: number): Frame {
  const metaStart = offset + FRAME_HEAD_BYTES;
  const metaEnd = metaStart + held.readUInt32LE(offset + 24);
  return {
    kind: held[offset + 5] as FrameKind,
    port: held.readUInt32LE(offset + 8),
    call: held.readUInt32LE(offset + 12),
    argument: held.readDoubleLE(offset + 16),
    meta: held.subarray(metaStart, metaEnd),
    payload: held.subarray(metaEnd, end),
  };
}

function copyOf(bytes: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start);
  bytes.copy(copy, 0, start, end);
  return copy;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
