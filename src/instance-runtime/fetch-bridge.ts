/** Calls handlers of the web-standard shape: `Request` in, `Response` out. */
import type { HttpEvent, StreamHead } from '../transport/protocol.ts';
import { decodeText } from './http-event.ts';
import { requestOf } from './lazy-request.ts';
import { Refusal } from './refusal.ts';
import { wholeBodyOf } from './whole-body.ts';

/** Throws `INVALID_ARGUMENT` for a request that the web standard does not allow. */
export function toRequest(event: HttpEvent, source: { readonly signal: AbortSignal }): Request {
  try {
    return requestOf(event, source);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Refusal('INVALID_ARGUMENT', `The request cannot be given to the function: ${why}`, { cause: thrown });
  }
}

/** The request that stands for an invocation without HTTP. */
export function requestForPayload(payload: unknown, source: { readonly signal: AbortSignal }): Request {
  const body = Buffer.from(JSON.stringify(payload) ?? 'null');
  const headers = [['content-type', 'application/json']] as const;
  return toRequest({ method: 'POST', url: 'http://troupe.local/', headers, body }, source);
}

/** A `Response` of another library passes as well. Throws a TypeError. */
export function checkResponse(returned: unknown): Response {
  if (returned instanceof Response || isResponseLike(returned)) {
    if (returned.status >= 200) return returned;
    throw new TypeError(`fetch returned a response of status ${returned.status}; a final status is 200 to 599.`);
  }
  throw new TypeError(`fetch returned ${returned === null ? 'null' : typeof returned}, not a Response.`);
}

function isResponseLike(value: unknown): value is Response {
  return (
    typeof value === 'object' && value !== null && 'status' in value && 'headers' in value && 'arrayBuffer' in value
  );
}

/** The iterator of `Headers` gives each Set-Cookie for itself. */
export function headOf(response: Response): StreamHead {
  return { status: response.status, headers: [...response.headers] };
}

/** What an invocation without HTTP gets. Throws `FUNCTION_ERROR` for a status of 400 and above. */
export async function valueOfResponse(response: Response, functionName: string): Promise<unknown> {
  const bytes = wholeBodyOf(response) ?? new Uint8Array(await response.arrayBuffer());
  const text = decodeText(bytes);
  const { status } = response;
  if (status >= 400) {
    const said = text ? `: ${text.slice(0, 1_000)}` : '.';
    throw new Refusal('FUNCTION_ERROR', `Function "${functionName}" answered with HTTP status ${status}${said}`, {
      details: { status },
    });
  }
  if (text === undefined) return bytes;
  const isJson = /[/+]json\b/i.test(response.headers.get('content-type') ?? '');
  return isJson && text !== '' ? JSON.parse(text) : text;
}
