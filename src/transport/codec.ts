/**
 * What stands in `payload` and `meta`: MessagePack, by msgpackr. Every encoding is complete in itself (no state is shared between the
 * ends), and its bytes belong to the caller alone.
 *
 * What survives: null, undefined, booleans, numbers (NaN and infinities too), strings, BigInts, Dates, Maps, Sets, Buffers, typed
 * arrays, arrays and plain objects. As in JSON, `toJSON` is respected, an instance of a class arrives as a plain object of its own
 * enumerable members, and members named by a symbol are left out. An error arrives as a plain object with its name, message, stack,
 * cause and own members. What would silently lose its meaning is refused with a `CodecError`: functions, symbols, promises, weak
 * collections, regular expressions, shared memory, circular structures.
 *
 * Nothing but data is ever built from bytes: no errors, no regular expressions, no classes. A member named `__proto__` is renamed
 * (invariant 6 in README.md).
 */
import { isAscii, isUtf8, transcode } from 'node:buffer';
import { addExtension, Packr, RESET_BUFFER_MODE, REUSE_BUFFER_MODE, Unpackr } from 'msgpackr/pack';
import { CodecError, findOffender } from './codec-error.ts';
import { MAX_FRAME_BYTES } from './limits.ts';

/**
 * As documented by msgpackr: it answers with its working buffer and where in it the encoding stands, which the next one overwrites. A view on
 * that would cost a third of a small encoding.
 */
const PACK_MODE = REUSE_BUFFER_MODE | RESET_BUFFER_MODE;
/** After an encoding above this the working buffer, up to four times as large, is given back. */
const KEPT_BUFFER_BYTES = 1_048_576;
const FRESH_BUFFER_BYTES = 8_192;
const ON_HEAP_BYTES = 64;
const SCRATCH_BYTES = 1_024;
/** Below it a loop is faster than making a view, or a call, for `set`. */
const LOOPED_BYTES = 96;

const BIN_32 = 0xc6;
const STR_32 = 0xdb;
const LONG_HEAD_BYTES = 5;
/** From here on a Buffer is written as "bin 32" anyway, and a string as "str 32". */
const LARGE_BYTES = 65_536;
/** A text that is not ASCII most often shows it so early. */
const SAMPLE_CHARACTERS = 1_024;

/** Native decoding of strings takes 10 ms to load, and saves about as much of so many bytes of text. */
const NATIVE_AFTER_BYTES = 1_048_576;

/** Never a first byte of MessagePack. Marks an encoding that holds a Map; see `MapFound`. */
const MAPS_MARK = 0xc1;

/**
 * msgpackr encodes objects either as maps, which is fastest for small ones but cannot be told from a Map, or as self-describing
 * records. The first way is tried always; meeting a Map leads to the second.
 */
class MapFound extends Error {}
const MAP_FOUND = new MapFound('A Map needs the other encoding.');

let limitBytes = MAX_FRAME_BYTES;
/** Of what was decoded and may have held strings, without what is small. */
let textBytes = 0;

/** Called by msgpackr ahead of each object: stops a circular structure, or a giant, before it fills the memory. */
function checkSize(): void {
  if (plainPackr.position > limitBytes + KEPT_BUFFER_BYTES) throw new RangeError('over the size limit');
}

class PlainPackr extends Packr {
  /** An option that msgpackr reads when it meets a Map, and only then. */
  get mapAsEmptyObject(): boolean {
    throw MAP_FOUND;
  }
}

function refuseFunction(): never {
  throw new TypeError('a function is not data');
}

const COMMON = {
  structuredClone: false,
  moreTypes: true,
  variableMapSize: true,
  writeFunction: refuseFunction,
} as const;
const decideFor = (useRecord: boolean) => () => {
  checkSize();
  return useRecord;
};
const plainPackr: Packr = new PlainPackr({ ...COMMON, useRecords: decideFor(false) });
const recordPackr = new Packr({ ...COMMON, useRecords: decideFor(true) });
const PLAIN_UNPACKING = { structuredClone: false, useRecords: false, mapsAsObjects: true } as const;
const plainUnpackr = new Unpackr(PLAIN_UNPACKING);
/** msgpackr makes a DataView for each array that it has not seen yet, which is half of what decoding a small one costs. So these are copied here. */
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
const scratchUnpackr = new Unpackr({ ...PLAIN_UNPACKING, copyBuffers: true });
const recordUnpackr = new Unpackr({ structuredClone: false, mapsAsObjects: false });

