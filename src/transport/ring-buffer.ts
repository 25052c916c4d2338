/**
 * A ring of frames in shared memory, with one writer and one reader.
 *
 * A record is a head of eight 32-bit words, then meta and payload, each padded to 8 bytes (V8 copies shared memory word by word where it is
 * aligned, and else byte by byte, eight times as slow), and never split: what does not fit before the end of
 * the ring begins at its start, and a mark stands in the gap. The writer publishes a record by moving its position once all of it stands,
 * so a writer that dies in the middle leaves nothing behind. Positions count bytes modulo 2^32.
 *
 * Frames that do not fit travel out of band. Both ways make one order: a record says how many frames were posted before it, and a posted
 * frame is next once no record stands in the ring that was written before it was posted.
 *
 * After the single-producer queue of Lamport (1977, "Proving the correctness of multiprocess programs"), with each side's copy of the
 * other's position as in FastForward and B-Queue. The doorbell is Dekker's: each side stores its own word, then looks at the other's.
 */
import { isFrameKind } from './frame-codec.ts';
import { EMPTY, type Frame, type FrameKind } from './protocol.ts';

/** Words that different threads write stand 128 bytes apart: processors fetch lines of 64 bytes in pairs. */
const WRITTEN = 0;
/** Frames sent out of band so far; on the writer's line, so that a reader looks at one line only. */
const POSTED = 1;
/** Their bytes, overhead included. */
const POSTED_BYTES = 2;
/** Not 0: the writer waits for others, and has nothing to write before they answer. */
const AWAY = 3;
const READ = 32;
/** Those of them that the reader has handed on. */
const TAKEN_BYTES = 33;
const PARKED = 64;
/** Not 0: the writer waits until less than this is waiting. */
const ROOM_WANTED = 96;
const HEAD_BYTES = 512;

const RECORD_HEAD_BYTES = 32;
const RECORD_HEAD_WORDS = RECORD_HEAD_BYTES / 4;
/** In the place of a kind: the next record begins at the start of the ring. */
const WRAP = -1;
/** Below it a loop is faster than making a view for `set`. */
const LOOPED_BYTES = 96;

/** Holds a thousand small calls. Its pages cost memory only once they were used. */
export const RING_BYTES = 262_144;

/** A power of two from 1 KiB. The reader counts as parked until it says otherwise. */
export function createRing(bytes = RING_BYTES): SharedArrayBuffer {
  const ring = new SharedArrayBuffer(HEAD_BYTES + bytes);
  new Int32Array(ring)[PARKED] = 1;
  return ring;
}

class RingViews {
  readonly words: Int32Array;
  readonly floats: Float64Array;
  readonly bytes: Uint8Array;
  readonly capacity: number;

  constructor(ring: SharedArrayBuffer) {
    this.words = new Int32Array(ring);
    this.floats = new Float64Array(ring);
    this.bytes = new Uint8Array(ring);
    this.capacity = ring.byteLength - HEAD_BYTES;
  }
}

export class RingWriter {
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  readonly #bytes: Uint8Array;
  readonly #capacity: number;
  #written: number;
  /** As last seen: the reader may be further. Looking again fetches a line that the reader has just written: 0.1 us. */
  #read: number;
  #takenBytes: number;
  #posted: number;
  #postedBytes: number;

  constructor(ring: SharedArrayBuffer) {
    const views = new RingViews(ring);
    this.#words = views.words;
    this.#floats = views.floats;
    this.#bytes = views.bytes;
    this.#capacity = views.capacity;
    this.#written = Atomics.load(this.#words, WRITTEN);
    this.#read = Atomics.load(this.#words, READ);
    this.#takenBytes = Atomics.load(this.#words, TAKEN_BYTES);
    this.#posted = Atomics.load(this.#words, POSTED);
    this.#postedBytes = Atomics.load(this.#words, POSTED_BYTES);
  }

  /** What the reader has not had, on both ways. */
  get waitingBytes(): number {
    this.#read = Atomics.load(this.#words, READ);
    this.#takenBytes = Atomics.load(this.#words, TAKEN_BYTES);
    return this.#waitingAtMost;
  }

  /** Looks at how far the reader is only where that may matter. */
  hasMoreWaitingThan(bytes: number): boolean {
    return this.#waitingAtMost > bytes && this.waitingBytes > bytes;
  }

