/**
 * From what the journal says of a step to what follows: counts go down, nodes become ready, work that was put out gets nodes, a failure goes up
 * until something catches it. Each step costs its own dependants, never a search.
 *
 * Invariants: a node is completed once. One that failed or was cancelled never completes: only what catches it can. Nothing here looks at the order
 * in which steps happened but through the order of the calls, which is that of the journal.
 */
import { TroupeError } from '../../../errors.ts';
import type { Body } from './definition.ts';
import { plainError } from './errors.ts';
import { type Work, workOf } from './expand.ts';
import { fail } from './failure.ts';
import { markerIn } from './markers.ts';
import { type EachExpansion, isFinished, type Node, type Run, type WhileExpansion } from './node.ts';
import { addBody, addDuty, makeReady } from './nodes.ts';

/** The journal has something new about these steps. */
export function settleAll(run: Run, steps: readonly string[]): void {
  for (const step of steps) {
    settle(run, step);
    for (let next = run.unsettled.pop(); next !== undefined; next = run.unsettled.pop()) settle(run, next);
  }
}

function settle(run: Run, step: string): void {
  const known = run.state.steps.get(step);
  if (known === undefined) return;
  const node = run.nodes.get(step);
  if (node === undefined) {
    run.early.add(step);
    return;
  }
  if (known.status === 'succeeded') {
    succeed(run, node);
  } else if (known.status === 'failed') {
    fail(run, node, { error: known.error ?? plainError('INTERNAL', 'There is no error.'), step });
  } else if (!isFinished(node) && node.status !== 'expanded') {
    node.status = 'started';
    run.active.add(node);
  }
}

function succeed(run: Run, node: Node): void {
  if (node.status === 'cancelled') {
    // It ended before anybody could stop it.
    node.status = 'succeeded';
    remember(run, node);
    return;
  }
  if (isFinished(node) || node.status === 'expanded') return;
  run.active.delete(node);
  let work: Work | undefined;
  try {
    work = workOf(run, node);
  } catch (thrown) {
    if (!(thrown instanceof TroupeError)) throw thrown;
    fail(run, node, { error: plainError(thrown.code, thrown.message, thrown.details), step: node.step });
    return;
  }
  if (work === undefined) complete(run, node);
  else expand(run, node, work);
}

function complete(run: Run, node: Node): void {
  node.status = 'succeeded';
  remember(run, node);
  conclude(run, node);
}

function remember(run: Run, node: Node): void {
  if (node.task?.compensate && node.duty === 'run' && !node.isUndoing) run.undo.push(node);
}

/** Tells the node that it belongs to. */
function conclude(run: Run, node: Node): void {
  const { owner, relation } = node;
  if (owner === undefined) return;
  if (relation === 'compensate') {
    run.compensating = undefined;
  } else if (relation === 'catch') {
    owner.status = 'succeeded';
    conclude(run, owner);
  } else {
    memberCompleted(run, owner, node);
  }
}

function memberCompleted(run: Run, owner: Node, node: Node): void {
  const { expansion } = owner;
  switch (expansion?.kind) {
    case 'place':
      complete(run, owner);
      return;
    case 'flow':
      for (const id of expansion.flow.tasks.get(node.id)?.dependants ?? []) {
        const dependant = expansion.members.get(id);
        if (dependant && --dependant.waiting === 0) makeReady(run, dependant);
      }
      if (--expansion.remaining === 0) complete(run, owner);
      return;
    case 'each':
      expansion.remaining--;
      if (expansion.remaining === 0) complete(run, owner);
      else if (expansion.isSequential) nextItem(run, owner, expansion);
      return;
    case 'times':
      if (expansion.children.length >= expansion.times) complete(run, owner);
      else expansion.children.push(addTurn(run, owner, expansion.children.length, expansion.body));
      return;
    case 'while':
      turnCompleted(run, owner, { expansion, node });
      return;
    default:
  }
}

function expand(run: Run, node: Node, work: Work): void {
  node.status = 'expanded';
  switch (work.kind) {
    case 'place':
      addBody(run, { owner: node, label: work.label, body: work.body, relation: 'member' });
      return;
    case 'each': {
      const { items, sequential = false, collect = true } = work.marker;
      const expansion: EachExpansion = {
        kind: 'each',
        body: work.body,
        items,
        isSequential: sequential,
        collects: collect,
        children: [],
        remaining: items.length,
      };
      node.expansion = expansion;
      const first = sequential ? 1 : items.length;
      for (let count = 0; count < first && node.status === 'expanded'; count++) nextItem(run, node, expansion);
      return;
    }
    case 'times': {
      const children: Node[] = [];
      node.expansion = { kind: 'times', body: work.body, times: work.marker.times, children };
      children.push(addTurn(run, node, 0, work.body));
      return;
    }
    case 'while': {
      const { limit, delayMs, initial } = work.marker;
      node.expansion = {
        kind: 'while',
        body: work.body,
        limit,
        delayMs,
        initial: initial && { value: initial[0] },
        children: [],
        between: [],
      };
      nextTurn(run, node, node.expansion);
    }
  }
}

function nextItem(run: Run, owner: Node, { children, body }: EachExpansion): void {
  children.push(addTurn(run, owner, children.length, body));
}

function addTurn(run: Run, owner: Node, index: number, body: Body): Node {
  return addBody(run, { owner, label: `do_${index}`, body, relation: 'member', index });
}

function nextTurn(run: Run, owner: Node, expansion: WhileExpansion): void {
  const index = expansion.children.length;
  if (expansion.delayMs > 0) expansion.between.push(addDuty(run, owner, 'wait', index));
  else expansion.children.push(addTurn(run, owner, index, expansion.body));
}

function turnCompleted(
  run: Run,
  owner: Node,
  { expansion, node }: { readonly expansion: WhileExpansion; readonly node: Node },
): void {
  if (node.duty === 'wait') {
    expansion.children.push(addTurn(run, owner, node.index, expansion.body));
  } else if (node.duty === 'run') {
    expansion.between.push(addDuty(run, owner, 'check', node.index + 1));
  } else if (markerIn(run.state.steps.get(node.step)?.output)?.$flow === 'again') {
    nextTurn(run, owner, expansion);
  } else {
    complete(run, owner);
  }
}
