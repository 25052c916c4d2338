/** A failure on its way up: to the first task, from the step that failed outwards, whose `catch` names it; else to the whole execution. */
import { matchesError } from './errors.ts';
import { childrenOf, type Failure, isFinished, type Node, type Run } from './node.ts';
import { addBody } from './nodes.ts';

export function fail(run: Run, node: Node, failure: Failure): void {
  if (isFinished(node)) return;
  run.active.delete(node);
  node.status = 'failed';
  node.error = failure.error;
  cancelBelow(run, node);
  const rule = node.duty === 'run' && node.task?.catches.find(({ errors }) => matchesError(failure.error, errors));
  if (rule) {
    addBody(run, { owner: node, label: 'catch', body: rule.body, relation: 'catch' });
    return;
  }
  raise(run, node, failure);
}

function raise(run: Run, node: Node, failure: Failure): void {
  const { owner, relation } = node;
  if (owner === undefined) {
    run.failure = failure;
  } else if (relation === 'compensate') {
    run.undoFailures.push({ ...failure, step: node.step });
    run.compensating = undefined;
  } else if (relation === 'catch') {
    // The owner has failed already, and nothing more catches that.
    raise(run, owner, failure);
  } else {
    fail(run, owner, failure);
  }
}

/** Everything that is not needed any more: what has started is named to be stopped. */
export function cancelBelow(run: Run, node: Node): void {
  for (const child of childrenOf(node)) cancel(run, child);
  if (node.catching) cancel(run, node.catching);
}

function cancel(run: Run, node: Node): void {
  if (node.status === 'started') run.cancels.push(node.step);
  run.active.delete(node);
  if (!isFinished(node)) node.status = 'cancelled';
  else if (node.status === 'succeeded' && !node.catching) return;
  cancelBelow(run, node);
}

export function cancelAll(run: Run): void {
  cancel(run, run.root);
}
