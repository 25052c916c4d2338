/**
 * What a key is and how keys sort. The order is that of lmdb's `ordered-binary` encoding, so that the memory driver ranges over the same
 * entries in the same order. Pure.
 */
import { TroupeError } from '../errors.ts';
import type { Key, KeyPart } from './protocol.ts';

/** LMDB's own limit is 1,978 bytes; the rest is room for the escapes of the encoding and for the prefix of a quarantined key. */
const MAX_KEY_BYTES = 1_024;
const MAX_KEY_PARTS = 16;

/** Sorts after every part of a key: with it in last place, a key is above all that begin with the parts before. */
export const ABOVE_ALL = Symbol('above all');
export type Bound = readonly (KeyPart | typeof ABOVE_ALL)[];

/** NUL separates parts in the encoding, and half a surrogate pair has no UTF-8: two different keys would become one. */
const FORBIDDEN = /[\0\p{Surrogate}]/u;

/** Throws `INVALID_ARGUMENT` unless the key can be stored. */
export function checkKey(key: Key): Key {
  const fault = keyFault(key);
  if (fault) throw new TroupeError('INVALID_ARGUMENT', `Wrong key ${JSON.stringify(key)?.slice(0, 200)}: ${fault}.`);
  return key;
}

function keyFault(key: Key): string | undefined {
  if (key.length === 0 || key.length > MAX_KEY_PARTS) return `it must have 1 to ${MAX_KEY_PARTS} parts`;
  let bytes = 0;
  for (const part of key) {
    if (typeof part === 'number') {
      if (!Number.isFinite(part) || Object.is(part, -0)) return 'its numbers must be finite and not -0';
      bytes += 9;
    } else if (typeof part === 'string') {
      if (FORBIDDEN.test(part)) return 'its strings must not contain NUL or half a surrogate pair';
      bytes += Buffer.byteLength(part) + 2;
    } else return 'its parts must be strings or numbers';
  }
  return bytes > MAX_KEY_BYTES ? `it must not be longer than ${MAX_KEY_BYTES} bytes` : undefined;
}

/** Negative when `a` sorts first, 0 when they are equal. */
export function compareKeys(a: Bound, b: Bound): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index++) {
    const order = compareParts(a[index] ?? 0, b[index] ?? 0);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** The bounds of a range: from `low`, inclusive, to `high`, exclusive. An absent bound is open. */
export interface Bounds {
  readonly low?: Bound;
  readonly high?: Bound;
}

export function boundsOf(options: { prefix?: Key; start?: Key; end?: Key }): Bounds {
  const { prefix, start, end } = options;
  const prefixEnd: Bound | undefined = prefix && [...prefix, ABOVE_ALL];
  const low = start && prefix ? (compareKeys(start, prefix) > 0 ? start : prefix) : (start ?? prefix);
  const high = end && prefixEnd ? (compareKeys(end, prefixEnd) < 0 ? end : prefixEnd) : (end ?? prefixEnd);
  return { ...(low && { low }), ...(high && { high }) };
}

function compareParts(a: Bound[number], b: Bound[number]): number {
  if (a === b) return 0;
  if (a === ABOVE_ALL) return 1;
  if (b === ABOVE_ALL) return -1;
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1;
  return typeof b === 'string' ? compareCodePoints(a as string, b) : 1;
}

/** JavaScript compares UTF-16 units, which puts U+10000 and above before U+E000; UTF-8 bytes, and so LMDB, do not. */
function compareCodePoints(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Moves surrogates above all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
