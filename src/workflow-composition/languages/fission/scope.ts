/**
 * What expressions see. A task sees itself, those beside it, and those beside everything it is nested in; nearest first. Timestamps are in
 * milliseconds since the Unix epoch.
 */
import { decodePayload } from '../../../transport/codec.ts';
import { MAIN_INPUT } from './definition.ts';
import { errorView } from './errors.ts';
import type { ExpressionScope } from './expression.ts';
import type { Node, Run } from './node.ts';
import { outputStepOf, outputValue } from './outputs.ts';
import { isPlainMap } from './source.ts';
import { caughtError } from './specials.ts';

type View = Readonly<Record<string, unknown>>;

const STATUS = {
  waiting: 'SCHEDULED',
  ready: 'SCHEDULED',
  started: 'IN_PROGRESS',
  expanded: 'IN_PROGRESS',
  succeeded: 'SUCCEEDED',
  failed: 'FAILED',
  cancelled: 'ABORTED',
} as const;

/** `inputs`: of the task itself, as far as they are known. */
export function scopeOf(run: Run, node: Node, inputs: Readonly<Record<string, unknown>>): ExpressionScope {
  return {
    taskId: node.step,
    workflow: () => workflowView(run),
    invocation: () => invocationView(run),
    task(id) {
      if (id === node.step) return taskView(run, node, inputs);
      const found = find(node, id);
      return found === node ? taskView(run, node, inputs) : found && taskView(run, found);
    },
    taskIds: () => idsIn(node),
  };
}

function find(node: Node, id: string): Node | undefined {
  const required = node.task?.aliases.get(id) ?? id;
  for (let each: Node | undefined = node; each; each = each.owner) {
    // What catches or takes back stands outside of what it is about.
    const found = each.relation === 'member' ? memberOf(each.owner, required) : undefined;
    if (found) return found;
    if (each.relation !== 'member' && each.owner?.id === required) return each.owner;
  }
  return undefined;
}

function memberOf(owner: Node | undefined, id: string): Node | undefined {
  const expansion = owner?.expansion;
  if (expansion?.kind === 'flow') return expansion.members.get(id);
  if (expansion === undefined || expansion.kind === 'place') return undefined;
  // As the ancestor names them.
  if (expansion.kind === 'while' && id === 'action') return expansion.children.at(-1);
  const index = /^do_(\d+)$/.exec(id)?.[1];
  return index === undefined ? undefined : expansion.children[Number(index)];
}

function idsIn(node: Node): readonly string[] {
  const ids = new Set([node.step, ...(node.task?.aliases.keys() ?? [])]);
  for (let each: Node | undefined = node; each; each = each.owner) {
    const expansion = each.owner?.expansion;
    if (each.relation === 'member' && expansion?.kind === 'flow')
      for (const id of expansion.members.keys()) ids.add(id);
  }
  return [...ids];
}

/** Its parts are made when they are looked at: an output may have 10 MB. */
function taskView(run: Run, node: Node, inputs?: Readonly<Record<string, unknown>>): View {
  const known = run.state.steps.get(node.step);
  const { task } = node;
  return {
    Id: node.id,
    Status: STATUS[node.status],
    get Inputs() {
      return inputs ?? knownInputs(run, node);
    },
    get Output() {
      return outputValue(run, node);
    },
    get OutputHeaders() {
      const step = outputStepOf(run, node);
      return (step === undefined ? undefined : run.state.steps.get(step)?.headers) ?? {};
    },
    get Requires() {
      return Object.fromEntries(task?.requires.map((id) => [id, {}]) ?? []);
    },
    CreatedAt: known?.timing?.startedAtMs ?? known?.atMs ?? run.state.started.atMs,
    UpdatedAt: known?.atMs ?? run.state.updatedAtMs,
    get Error() {
      const error = inputs ? caughtError(node) : node.error;
      return error ? errorView(error) : null;
    },
  };
}

/** From the journal, where some expression was seen to ask for them; else those that are no expressions. */
export function knownInputs(run: Run, node: Node): Readonly<Record<string, unknown>> {
  const payload = run.state.steps.get(node.step)?.inputs;
  if (payload !== undefined) return decodePayload(payload) as Readonly<Record<string, unknown>>;
  const literals: [string, unknown][] = [];
  for (const [key, value] of node.task?.inputs ?? []) if (value.kind === 'literal') literals.push([key, value.value]);
  return Object.fromEntries(literals);
}

function workflowView({ state: { started } }: Run): View {
  return {
    Id: `${started.workflow}:${started.version}`,
    Name: started.workflow,
    Version: started.version,
    CreatedAt: started.atMs,
    UpdatedAt: started.atMs,
    Status: 'READY',
  };
}

function invocationView(run: Run): View {
  const { id, started, updatedAtMs } = run.state;
  run.invocation ??= invocationInputs(run);
  return { Id: id, CreatedAt: started.atMs, UpdatedAt: updatedAtMs, Inputs: run.invocation };
}

/** The input is the main one; where it is a map, each of its members is one too. */
function invocationInputs({ state: { started } }: Run): View {
  const input = decodePayload(started.input) ?? null;
  const { headers, query } = started;
  const members = isPlainMap(input) ? input : {};
  return {
    ...members,
    [MAIN_INPUT]: Object.hasOwn(members, MAIN_INPUT) ? members[MAIN_INPUT] : input,
    ...(headers && { headers }),
    ...(query && { query }),
  };
}