const textEncoder = new TextEncoder();

registerExtensions();

export interface EncodeOptions {
  /** Larger encodings are refused, most of them before they are complete; the default is `MAX_FRAME_BYTES`. */
  readonly limitBytes?: number;
}

let isEncoding = false;

/** Throws `CodecError`, and nothing else. */
export function encodePayload(value: unknown, options: EncodeOptions = {}): Uint8Array {
  // msgpackr has one working buffer for all: an encoding inside another, from a getter or a toJSON, would write into its middle.
  if (isEncoding) throw new CodecError('type', [], 'a getter or toJSON that encodes another payload');
  isEncoding = true;
  limitBytes = options.limitBytes ?? MAX_FRAME_BYTES;
  try {
    const bytes = pack(value);
    if (bytes.length <= limitBytes) return bytes;
  } catch (thrown) {
    // Whatever was thrown, a stack overflow included, may have left the working buffer half replaced.
    renewBuffer();
    throw findOffender(value, thrown, canEncode);
  } finally {
    isEncoding = false;
  }
  throw new CodecError('too-large', [], `more than ${limitBytes} bytes`);
}

/** Throws `CodecError`. Buffers in the result are views on `bytes`, but for small ones. */
export function decodePayload(bytes: Uint8Array): unknown {
  try {
    if (bytes.length <= SCRATCH_BYTES && bytes[0] !== MAPS_MARK) return unpackSmall(bytes);
    // A Buffer decodes strings faster than a Uint8Array, and what was a Buffer becomes one again.
    const source = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const text = unpackText(source);
    if (text !== undefined) return text;
    if (source[0] !== BIN_32 && textBytes < NATIVE_AFTER_BYTES) countTowardsNative(source.length);
    if (source[0] !== MAPS_MARK) return plainUnpackr.unpack(source);
    return recordUnpackr.unpack(source, { start: 1, end: source.length });
  } catch (thrown) {
    throw new CodecError('bytes', [], `bytes that are no encoding (${describe(thrown)})`);
  }
}

/** For the small plain objects of the protocols. */
export function encodeMeta(meta: unknown): Uint8Array {
  return encodePayload(meta);
}

/** The caller knows which type stands at this place; the bytes come from the runtime itself. */
export function decodeMeta<Meta>(bytes: Uint8Array): Meta {
  return decodePayload(bytes) as Meta;
}

function pack(value: unknown): Uint8Array {
  if (Buffer.isBuffer(value) && value.length >= LARGE_BYTES) return packLarge(value);
  if (typeof value === 'string' && value.length >= LARGE_BYTES) {
    const packed = packAscii(value);
    if (packed) return packed;
  }
  try {
    return owned(plainPackr.pack(value, PACK_MODE), 0);
  } catch (thrown) {
    if (thrown !== MAP_FOUND) throw thrown;
  }
  return owned(recordPackr.pack(value, PACK_MODE), 1);
}

function countTowardsNative(bytes: number): void {
  textBytes += bytes;
  if (textBytes >= NATIVE_AFTER_BYTES) void loadNativeDecoding();
}

/** msgpackr's main entry adds it to all decoders of this thread, where it was installed. */
export async function loadNativeDecoding(): Promise<void> {
  textBytes = NATIVE_AFTER_BYTES;
  await import('msgpackr');
}

function unpackSmall(bytes: Uint8Array): unknown {
  const { length } = bytes;
  if (length > LOOPED_BYTES) scratch.set(bytes);
  else for (let index = 0; index < length; index++) scratch[index] = bytes[index] ?? 0;
  return scratchUnpackr.unpack(scratch, length);
}

