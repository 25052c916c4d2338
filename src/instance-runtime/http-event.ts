/**
 * HTTP for functions that do not speak it: a request as an event like that of an API gateway, and a result as a response. Pure.
 */
import type { HttpEvent, StreamHead } from '../transport/protocol.ts';
import { Refusal } from './refusal.ts';

/** What a handler of another shape than `fetch` gets when it is called over HTTP. */
interface GatewayEvent {
  readonly method: string;
  readonly path: string;
  /** A parameter that is given several times is an array. */
  readonly query: Readonly<Record<string, string | string[]>>;
  /** Names in lower case; repeated headers joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** True when the body is not text. */
  readonly isBase64Encoded: boolean;
}

interface CompleteResponse {
  readonly head: StreamHead;
  readonly body: Uint8Array;
}

/** Never text, even if the bytes happen to be valid UTF-8. */
const BINARY_TYPES = /^(image|audio|video|font)\/(?!.*\+xml)|octet-stream|\/(zip|gzip|pdf)\b/i;

export function toGatewayEvent({ method, url, headers, body }: HttpEvent): GatewayEvent {
  const { pathname, searchParams } = new URL(url);
  const joined = new Map<string, string>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const before = joined.get(key);
    joined.set(key, before === undefined ? value : `${before}${key === 'cookie' ? '; ' : ', '}${value}`);
  }
  const text = BINARY_TYPES.test(joined.get('content-type') ?? '') ? undefined : decodeText(body);
  // Object.fromEntries makes own members of all names, `__proto__` too.
  return {
    method,
    path: pathname,
    query: Object.fromEntries(
      [...new Set(searchParams.keys())].map((name) => [name, oneOrAll(searchParams.getAll(name))]),
    ),
    headers: Object.fromEntries(joined),
    body: text ?? Buffer.from(body).toString('base64'),
    isBase64Encoded: text === undefined,
  };
}

function oneOrAll(values: string[]): string | string[] {
  return values.length === 1 ? (values[0] ?? '') : values;
}

/** Undefined when the bytes are not UTF-8. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

interface GatewayResult {
  readonly statusCode: number;
  readonly headers?: unknown;
  readonly multiValueHeaders?: unknown;
  readonly cookies?: unknown;
  readonly body?: unknown;
  readonly isBase64Encoded?: unknown;
}

/** Throws `RESULT_NOT_ENCODABLE` for what is no JSON and `FUNCTION_ERROR` for a response that HTTP does not allow. */
export function toResponse(result: unknown): CompleteResponse {
  if (!isGatewayResult(result)) {
    if (result === undefined) return { head: { status: 204, headers: [] }, body: new Uint8Array(0) };
    return { head: { status: 200, headers: [['content-type', contentTypeOf(result)]] }, body: toBytes(result) };
  }
  const { statusCode: status, body = '' } = result;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new Refusal('FUNCTION_ERROR', `The statusCode ${status} is no final HTTP status: use 200 to 599.`);
  }
  const headers = [...readHeaders(result.headers), ...readHeaders(result.multiValueHeaders)];
  if (Array.isArray(result.cookies)) for (const cookie of result.cookies) headers.push(['set-cookie', String(cookie)]);
  if (body !== '' && !headers.some(([name]) => name === 'content-type'))
    headers.push(['content-type', contentTypeOf(body)]);
  const isBase64 = result.isBase64Encoded === true && typeof body === 'string';
  return { head: { status, headers }, body: isBase64 ? Buffer.from(body, 'base64') : toBytes(body) };
}

/** The head of a streamed response is decided by its first chunk. */
export function streamHeadFor(firstChunk: unknown): StreamHead {
  const isData = typeof firstChunk !== 'string' && !(firstChunk instanceof Uint8Array);
  const type = isData ? 'application/x-ndjson' : contentTypeOf(firstChunk);
  return { status: 200, headers: [['content-type', type]] };
}

/** Strings and bytes as they are, anything else as a line of JSON. */
export function streamBytes(chunk: unknown): Uint8Array {
  if (typeof chunk === 'string' || chunk instanceof Uint8Array) return toBytes(chunk);
  return Buffer.concat([toBytes(chunk), Buffer.from('\n')]);
}

function isGatewayResult(result: unknown): result is GatewayResult {
  return (
    typeof result === 'object' && result !== null && 'statusCode' in result && typeof result.statusCode === 'number'
  );
}

function readHeaders(headers: unknown): [string, string][] {
  if (typeof headers !== 'object' || headers === null) return [];
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value])
      .filter((one) => one !== undefined && one !== null)
      .map((one): [string, string] => [name.toLowerCase(), String(one)]),
  );
}

function contentTypeOf(body: unknown): string {
  if (typeof body === 'string') return body.startsWith('<') ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8';
  return body instanceof Uint8Array ? 'application/octet-stream' : 'application/json';
}

function toBytes(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body;
  if (typeof body === 'string') return Buffer.from(body);
  try {
    return Buffer.from(JSON.stringify(body) ?? 'null');
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Refusal('RESULT_NOT_ENCODABLE', `The result cannot be written as JSON: ${why}`, { cause: thrown });
  }
}
