/** A workflow and its tasks: who waits for whom, and that nobody waits in a circle. */
import type { Flow, Task } from './definition.ts';
import { didYouMean, type Place } from './faults.ts';
import { FLOW_FIELDS } from './parse-values.ts';
import { checkFields, isAbsent, type Parsing, readMap, readText } from './parsing.ts';
import { describeSource, type MapSource, type Source } from './source.ts';

export interface FlowOptions {
  /** For messages. */
  readonly of: string;
  readonly depth: number;
  /** Beside those of every workflow. */
  readonly fields: readonly string[];
}

type Linked = Omit<Task, 'pathLength'> & { readonly dependants: string[]; pathLength: number };

export function parseFlow(parsing: Parsing, source: MapSource, { of, depth, fields }: FlowOptions): Flow | undefined {
  checkFields(parsing, source, { fields: [...FLOW_FIELDS, ...fields], of });
  const field = (name: string): Source | undefined => source.entries.get(name)?.value;
  checkVersion(parsing, field('apiVersion'));
  readText(parsing, field('description'), `"description" of ${of}`);
  const tasksSource = readMap(parsing, field('tasks'), `"tasks" of ${of}`);
  const output = readText(parsing, field('output'), `"output" of ${of}`);
  const tasks = new Map<string, Linked>();
  for (const [id, { value, keyAt }] of tasksSource?.entries ?? []) {
    checkId(parsing, id, keyAt);
    const task = parsing.task(id, value, depth);
    if (task) tasks.set(id, { ...task, dependants: [] });
  }
  if (tasksSource ? tasksSource.entries.size === 0 : isAbsent(field('tasks'))) {
    parsing.faults.add(`${of} needs at least one task`, tasksSource?.at ?? source.at);
  }
  if (tasksSource) link(parsing, tasks, tasksSource);
  const result = checkOutput(parsing, { source, tasksSource, output, of });
  return result === undefined ? undefined : { kind: 'flow', output: result, tasks };
}

function checkVersion(parsing: Parsing, source: Source | undefined): void {
  if (isAbsent(source) || (source.kind === 'scalar' && String(source.value) === '1')) return;
  parsing.faults.add(`"apiVersion" is 1, not ${describeSource(source)}`, source.at);
}

/** The names of steps are paths of them. */
function checkId(parsing: Parsing, id: string, at: Place | undefined): void {
  if (id === '') parsing.faults.add('a task needs a name', at);
  else if (id.includes('/')) parsing.faults.add(`the name of a task has no "/": "${id}"`, at);
  else if (id.length > 200) parsing.faults.add('the name of a task has at most 200 characters', at);
}

interface OutputCheck {
  readonly source: MapSource;
  readonly tasksSource: MapSource | undefined;
  readonly output: string | undefined;
  readonly of: string;
}

function checkOutput(parsing: Parsing, { source, tasksSource, output, of }: OutputCheck): string | undefined {
  const given = source.entries.get('output');
  if (output === undefined) {
    if (isAbsent(given?.value))
      parsing.faults.add(`${of} needs an "output": the task whose output is the result`, source.at);
    return undefined;
  }
  if (tasksSource === undefined || tasksSource.entries.has(output)) return output;
  const hint = didYouMean(output, tasksSource.entries.keys());
  return parsing.faults.add(`"output" of ${of} is no task: "${output}".${hint}`, given?.value.at);
}

function link(parsing: Parsing, tasks: ReadonlyMap<string, Linked>, source: MapSource): void {
  for (const [id, task] of tasks) {
    for (const name of task.requires) {
      if (!source.entries.has(name)) {
        const entry = source.entries.get(id)?.value;
        const at = entry?.kind === 'map' ? entry.entries.get('requires') : undefined;
        const hint = didYouMean(name, source.entries.keys());
        parsing.faults.add(
          `task "${id}" requires "${name}", which is no task.${hint}`,
          placeIn(at?.value, name) ?? at?.keyAt,
        );
      }
      tasks.get(name)?.dependants.push(id);
    }
  }
  const order: string[] = [];
  const cycle = findCycle(tasks, order);
  if (cycle === undefined) return measurePaths(tasks, order);
  const at = source.entries.get(cycle[0] ?? '')?.keyAt;
  parsing.faults.add(`tasks wait for each other in a circle: ${cycle.join(' -> ')}`, at);
}

function placeIn(requires: Source | undefined, name: string): Place | undefined {
  if (requires?.kind === 'map') return requires.entries.get(name)?.keyAt;
  if (requires?.kind !== 'list') return undefined;
  return requires.items.find((item) => item.kind === 'scalar' && item.value === name)?.at;
}

/** From the last task back to the first. */
function measurePaths(tasks: ReadonlyMap<string, Linked>, order: readonly string[]): void {
  for (const id of order.toReversed()) {
    const task = tasks.get(id);
    if (!task) continue;
    for (const dependant of task.dependants) {
      task.pathLength = Math.max(task.pathLength, 1 + (tasks.get(dependant)?.pathLength ?? 0));
    }
  }
}

/** Kahn's algorithm takes away what can run, in an `order` in which it may; from what remains, one that is required leads around. */
function findCycle(tasks: ReadonlyMap<string, Task>, order: string[]): readonly string[] | undefined {
  const waiting = new Map(
    [...tasks].map(([id, { requires }]) => [id, requires.filter((name) => tasks.has(name)).length]),
  );
  const free = [...waiting].filter(([, count]) => count === 0).map(([id]) => id);
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    waiting.delete(id);
    order.push(id);
    for (const dependant of tasks.get(id)?.dependants ?? []) {
      const count = (waiting.get(dependant) ?? 0) - 1;
      waiting.set(dependant, count);
      if (count === 0) free.push(dependant);
    }
  }
  const path: string[] = [];
  const places = new Map<string, number>();
  for (let [id] = waiting.keys(); id !== undefined; id = tasks.get(id)?.requires.find((name) => waiting.has(name))) {
    const start = places.get(id);
    if (start !== undefined) return [...path.slice(start), id];
    places.set(id, path.length);
    path.push(id);
  }
  return undefined;
}
