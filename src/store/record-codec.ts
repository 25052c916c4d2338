/**
 * One record on disk: a checksum of all that follows and of its key, the revision, then the value as MessagePack.
 *
 * LMDB has no checksums of its own. The key is part of the sum so that a record found under another key is damaged too.
 */
import { crc32 } from 'node:zlib';
import { Packr } from 'msgpackr';
import { TroupeError } from '../errors.ts';
import type { Key } from './protocol.ts';

/** A 32-bit checksum, then the revision as a 64-bit float, both big-endian. */
const HEADER_BYTES = 12;

/** `structuredClone: false` keeps the decoder from building anything but plain data; copies outlive LMDB's own buffers. */
const packr = new Packr({ useRecords: false, structuredClone: false, mapsAsObjects: true, copyBuffers: true });

interface Damaged {
  readonly kind: 'damaged';
  readonly reason: string;
}

type Checked = { readonly kind: 'sound'; readonly revision: number } | Damaged;
type Decoded = { readonly kind: 'record'; readonly revision: number; readonly value: unknown } | Damaged;

/** Throws `INVALID_ARGUMENT` when the value is not plain data. */
export function encodeValue(value: unknown): Uint8Array {
  try {
    return packr.pack(value);
  } catch (cause) {
    throw new TroupeError(
      'INVALID_ARGUMENT',
      `The value cannot be stored: ${cause instanceof Error ? cause.message : String(cause)}. Store plain data without cycles.`,
      { cause },
    );
  }
}

export function encodeRecord(key: Key, revision: number, encodedValue: Uint8Array): Uint8Array {
  const record = Buffer.allocUnsafe(HEADER_BYTES + encodedValue.length);
  record.writeDoubleBE(revision, 4);
  record.set(encodedValue, HEADER_BYTES);
  record.writeUInt32BE(checksum(key, record), 0);
  return record;
}

/** For those who need no more of it. */
export function revisionOf(key: Key, record: Uint8Array): Checked {
  if (record.length <= HEADER_BYTES) return { kind: 'damaged', reason: `it is only ${record.length} bytes long` };
  const bytes = Buffer.from(record.buffer, record.byteOffset, record.length);
  if (bytes.readUInt32BE(0) !== checksum(key, bytes)) return { kind: 'damaged', reason: 'its checksum does not match' };
  return { kind: 'sound', revision: bytes.readDoubleBE(4) };
}

export function decodeRecord(key: Key, record: Uint8Array): Decoded {
  const checked = revisionOf(key, record);
  if (checked.kind === 'damaged') return checked;
  const bytes = Buffer.from(record.buffer, record.byteOffset, record.length);
  try {
    const value: unknown = packr.unpack(bytes, { start: HEADER_BYTES, end: bytes.length });
    return { kind: 'record', revision: checked.revision, value };
  } catch (error) {
    return { kind: 'damaged', reason: `it cannot be decoded: ${error instanceof Error ? error.message : error}` };
  }
}

function checksum(key: Key, record: Uint8Array): number {
  return crc32(record.subarray(4), crc32(key.join('\0')));
}
