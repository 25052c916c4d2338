/** Text, or the data that a task has put out, -> compiled definition. Collects every fault before it gives up. */
import { DURABILITIES, type Durability } from '../../events.ts';
import { askedInputs } from './asked-inputs.ts';
import type { Body, FissionDefinition } from './definition.ts';
import type { Expressions } from './expression.ts';
import { Faults } from './faults.ts';
import { parseFlow } from './parse-flow.ts';
import { parseTask } from './parse-task.ts';
import { isAbsent, MAX_NESTING, type Parsing, readDuration, readText } from './parsing.ts';
import { fromPlain, type MapSource, type Source } from './source.ts';
import { readYaml } from './yaml-source.ts';

/** Throws `WORKFLOW_INVALID`. */
export function parseDefinition(text: string, file: string, expressions: Expressions): FissionDefinition {
  const faults = new Faults(file);
  const source = readYaml(text, faults);
  const parsing = newParsing(faults, expressions);
  if (source?.kind !== 'map') {
    if (faults.isEmpty)
      faults.add('a workflow is a map with "output" and "tasks"', source?.at ?? { line: 1, column: 1 });
    faults.check();
    throw new RangeError('unreachable: there was a fault');
  }
  const field = (name: string): Source | undefined => source.entries.get(name)?.value;
  const flow = parseFlow(parsing, source, { of: 'the workflow', depth: 0, fields: ['timeout', 'durability'] });
  const timeoutMs = readDuration(parsing, field('timeout'), '"timeout" of the workflow');
  const durability = parseDurability(parsing, field('durability'));
  const description = field('description');
  faults.check();
  if (flow === undefined) throw new RangeError('unreachable: there was a fault');
  return {
    description:
      description?.kind === 'scalar' && typeof description.value === 'string' ? description.value.trim() : '',
    ...(durability && { durability }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    flow,
    targets: [...parsing.targets.values()],
    tasks: parsing.tasks,
    needsSandbox: parsing.needsSandbox,
    asked: askedInputs(parsing.texts, parsing.aliases),
  };
}

/** Of what a task has put out. Throws `WORKFLOW_INVALID`. */
export function parseBody(plain: unknown, of: string, expressions: Expressions): Body {
  const faults = new Faults(of);
  const source = fromPlain(plain);
  const body = source.kind === 'map' ? newParsing(faults, expressions).body('task', source, 1) : undefined;
  faults.check();
  if (body === undefined) throw new RangeError('unreachable: there was a fault');
  return body;
}

function newParsing(faults: Faults, expressions: Expressions): Parsing {
  const parsing: Parsing = {
    faults,
    expressions,
    texts: [],
    targets: new Map(),
    aliases: [],
    tasks: 0,
    needsSandbox: false,
    task: (id, source, depth) =>
      isTooDeep(parsing, source, depth) ? undefined : parseTask(parsing, id, source, depth),
    body: (id, source, depth) => {
      if (source.entries.has('run')) return parsing.task(id, source, depth);
      if (isTooDeep(parsing, source, depth)) return undefined;
      return parseFlow(parsing, source, { of: 'the nested workflow', depth, fields: [] });
    },
  };
  return parsing;
}

function isTooDeep(parsing: Parsing, source: Source | MapSource, depth: number): boolean {
  if (depth <= MAX_NESTING) return false;
  parsing.faults.add(`tasks are nested at most ${MAX_NESTING} deep`, source.at);
  return true;
}

function parseDurability(parsing: Parsing, source: Source | undefined): Durability | undefined {
  const durability = readText(parsing, source, '"durability"');
  if (isAbsent(source) || durability === undefined) return undefined;
  const known = DURABILITIES.find((each) => each === durability);
  return known ?? parsing.faults.add(`"durability" is ${DURABILITIES.join(', ')}; not "${durability}"`, source.at);
}
