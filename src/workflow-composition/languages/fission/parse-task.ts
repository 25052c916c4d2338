/** One task: what it runs, what it waits for, and what happens where it fails. */
import { FUNCTION_NAME_PATTERN } from '../../../config.ts';
import { asksForOwnInputs } from './asked-inputs.ts';
import { BUILTINS, type BuiltinName, type CatchRule, type Runnable, type Task, type Value } from './definition.ts';
import { didYouMean } from './faults.ts';
import { nestedBodies } from './nested-bodies.ts';
import { parseAwait, parseRetry } from './parse-policies.ts';
import { bodyOf, isBody, parseInputs, parseValue, TASK_FIELDS } from './parse-values.ts';
import {
  checkFields,
  isAbsent,
  MAX_TASKS,
  type Parsing,
  readDuration,
  readMap,
  readText,
  readTexts,
} from './parsing.ts';
import { describeSource, type MapSource, type Source } from './source.ts';

const NOOP: Runnable = { kind: 'builtin', name: 'noop' };
const REFERENCE = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is;
const FUNCTION_SCHEMES = ['fission', 'workflow', 'workflows'];

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type Dependencies = Pick<Task, 'requires' | 'aliases'>;

export function parseTask(parsing: Parsing, id: string, source: Source, depth: number): Task | undefined {
  if (++parsing.tasks === MAX_TASKS + 1) parsing.faults.add(`a workflow has at most ${MAX_TASKS} tasks`, source.at);
  if (parsing.tasks > MAX_TASKS) return undefined;
  const map = readMap(parsing, source, `task "${id}"`) ?? { kind: 'map', entries: new Map(), at: source.at };
  if (map.at === undefined && source.kind !== 'map' && !isAbsent(source)) return undefined;
  const of = `task "${id}"`;
  checkFields(parsing, map, { fields: TASK_FIELDS, of });
  const field = (name: string): Source | undefined => map.entries.get(name)?.value;
  readText(parsing, field('id'), `"id" of ${of}`);
  const runs = parseRun(parsing, field('run'), of);
  const inputs = parseInputs(parsing, field('inputs'), depth);
  const task: Mutable<Task> = {
    kind: 'task',
    id,
    runs,
    inputs,
    ...parseRequires(parsing, field('requires'), of),
    dependants: [],
    pathLength: 0,
    bodies: nestedBodies(runs, inputs),
    catches: parseCatch(parsing, field('catch'), { of, depth }),
  };
  if (runs.kind === 'builtin' && runs.name === 'javascript') parsing.needsSandbox = true;
  const retry = parseRetry(parsing, field('retry'), of);
  if (retry) task.retry = retry;
  const timeoutMs = readDuration(parsing, field('timeout'), `"timeout" of ${of}`);
  if (timeoutMs !== undefined) task.timeoutMs = timeoutMs;
  const heartbeatMs = readDuration(parsing, field('heartbeat'), `"heartbeat" of ${of}`);
  if (heartbeatMs !== undefined) task.heartbeatMs = heartbeatMs;
  const awaits = parseAwait(parsing, field('await'), { id, timeoutMs });
  if (awaits) task.awaits = awaits;
  const compensate = field('compensate');
  if (!isAbsent(compensate)) {
    const before = parsing.texts.length;
    const undo = parsing.task(`${id}/compensate`, compensate, depth + 1);
    if (undo) task.compensate = undo;
    if (parsing.texts.slice(before).some(asksForOwnInputs)) task.undoAsksForInputs = true;
  }
  checkRequired(parsing, task, map);
  checkEffect(parsing, task, map);
  return task;
}

/** What cannot be missing, with what may stand in for it. */
const REQUIRED: Readonly<Partial<Record<BuiltinName, readonly (readonly string[])[]>>> = {
  if: [['if']],
  switch: [['switch']],
  foreach: [['foreach', 'default'], ['do']],
  repeat: [['times'], ['do']],
  while: [['expr'], ['limit'], ['do']],
  http: [['url', 'default']],
  javascript: [['expr']],
};

function checkRequired(parsing: Parsing, { id, runs, inputs }: Task, { entries, at: taskAt }: MapSource): void {
  if (runs.kind !== 'builtin') return;
  for (const names of REQUIRED[runs.name] ?? []) {
    if (names.some((name) => inputs.has(name))) continue;
    const given = entries.get('inputs')?.keyAt ?? taskAt;
    parsing.faults.add(`task "${id}" runs "${runs.name}", which needs the input "${names[0]}"`, given);
  }
  const isTurnTask = runs.name === 'foreach' || runs.name === 'repeat';
  const turn = isTurnTask ? inputs.get('do') : undefined;
  if (turn === undefined || turn.kind === 'body' || turn.kind === 'expression') return;
  const given = entries.get('inputs')?.value;
  const at = given?.kind === 'map' ? given.entries.get('do')?.value.at : undefined;
  parsing.faults.add(`"do" of task "${id}" is a task, which has "run", or a workflow, which has "tasks"`, at);
}

