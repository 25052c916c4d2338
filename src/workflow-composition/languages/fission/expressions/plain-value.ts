/**
 * A value as JSON has it, without a copy where it is so already: undefined, functions and symbols are dropped (null in a list and at the top),
 * NaN and the infinities become null, -0 becomes 0, whatever has `toJSON` (a Date) what that gives. Bytes stay bytes: the payload codec carries them, and who passes
 * a file from one task to the next means the file.
 */

/** Deeper data is a circle, or breaks JSON in the sandbox anyway. */
const MAX_DEPTH = 1_000;

/** Throws a `TypeError` for a BigInt, and for data that is circular or too deep. */
export function plainValue(value: unknown): unknown {
  return plain(value, 0) ?? null;
}

/** One level of it: what a path sees when it steps into a value. */
export function plainScalar(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null;
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null || isBytes(value)) return value;
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === 'function' ? plainScalar(toJSON.call(value)) : value;
}

export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** Whether there are bytes anywhere in it. A circle overflows the stack, as it makes `JSON.stringify` throw. */
export function holdsBytes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (isBytes(value)) return true;
  if (Array.isArray(value)) return value.some(holdsBytes);
  for (const key in value) {
    if (holdsBytes((value as Record<string, unknown>)[key])) return true;
  }
  return false;
}

function plain(given: unknown, depth: number): unknown {
  const value = plainScalar(given);
  if (typeof value === 'bigint') throw new TypeError('a BigInt is no JSON: make it a number or a string');
  if (typeof value !== 'object' || value === null || isBytes(value)) return value;
  if (depth > MAX_DEPTH) throw new TypeError('the value is circular, or nested too deep');
  return Array.isArray(value) ? plainList(value, depth) : plainRecord(value, depth);
}

function plainList(list: readonly unknown[], depth: number): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let index = 0; index < list.length; index++) {
    const item = plain(list[index], depth + 1) ?? null;
    if (!copy && !Object.is(item, list[index])) copy = list.slice(0, index);
    copy?.push(item);
  }
  return copy ?? list;
}

function plainRecord(record: object, depth: number): object {
  const prototype: unknown = Object.getPrototypeOf(record);
  const keys = Object.keys(record);
  let isPlain = prototype === Object.prototype || prototype === null;
  const values = keys.map((key) => {
    const given = (record as Record<string, unknown>)[key];
    const value = plain(given, depth + 1);
    isPlain &&= value !== undefined && Object.is(value, given);
    return value;
  });
  if (isPlain) return record;
  // Unlike an assignment, this makes `__proto__` a key like any other.
  return Object.fromEntries(keys.flatMap((key, index) => (values[index] === undefined ? [] : [[key, values[index]]])));
}
