/** The steps as a graph for people: those that are known, and in place of those that are not the work in the definition. */
import type { ExecutionState } from '../../execution-state.ts';
import type { GraphNode, WorkflowGraph } from '../../language.ts';
import type { Body, FissionDefinition, Task } from './definition.ts';
import type { Expressions } from './expression.ts';
import { childrenOf, type Node } from './node.ts';
import { viewOf } from './run.ts';

interface GraphRequest {
  readonly definition: FissionDefinition;
  readonly state: ExecutionState | undefined;
  readonly expressions: Expressions;
}

export function graph({ definition, state, expressions }: GraphRequest): WorkflowGraph {
  const nodes: GraphNode[] = [];
  if (state === undefined) addBody(nodes, { body: definition.flow, step: '', within: undefined });
  else addNode(nodes, viewOf(definition, state, expressions).root, undefined);
  return { nodes };
}

/** `within`: the step in whose place it runs. */
function addNode(nodes: GraphNode[], node: Node, within: string | undefined): void {
  const { task, step } = node;
  if (task)
    nodes.push({ step, label: labelOf(node, task), after: afterOf(node), ...(within !== undefined && { within }) });
  const inside = task ? step : within;
  if (task && node.expansion === undefined && node.duty === 'run') addBodies(nodes, task, step);
  for (const child of childrenOf(node)) addNode(nodes, child, inside);
  if (node.catching) addNode(nodes, node.catching, inside);
  if (node.compensation) nodes.push({ step: node.compensation.step, label: 'compensate', after: [step] });
}

interface BodyPlace {
  readonly body: Body;
  readonly step: string;
  readonly within: string | undefined;
}

function addBody(nodes: GraphNode[], { body, step, within }: BodyPlace): void {
  if (body.kind === 'task') {
    nodes.push({ step, label: labelOfTask(body), after: [], ...(within !== undefined && { within }) });
    addBodies(nodes, body, step);
    return;
  }
  const prefix = step === '' ? '' : `${step}/`;
  for (const task of body.tasks.values()) {
    const after = task.requires.map((id) => prefix + id);
    nodes.push({ step: prefix + task.id, label: labelOfTask(task), after, ...(within !== undefined && { within }) });
    addBodies(nodes, task, prefix + task.id);
  }
}

function addBodies(nodes: GraphNode[], task: Task, step: string): void {
  for (const [label, body] of task.bodies) {
    addBody(nodes, { body, step: `${step}/${label === 'do' ? 'do_*' : label}`, within: step });
  }
}

function labelOf(node: Node, task: Task): string {
  return node.duty === 'run' ? labelOfTask(task) : node.duty;
}

function labelOfTask({ runs, awaits }: Task): string {
  if (awaits) return `signal ${awaits.signal}`;
  if (runs.kind === 'url') return runs.url;
  return runs.kind === 'builtin' ? runs.name : runs.target;
}

function afterOf({ owner, task, index, duty, relation }: Node): readonly string[] {
  if (owner === undefined || relation === 'compensate') return [];
  const { expansion } = owner;
  if (expansion?.kind === 'flow') return task?.requires.map((id) => expansion.members.get(id)?.step ?? id) ?? [];
  const turn = (number: number): string[] => (number < 0 ? [] : [`${owner.step}/do_${number}`]);
  if (expansion?.kind === 'times' || (expansion?.kind === 'each' && expansion.isSequential)) return turn(index - 1);
  if (expansion?.kind !== 'while') return [];
  const check = index === 0 ? [] : [`${owner.step}/check_${index}`];
  if (duty === 'check') return turn(index - 1);
  return duty === 'run' && expansion.delayMs > 0 ? [`${owner.step}/wait_${index}`] : check;
}
