/** Guards for what comes from the disk, put together from small ones. Faster than zod by an order, which counts where a journal has 100,000 events. Pure. */
import type { SerializedError } from '../errors.ts';

export type Guard<T> = (value: unknown) => value is T;

/** A guard for every field, also for those that may be absent; fields that nobody knows are left alone. */
export type FieldGuards<T> = { readonly [Key in keyof T]-?: Guard<T[Key]> };

export const isText: Guard<string> = (value) => typeof value === 'string';
export const isNumber: Guard<number> = (value): value is number => typeof value === 'number' && Number.isFinite(value);
export const isFlag: Guard<boolean> = (value) => typeof value === 'boolean';
export const isBytes: Guard<Uint8Array> = (value) => value instanceof Uint8Array;

export const maybe =
  <T>(guard: Guard<T>): Guard<T | undefined> =>
  (value): value is T | undefined =>
    value === undefined || guard(value);

export const oneOf = <T extends string>(allowed: readonly T[]): Guard<T> => {
  const known: ReadonlySet<unknown> = new Set(allowed);
  return (value): value is T => known.has(value);
};

export const listOf =
  <T>(guard: Guard<T>): Guard<readonly T[]> =>
  (value): value is readonly T[] =>
    Array.isArray(value) && value.every(guard);

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

export const recordOf =
  <T>(guard: Guard<T>): Guard<Readonly<Record<string, T>>> =>
  (value): value is Readonly<Record<string, T>> =>
    isRecord(value) && Object.values(value).every(guard);

export function fieldsOf<T extends object>(guards: FieldGuards<T>): Guard<T> {
  const faultIn = faultFinder(guards);
  return (value): value is T => isRecord(value) && faultIn(value) === undefined;
}

/** The first field that is not what it must be. */
export function faultFinder<T>(
  guards: FieldGuards<T>,
): (value: Readonly<Record<string, unknown>>) => string | undefined {
  const all = Object.entries<Guard<unknown>>(guards);
  return (value) => {
    for (const [name, guard] of all) if (!guard(value[name])) return name;
    return undefined;
  };
}

/** A cause in a cause goes no deeper than `serializeError` lets it. */
export const isError: Guard<SerializedError> = fieldsOf<SerializedError>({
  name: isText,
  message: isText,
  stack: maybe(isText),
  code: maybe(isText),
  details: maybe(isRecord),
  cause: maybe((value): value is SerializedError => isError(value)),
});
