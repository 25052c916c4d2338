import type { ExpressionScope } from '../../../../../src/workflow-composition/languages/fission/expression.ts';
import {
  type ClosableExpressions,
  createExpressions,
} from '../../../../../src/workflow-composition/languages/fission/expressions/expressions.ts';

type Data = Readonly<Record<string, unknown>>;

export interface ScopeParts {
  readonly taskId?: string;
  readonly workflow?: Data;
  readonly invocation?: Data;
  readonly tasks?: Readonly<Record<string, Data>>;
}

/** A scope of plain data that tells what was asked of it. */
export class TestScope implements ExpressionScope {
  readonly taskId: string;
  readonly asked: string[] = [];
  readonly #parts: ScopeParts;

  constructor(parts: ScopeParts = {}) {
    this.taskId = parts.taskId ?? 'current';
    this.#parts = parts;
  }

  workflow(): Data {
    this.asked.push('Workflow');
    return this.#parts.workflow ?? { Id: 'w' };
  }

  invocation(): Data {
    this.asked.push('Invocation');
    return this.#parts.invocation ?? { Id: 'i', Inputs: { default: 'given', name: 'Ada' } };
  }

  task(id: string): Data | undefined {
    this.asked.push(id);
    const tasks = this.#parts.tasks ?? TASKS;
    return Object.hasOwn(tasks, id) ? tasks[id] : undefined;
  }

  taskIds(): readonly string[] {
    return Object.keys(this.#parts.tasks ?? TASKS);
  }
}

const TASKS: Readonly<Record<string, Data>> = {
  current: { Id: 'current', Inputs: { default: 'mine', n: 7 }, Output: 'own output', OutputHeaders: { h: 'x' } },
  first: {
    Id: 'first',
    Inputs: { default: [1, 2], 'a b': true },
    Output: { items: [{ name: 'one' }, { name: 'two' }], total: 3, nothing: null },
    OutputHeaders: { 'content-type': 'application/json' },
  },
  bytes: { Id: 'bytes', Inputs: {}, Output: new Uint8Array([1, 2, 255]) },
};

/** What an expression gives; `sync` tells whether it was read without the sandbox. */
export async function evaluated(
  expressions: ClosableExpressions,
  source: string,
  scope: ExpressionScope = new TestScope(),
) {
  const value = expressions.evaluate(expressions.compile(source), scope);
  return { value: await value, sync: !(value instanceof Promise) };
}

/** The same expression, written so that it is none of those that are read natively. */
export const forSandbox = (source: string) => `/* */ ${source}`;

/** `undefined` when it does not fail, else the reason. */
export async function reasonOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    const { code, details } = error as { code?: string; details?: { reason?: string } };
    return code === 'EXPRESSION_FAILED' ? details?.reason : error;
  }
}

/** One for a whole file: its worker takes longer to start than most tests run. */
export { createExpressions };
