/** A web-standard request answered by a function. */
import { TroupeError } from './errors.ts';
import type { Caller } from './function-management/router/caller.ts';
import type { InvokeOptions } from './function-management/router/protocol.ts';
import { skipBody } from './transport/skip-body.ts';

/** The body of the request is read whole, that of the response is streamed. */
export async function fetchFunction(
  caller: Caller,
  name: string,
  request: Request,
  options?: InvokeOptions,
): Promise<Response> {
  const { head, body } = caller.http(
    name,
    {
      method: request.method,
      url: request.url,
      headers: [...request.headers],
      body: new Uint8Array(await request.arrayBuffer()),
    },
    { signal: request.signal, ...options },
  );
  const { status, headers } = await head;
  const mayHaveBody = status !== 204 && status !== 304 && request.method !== 'HEAD';
  if (!mayHaveBody) void skipBody(body);
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await body.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await body.return();
    },
  });
  try {
    return new Response(mayHaveBody ? stream : null, {
      status,
      headers: headers.map(([key, value]): [string, string] => [key, value]),
    });
  } catch (cause) {
    // `Response.error()` has the status 0, which no response may be made with. Nobody will read the body.
    void body.return?.();
    throw new TroupeError('FUNCTION_ERROR', `Function "${name}" answered with a response that is none: ${cause}`, {
      cause,
    });
  }
}
