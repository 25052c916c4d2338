/**
 * Which parts of `$` an expression can look at, told from its text, so that only these travel to the sandbox.
 *
 * It never says too little: data is reached only through the names below, each place where one of them stands is looked at (in strings and
 * comments too), and a place that is not of a known form means everything.
 */
import type { ExpressionScope } from '../expression.ts';

/** One task, or one field of it. An id that is undefined is the current task's. */
export interface TaskMention {
  readonly id: string | undefined;
  readonly field: string | undefined;
}

export interface Mentions {
  readonly workflow: boolean;
  readonly invocation: boolean;
  readonly tasks: 'all' | readonly TaskMention[];
}

const EVERYTHING: Mentions = { workflow: true, invocation: true, tasks: 'all' };

/** With these a name can be written otherwise, or reached without being written. */
const DISGUISE = /\\u|\beval\b|\bextends\b|\bthis\b/;
/** Without these, a quote begins or ends a string: there are no regular expressions, comments or templates for it to stand in. */
const HIDES_QUOTES = /[/`]|<!--|-->/;
const STRING = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/gs;
const NAME = /(?<![\w$])(\$|task|input|output|outputHeaders|param)(?![\w$])/g;
const TEXT = String.raw`'([^'\\\r\n]*)'|"([^"\\\r\n]*)"|\x60([^\x60\\$]*)\x60`;
const MEMBER = new RegExp(String.raw`\s*(?:\??\.\s*([A-Za-z_$][\w$]*)|(?:\?\.\s*)?\[\s*(?:${TEXT})\s*\])`, 'y');
const CALL = new RegExp(String.raw`\s*\(\s*(?:\)|(?:${TEXT}|(taskId))\s*(,|\)))`, 'y');

const IS_CALLED = /\s*(?:\?\.\s*)?[(`]/y;

const FIELD_OF: Readonly<Record<string, string>> = {
  input: 'Inputs',
  output: 'Output',
  outputHeaders: 'OutputHeaders',
};

export function findMentions(source: string): Mentions {
  if (DISGUISE.test(source)) return EVERYTHING;
  const strings = HIDES_QUOTES.test(source) ? [] : [...source.matchAll(STRING)];
  const tasks: TaskMention[] = [];
  let workflow = false;
  let invocation = false;
  for (const { index, 0: name } of source.matchAll(NAME)) {
    const end = index + name.length;
    if (strings.some((each) => each.index < index && end < each.index + each[0].length)) continue;
    if (name === '$' ? isNoData(source, end) : isProperty(source, index)) continue;
    const mention = name === '$' ? scopeMention(source, end) : callMention(source, name, end);
    if (!mention) return EVERYTHING;
    if (mention === 'Workflow') workflow = true;
    else if (mention === 'Invocation') invocation = true;
    else tasks.push(mention);
  }
  return { workflow, invocation, tasks };
}

type Mention = 'Workflow' | 'Invocation' | TaskMention;

/** `$.Tasks.a.Output` and the like. */
function scopeMention(source: string, from: number): Mention | undefined {
  const section = readMember(source, from);
  if (section?.text === 'Workflow' || section?.text === 'Invocation') return section.text;
  // Of any other name it is a method, which may look at all of it.
  if (section?.text !== 'Tasks') return undefined;
  const id = readMember(source, section.end);
  return id && { id: id.text, field: readField(source, id.end) };
}

function callMention(source: string, name: string, from: number): Mention | undefined {
  const call = readCall(source, from);
  if (!call) return undefined;
  if (name === 'param') return 'Invocation';
  return { id: call.id, field: FIELD_OF[name] ?? (call.isClosed ? readField(source, call.end) : undefined) };
}

/** A substitution in a template; or the end of a regular expression, or a division, which has no use for data. A comment says nothing. */
function isNoData(source: string, end: number): boolean {
  return source[end] === '{' || (source[end] === '/' && !['/', '*'].includes(source[end + 1] ?? ''));
}

/** The part of `$` that was mentioned, taken from the scope now. */
export function select(mentions: Mentions, scope: ExpressionScope): Readonly<Record<string, unknown>> {
  const tasks =
    mentions.tasks === 'all' ? scope.taskIds().map((id) => [id, scope.task(id)] as const) : some(mentions.tasks, scope);
  return {
    ...(mentions.workflow && { Workflow: scope.workflow() }),
    ...(mentions.invocation && { Invocation: scope.invocation() }),
    Tasks: Object.fromEntries(tasks),
  };
}

function some(mentioned: readonly TaskMention[], scope: ExpressionScope): Map<string, unknown> {
  const tasks = new Map<string, Record<string, unknown>>();
  for (const { id = scope.taskId, field } of mentioned) {
    const record = scope.task(id);
    if (!record) continue;
    const known = tasks.get(id) ?? {};
    if (field === undefined) Object.assign(known, record);
    else if (Object.hasOwn(record, field)) known[field] = record[field];
    tasks.set(id, known);
  }
  return tasks;
}

interface Found {
  readonly text: string;
  readonly end: number;
}

/** `.name`, `?.name`, `['name']`. What is called is no data but a method, which sees all that it is called on. */
function readMember(source: string, from: number): Found | undefined {
  const match = matchAt(MEMBER, source, from);
  if (!match) return undefined;
  const [whole, name, single, double, template] = match;
  const end = from + whole.length;
  if (matchAt(IS_CALLED, source, end)) return undefined;
  return { text: name ?? single ?? double ?? template ?? '', end };
}

function readField(source: string, from: number): string | undefined {
  return readMember(source, from)?.text;
}

interface FoundCall {
  readonly id: string | undefined;
  readonly end: number;
  readonly isClosed: boolean;
}

/** `()`, `('id')`, `(taskId)`, or `('id',` of a longer one. */
function readCall(source: string, from: number): FoundCall | undefined {
  const match = matchAt(CALL, source, from);
  if (!match) return undefined;
  const [whole, single, double, template, , after] = match;
  return { id: single ?? double ?? template, end: from + whole.length, isClosed: after !== ',' };
}

/** `x.output` is not the function; `...output` is. */
function isProperty(source: string, at: number): boolean {
  const before = source.slice(0, at).trimEnd();
  return before.endsWith('.') && !before.endsWith('..');
}

function matchAt(pattern: RegExp, source: string, from: number): RegExpExecArray | null {
  pattern.lastIndex = from;
  return pattern.exec(source);
}
