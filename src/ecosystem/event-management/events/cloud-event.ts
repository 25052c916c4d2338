/**
 * A CloudEvent 1.0 from what was published: checked strictly, every fault at once, and filled in where something may be left out. Pure: time and
 * ids are arguments.
 */
import { isRecord } from '../../../store/shape.ts';
import type { CloudEvent } from '../protocol.ts';

/** As the specification has them; it advises 20 characters, and so many are allowed. */
export const ATTRIBUTE_NAME = /^[a-z0-9]{1,64}$/;
/** In characters; of `source` and `dataschema` twice as many. */
export const MAX_ATTRIBUTE_LENGTH = 1_024;
const MAX_EXTENSIONS = 64;
const MAX_NAMED_FAULTS = 10;

/** Neither control characters nor halves of surrogate pairs (section 3.1 of the specification). */
const TEXT = /^[^\p{Cc}\p{Surrogate}]+$/u;
/** Of RFC 3986, appendix A: a scheme, then an authority with its path or a path alone, a query and a fragment. */
const URI_REFERENCE = (() => {
  const escaped = '%[0-9A-Fa-f]{2}';
  const name = `(?:[A-Za-z0-9\\-._~!$&'()*+,;=]|${escaped})`;
  const segment = `(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@]|${escaped})`;
  const first = `(?:[A-Za-z0-9\\-._~!$&'()*+,;=@]|${escaped})`;
  const authority = `(?:(?:${name}|:)*@)?(?:\\[[0-9A-Fa-f:.]+\\]|${name}*)(?::\\d*)?`;
  const absolute = `/(?:${segment}+(?:/${segment}*)*)?`;
  const rest = `(?:/${segment}*)*`;
  const withScheme = `[A-Za-z][A-Za-z0-9+.-]*:(?://${authority}${rest}|${absolute}|${segment}+${rest}|)`;
  const withoutScheme = `(?://${authority}${rest}|${absolute}|${first}+${rest}|)`;
  const tail = `(?:${segment}|[/?])*`;
  return new RegExp(`^(?:${withScheme}|${withoutScheme})(?:\\?${tail})?(?:#${tail})?$`);
})();
const ABSOLUTE_URI = /^[A-Za-z][A-Za-z0-9+.-]*:./;
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;.*)?$/;
/** RFC 3339. */
const TIMESTAMP = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const MAX_INTEGER = 2_147_483_647;

export interface Arrival {
  readonly wallMs: number;
  readonly newId: () => string;
}

export type Checked =
  | { readonly kind: 'sound'; readonly event: CloudEvent }
  | { readonly kind: 'faulty'; readonly faults: readonly string[] };

type Check = (value: unknown) => string | undefined;

const text =
  (pattern: RegExp, why: string, maxLength = MAX_ATTRIBUTE_LENGTH): Check =>
  (value) => {
    if (typeof value !== 'string' || value === '') return 'must be a string that is not empty';
    if (value.length > maxLength) return `must not be longer than ${maxLength} characters`;
    return TEXT.test(value) && pattern.test(value) ? undefined : why;
  };

const NO_CONTROL = 'must have no control characters';
const URI_LENGTH = 2 * MAX_ATTRIBUTE_LENGTH;

const CHECKS: Readonly<Record<string, Check>> = {
  specversion: (value) => (value === '1.0' ? undefined : `must be '1.0', not ${shown(value)}`),
  id: text(TEXT, NO_CONTROL),
  source: text(URI_REFERENCE, 'must be a URI reference, with what is no URI character percent-encoded', URI_LENGTH),
  type: text(TEXT, NO_CONTROL),
  subject: text(TEXT, NO_CONTROL),
  time: (value) =>
    typeof value === 'string' && TIMESTAMP.test(value) && !Number.isNaN(Date.parse(value))
      ? undefined
      : `must be a time as RFC 3339 has it, such as 2026-01-31T12:00:00Z, not ${shown(value)}`,
  datacontenttype: text(MEDIA_TYPE, 'must be a media type, such as application/json'),
  dataschema: (value) =>
    text(URI_REFERENCE, 'must be an absolute URI', URI_LENGTH)(value) ??
    (ABSOLUTE_URI.test(value as string) ? undefined : 'must be an absolute URI'),
};

/** What is left out, null or undefined is not there: `id`, `time` and `specversion` are filled in then, `source` and `type` are missing. */
export function checkEvent(value: unknown, { wallMs, newId }: Arrival): Checked {
  if (!isRecord(value)) return { kind: 'faulty', faults: ['must be an object with source and type'] };
  const { data, data_base64: base64, ...others } = value;
  const faults: string[] = [];
  // Without a prototype: an attribute may have any name, `__proto__` too, until it is refused.
  const attributes: Record<string, unknown> = Object.assign(Object.create(null), {
    specversion: '1.0',
    id: undefined,
    source: undefined,
    type: undefined,
  });
  for (const [name, given] of Object.entries(others))
    if (given !== undefined && given !== null) attributes[name] = given instanceof Date ? isoOf(given) : given;
  attributes['id'] ??= newId();
  attributes['time'] ??= new Date(wallMs).toISOString();
  if (Object.keys(attributes).length > MAX_EXTENSIONS + Object.keys(CHECKS).length)
    faults.push(`at most ${MAX_EXTENSIONS} extensions`);
  for (const [name, given] of Object.entries(attributes)) {
    const fault = given === undefined ? 'is missing' : attributeFault(name, given);
    if (fault !== undefined && faults.length < MAX_NAMED_FAULTS) faults.push(`${name.slice(0, 80)}: ${fault}`);
  }
  const content = contentOf(data, base64);
  if ('fault' in content) faults.push(content.fault);
  if (faults.length > 0 || 'fault' in content) return { kind: 'faulty', faults };
  return { kind: 'sound', event: { ...attributes, ...content } as unknown as CloudEvent };
}

/** What is wrong with that value for that attribute; undefined where nothing is. */
export function attributeFault(name: string, value: unknown): string | undefined {
  const check = Object.hasOwn(CHECKS, name) ? CHECKS[name] : undefined;
  if (check) return check(value);
  if (!ATTRIBUTE_NAME.test(name))
    return 'is no name of an attribute: these are lower-case letters and digits, at most 64';
  if (typeof value === 'string') {
    if (value.length > MAX_ATTRIBUTE_LENGTH) return `must not be longer than ${MAX_ATTRIBUTE_LENGTH} characters`;
    return value === '' || TEXT.test(value) ? undefined : NO_CONTROL;
  }
  if (typeof value === 'boolean') return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= MAX_INTEGER) return undefined;
  return 'must be a string, a boolean or a 32-bit integer: what has more in it belongs into data';
}

/** Bytes are bytes, whichever way they came. */
function contentOf(data: unknown, base64: unknown): { readonly data?: unknown } | { readonly fault: string } {
  if (base64 === undefined || base64 === null) return data === undefined ? {} : { data };
  // What the SDK of CloudEvents makes of bytes has both.
  if (data instanceof Uint8Array) return { data };
  if (data !== undefined) return { fault: 'data_base64: excludes data' };
  if (typeof base64 !== 'string' || !BASE64.test(base64)) return { fault: 'data_base64: must be base64' };
  return { data: new Uint8Array(Buffer.from(base64, 'base64')) };
}

function isoOf(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'Invalid Date' : date.toISOString();
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : typeof value;
}