/** A setting that changes nothing is a mistake that nobody would notice. */
function checkEffect(parsing: Parsing, task: Task, { entries }: MapSource): void {
  if (task.awaits !== undefined && entries.has('run')) {
    parsing.faults.add(`task "${task.id}" awaits a signal, and can run nothing beside that`, entries.get('run')?.keyAt);
  }
  const { kind } = task.runs;
  if (task.heartbeatMs !== undefined && (kind !== 'function' || task.awaits)) {
    const what = '"heartbeat" is for tasks that run a function, which says that it goes on by "context.heartbeat()"';
    parsing.faults.add(what, entries.get('heartbeat')?.keyAt);
  }
  const reachesOut = kind !== 'builtin' || task.runs.name === 'http';
  if (reachesOut) return;
  const what = task.awaits ? 'a task that awaits a signal' : `the built-in "${(task.runs as { name: string }).name}"`;
  if (task.retry !== undefined) parsing.faults.add(`"retry" has no effect on ${what}`, entries.get('retry')?.keyAt);
  if (task.timeoutMs === undefined || task.awaits !== undefined) return;
  parsing.faults.add(`"timeout" has no effect on ${what}`, entries.get('timeout')?.keyAt);
}

function parseRun(parsing: Parsing, source: Source | undefined, of: string): Runnable {
  const reference = readText(parsing, source, `"run" of ${of}`);
  if (reference === undefined || reference === '') return NOOP;
  const [, scheme = '', name = ''] = REFERENCE.exec(reference) ?? [];
  const kind = scheme.toLowerCase();
  if (kind === 'http' || kind === 'https') return { kind: 'url', url: reference };
  if (kind === '' || kind === 'internal') {
    const builtin = name === 'nop' ? 'noop' : name;
    if (isBuiltin(builtin)) return { kind: 'builtin', name: builtin };
  }
  if (kind === 'internal') {
    parsing.faults.add(
      `${of} runs "${reference}", but there is no such built-in.${didYouMean(name, BUILTINS)}`,
      source?.at,
    );
    return NOOP;
  }
  if (kind !== '' && !FUNCTION_SCHEMES.includes(kind)) {
    parsing.faults.add(
      `${of} runs "${reference}": what stands before "://" is fission, workflow, internal, http or https`,
      source?.at,
    );
    return NOOP;
  }
  if (!FUNCTION_NAME_PATTERN.test(name)) {
    parsing.faults.add(
      `${of} runs "${reference}", which is no name of a function: 1 to 63 lower-case letters, digits and hyphens`,
      source?.at,
    );
    return NOOP;
  }
  if (!parsing.targets.has(name)) parsing.targets.set(name, { name, by: of, ...source?.at });
  return { kind: 'function', target: name };
}

const isBuiltin = (name: string): name is BuiltinName => (BUILTINS as readonly string[]).includes(name);

function parseRequires(parsing: Parsing, source: Source | undefined, of: string): Dependencies {
  const aliases = new Map<string, string>();
  if (isAbsent(source)) return { requires: [], aliases };
  if (source.kind !== 'map') {
    const names = source.kind === 'list' ? readTexts(parsing, source, `"requires" of ${of}`) : undefined;
    if (source.kind !== 'list') {
      parsing.faults.add(`"requires" of ${of} is a list or a map, not ${describeSource(source)}`, source.at);
    }
    return { requires: [...new Set(names)], aliases };
  }
  for (const [name, { value }] of source.entries) {
    const what = `"requires.${name}" of ${of}`;
    const parameters = readMap(parsing, value, what);
    if (parameters === undefined) continue;
    checkFields(parsing, parameters, { fields: ['type', 'alias'], of: what });
    const type = readText(parsing, parameters.entries.get('type')?.value, `"type" of ${what}`);
    if (type !== undefined && !['data', 'control'].includes(type.toLowerCase())) {
      parsing.faults.add(`"type" of ${what} is data or control`, parameters.entries.get('type')?.value.at);
    }
    const alias = readText(parsing, parameters.entries.get('alias')?.value, `"alias" of ${what}`);
    if (alias === undefined) continue;
    aliases.set(alias, name);
    parsing.aliases.push([alias, name]);
  }
  return { requires: [...source.entries.keys()], aliases };
}

interface CatchContext {
  readonly of: string;
  readonly depth: number;
}

/** A list of rules, or what to do whatever the error is. */
function parseCatch(parsing: Parsing, source: Source | undefined, context: CatchContext): readonly CatchRule[] {
  if (source === undefined || (source.kind === 'scalar' && source.value === undefined)) return [];
  if (source.kind !== 'list' || !source.items.some(isRule)) {
    return [{ body: catchBody(parseValue(parsing, source, context.depth)) }];
  }
  const what = `"catch" of ${context.of}`;
  const rules: CatchRule[] = [];
  for (const item of source.items) {
    const map = readMap(parsing, item, `each rule in ${what}`);
    if (map === undefined) continue;
    checkFields(parsing, map, { fields: ['errors', 'do'], of: what });
    const errors = readTexts(parsing, map.entries.get('errors')?.value, `"errors" in ${what}`);
    const action = map.entries.get('do');
    if (action === undefined) parsing.faults.add(`a rule in ${what} needs a "do"`, map.at);
    const body = catchBody(parseValue(parsing, action?.value ?? item, context.depth));
    rules.push(errors === undefined ? { body } : { errors, body });
  }
  return rules;
}

const isRule = (item: Source): boolean =>
  item.kind === 'map' && !isBody(item) && (item.entries.has('do') || item.entries.has('errors'));

const catchBody = (value: Value) => bodyOf('catch', value);
