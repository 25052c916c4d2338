/** Calls that are made later: `POST /functions/:name/invocations` with `Prefer: respond-async`, and `POST /functions/:name/jobs`. */
import { TroupeError } from '../../errors.ts';
import type { Enqueued, EnqueueOptions } from '../event-management/protocol.ts';
import type { Exchange } from './exchange.ts';
import { isTrue, positiveNumber, wholeNumber } from './parameters.ts';
import { decodeBody } from './payload.ts';
import { preferredWaitMs, sendOutcome, waitForResult } from './result-route.ts';

type JobRequest = EnqueueOptions & { readonly payload?: unknown };

const APPLIED = ['Preference-Applied', 'respond-async'];
/** In the query of an invocation, whose body is the payload itself. */
const QUERY_OPTIONS = ['delayMs', 'maxAgeMs', 'maxAttempts', 'priority', 'orderingKey', 'details'];

export function prefersAsync({ request: { headers } }: Exchange): boolean {
  const { prefer } = headers;
  return prefer !== undefined && /(?:^|,)\s*respond-async\s*(?:[,;]|$)/i.test(String(prefer));
}

/** 202 once the job is on disk; with `wait=` besides, the result where it is there by then. */
export async function enqueueInvocation(exchange: Exchange): Promise<void> {
  const { host, response } = exchange;
  const name = exchange.functionName;
  const options = invocationOptions(exchange);
  const waitMs = preferredWaitMs(exchange);
  const payload = decodeBody(await exchange.body(), exchange.header('content-type'));
  const enqueued = await host.jobs.enqueue(name, payload, options);
  const { id } = enqueued;
  // A failure has its place too.
  response.setHeader('Location', pathOf(id));
  if (waitMs === undefined) return exchange.sendJson(202, enqueued, APPLIED);
  const awaited = { id, result: () => host.jobs.result(id) };
  const outcome = await waitForResult(exchange, awaited, { waitMs, waits: exchange.services.jobResults });
  if (outcome.kind === 'pending' || outcome.kind === 'closing') return exchange.sendJson(202, enqueued, APPLIED);
  sendOutcome(exchange, outcome, isTrue(exchange.query.get('details')) ? { job: enqueued } : undefined);
}

function invocationOptions(exchange: Exchange): EnqueueOptions {
  const {
    delayMs,
    maxAgeMs,
    maxAttempts,
    priority,
    orderingKey,
    details: _,
    ...others
  } = Object.fromEntries(exchange.query);
  const unknown = Object.keys(others);
  if (unknown.length > 0) {
    throw new TroupeError(
      'INVALID_ARGUMENT',
      `Unknown parameter ${unknown.join(', ')} of a call that is made later: there are ${QUERY_OPTIONS.join(', ')}. It calls the current version.`,
    );
  }
  const timeout = exchange.header('x-troupe-timeout-ms');
  return {
    ...keyOf(exchange),
    ...(timeout !== undefined && { timeoutMs: positiveNumber(timeout, 'x-troupe-timeout-ms') }),
    ...(delayMs !== undefined && { delayMs: wholeNumber(delayMs, 'delayMs') }),
    ...(maxAgeMs !== undefined && { maxAgeMs: wholeNumber(maxAgeMs, 'maxAgeMs') }),
    ...(maxAttempts !== undefined && { maxAttempts: wholeNumber(maxAttempts, 'maxAttempts') }),
    // The host says what is wrong with it.
    ...(priority !== undefined && { priority: priority as NonNullable<EnqueueOptions['priority']> }),
    ...(orderingKey !== undefined && { orderingKey }),
  };
}

function keyOf(exchange: Exchange): { readonly idempotencyKey?: string } {
  const idempotencyKey = exchange.header('idempotency-key');
  return idempotencyKey === undefined ? {} : { idempotencyKey };
}

/** `{ payload, ...options }`, or an array of them: all are on disk then, or none. */
export async function enqueue(exchange: Exchange): Promise<void> {
  const { host } = exchange;
  const name = exchange.functionName;
  const body = decodeBody(await exchange.body(), exchange.header('content-type'));
  const key = keyOf(exchange);
  if (Array.isArray(body)) {
    if (key.idempotencyKey !== undefined) {
      throw new TroupeError(
        'INVALID_ARGUMENT',
        'Idempotency-Key is for one job: give each of several its idempotencyKey.',
      );
    }
    const enqueued = await host.jobs.enqueueMany(name, body.map(withTimes));
    return exchange.sendJson(202, enqueued);
  }
  if (typeof body !== 'object' || body === null || body instanceof Uint8Array) {
    throw new TroupeError(
      'INVALID_ARGUMENT',
      'The body must be { payload, ...options } as JSON, or an array of these.',
    );
  }
  const { payload, ...options } = withTimes(body);
  if (options.idempotencyKey !== undefined && key.idempotencyKey !== undefined) {
    throw new TroupeError('INVALID_ARGUMENT', 'Give the Idempotency-Key header or idempotencyKey, not both.');
  }
  const enqueued: Enqueued = await host.jobs.enqueue(name, payload, { ...options, ...key });
  exchange.sendJson(202, enqueued, ['Location', pathOf(enqueued.id)]);
}

/** JSON has no dates: a time may be ISO 8601 text too. What it is not, the host refuses. */
function withTimes(request: unknown): JobRequest {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) return request as JobRequest;
  const { runAt, deadline } = request as Record<string, unknown>;
  return {
    ...request,
    ...(typeof runAt === 'string' && { runAt: new Date(runAt) }),
    ...(typeof deadline === 'string' && { deadline: new Date(deadline) }),
  };
}

function pathOf(id: string): string {
  return `/jobs/${encodeURIComponent(id)}`;
}
