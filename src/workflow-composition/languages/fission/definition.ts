/**
 * A compiled definition: what `decide` and `prepare` work with. Types only.
 *
 * A task's inputs are values in which every expression is compiled and every nested task and workflow is too. A flow knows of each of its
 * tasks how many others it waits for and which ones wait for it, so that readiness is counted.
 */
import type { RetryPolicy } from '../../../kernel/retry-policy.ts';
import type { TargetMention } from '../../language.ts';
import type { Expression } from './expression.ts';

export interface FissionDefinition {
  readonly description: string;
  readonly durability?: 'strict' | 'pipelined' | 'memory';
  readonly timeoutMs?: number;
  readonly flow: Flow;
  /** Nested ones included. */
  readonly targets: readonly TargetMention[];
  readonly tasks: number;
  /** Something in it is JavaScript that has no value at once. */
  readonly needsSandbox: boolean;
  readonly asked: AskedInputs;
}

/** Whose inputs an expression may ask for, by the names of tasks as expressions have them. */
export interface AskedInputs {
  /** An expression takes names of tasks from elsewhere. */
  readonly all: boolean;
  readonly ids: ReadonlySet<string>;
}

export interface Flow {
  readonly kind: 'flow';
  readonly output: string;
  /** In the order of the file. */
  readonly tasks: ReadonlyMap<string, Task>;
}

/** What can run in the place of a step. */
export type Body = Task | Flow;

export interface Task {
  readonly kind: 'task';
  readonly id: string;
  readonly runs: Runnable;
  readonly inputs: ReadonlyMap<string, Value>;
  /** Each once. */
  readonly requires: readonly string[];
  /** Name in expressions -> the task required. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Those of its flow that require it. */
  readonly dependants: readonly string[];
  /** How many tasks of its flow, one after the other, wait for it at most. */
  readonly pathLength: number;
  /** What its inputs have to run, by the name that its step gets below this one: `then`, `case_0`, `do`, `task`, `workflow`. */
  readonly bodies: ReadonlyMap<string, Body>;
  readonly catches: readonly CatchRule[];
  readonly retry?: RetryPolicy;
  readonly timeoutMs?: number;
  readonly heartbeatMs?: number;
  readonly awaits?: { readonly signal: string; readonly timeoutMs?: number };
  readonly compensate?: Task;
  /** What takes it back looks at its inputs. */
  readonly undoAsksForInputs?: boolean;
}

export type Runnable =
  | { readonly kind: 'builtin'; readonly name: BuiltinName }
  | { readonly kind: 'function'; readonly target: string }
  | { readonly kind: 'url'; readonly url: string };

export const BUILTINS = [
  'if',
  'switch',
  'foreach',
  'repeat',
  'while',
  'compose',
  'noop',
  'fail',
  'sleep',
  'http',
  'javascript',
] as const;
export type BuiltinName = (typeof BUILTINS)[number];

export interface CatchRule {
  /** Codes or names; undefined: whatever it is. */
  readonly errors?: readonly string[];
  readonly body: Body;
}

export type Value =
  /** Without expressions and tasks anywhere in it. */
  | { readonly kind: 'literal'; readonly value: unknown }
  | { readonly kind: 'expression'; readonly expression: Expression }
  | { readonly kind: 'list'; readonly items: readonly Value[] }
  | { readonly kind: 'map'; readonly entries: ReadonlyMap<string, Value> }
  /** `plain`: as it was written. */
  | { readonly kind: 'body'; readonly body: Body; readonly plain: unknown };

/** The input that stands for all, where a task has only one. */
export const MAIN_INPUT = 'default';
/** What loops give to their turns: they are known before other inputs, and are no part of what a function is called with. */
export const SPECIAL_INPUTS: ReadonlySet<string> = new Set(['_item', '_prev', '_count']);

/** Children of a value that was written as a list, or as a map. */
export function itemsOf(value: Value | undefined): readonly Value[] | undefined {
  if (value?.kind === 'list') return value.items;
  if (value?.kind !== 'literal' || !Array.isArray(value.value)) return undefined;
  return value.value.map((item) => ({ kind: 'literal', value: item }));
}

export function memberOf(value: Value | undefined, key: string): Value | undefined {
  if (value?.kind === 'map') return value.entries.get(key);
  if (value?.kind !== 'literal' || typeof value.value !== 'object' || value.value === null) return undefined;
  if (!Object.hasOwn(value.value, key)) return undefined;
  return { kind: 'literal', value: (value.value as Record<string, unknown>)[key] };
}
