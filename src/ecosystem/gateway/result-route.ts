/**
 * Waits for the result of an execution, or of a job, for a bounded time or for as long as it takes.
 *
 * Invariants (numbers as in README.md):
 * 6. `close` lets requests inside finish for a bounded time: a wait of weeks ends at once.
 */
import type { Exchange } from './exchange.ts';
import type { AwaitedResult, ResultWaits, SettledResult } from './result-waits.ts';
import { sendValue } from './value-response.ts';

export type WaitOutcome = SettledResult | { readonly kind: 'pending' } | { readonly kind: 'closing' };

const WAIT = /(?:^|[,;])\s*wait\s*(?:=\s*"?([0-9]+)"?\s*)?(?:[,;]|$)/i;

/** `Prefer: wait=30` (RFC 7240) is in seconds, and `Prefer: wait` without end; undefined where there is none. */
export function preferredWaitMs(exchange: Exchange): number | undefined {
  const found = WAIT.exec(exchange.header('prefer') ?? '');
  if (!found) return undefined;
  const [, seconds] = found;
  return seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 1_000;
}

/** Never rejects. `closing` where the gateway closes first, `pending` when the time is up or the client has gone: then nobody reads the answer. */
export function waitForResult(
  exchange: Exchange,
  awaited: AwaitedResult,
  { waitMs, waits }: { readonly waitMs: number; readonly waits: ResultWaits },
): Promise<WaitOutcome> {
  const { response, services } = exchange;
  const { clock, closing } = services;
  return new Promise((resolve) => {
    const settle = (outcome: WaitOutcome) => {
      stop();
      stopTimer();
      closing.removeEventListener('abort', onClosing);
      response.off('close', onGone);
      resolve(outcome);
    };
    const onClosing = () => settle({ kind: 'closing' });
    const onGone = () => settle({ kind: 'pending' });
    const stop = waits.add(awaited, settle);
    const stopTimer = Number.isFinite(waitMs) ? clock.after(waitMs, onGone) : () => {};
    closing.addEventListener('abort', onClosing, { once: true });
    response.once('close', onGone);
    if (closing.aborted) onClosing();
    else if (response.destroyed) onGone();
  });
}

/** `beside` is told with it where the client wants to know. Throws what the execution, or job, has failed with. */
export function sendOutcome(exchange: Exchange, outcome: SettledResult, beside?: object): void {
  if (outcome.kind === 'failed') throw outcome.thrown;
  if (exchange.response.destroyed) return;
  if (beside) return exchange.sendJson(200, { result: outcome.value, ...beside });
  sendValue(exchange, outcome.value, []);
}
