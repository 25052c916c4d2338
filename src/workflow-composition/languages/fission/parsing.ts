/** What the parts of the parser share: the faults so far, the limits, and how each part reaches the others. */
import { TroupeError } from '../../../errors.ts';
import type { TargetMention } from '../../language.ts';
import type { Body, Task } from './definition.ts';
import { durationMs } from './duration.ts';
import type { Expression, Expressions } from './expression.ts';
import { didYouMean, type Faults, type Place } from './faults.ts';
import { describeSource, type MapSource, type ScalarSource, type Source } from './source.ts';

export const MAX_TASKS = 10_000;
/** Of tasks and workflows in each other, whether written so or put out. */
export const MAX_NESTING = 64;

export interface Parsing {
  readonly faults: Faults;
  readonly expressions: Expressions;
  /** All expressions so far: what they ask for is found in their text. */
  readonly texts: string[];
  readonly targets: Map<string, TargetMention>;
  /** Aliases of tasks, with the task. */
  readonly aliases: [string, string][];
  tasks: number;
  /** Something in it is JavaScript that has no value at once. */
  needsSandbox: boolean;
  task(id: string, source: Source, depth: number): Task | undefined;
  /** Of a map with `run`, or with `tasks`. */
  body(id: string, source: MapSource, depth: number): Body | undefined;
}

const EXPRESSION = /^\s*\{([\s\S]*)\}\s*$/;

/** The text between the braces. */
export function expressionText(value: unknown): string | undefined {
  return typeof value === 'string' ? EXPRESSION.exec(value)?.[1]?.trim() : undefined;
}

export function compileExpression(parsing: Parsing, text: string, at: Place | undefined): Expression | undefined {
  try {
    const expression = parsing.expressions.compile(text);
    parsing.texts.push(text);
    if (!expression.isImmediate) parsing.needsSandbox = true;
    return expression;
  } catch (thrown) {
    if (!(thrown instanceof TroupeError) || thrown.code !== 'EXPRESSION_FAILED') throw thrown;
    return parsing.faults.add(`in the expression ${JSON.stringify(shortened(text))}: ${thrown.message}`, at);
  }
}

const shortened = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

/** Names every field that is none of these. */
export function checkFields(
  parsing: Parsing,
  source: MapSource,
  { fields, of }: { readonly fields: readonly string[]; readonly of: string },
): void {
  for (const [name, { keyAt }] of source.entries) {
    if (fields.includes(name)) continue;
    const hint = didYouMean(name, fields) || ` It has ${fields.join(', ')}.`;
    parsing.faults.add(`${of} has no field "${name}".${hint}`, keyAt);
  }
}

/** Undefined where it is not there, or null, or wrong and named. */
export function readText(parsing: Parsing, source: Source | undefined, what: string): string | undefined {
  if (isAbsent(source)) return undefined;
  if (source.kind === 'scalar' && typeof source.value === 'string') return source.value;
  return parsing.faults.add(`${what} is a text, not ${describeSource(source)}`, source.at);
}

export function readMap(parsing: Parsing, source: Source | undefined, what: string): MapSource | undefined {
  if (isAbsent(source)) return undefined;
  if (source.kind === 'map') return source;
  return parsing.faults.add(`${what} is a map, not ${describeSource(source)}`, source.at);
}

export function readDuration(parsing: Parsing, source: Source | undefined, what: string): number | undefined {
  if (isAbsent(source)) return undefined;
  const ms = source.kind === 'scalar' ? durationMs(source.value) : undefined;
  if (ms !== undefined) return ms;
  return parsing.faults.add(
    `${what} is a duration such as 500ms, 1m30s or 2d, or a number of milliseconds; not ${describeSource(source)}`,
    source.at,
  );
}

export function readNumber(
  parsing: Parsing,
  source: Source | undefined,
  {
    what,
    min,
    max,
    isWhole,
  }: { readonly what: string; readonly min: number; readonly max: number; readonly isWhole: boolean },
): number | undefined {
  if (isAbsent(source)) return undefined;
  const value = source.kind === 'scalar' ? source.value : undefined;
  if (typeof value === 'number' && value >= min && value <= max && (!isWhole || Number.isInteger(value))) return value;
  const kind = isWhole ? 'a whole number' : 'a number';
  return parsing.faults.add(`${what} is ${kind} from ${min} to ${max}, not ${describeSource(source)}`, source.at);
}

/** A text alone is a list of one. */
export function readTexts(parsing: Parsing, source: Source | undefined, what: string): readonly string[] | undefined {
  if (isAbsent(source)) return undefined;
  const items = source.kind === 'list' ? source.items : [source];
  const texts = items.map((item) =>
    item.kind === 'scalar' && typeof item.value === 'string' ? item.value : undefined,
  );
  if (texts.every((text) => text !== undefined)) return texts;
  return parsing.faults.add(`${what} is a list of texts, not ${describeSource(source)}`, source.at);
}

export function isAbsent(source: Source | undefined): source is undefined | (ScalarSource & { readonly value: null }) {
  return source === undefined || (source.kind === 'scalar' && (source.value === null || source.value === undefined));
}
