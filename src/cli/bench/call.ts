/** How a function of one's own host is called: with a payload, or, where it answers HTTP requests, with one. */
import { TroupeError } from '../../errors.ts';
import type { Troupe } from '../../troupe.ts';

/** Resolves once the whole answer is there; rejects as `invoke` does. */
export type Call = (troupe: Troupe, name: string) => Promise<unknown>;

export function callWith(payload: unknown): Call {
  return (troupe, name) => troupe.invoke(name, payload);
}

/** Path and query. Without what a `Request` and a `Response` cost this side. */
export function callGet(path: string): Call {
  const request = { method: 'GET', url: `http://localhost${path}`, headers: [], body: new Uint8Array(0) };
  return async (troupe, name) => {
    const { head, body } = troupe.http(name, request);
    const { status } = await head;
    let bytes = 0;
    for await (const chunk of body) bytes += chunk.byteLength;
    if (status < 400) return bytes;
    throw new TroupeError('FUNCTION_ERROR', `Function "${name}" answered GET ${path} with HTTP status ${status}.`);
  };
}
