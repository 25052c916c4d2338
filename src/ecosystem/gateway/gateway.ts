/**
 * The HTTP door: listens, finds the handler of each request, and turns whatever it throws into an answer. Holds no state but sockets.
 *
 * Invariants (numbers as in README.md):
 * 1. Every request is answered, or its connection is broken; nothing that a client sends ends the process.
 * 6. `close` takes no more connections, closes idle ones at once, ends followers, and lets requests inside finish for a bounded time.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { TroupeError } from '../../errors.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { answerBrokenRequest } from './broken-request.ts';
import { sendError } from './error-response.ts';
import { Exchange, type GatewayServices } from './exchange.ts';
import { listen } from './listening.ts';
import { createOriginCheck } from './loopback.ts';
import type { Gateway, GatewayOptions } from './protocol.ts';
import { discardRest } from './refused-body.ts';
import { BodyReader } from './request-body.ts';
import { ResultWaits } from './result-waits.ts';
import { createRoutes, isFunctionPath } from './routes.ts';
import { TurnBatch } from './turn-batch.ts';

export type { Gateway, GatewayOptions };

/** Enough for long cookies and tokens; Node.js answers more with 431. */
const MAX_HEADER_BYTES = 16_384;
const HEADERS_TIMEOUT_MS = 30_000;
/** For the whole request, its body included. */
const REQUEST_TIMEOUT_MS = 300_000;
/** Longer than clients and proxies keep idle connections, so that none of them sends on one that is being closed. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const MAX_CONNECTIONS = 10_000;
const CLOSE_TIMEOUT_MS = 10_000;

/** Rejects with `BIND_REFUSED`, `PORT_IN_USE` or `CONFIG_INVALID`. Port 0 takes any free one. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { host, port, address, clock = systemClock } = options;
  const closing = new AbortController();
  const services = {
    host,
    bodies: new BodyReader(host.payloadLimitBytes),
    batch: new TurnBatch(),
    clock,
    results: new ResultWaits(),
    jobResults: new ResultWaits(),
    closing: closing.signal,
  };
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    noDelay: true,
  });
  server.maxConnections = MAX_CONNECTIONS;
  const dispatch = dispatcher(server, services, clock);
  server.on('request', dispatch);
  // Without this Node.js asks for every body before it is known whether anybody wants it.
  server.on('checkContinue', dispatch);
  server.on('clientError', answerBrokenRequest);
  const bound = await listen(server, port, address);
  let closed: Promise<void> | undefined;
  return {
    ...bound,
    close({ timeoutMs = CLOSE_TIMEOUT_MS } = {}) {
      closing.abort();
      closed ??= close(server, clock, timeoutMs);
      return closed;
    },
  };
}

function dispatcher(server: Server, services: GatewayServices, clock: Clock) {
  const routes = createRoutes();
  const failed = (request: IncomingMessage, response: ServerResponse, thrown: unknown) => {
    // A client that was not asked for its body may or may not send it: what would come next on this connection is not known.
    const isUnclear = request.headers.expect !== undefined && !request.complete;
    sendError(response, thrown, isUnclear || services.closing.aborted);
    discardRest(request, clock);
  };
  // The connection of this answer is idle from the next turn on (invariant 6).
  const answered = () => {
    if (services.closing.aborted) setImmediate(() => server.closeIdleConnections());
  };
  const checkOrigin = createOriginCheck();
  return (request: IncomingMessage, response: ServerResponse): void => {
    // Both would be thrown at the process: a client that breaks off is everyday business, and `close` tells the handlers.
    request.on('error', ignore);
    response.on('error', ignore);
    response.on('close', answered);
    if (services.closing.aborted) response.shouldKeepAlive = false;
    const fail = (thrown: unknown) => failed(request, response, thrown);
    try {
      const target = targetOf(request);
      const end = target.indexOf('?');
      const path = end < 0 ? target : target.slice(0, end);
      if (!isFunctionPath(path)) checkOrigin(request.headers.host, request.headers.origin);
      const { handler, parameters } = routes.match(request.method ?? '', path);
      handler(new Exchange({ request, response, services, fail, target, parameters }))?.catch(fail);
    } catch (thrown) {
      fail(thrown);
    }
  };
}

function ignore(): void {}

/** Path and query. Proxies send the whole URL. */
function targetOf({ url = '/' }: IncomingMessage): string {
  if (url.startsWith('/')) return url;
  if (!URL.canParse(url)) throw new TroupeError('ROUTE_NOT_FOUND', 'The request target is neither a path nor a URL.');
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
}

/** Lets the requests inside finish for up to `timeoutMs`; connections without any are closed at once. */
async function close(server: Server, clock: Clock, timeoutMs: number): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const cancel = clock.after(timeoutMs, () => server.closeAllConnections());
  await ended;
  cancel();
}
