/** `/fn/:name/*`: the function gets the request itself, and its answer goes out as it comes. */
import type { ServerResponse } from 'node:http';
import { TroupeError } from '../../errors.ts';
import type { HttpEvent, StreamHead } from '../../transport/protocol.ts';
import type { Exchange } from './exchange.ts';
import { endToEnd, requestHeaders } from './http-headers.ts';
import { flushHeadSoon, write } from './writing.ts';

/** Chunks of a body that nobody gets (to HEAD, with 204 and 304) that are let through before the call is cancelled. */
const UNSENT_CHUNKS = 16;

type Body = AsyncIterableIterator<Uint8Array, undefined>;

/** Invariant 3: a client that goes away cancels its call. */
export async function serveFunction(exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  const name = exchange.functionName;
  const event: HttpEvent = {
    method: request.method ?? 'GET',
    url: absoluteUrl(exchange),
    headers: requestHeaders(request.rawHeaders),
    body: await exchange.body(),
  };
  const answer = exchange.host.http(name, event, { signal: exchange.disconnectSignal() });
  response.once('close', () => void answer.body.return?.()?.catch(() => {}));
  const head = await answer.head;
  if (response.destroyed) return;
  const hasBody = event.method !== 'HEAD' && head.status !== 204 && head.status !== 304;
  const headers = endToEnd(head.headers);
  writeHead(response, head, headers);
  if (!hasBody) {
    response.end();
    return skipBody(answer.body);
  }
  flushHeadSoon(response);
  await pipe(response, answer.body, declaredLength(headers));
}

/** The function sees the address that its client used. */
function absoluteUrl(exchange: Exchange): string {
  const { host = `localhost:${exchange.request.socket.localPort}` } = exchange.request.headers;
  const url = `http://${host}${exchange.target}`;
  if (!/[/?#@\\\s]/.test(host) && URL.canParse(url)) return url;
  throw new TroupeError('INVALID_ARGUMENT', `${JSON.stringify(host)} in the Host header is not the name of a host.`);
}

/** Throws `FUNCTION_ERROR` for a head that HTTP does not allow. */
function writeHead(response: ServerResponse, { status }: StreamHead, headers: readonly [string, string][]): void {
  try {
    if (!(status >= 200 && status <= 599)) throw new RangeError(`${status} is no final status`);
    response.writeHead(status, headers.flat());
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new TroupeError('FUNCTION_ERROR', `The function answered with a head that HTTP does not allow: ${why}`, {
      cause: thrown,
    });
  }
}

function declaredLength(headers: readonly [string, string][]): number | undefined {
  const declared = headers.find(([name]) => name.toLowerCase() === 'content-length')?.[1];
  return declared === undefined ? undefined : Number(declared);
}

/** An answer that breaks off, or that is not as long as it says, breaks the connection: the client must not take it for whole. */
async function pipe(response: ServerResponse, body: Body, declaredBytes: number | undefined): Promise<void> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (declaredBytes !== undefined && bytes > declaredBytes) break;
    if (!(await write(response, chunk))) return;
  }
  if (declaredBytes !== undefined && bytes !== declaredBytes) response.destroy();
  else response.end();
}

/** A call whose body comes to its end soon counts as succeeded, which it has. */
async function skipBody(body: Body): Promise<void> {
  try {
    for (let chunks = 0; chunks < UNSENT_CHUNKS; chunks++) {
      const { done } = await body.next();
      if (done) return;
    }
    await body.return?.();
  } catch {
    // The answer is out; that the call failed afterwards is in the ledger.
  }
}
