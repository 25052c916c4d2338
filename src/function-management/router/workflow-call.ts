/**
 * A call of a workflow: it has a record and settles as any call does, but goes to whoever runs workflows and not to the router. Over HTTP its
 * input is the body, and its output is answered as JSON.
 */
import { TroupeError } from '../../errors.ts';
import { STAMP } from '../../ledger/protocol.ts';
import { decodePayload, encodePayload } from '../../transport/codec.ts';
import { EMPTY, type HttpEvent } from '../../transport/protocol.ts';
import type { Call } from './call.ts';
import type { WorkflowCall } from './protocol.ts';

/** `nowMs`: the router's clock. */
export function workflowCall(call: Call, nowMs: () => number): WorkflowCall {
  const { row, request } = call;
  const beganMs = nowMs();
  for (const stamp of [STAMP.routed, STAMP.dequeued, STAMP.placed, STAMP.started, STAMP.specialised])
    row.stamp(stamp, beganMs);
  const { functionName, version, alias, depth, timeoutMs, idempotencyKey } = request;
  const http = call.mode === 'http' ? (decodePayload(request.payload) as HttpEvent) : undefined;
  return {
    functionName,
    depth,
    attempt: call.attempt,
    payload: http ? encodePayload(bodyOf(http)) : request.payload,
    ...(version !== undefined && { version }),
    ...(alias !== undefined && { alias }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(http && { http: { headers: Object.fromEntries(http.headers), query: queryOf(http) } }),
    succeeded(payload) {
      if (call.isSettled) return;
      const runMs = nowMs() - beganMs;
      if (call.mode === 'value') return call.succeeded(payload, runMs);
      if (http) answer(call, payload);
      else call.chunk(payload, undefined);
      call.succeeded(EMPTY, runMs);
    },
    failed: (error) => call.fail(error),
  };
}

/** What a function would be given: JSON parsed, text as text, else bytes. */
function bodyOf({ headers, body, method }: HttpEvent): unknown {
  if (body.length === 0) return null;
  const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
  const text = () => Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  if (/[/+]json\b/.test(type)) {
    try {
      return JSON.parse(text());
    } catch (cause) {
      throw new TroupeError('INVALID_JSON', `The body of the ${method} request is not JSON.`, { cause });
    }
  }
  return /^text\/|urlencoded/.test(type) ? text() : body;
}

function queryOf({ url }: HttpEvent): Record<string, string> {
  return Object.fromEntries(new URL(url).searchParams);
}

/** Text and bytes go out as they are, all else as JSON. */
function answer(call: Call, payload: Uint8Array): void {
  const output = payload.length === 0 ? null : decodePayload(payload);
  const [type, body] =
    typeof output === 'string'
      ? ['text/plain; charset=utf-8', Buffer.from(output)]
      : output instanceof Uint8Array
        ? ['application/octet-stream', output]
        : ['application/json', Buffer.from(JSON.stringify(output))];
  call.chunk(body, { status: 200, headers: [['content-type', type]] });
}
