/**
 * A frame as a message between threads.
 *
 * Posting copies the whole ArrayBuffer under a view, once into the message and once out of it. So bytes that are a part of a larger
 * buffer, or of shared memory, are copied out first; large payloads are transferred: those that were given away as they are, others as
 * a copy. Nothing that the sender may still use is ever transferred.
 */
import { isFrameKind } from './frame-codec.ts';
import { EMPTY, type Frame, type FrameKind } from './protocol.ts';

/** Meta and payload are posted as one array up to this size: cloning an array costs more than copying so many bytes. */
const JOINED_BYTES = 4_096;
/** From this size on an own copy is transferred instead of being cloned once more. */
const TRANSFERRED_BYTES = 32_768;

/** A number in the place of `meta` is its length: it stands before the payload in `bytes`. A 0 stands for empty bytes. */
export type PostedFrame = [
  kind: FrameKind,
  port: number,
  call: number,
  argument: number,
  meta: Uint8Array | number,
  bytes: Uint8Array | 0,
];

interface Packed {
  readonly message: PostedFrame;
  readonly transferred: readonly ArrayBuffer[] | undefined;
}

export function packPosted({ kind, port, call, argument, meta, payload, isGiven }: Frame): Packed {
  const bytes = meta.length + payload.length;
  if (bytes === 0) return { message: [kind, port, call, argument, 0, 0], transferred: undefined };
  if (bytes <= JOINED_BYTES && meta.length > 0) {
    const joined = new Uint8Array(bytes);
    joined.set(meta, 0);
    joined.set(payload, meta.length);
    return { message: [kind, port, call, argument, meta.length, joined], transferred: undefined };
  }
  const isTransferred = payload.length >= TRANSFERRED_BYTES;
  const own = isTransferred && isGiven !== true ? new Uint8Array(payload) : ownBytes(payload);
  const message: PostedFrame = [
    kind,
    port,
    call,
    argument,
    meta.length === 0 ? 0 : ownBytes(meta),
    own.length === 0 ? 0 : own,
  ];
  return { message, transferred: isTransferred ? [own.buffer as ArrayBuffer] : undefined };
}

/** Undefined when the message is no frame. */
export function readPosted(message: unknown): Frame | undefined {
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

/** The bytes in an ArrayBuffer of exactly their size. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof ArrayBuffer && bytes.buffer.byteLength === bytes.length) return bytes;
  return new Uint8Array(bytes);
}
