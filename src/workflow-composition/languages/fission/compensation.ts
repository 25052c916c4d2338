/** Taking back: what has succeeded and says how, last first, one after the other. One that fails does not stop those after it. */
import type { SerializedError } from '../../../errors.ts';
import type { Decision } from '../../language.ts';
import { plainError } from './errors.ts';
import { cancelAll } from './failure.ts';
import type { Run } from './node.ts';
import { addBody } from './nodes.ts';
import { settleAll } from './progress.ts';

export function turnBack(run: Run): void {
  if (run.isBackward) return;
  run.isBackward = true;
  cancelAll(run);
}

/** The next one, where none is running. */
export function takeBack(run: Run): void {
  while (run.compensating === undefined) {
    const node = run.undo.pop();
    const compensate = node?.task?.compensate;
    if (node === undefined || compensate === undefined) return;
    // Known before it is added: the journal may have its end.
    run.compensating = node;
    addBody(run, { owner: node, label: 'compensate', body: compensate, relation: 'compensate' });
    settleAll(run, run.unsettled.splice(0));
  }
}

/** What the execution comes to, once all is taken back. */
export function outcomeBackward(run: Run, isCancelled: boolean): Decision {
  if (isCancelled || run.failure === undefined) return { kind: 'cancelled' };
  const { error, step } = run.failure;
  return { kind: 'fail', error: executionError(run, { error, step }), step };
}

function executionError(
  run: Run,
  { error, step }: { readonly error: SerializedError; readonly step: string },
): SerializedError {
  const compensations = run.undoFailures.map((failure) => ({ step: failure.step, error: failure.error }));
  const details = { step, ...(compensations.length > 0 && { failedCompensations: compensations }) };
  const names = compensations.map((each) => each.step).join(', ');
  const message = `Task "${step}" failed: ${error.message}`;
  const whole = names === '' ? message : `${message.replace(/\.?$/, '.')} Taking back failed too: ${names}.`;
  return {
    ...plainError('STEP_FAILED', whole, details),
    cause: error,
  };
}
