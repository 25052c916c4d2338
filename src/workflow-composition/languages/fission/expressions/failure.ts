/** The one error that an expression fails with. */
import { TroupeError } from '../../../../errors.ts';

/**
 * `syntax`: no JavaScript. `thrown`: it threw, or its value is none that JSON has. `timeout`, `memory`, `too-large`: over a bound.
 * `stopped`: the sandbox was closed, or cannot be started.
 */
export type FailureReason = 'syntax' | 'thrown' | 'timeout' | 'memory' | 'too-large' | 'stopped';

/** A message shows this much of the source. */
const SHOWN_CHARS = 120;

/** `what` completes the sentence that begins with the source. */
export function expressionFailed(reason: FailureReason, source: string, what: string): TroupeError {
  return new TroupeError('EXPRESSION_FAILED', `The expression "${shorten(source)}" ${what}`, { details: { reason } });
}

function shorten(source: string): string {
  const line = source.trim().replace(/\s+/g, ' ');
  return line.length > SHOWN_CHARS ? `${line.slice(0, SHOWN_CHARS)}...` : line;
}
