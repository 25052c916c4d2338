/** The last event of an execution, from the decision that ends it. Pure but for `encode`. */
import { serializeError } from '../../errors.ts';
import type { ExecutionEvent } from '../events.ts';
import type { ExecutionState } from '../execution-state.ts';
import type { Decision } from '../language.ts';
import { DEADLINE, deadlinePassed } from './faults.ts';

export type EndingDecision = Extract<Decision, { kind: 'succeed' | 'fail' | 'cancelled' }>;

/** `encode` throws where the result cannot be stored: then the execution has failed. */
export function endingOf(
  decision: EndingDecision,
  { id, cancelReason: reason = '' }: Pick<ExecutionState, 'id' | 'cancelReason'>,
  { atMs, encode }: { readonly atMs: number; readonly encode: (value: unknown) => Uint8Array },
): ExecutionEvent {
  if (decision.kind === 'fail') {
    const { error, step } = decision;
    return { type: 'executionFailed', error, ...(step !== undefined && { step }), atMs };
  }
  if (decision.kind === 'cancelled') {
    if (reason !== DEADLINE) return { type: 'executionCancelled', reason, atMs };
    return { type: 'executionFailed', error: serializeError(deadlinePassed(id)), atMs };
  }
  if ('outputOf' in decision) return { type: 'executionSucceeded', outputOf: decision.outputOf, atMs };
  try {
    return { type: 'executionSucceeded', output: encode(decision.output), atMs };
  } catch (thrown) {
    return { type: 'executionFailed', error: serializeError(thrown), atMs };
  }
}
