/** An attempt at a job as a call: of a function, of a workflow, or as a request to a URL. */
import { TroupeError } from '../../../errors.ts';
import type { CallRequest } from '../../../function-management/router/protocol.ts';
import { type Clock, holdClock } from '../../../kernel/clock.ts';
import { ownBytes } from '../../../transport/own-bytes.ts';
import { EMPTY } from '../../../transport/protocol.ts';
import type { AttemptOutcome, CallTarget } from './attempt.ts';
import { HTTP_QUEUE } from './delivery.ts';

export interface CallTargetParts {
  readonly send: (request: Omit<CallRequest, 'mode' | 'chunk' | 'from'>) => { cancel(): void };
  readonly isWorkflow: (name: string) => boolean;
  readonly decode: (payload: Uint8Array) => unknown;
  readonly clock: Clock;
}

export function callTarget({ send, isWorkflow, decode, clock }: CallTargetParts): CallTarget {
  return ({ functionName, payload, idempotencyKey, attempt, failures, timeoutMs, alive }, settled) => {
    if (functionName === HTTP_QUEUE) return post(decode(payload), settled, clock);
    // An execution that has failed stays failed: trying again is another execution.
    const key = failures > 0 && isWorkflow(functionName) ? `${idempotencyKey}#${failures + 1}` : idempotencyKey;
    return send({
      functionName,
      payload,
      // It may have to be written still, or be tried again.
      keepsPayload: true,
      idempotencyKey: key,
      attempt,
      depth: 0,
      ...(timeoutMs !== undefined && { timeoutMs }),
      alive,
      settled(outcome) {
        if (outcome.kind === 'failed') return settled({ kind: 'failed', error: outcome.error });
        settled({ kind: 'succeeded', payload: ownBytes(outcome.payload) });
      },
    });
  };
}

/** Any status from 200 to 299 is success; those of 400 to 499, but for the few that may pass, would be the same again. */
function post(request: unknown, settled: (outcome: AttemptOutcome) => void, clock: Clock): { cancel(): void } {
  const controller = new AbortController();
  const { url, body } = request as { readonly url: string; readonly body: unknown };
  const { signal } = controller;
  const cancelTimer = clock.after(POST_TIMEOUT_MS, () =>
    controller.abort(new Error(`no answer within ${POST_TIMEOUT_MS} ms`)),
  );
  const headers = { 'content-type': 'application/json' };
  const answer = fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal }).finally(cancelTimer);
  holdClock(clock, `POST ${url}`, answer).then(
    async (response) => {
      await response.body?.cancel().catch(() => undefined);
      if (response.ok) return settled({ kind: 'succeeded', payload: EMPTY });
      settled({ kind: 'failed', error: refusedBy(url, response.status) });
    },
    (thrown: unknown) => settled({ kind: 'failed', error: unreached(url, thrown) }),
  );
  return { cancel: () => controller.abort(new TroupeError('CANCELLED', 'The job was cancelled.')) };
}

const POST_TIMEOUT_MS = 30_000;
const MAY_PASS = new Set([408, 425, 429]);

function unreached(url: string, thrown: unknown): TroupeError {
  const { message, cause } = thrown as Error;
  const why = cause instanceof Error ? cause.message : message;
  return new TroupeError('FUNCTION_ERROR', `POST ${url} failed: ${why}`, { cause: thrown });
}

function refusedBy(url: string, status: number): TroupeError {
  const isFinal = status >= 400 && status < 500 && !MAY_PASS.has(status);
  return new TroupeError(isFinal ? 'INVALID_INPUT' : 'FUNCTION_ERROR', `${url} answered with status ${status}.`, {
    details: { url, status },
  });
}
