/** The derived state of one execution: made from the definition and the state alone, and brought up to date from `state.changed`. */
import type { ExecutionState } from '../../execution-state.ts';
import { takeBack, turnBack } from './compensation.ts';
import type { FissionDefinition } from './definition.ts';
import type { Expressions } from './expression.ts';
import type { Run } from './node.ts';
import { newNode, openFlow } from './nodes.ts';
import { settleAll } from './progress.ts';

/** Takes `state.changed`, and changes nothing else of the state but `derived`. */
export function runOf(definition: FissionDefinition, state: ExecutionState, expressions: Expressions): Run {
  const isNew = state.derived === undefined;
  const run = isNew ? newRun(definition, state, expressions) : (state.derived as Run);
  state.derived = run;
  const steps = isNew ? allSteps(state) : state.changed;
  state.changed = [];
  advance(run, steps);
  return run;
}

/** For whoever only looks: leaves the state as it is. */
export function viewOf(definition: FissionDefinition, state: ExecutionState, expressions: Expressions): Run {
  if (state.derived !== undefined && state.changed.length === 0) return state.derived as Run;
  const run = newRun(definition, state, expressions);
  advance(run, allSteps(state));
  return run;
}

function newRun(definition: FissionDefinition, state: ExecutionState, expressions: Expressions): Run {
  const root = newNode({ owner: undefined, id: '', task: undefined, relation: 'member', index: 0, depth: 0 });
  const run: Run = {
    definition,
    state,
    expressions,
    root,
    nodes: new Map(),
    ready: [],
    cancels: [],
    early: new Set(),
    unsettled: [],
    active: new Set(),
    undo: [],
    undoFailures: [],
    failure: undefined,
    isBackward: false,
    compensating: undefined,
    isDecided: false,
    invocation: undefined,
  };
  openFlow(run, root, definition.flow);
  return run;
}

function advance(run: Run, steps: readonly string[]): void {
  for (const step of steps) {
    settleAll(run, [step]);
    if (run.failure === undefined) continue;
    turnBack(run);
    takeBack(run);
  }
  if (isCancelling(run.state) || run.state.status === 'cancelled') turnBack(run);
  if (run.isBackward) takeBack(run);
}

/** A pause does not take back that it is to be cancelled. */
export function isCancelling({ status, cancelReason }: ExecutionState): boolean {
  return status === 'cancelling' || (cancelReason !== undefined && (status === 'running' || status === 'paused'));
}

/** Each once, in the order of what happened to it last; that of the journal, as far as the state knows it. */
function allSteps({ steps, changed }: ExecutionState): readonly string[] {
  const order = new Set<string>();
  for (let index = changed.length - 1; index >= 0; index--) order.add(changed[index] ?? '');
  const named = [...order].reverse();
  return [...[...steps.keys()].filter((step) => !order.has(step)), ...named];
}
