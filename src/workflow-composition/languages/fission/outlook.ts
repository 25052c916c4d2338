/**
 * What may run next: from what runs now along what waits for it, nearest first. Work that a task has in its inputs is told of before it is known
 * whether it will run, with the task that decides on it. The steps of a loop are one, whichever turn.
 *
 * It costs what it answers with: however many steps run and wait, no more of them are looked at than a multiple of the limit.
 */
import type { ExecutionState } from '../../execution-state.ts';
import { isOver } from '../../fold.ts';
import type { UpcomingStep } from '../../language.ts';
import type { Body, FissionDefinition, Flow, Task } from './definition.ts';
import type { Expressions } from './expression.ts';
import { isFinished, type Node, type Run } from './node.ts';
import { profileKey } from './profile-key.ts';
import { viewOf } from './run.ts';

interface OutlookRequest {
  readonly definition: FissionDefinition;
  readonly state: ExecutionState;
  readonly expressions: Expressions;
  readonly limit: number;
}

/** Looked at for each one that is wanted. */
const LOOKS = 16;
/** Of one step: a task that waits for a thousand is told of the first so many. */
const MAX_AFTER = 64;

/** In the body of a step that has not put it out yet, or never will. */
interface Possible {
  readonly key: string;
  readonly task: Task;
  readonly after: readonly string[];
  readonly decidedBy: string;
  /** Where it is part of a workflow. */
  readonly within: { readonly flow: Flow; readonly key: string } | undefined;
}

export function outlook({ definition, state, expressions, limit }: OutlookRequest): readonly UpcomingStep[] {
  if (isOver(state) || limit <= 0) return [];
  const run = viewOf(definition, state, expressions);
  return run.isBackward ? [] : new Outlook(limit).from(run);
}

class Outlook {
  readonly #limit: number;
  readonly #upcoming: UpcomingStep[] = [];
  /** Keys of those. */
  readonly #told = new Set<string>();
  /** Steps, and keys of possible ones, that were in the queue. */
  readonly #seen = new Set<string>();
  readonly #queue: (Node | Possible)[] = [];
  #looks: number;

  constructor(limit: number) {
    this.#limit = limit;
    this.#looks = limit * LOOKS;
  }

  from(run: Run): readonly UpcomingStep[] {
    for (const node of run.ready) if (node.status === 'ready' && !this.#isFull) this.#tell(node);
    for (const node of run.active) {
      if (this.#queue.length >= this.#looks) break;
      this.#enqueue(node);
    }
    for (let index = 0; index < this.#queue.length && !this.#isFull; index++) {
      const next = this.#queue[index];
      if (next === undefined) break;
      if ('status' in next) this.#followNode(next);
      else this.#followPossible(next);
    }
    return this.#upcoming;
  }

  get #isFull(): boolean {
    return this.#upcoming.length >= this.#limit || this.#looks <= 0;
  }

  #enqueue(node: Node): void {
    if (this.#seen.has(node.step)) return;
    this.#seen.add(node.step);
    this.#queue.push(node);
  }

  #tell(node: Node): void {
    if (this.#seen.has(node.step)) return;
    const { task, owner } = node;
    if (task === undefined) return this.#enqueue(node);
    const key = profileKey(node.step);
    const flow = owner?.expansion?.kind === 'flow' ? owner.expansion : undefined;
    const after: string[] = [];
    for (const id of task.requires) {
      if (after.length >= MAX_AFTER) break;
      after.push(...endsOf(flow?.members.get(id)));
    }
    this.#add({ key, target: targetOf(task), after: unique(after) });
    this.#enqueue(node);
  }

  #add(step: UpcomingStep): void {
    this.#looks--;
    if (this.#isFull || this.#told.has(step.key)) return;
    this.#told.add(step.key);
    this.#upcoming.push(step);
  }

  /** It runs, or was told of. */
  #followNode(node: Node): void {
    const { owner, task } = node;
    if (node.expansion === undefined && node.duty === 'run' && task) this.#possible(profileKey(node.step), task);
    if (owner === undefined) return;
    const flow = owner.expansion?.kind === 'flow' && node.relation === 'member' ? owner.expansion : undefined;
    for (const id of flow?.flow.tasks.get(node.id)?.dependants ?? []) {
      if (this.#isFull) return;
      const dependant = flow?.members.get(id);
      if (dependant?.status === 'waiting') this.#tell(dependant);
    }
    this.#looks--;
    this.#enqueue(owner);
  }

  #possible(key: string, task: Task): void {
    for (const [label, body] of task.bodies) {
      const bodyKey = bodyKeyOf(key, label);
      if (body.kind === 'task') {
        this.#queue.push({ key: bodyKey, task: body, after: [key], decidedBy: key, within: undefined });
        continue;
      }
      const within = { flow: body, key: bodyKey };
      for (const each of body.tasks.values()) {
        if (each.requires.length > 0) continue;
        this.#queue.push({ key: `${bodyKey}/${each.id}`, task: each, after: [key], decidedBy: key, within });
      }
    }
  }

  #followPossible({ key, task, after, decidedBy, within }: Possible): void {
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#add({ key, target: targetOf(task), after, decidedBy });
    this.#possible(key, task);
    for (const id of within ? task.dependants : []) {
      const dependant = within?.flow.tasks.get(id);
      if (within === undefined || dependant === undefined) continue;
      const ends = dependant.requires.flatMap((each) =>
        possibleEnds(`${within.key}/${each}`, within.flow.tasks.get(each)),
      );
      this.#queue.push({ key: `${within.key}/${id}`, task: dependant, after: unique(ends), decidedBy, within });
    }
  }
}

function targetOf({ runs, awaits }: Task): string | undefined {
  return runs.kind === 'function' && awaits === undefined ? runs.target : undefined;
}

const bodyKeyOf = (key: string, label: string): string => `${key}/${label === 'do' ? 'do_*' : label}`;

const unique = (keys: readonly string[]): readonly string[] => [...new Set(keys)].slice(0, MAX_AFTER);

/** The keys of those with which an unfinished step will have come to its end. */
function endsOf(node: Node | undefined): readonly string[] {
  if (node === undefined) return [];
  if (node.catching && !isFinished(node.catching)) return endsOf(node.catching);
  if (isFinished(node)) return [];
  const { expansion } = node;
  const key = profileKey(node.step);
  if (expansion === undefined) return possibleEnds(key, node.task);
  if (expansion.kind === 'place') return endsOf(expansion.child);
  if (expansion.kind !== 'flow') return bodyEnds(`${key}/do_*`, expansion.body);
  const ends: string[] = [];
  for (const member of expansion.members.values()) {
    if (member.task?.dependants.length === 0 && ends.length < MAX_AFTER) ends.push(...endsOf(member));
  }
  return ends;
}

function possibleEnds(key: string, task: Task | undefined): readonly string[] {
  const bodies = [...(task?.bodies ?? [])];
  return [key, ...bodies.flatMap(([label, body]) => bodyEnds(bodyKeyOf(key, label), body))];
}

function bodyEnds(key: string, body: Body): readonly string[] {
  if (body.kind === 'task') return possibleEnds(key, body);
  const last = [...body.tasks.values()].filter(({ dependants }) => dependants.length === 0).slice(0, MAX_AFTER);
  return last.flatMap((task) => possibleEnds(`${key}/${task.id}`, task));
}
