/**
 * What a definition is read from: a tree that knows where in the file each of its parts stands. A task that another task puts out is plain
 * data; it becomes such a tree without places, so that there is one parser for both.
 */
import type { Place } from './faults.ts';

export interface ScalarSource {
  readonly kind: 'scalar';
  readonly value: unknown;
  readonly at: Place | undefined;
}

export interface ListSource {
  readonly kind: 'list';
  readonly items: readonly Source[];
  readonly at: Place | undefined;
}

export interface MapSource {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, MapEntry>;
  readonly at: Place | undefined;
}

export interface MapEntry {
  readonly keyAt: Place | undefined;
  readonly value: Source;
}

export type Source = ScalarSource | ListSource | MapSource;

export const NOTHING: ScalarSource = { kind: 'scalar', value: null, at: undefined };

/** Deeper data is left as it is: it can hold no task of any use, and this recurses. */
const MAX_PLAIN_DEPTH = 400;

export function fromPlain(value: unknown, depth = 0): Source {
  if (depth < MAX_PLAIN_DEPTH && Array.isArray(value)) {
    return { kind: 'list', items: value.map((item) => fromPlain(item, depth + 1)), at: undefined };
  }
  if (depth < MAX_PLAIN_DEPTH && isPlainMap(value)) {
    const entries = new Map<string, MapEntry>();
    for (const [key, member] of Object.entries(value)) {
      entries.set(key, { keyAt: undefined, value: fromPlain(member, depth + 1) });
    }
    return { kind: 'map', entries, at: undefined };
  }
  return { kind: 'scalar', value, at: undefined };
}

/** Shared by whoever asks twice. */
const plainForms = new WeakMap<Source, unknown>();

export function toPlain(source: Source): unknown {
  if (source.kind === 'scalar') return source.value;
  const known = plainForms.get(source);
  if (known !== undefined) return known;
  const plain =
    source.kind === 'list'
      ? source.items.map(toPlain)
      : mapOf([...source.entries].map(([key, { value }]) => [key, toPlain(value)]));
  plainForms.set(source, plain);
  return plain;
}

/** An own member whatever its name is: one named `__proto__` changes no prototype. */
export function mapOf(entries: Iterable<readonly [string, unknown]>): Record<string, unknown> {
  return Object.fromEntries(entries);
}

export function isPlainMap(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** For a message. */
export function describeSource(source: Source): string {
  return source.kind === 'scalar' ? describeValue(source.value) : `a ${source.kind}`;
}

export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
