/**
 * The one way in which encoding and decoding fail, and the slow search for the member at fault, made only after a failure.
 */

export type CodecErrorReason = 'type' | 'circular' | 'too-large' | 'too-deep' | 'bytes';

/** Callers turn it into `PAYLOAD_NOT_ENCODABLE`, `RESULT_NOT_ENCODABLE` or their too-large counterparts. */
export class CodecError extends Error {
  readonly reason: CodecErrorReason;
  /** Where the member at fault is, as in `value.items[3].callback`. */
  readonly path: string;

  constructor(reason: CodecErrorReason, path: readonly string[], what: string) {
    const place = `value${path.join('')}`;
    super(
      `${place} cannot be encoded: ${what}.`.replace(/^value cannot be encoded: bytes/, 'cannot be decoded: bytes'),
    );
    this.name = 'CodecError';
    this.reason = reason;
    this.path = place;
  }
}

/** Stands for a member whose getter throws. */
class Unreadable {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    this.thrown = thrown;
  }
}

/** The search goes no deeper: the first levels of a path are what helps. */
const MAX_SEARCH_DEPTH = 64;

/** Goes down to the member that fails alone. Getters and `toJSON` run again and may throw; that is then the answer. */
export function findOffender(value: unknown, thrown: unknown, canEncode: (part: unknown) => boolean): CodecError {
  const path: string[] = [];
  const ancestors = new Set<unknown>();
  let current = value;
  try {
    while (path.length < MAX_SEARCH_DEPTH && typeof current === 'object' && current !== null) {
      if (ancestors.has(current)) return new CodecError('circular', path, 'it is inside itself (circular)');
      ancestors.add(current);
      const offender = members(current).find(
        ([, member]) => member instanceof Unreadable || ancestors.has(member) || !canEncode(member),
      );
      if (!offender) break;
      path.push(offender[0]);
      current = offender[1];
      if (current instanceof Unreadable) return new CodecError('type', path, describe(current.thrown));
    }
  } catch (thrownBySearch) {
    return new CodecError('type', path, describe(thrownBySearch));
  }
  return describeOffender(current, path, thrown);
}

function describeOffender(offender: unknown, path: readonly string[], thrown: unknown): CodecError {
  if (typeof offender === 'function') return new CodecError('type', path, 'a function is not data');
  if (typeof offender === 'symbol') return new CodecError('type', path, 'a symbol is not data');
  if (path.length >= MAX_SEARCH_DEPTH) return new CodecError('too-deep', path, 'it is nested too deep');
  if (thrown instanceof RangeError && /size|buffer/i.test(thrown.message)) {
    return new CodecError('too-large', path, 'it is too large');
  }
  return new CodecError('type', path, describe(thrown));
}

function members(composite: object): [place: string, member: unknown][] {
  if (composite instanceof Map) {
    return [...composite].flatMap(([key, member]): [string, unknown][] => [
      ['.keys()', key],
      [`.get(${label(key)})`, member],
    ]);
  }
  if (composite instanceof Set) return [...composite].map((member) => ['.values()', member]);
  if (Array.isArray(composite)) return composite.map((member, index) => [`[${index}]`, member]);
  return Object.keys(composite).map((key) => [
    /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${label(key)}]`,
    read(composite, key),
  ]);
}

function read(composite: object, key: string): unknown {
  try {
    return (composite as Record<string, unknown>)[key];
  } catch (thrown) {
    return new Unreadable(thrown);
  }
}

function label(key: unknown): string {
  return typeof key === 'string' ? JSON.stringify(key.slice(0, 100)) : typeof key === 'object' ? 'object' : String(key);
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message.slice(0, 200)}` : 'something was thrown';
}