/** A large Buffer, as msgpackr would write it ("bin 32"), but copied once instead of twice. */
function packLarge(value: Buffer): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(LONG_HEAD_BYTES + value.length);
  bytes[0] = BIN_32;
  bytes.writeUInt32BE(value.length, 1);
  bytes.set(value, LONG_HEAD_BYTES);
  return bytes;
}

/** A large string, as msgpackr would write it ("str 32"), but copied once instead of twice; undefined when it is not all ASCII. */
function packAscii(value: string): Uint8Array | undefined {
  // Reading a character joins what a string was put together from: its parts are written ten times as slowly.
  value.charCodeAt(0);
  if (!isAscii(Buffer.from(value.slice(0, SAMPLE_CHARACTERS)))) return undefined;
  const bytes = Buffer.allocUnsafeSlow(LONG_HEAD_BYTES + value.length);
  bytes[0] = STR_32;
  bytes.writeUInt32BE(value.length, 1);
  const { read } = textEncoder.encodeInto(value, bytes.subarray(LONG_HEAD_BYTES));
  return read === value.length ? bytes : undefined;
}

/**
 * A large string; undefined when it is something else. V8 decodes UTF-8 well only while it is ASCII, and then no better than Latin-1; for
 * any other text two steps by way of UTF-16 take a third to a quarter of the time.
 */
function unpackText(source: Buffer): string | undefined {
  if (source[0] !== STR_32 || source.length < LARGE_BYTES) return undefined;
  if (source.readUInt32BE(1) !== source.length - LONG_HEAD_BYTES) return undefined;
  const text = source.subarray(LONG_HEAD_BYTES);
  if (isAscii(text)) return text.toString('latin1');
  return isUtf8(text) ? transcode(text, 'utf8', 'utf16le').toString('utf16le') : undefined;
}

/** The working buffer, as `PACK_MODE` answers with it. */
type PackedIn = Uint8Array & { readonly start: number; readonly end: number };

/**
 * A copy: a view on the working buffer would be overwritten. V8 keeps the bytes of arrays up to 64 bytes in its own heap; a larger one of its own
 * costs 1 us, for memory of its own and its release, and a slice of Node's pool a tenth of that. Such slices are never transferred.
 */
function owned(packed: Uint8Array, reserved: 0 | 1): Uint8Array {
  const { start, end } = packed as PackedIn;
  const length = end - start;
  const copy = length < ON_HEAP_BYTES ? new Uint8Array(length + reserved) : Buffer.allocUnsafe(length + reserved);
  if (reserved === 1) copy[0] = MAPS_MARK;
  if (length > LOOPED_BYTES) copy.set(packed.subarray(start, end), reserved);
  else for (let index = 0; index < length; index++) copy[index + reserved] = packed[start + index] ?? 0;
  if (length > KEPT_BUFFER_BYTES) renewBuffer();
  return copy;
}

function canEncode(value: unknown): boolean {
  try {
    pack(value);
    return true;
  } catch {
    renewBuffer();
    return false;
  }
}

function renewBuffer(): void {
  plainPackr.useBuffer(Buffer.allocUnsafeSlow(FRESH_BUFFER_BYTES));
}

/** msgpackr keeps one table of extensions for all of its users in this thread; none of these changes what another could rely on. */
function registerExtensions(): void {
  for (const Class of [Promise, WeakMap, WeakSet, WeakRef, RegExp, SharedArrayBuffer]) {
    addExtension({
      Class,
      write() {
        throw new TypeError(`a ${Class.name} is not data`);
      },
    });
  }
  // A Map of a derived class: msgpackr recognises only Map itself, and would write an empty object.
  addExtension({ Class: Map, write: (map: Map<unknown, unknown>) => new Map(map) });
  addExtension({ Class: Error, write: plainError });
  for (const code of ['e', 'x']) {
    addExtension({
      type: code.charCodeAt(0),
      unpack() {
        throw new TypeError(`an extension of type "${code}"`);
      },
    });
  }
}

function plainError(error: Error): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  return { ...error, name, message, stack, ...(cause === undefined ? {} : { cause }) };
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message.slice(0, 200) : 'not an error';
}
