/**
 * The `CallMeta` of an `invoke` frame as bytes. Nearly all of them are short and plain, and have a form of their own that costs a tenth of
 * MessagePack; any other is MessagePack, whose first byte for an object is never `SHORT_FORM`.
 *
 * | offset | bytes | field            |
 * | 0      | 1     | `SHORT_FORM`     |
 * | 1      | 1     | mode             |
 * | 2      | 1     | attempt          |
 * | 3      | 1     | depth            |
 * | 4      |       | id, as ASCII     |
 */
import { decodeMeta, encodeMeta } from './codec.ts';
import type { CallMeta, ResponseMode } from './protocol.ts';

const SHORT_FORM = 1;
const HEAD_BYTES = 4;
const MODES: readonly ResponseMode[] = ['value', 'stream', 'http'];

export function encodeCallMeta(meta: CallMeta): Uint8Array {
  const { id, mode, attempt, depth } = meta;
  const { length } = id;
  if (meta.key !== undefined || attempt > 0xff || depth > 0xff || length > 0xff) return encodeMeta(meta);
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + length);
  bytes[0] = SHORT_FORM;
  bytes[1] = MODES.indexOf(mode);
  bytes[2] = attempt;
  bytes[3] = depth;
  for (let index = 0; index < length; index++) {
    const code = id.charCodeAt(index);
    if (code > 0x7f) return encodeMeta(meta);
    bytes[HEAD_BYTES + index] = code;
  }
  return bytes;
}

/** Throws `CodecError` on bytes that are no `CallMeta`. */
export function decodeCallMeta(bytes: Uint8Array): CallMeta {
  if (bytes[0] !== SHORT_FORM) return decodeMeta<CallMeta>(bytes);
  const source = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    id: source.toString('latin1', HEAD_BYTES),
    mode: MODES[bytes[1] ?? 0] ?? 'value',
    attempt: bytes[2] ?? 1,
    depth: bytes[3] ?? 0,
  };
}
