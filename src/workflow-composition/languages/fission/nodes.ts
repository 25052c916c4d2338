/** How nodes come to be: one for a task, and for a workflow one with all of its tasks below it. */
import type { Body, Flow, Task } from './definition.ts';
import type { Duty, Node, Run } from './node.ts';

interface NewBody {
  readonly owner: Node;
  readonly label: string;
  readonly body: Body;
  readonly relation: Node['relation'];
  readonly index?: number;
}

export function addBody(run: Run, { owner, label, body, relation, index = 0 }: NewBody): Node {
  const node = newNode({
    owner,
    id: label,
    task: body.kind === 'task' ? body : undefined,
    relation,
    index,
    depth: owner.depth + 1,
  });
  if (relation === 'catch') owner.catching = node;
  else if (relation === 'compensate') owner.compensation = node;
  else if (owner.expansion === undefined) owner.expansion = { kind: 'place', child: node };
  place(run, node);
  if (body.kind === 'flow') openFlow(run, node, body);
  else makeReady(run, node);
  return node;
}

export function addDuty(run: Run, owner: Node, duty: Duty, index: number): Node {
  const depth = owner.depth + 1;
  const node = newNode({ owner, id: `${duty}_${index}`, task: owner.task, relation: 'member', index, depth, duty });
  place(run, node);
  makeReady(run, node);
  return node;
}

/** A workflow that begins: the whole one, or a nested one. */
export function openFlow(run: Run, owner: Node, flow: Flow): void {
  owner.status = 'expanded';
  const members = new Map<string, Node>();
  owner.expansion = { kind: 'flow', flow, members, remaining: flow.tasks.size };
  for (const task of flow.tasks.values()) {
    const node = newNode({ owner, id: task.id, task, relation: 'member', index: 0, depth: owner.depth });
    node.waiting = task.requires.length;
    members.set(task.id, node);
  }
  for (const node of members.values()) {
    place(run, node);
    if (node.waiting === 0) makeReady(run, node);
  }
}

interface NewNode {
  readonly owner: Node | undefined;
  readonly id: string;
  readonly task: Task | undefined;
  readonly relation: Node['relation'];
  readonly index: number;
  readonly depth: number;
  readonly duty?: Duty;
}

export function newNode({ owner, id, task, relation, index, depth, duty = 'run' }: NewNode): Node {
  return {
    step: owner === undefined || owner.step === '' ? id : `${owner.step}/${id}`,
    id,
    task,
    duty,
    owner,
    relation,
    index,
    depth,
    isUndoing: relation === 'compensate' || (owner?.isUndoing ?? false),
    waiting: 0,
    status: 'waiting',
    expansion: undefined,
    catching: undefined,
    compensation: undefined,
    error: undefined,
    value: undefined,
  };
}

/** Where the journal knows of it already, it is settled next. */
function place(run: Run, node: Node): void {
  run.nodes.set(node.step, node);
  if (run.early.delete(node.step)) run.unsettled.push(node.step);
}

export function makeReady(run: Run, node: Node): void {
  if (node.status !== 'waiting') return;
  node.status = 'ready';
  run.ready.push(node);
}
