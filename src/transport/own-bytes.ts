/** A small payload often lies in a large buffer, which whoever keeps it would keep too. Pure. */

/** Below it, copying is cheaper than what is held on to. */
const COPY_BELOW_PART = 1 / 2;

/** For those who keep a payload: itself, or a copy of it where most of its buffer is something else. */
export function ownBytes(payload: Uint8Array): Uint8Array {
  return payload.byteLength < payload.buffer.byteLength * COPY_BELOW_PART ? payload.slice() : payload;
}
