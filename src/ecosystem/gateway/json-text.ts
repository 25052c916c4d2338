/**
 * Results as JSON. What JSON has no form for gets the nearest one: a BigInt is a number if that is exact, else a string; bytes are
 * base64; other typed arrays and Sets are arrays; a Map is an object if all its keys are strings, else an array of pairs; undefined
 * is null. Pure.
 */
import { TroupeError } from '../../errors.ts';

/** Throws `RESULT_NOT_ENCODABLE`: the value is circular, or too deep. */
export function toJsonText(value: unknown): string {
  try {
    // Most results are plain, and the native writer alone is several times as fast as one with a replacer.
    return JSON.stringify(isPlain(value) ? value : toPlain(value)) ?? 'null';
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new TroupeError('RESULT_NOT_ENCODABLE', `The result cannot be written as JSON: ${why}`, { cause: thrown });
  }
}

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'bigint';
  if (Array.isArray(value)) {
    for (const item of value) if (!isPlain(item)) return false;
    return true;
  }
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    return false;
  }
  for (const member of Object.values(value)) if (!isPlain(member)) return false;
  return true;
}

function toPlain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map(toPlain);
  if (value instanceof Uint8Array) return toBase64(value);
  if (value instanceof ArrayBuffer) return toBase64(new Uint8Array(value));
  if (value instanceof DataView) return toBase64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<unknown>, toPlain);
  if (value instanceof Set) return Array.from(value, toPlain);
  if (value instanceof Map) {
    const entries = Array.from(value, ([key, member]): [unknown, unknown] => [toPlain(key), toPlain(member)]);
    return entries.every(([key]) => typeof key === 'string') ? toObject(entries) : entries;
  }
  return toObject(Object.entries(value).map(([key, member]) => [key, toPlain(member)]));
}

/** Makes own members of all names, `__proto__` too. */
function toObject(entries: readonly (readonly [unknown, unknown])[]): object {
  return Object.fromEntries(entries as readonly (readonly [string, unknown])[]);
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
