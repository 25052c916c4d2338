/** Inputs: data in which texts in braces are expressions, and maps with `run` or `tasks` are tasks and workflows. */
import { type Body, MAIN_INPUT, type Value } from './definition.ts';
import { compileExpression, expressionText, isAbsent, type Parsing } from './parsing.ts';
import { type MapSource, type Source, toPlain } from './source.ts';

export const TASK_FIELDS = [
  'id',
  'run',
  'inputs',
  'requires',
  'retry',
  'timeout',
  'heartbeat',
  'catch',
  'compensate',
  'await',
];
export const FLOW_FIELDS = ['apiVersion', 'description', 'output', 'tasks'];

/** A map is by key, and everything else is the main input. */
export function parseInputs(parsing: Parsing, source: Source | undefined, depth: number): ReadonlyMap<string, Value> {
  const inputs = new Map<string, Value>();
  if (source === undefined || isAbsent(source)) return inputs;
  if (source.kind !== 'map') return inputs.set(MAIN_INPUT, parseValue(parsing, source, depth));
  for (const [key, { value }] of source.entries) inputs.set(key, parseValue(parsing, value, depth));
  warnOfFlowMap(parsing, source);
  return inputs;
}

export function parseValue(parsing: Parsing, source: Source, depth: number): Value {
  if (source.kind === 'scalar') return parseScalar(parsing, source);
  if (source.kind === 'list') return listOf(source.items.map((item) => parseValue(parsing, item, depth)));
  if (isBody(source)) {
    const id = source.entries.has('run') ? 'task' : 'workflow';
    const body = parsing.body(id, source, depth + 1);
    return body === undefined ? { kind: 'literal', value: null } : { kind: 'body', body, plain: toPlain(source) };
  }
  warnOfFlowMap(parsing, source);
  const entries = new Map<string, Value>();
  for (const [key, { value }] of source.entries) entries.set(key, parseValue(parsing, value, depth));
  return [...entries.values()].every(isLiteral)
    ? { kind: 'literal', value: toPlain(source) }
    : { kind: 'map', entries };
}

/** A name to run is a text, and what there is to run is a map: a map with `run: 3` is data. */
export function isBody(source: MapSource): boolean {
  const run = source.entries.get('run')?.value;
  if (run !== undefined) return run.kind === 'scalar' && typeof run.value === 'string';
  return source.entries.get('tasks')?.value.kind === 'map';
}

function parseScalar(parsing: Parsing, source: Source & { kind: 'scalar' }): Value {
  const text = expressionText(source.value);
  if (text === undefined) return { kind: 'literal', value: source.value };
  const expression = compileExpression(parsing, text, source.at);
  return expression === undefined ? { kind: 'literal', value: null } : { kind: 'expression', expression };
}

function listOf(items: readonly Value[]): Value {
  if (!items.every(isLiteral)) return { kind: 'list', items };
  return { kind: 'literal', value: items.map((item) => (item.kind === 'literal' ? item.value : null)) };
}

const isLiteral = (value: Value): boolean => value.kind === 'literal';

/** `{ output('A') }` without quotes is a map to YAML, with one key and nothing for it. */
function warnOfFlowMap(parsing: Parsing, { entries, at }: MapSource): void {
  const [only, ...more] = entries;
  if (only === undefined || more.length > 0 || !isAbsent(only[1].value) || /^[\w -]*$/.test(only[0])) return;
  parsing.faults.add(`an expression has to stand in quotes: "{ ${only[0]} }"`, at);
}

/** A value that is no task runs as one that puts it out. */
export function bodyOf(id: string, value: Value): Body {
  if (value.kind === 'body') return value.body;
  return {
    kind: 'task',
    id,
    runs: { kind: 'builtin', name: 'noop' },
    inputs: new Map([[MAIN_INPUT, value]]),
    requires: [],
    aliases: new Map(),
    dependants: [],
    pathLength: 0,
    bodies: new Map(),
    catches: [],
  };
}
