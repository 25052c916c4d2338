/** `POST /functions/:name/invocations`: one call, answered with its result or with a stream of chunks. */
import type { InvokeOptions } from '../../function-management/router/protocol.ts';
import { type InvocationRecord, PHASES } from '../../ledger/protocol.ts';
import { enqueueInvocation, prefersAsync } from './enqueue-route.ts';
import type { Exchange } from './exchange.ts';
import { toJsonText } from './json-text.ts';
import { isTrue, positiveNumber, wholeNumber } from './parameters.ts';
import { decodeBody } from './payload.ts';
import { sendStream } from './stream-response.ts';
import { sendValue } from './value-response.ts';

/** Invariant 3: a client that goes away cancels its call. */
export function invoke(exchange: Exchange): void {
  const name = exchange.functionName;
  const { headers } = exchange.request;
  if (prefersAsync(exchange)) return void enqueueInvocation(exchange).catch(exchange.fail);
  const options = { ...invokeOptions(exchange), signal: exchange.disconnectSignal() };
  const format = streamFormat(headers.accept);
  exchange.withBody((body) => {
    const payload = decodeBody(body, headers['content-type']);
    const { host, response } = exchange;
    if (format) return void sendStream(response, host.stream(name, payload, options), { format }).catch(exchange.fail);
    host
      .invokeWithDetails(name, payload, options)
      .then(({ result, invocation }) => {
        if (!response.destroyed) sendResult(exchange, result, invocation);
      })
      .catch(exchange.fail);
  });
}

function streamFormat(accept: string | undefined): 'ndjson' | 'sse' | undefined {
  if (accept?.includes('application/x-ndjson')) return 'ndjson';
  return accept?.includes('text/event-stream') ? 'sse' : undefined;
}

function sendResult(exchange: Exchange, result: unknown, invocation: InvocationRecord): void {
  const { id, coldStart } = invocation;
  const headers = ['X-Troupe-Invocation-Id', id, 'Server-Timing', serverTiming(invocation)];
  if (coldStart !== undefined) headers.push('X-Troupe-Cold-Start', coldStart);
  if (isTrue(exchange.query.get('details') ?? exchange.header('x-troupe-details'))) {
    const body = toJsonText({ result, invocation: { ...invocation, coldStart: coldStart ?? null } });
    return exchange.send(200, [...headers, 'Content-Type', 'application/json'], body);
  }
  sendValue(exchange, result, headers);
}

/** Milliseconds, as the header has them. */
function serverTiming({ phasesUs, totalUs }: InvocationRecord): string {
  let text = `total;dur=${milliseconds(totalUs)}`;
  for (const phase of PHASES) text += `, ${phase};dur=${milliseconds(phasesUs[phase])}`;
  return text;
}

/** Written once: to write out a fraction costs 150 ns, and most phases of most calls are among these. */
const BELOW_A_MILLISECOND = Array.from({ length: 1_000 }, (_, microseconds) => String(microseconds / 1_000));

function milliseconds(microseconds: number): string {
  const whole = Math.round(microseconds);
  return BELOW_A_MILLISECOND[whole] ?? String(whole / 1_000);
}

function invokeOptions(exchange: Exchange): InvokeOptions {
  const { query } = exchange;
  const version = query.get('version');
  const alias = query.get('alias');
  const timeout = exchange.header('x-troupe-timeout-ms');
  const key = exchange.header('idempotency-key');
  return {
    ...(version === null ? {} : { version: wholeNumber(version, 'version') }),
    ...(alias === null ? {} : { alias }),
    ...(timeout === undefined ? {} : { timeoutMs: positiveNumber(timeout, 'x-troupe-timeout-ms') }),
    ...(key === undefined ? {} : { idempotencyKey: key }),
  };
}
