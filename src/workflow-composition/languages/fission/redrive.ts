/** Which steps run again when an execution that failed or was cancelled goes on: everything but what succeeded and still holds. */
import type { ExecutionState } from '../../execution-state.ts';
import type { FissionDefinition } from './definition.ts';
import type { Expressions } from './expression.ts';
import { childrenOf, type Node, type Run } from './node.ts';
import { viewOf } from './run.ts';

interface RedriveRequest {
  readonly definition: FissionDefinition;
  readonly state: ExecutionState;
  readonly expressions: Expressions;
}

/** Only steps that the state knows. */
export function stepsToRedrive({ definition, state, expressions }: RedriveRequest): readonly string[] {
  const run = viewOf(definition, state, expressions);
  const again = new Set<string>();
  visit(run, run.root, again);
  return [...state.steps.keys()].filter((step) => again.has(step) || !run.nodes.has(step));
}

function visit(run: Run, node: Node, again: Set<string>): void {
  if (node.compensation !== undefined && run.state.steps.has(node.compensation.step)) {
    // What it did was taken back, or may have been in part.
    addAll(node, again);
    return;
  }
  // A failure that was caught stands, with all that led to it.
  if (node.status !== 'succeeded') addUnfinished(run, node, again);
  if (node.catching && node.status === 'succeeded') visit(run, node.catching, again);
  for (const child of childrenOf(node)) {
    if (node.status !== 'succeeded' || child.status === 'succeeded') visit(run, child, again);
  }
}

function addUnfinished(run: Run, node: Node, again: Set<string>): void {
  const known = run.state.steps.get(node.step);
  // Where it succeeded but what it put out did not: only that runs again, unless it cannot run at all.
  if (known?.status !== 'succeeded' || node.expansion === undefined) again.add(node.step);
  if (node.catching) addAll(node.catching, again);
}

function addAll(node: Node, again: Set<string>): void {
  again.add(node.step);
  for (const child of childrenOf(node)) addAll(child, again);
  if (node.catching) addAll(node.catching, again);
  if (node.compensation) addAll(node.compensation, again);
}
