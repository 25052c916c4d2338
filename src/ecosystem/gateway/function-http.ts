/** `/fn/:name/*`: the function gets the request itself, and its answer goes out as it comes. */
import { TroupeError } from '../../errors.ts';
import type { HttpEvent } from '../../transport/protocol.ts';
import type { Exchange } from './exchange.ts';
import { FunctionAnswer } from './function-answer.ts';
import { requestHeaders } from './http-headers.ts';

/** Invariant 3: a client that goes away cancels its call. */
export function serveFunction(exchange: Exchange): void {
  const { request } = exchange;
  const name = exchange.functionName;
  const method = request.method ?? 'GET';
  const url = absoluteUrl(exchange);
  const headers = requestHeaders(request.rawHeaders);
  const options = { signal: exchange.disconnectSignal() };
  exchange.withBody((body) => {
    const event: HttpEvent = { method, url, headers, body };
    const answer = exchange.host.http(name, event, options);
    new FunctionAnswer(exchange, answer.body).send(answer.head).catch(exchange.fail);
  });
}

/** Nearly all requests come with the same. Whatever follows a host that can be is a URL, since it begins with a slash. */
let knownHost: string | undefined;

/** The function sees the address that its client used. */
function absoluteUrl({ request, target }: Exchange): string {
  const { host = `localhost:${request.socket.localPort}` } = request.headers;
  if (host !== knownHost) {
    if (/[/?#@\\\s]/.test(host) || !URL.canParse(`http://${host}/`)) {
      throw new TroupeError(
        'INVALID_ARGUMENT',
        `${JSON.stringify(host)} in the Host header is not the name of a host.`,
      );
    }
    knownHost = host;
  }
  return `http://${host}${target}`;
}