  /** False when there is no room. */
  tryWrite(frame: Frame): boolean {
    const { meta, payload } = frame;
    const recordBytes = recordSize(meta.length, payload.length);
    const start = this.#reserve(recordBytes);
    if (start < 0) return false;
    const words = this.#words;
    const word = start >> 2;
    words[word] = frame.kind;
    words[word + 1] = frame.port;
    this.#floats[(word + 2) >> 1] = frame.argument;
    words[word + 4] = frame.call;
    words[word + 5] = meta.length;
    words[word + 6] = payload.length;
    words[word + 7] = this.#posted;
    const metaStart = start + RECORD_HEAD_BYTES;
    copyIn(this.#bytes, metaStart, meta);
    copyIn(this.#bytes, metaStart + padded(meta.length), payload);
    this.#written = (this.#written + recordBytes) | 0;
    Atomics.store(words, WRITTEN, this.#written);
    return true;
  }

  /** Sends a frame of so many bytes out of band. Told of it only after, the reader never looks for a message that is not there yet. */
  post(costBytes: number, send: () => void): void {
    this.#postedBytes = (this.#postedBytes + costBytes) | 0;
    Atomics.store(this.#words, POSTED_BYTES, this.#postedBytes);
    send();
    this.#posted = (this.#posted + 1) | 0;
    Atomics.store(this.#words, POSTED, this.#posted);
  }

  /** Whether spinning for this writer is in vain. */
  setAway(isAway: boolean): void {
    Atomics.store(this.#words, AWAY, isAway ? 1 : 0);
  }

  /** True once after the reader has parked: it has to be woken. */
  takeParked(): boolean {
    return Atomics.load(this.#words, PARKED) === 1 && Atomics.exchange(this.#words, PARKED, 0) === 1;
  }

  /** Asks the reader to say when less than this is waiting. */
  wantRoom(belowBytes: number): void {
    Atomics.store(this.#words, ROOM_WANTED, belowBytes);
  }

  /** Takes the question back. */
  dropWantRoom(): void {
    Atomics.store(this.#words, ROOM_WANTED, 0);
  }

  /** Where the record may stand; -1 when there is no room. Leaves a mark where it has to begin at the start. */
  #reserve(recordBytes: number): number {
    const offset = this.#written & (this.#capacity - 1);
    const toEnd = this.#capacity - offset;
    const skipped = recordBytes <= toEnd ? 0 : toEnd;
    if (this.#room < recordBytes + skipped) {
      this.#read = Atomics.load(this.#words, READ);
      if (this.#room < recordBytes + skipped) return -1;
    }
    if (skipped === 0) return HEAD_BYTES + offset;
    this.#words[(HEAD_BYTES + offset) >> 2] = WRAP;
    this.#written = (this.#written + skipped) | 0;
    return HEAD_BYTES;
  }

  get #waitingAtMost(): number {
    return ((this.#written - this.#read) >>> 0) + ((this.#postedBytes - this.#takenBytes) >>> 0);
  }

  get #room(): number {
    return this.#capacity - ((this.#written - this.#read) >>> 0);
  }
}

export class RingReader {
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  readonly #bytes: Uint8Array;
  readonly #capacity: number;
  #read: number;
  #taken: number;
  #takenBytes: number;
  /** Whether the word may say so: while it does not, the line stays in the caches of both sides. */
  #isParked = true;

  constructor(ring: SharedArrayBuffer) {
    const views = new RingViews(ring);
    this.#words = views.words;
    this.#floats = views.floats;
    this.#bytes = views.bytes;
    this.#capacity = views.capacity;
    this.#read = Atomics.load(this.#words, READ);
    this.#taken = 0;
    this.#takenBytes = Atomics.load(this.#words, TAKEN_BYTES);
  }

  /** Whether anything has been sent that was not read or taken. What a spinner looks at. */
  get hasMore(): boolean {
    return this.hasRecord || this.hasPosted;
  }

  get hasRecord(): boolean {
    return Atomics.load(this.#words, WRITTEN) !== this.#read;
  }

  /** Whether frames were sent out of band that were not taken. */
  get hasPosted(): boolean {
    return ((Atomics.load(this.#words, POSTED) - this.#taken) | 0) > 0;
  }

  get isWriterAway(): boolean {
    return Atomics.load(this.#words, AWAY) !== 0;
  }

  /** Whether some of them were sent ahead of the next record. Only while `hasRecord`. */
  get isPostedAhead(): boolean {
    return (((this.#words[this.#recordWord() + 7] ?? 0) - this.#taken) | 0) > 0;
  }

  /** A frame of so many bytes that came out of band was handed on. */
  tookPosted(costBytes: number): void {
    this.#taken = (this.#taken + 1) | 0;
    this.#takenBytes = (this.#takenBytes + costBytes) | 0;
    Atomics.store(this.#words, TAKEN_BYTES, this.#takenBytes);
  }

  /** The next record, with bytes of its own; undefined when it is none, which ends the ring. Only while `hasRecord`. */
  read(): Frame | undefined {
    const word = this.#recordWord();
    const words = this.#words;
    const kind = words[word];
    const metaLength = words[word + 5] ?? -1;
    const payloadLength = words[word + 6] ?? -1;
    const waitingBytes = (Atomics.load(words, WRITTEN) - this.#read) >>> 0;
    const recordBytes = recordSize(metaLength, payloadLength);
    if (!isFrameKind(kind) || metaLength < 0 || payloadLength < 0 || recordBytes > waitingBytes) return undefined;
    const start = (word + RECORD_HEAD_WORDS) << 2;
    const frame = {
      kind: kind as FrameKind,
      port: (words[word + 1] ?? 0) >>> 0,
      call: (words[word + 4] ?? 0) >>> 0,
      argument: this.#floats[(word + 2) >> 1] ?? 0,
      meta: copyOut(this.#bytes, start, metaLength),
      payload: copyOut(this.#bytes, start + padded(metaLength), payloadLength),
    };
    this.#advance(recordBytes);
    return frame;
  }

  /** True when the reader may sleep: whoever sends next rings. False when something has come in the meantime. */
  park(): boolean {
    this.#isParked = true;
    Atomics.store(this.#words, PARKED, 1);
    if (!this.hasMore) return true;
    this.unpark();
    return false;
  }

  unpark(): void {
    if (!this.#isParked) return;
    this.#isParked = false;
    Atomics.store(this.#words, PARKED, 0);
  }

  /** True once when the writer waits for room and there is as much as it asked for. */
  takeRoomWanted(): boolean {
    const belowBytes = Atomics.load(this.#words, ROOM_WANTED);
    if (belowBytes === 0 || this.#waitingBytes >= belowBytes) return false;
    return Atomics.exchange(this.#words, ROOM_WANTED, 0) !== 0;
  }

  get #waitingBytes(): number {
    const postedBytes = (Atomics.load(this.#words, POSTED_BYTES) - this.#takenBytes) >>> 0;
    return ((Atomics.load(this.#words, WRITTEN) - this.#read) >>> 0) + postedBytes;
  }

  /** Of the next record, past the gap at the end. */
  #recordWord(): number {
    const word = (HEAD_BYTES + (this.#read & (this.#capacity - 1))) >> 2;
    if (this.#words[word] !== WRAP) return word;
    this.#advance(this.#capacity - (this.#read & (this.#capacity - 1)));
    return HEAD_BYTES >> 2;
  }

  #advance(bytes: number): void {
    this.#read = (this.#read + bytes) | 0;
    Atomics.store(this.#words, READ, this.#read);
  }
}

/** What a frame with so many bytes of meta and payload takes in a ring. */
export function recordSize(metaLength: number, payloadLength: number): number {
  return RECORD_HEAD_BYTES + padded(metaLength) + padded(payloadLength);
}

function padded(length: number): number {
  return (length + 7) & ~7;
}

function copyIn(ring: Uint8Array, at: number, bytes: Uint8Array): void {
  const { length } = bytes;
  if (length > LOOPED_BYTES) return ring.set(bytes, at);
  for (let index = 0; index < length; index++) ring[at + index] = bytes[index] ?? 0;
}

/** Decoding from shared memory is four times as slow as from a Buffer. */
function copyOut(ring: Uint8Array, at: number, length: number): Uint8Array {
  if (length === 0) return EMPTY;
  const bytes = Buffer.allocUnsafe(length);
  if (length > LOOPED_BYTES) bytes.set(ring.subarray(at, at + length));
  else for (let index = 0; index < length; index++) bytes[index] = ring[at + index] ?? 0;
  return bytes;
}
