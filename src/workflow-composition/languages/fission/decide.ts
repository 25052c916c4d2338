/** What follows from the state. Pure: what was named already is remembered in the derived state, which can be made again. */

import type { ExecutionState } from '../../execution-state.ts';
import { isOver } from '../../fold.ts';
import type { Decision } from '../../language.ts';
import { outcomeBackward } from './compensation.ts';
import type { FissionDefinition } from './definition.ts';
import type { Expressions } from './expression.ts';
import type { Node, Run } from './node.ts';
import { outputStepOf, outputValue } from './outputs.ts';
import { isCancelling, runOf } from './run.ts';

export function decide(
  definition: FissionDefinition,
  state: ExecutionState,
  expressions: Expressions,
): readonly Decision[] {
  if (isOver(state)) {
    state.changed = [];
    return [];
  }
  const run = runOf(definition, state, expressions);
  const decisions: Decision[] = run.cancels.splice(0).map((step) => ({ kind: 'cancel', step }));
  if (run.isDecided) return decisions;
  const last = lastDecision(run);
  if (last) {
    run.isDecided = true;
    decisions.push(last);
  } else if (state.status !== 'paused') {
    startReady(run, decisions);
  }
  return decisions;
}

function lastDecision(run: Run): Decision | undefined {
  if (run.isBackward) {
    return run.compensating === undefined ? outcomeBackward(run, isCancelling(run.state)) : undefined;
  }
  if (run.root.status !== 'succeeded') return undefined;
  const outputOf = outputStepOf(run, run.root);
  return outputOf === undefined
    ? { kind: 'succeed', output: outputValue(run, run.root) }
    : { kind: 'succeed', outputOf };
}

/** The longest way to the end first: where instances are short, the others can wait for longer. */
function startReady(run: Run, decisions: Decision[]): void {
  const ready = run.ready.splice(0);
  if (ready.length > 1) ready.sort((one, other) => pathLength(other) - pathLength(one));
  for (const node of ready) {
    if (node.status !== 'ready') continue;
    node.status = 'started';
    run.active.add(node);
    decisions.push({ kind: 'start', step: node.step });
  }
}

function pathLength({ task }: Node): number {
  return task?.pathLength ?? 0;
}
