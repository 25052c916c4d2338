/**
 * The inputs of a step that is being prepared: each resolved when it is asked for, and once. An expression sees those before it as
 * `task().Inputs`, and what loops give from the beginning.
 */
import { type ErrorDetails, TroupeError } from '../../../errors.ts';
import { SPECIAL_INPUTS, type Value } from './definition.ts';
import { plainError, StepFault } from './errors.ts';
import type { ExpressionScope } from './expression.ts';
import type { Node, Run } from './node.ts';
import { knownInputs, scopeOf } from './scope.ts';
import { describeValue, mapOf } from './source.ts';
import { specialsOf } from './specials.ts';
import { isPromise, type Work } from './synchronously.ts';

export class Inputs {
  readonly node: Node;
  readonly #run: Run;
  readonly #scope: ExpressionScope;
  /** As expressions see them. */
  readonly #known: Record<string, unknown>;
  readonly #resolved = new Map<string, unknown>();

  constructor(run: Run, node: Node, given: Readonly<Record<string, unknown>> = {}) {
    this.node = node;
    this.#run = run;
    const { own, inherited } = specialsOf(run, node);
    // What takes a task back sees the inputs of that task as its own.
    const undone = node.relation === 'compensate' && node.owner ? knownInputs(run, node.owner) : {};
    this.#known = { ...undone, ...inherited, ...own, ...given };
    this.#scope = scopeOf(run, node, this.#known);
    for (const [name, value] of Object.entries({ ...own, ...given })) this.#resolved.set(name, value);
  }

  has(key: string): boolean {
    return this.#value(key) !== undefined;
  }

  /** Undefined where it is not set. */
  *get(key: string): Work<unknown> {
    if (this.#resolved.has(key)) return this.#resolved.get(key);
    const value = this.#value(key);
    if (value === undefined) return undefined;
    const resolved = yield* this.resolve(key, value);
    this.#resolved.set(key, resolved);
    Object.defineProperty(this.#known, key, { value: resolved, enumerable: true, configurable: true, writable: true });
    return resolved;
  }

  /** Before any other: what a task says of the first turn of a loop is known to its inputs as it is in later turns. */
  *begin(): Work<void> {
    for (const key of SPECIAL_INPUTS) if (this.has(key)) yield* this.get(key);
  }

  /** All that are set, without those that loops know of. */
  *all(): Work<Record<string, unknown>> {
    const entries: [string, unknown][] = [];
    for (const key of this.node.task?.inputs.keys() ?? []) {
      if (!SPECIAL_INPUTS.has(key)) entries.push([key, yield* this.get(key)]);
    }
    return mapOf(entries);
  }

  /** Those that `task().Inputs` has now. */
  known(): Readonly<Record<string, unknown>> {
    return this.#known;
  }

  /** `key`: of which input it is a part. */
  *resolve(key: string, value: Value): Work<unknown> {
    switch (value.kind) {
      case 'literal':
        return value.value;
      case 'body':
        return value.plain;
      case 'expression':
        return yield* this.#evaluate(key, value);
      case 'list': {
        const items: unknown[] = [];
        for (const item of value.items) items.push(yield* this.resolve(key, item));
        return items;
      }
      case 'map': {
        const entries: [string, unknown][] = [];
        for (const [name, member] of value.entries) entries.push([name, yield* this.resolve(key, member)]);
        return mapOf(entries);
      }
    }
  }

  fault(key: string, problem: string): StepFault {
    return new StepFault(plainError('INVALID_INPUT', `Task "${this.node.step}", input "${key}": ${problem}.`));
  }

  /** Fails the step where it is not what it should be. */
  *expect<T>(
    key: string,
    { is, what, absent }: { readonly is: (value: unknown) => value is T; readonly what: string; readonly absent?: T },
  ): Work<T> {
    const value = yield* this.get(key);
    if (value === undefined || (value === null && absent !== undefined)) {
      if (absent !== undefined) return absent;
      throw this.fault(key, `it is not set, and has to be ${what}`);
    }
    if (is(value)) return value;
    throw this.fault(key, `it has to be ${what}, not ${describeValue(value)}`);
  }

  #value(key: string): Value | undefined {
    return this.node.task?.inputs.get(key);
  }

  *#evaluate(key: string, { expression }: Value & { kind: 'expression' }): Work<unknown> {
    try {
      const value = this.#run.expressions.evaluate(expression, this.#scope);
      return (isPromise(value) ? yield value : value) ?? null;
    } catch (thrown) {
      throw this.expressionFault(key, thrown);
    }
  }

  /** The host that stops is no fault of the expression: that goes on as what it is. */
  expressionFault(key: string, thrown: unknown): unknown {
    if (!(thrown instanceof TroupeError) || thrown.code !== 'EXPRESSION_FAILED') return thrown;
    const details: ErrorDetails = thrown.details;
    if (details['reason'] === 'stopped') return thrown;
    return new StepFault(
      plainError('EXPRESSION_FAILED', `Task "${this.node.step}", input "${key}": ${thrown.message}`, details),
    );
  }
}
