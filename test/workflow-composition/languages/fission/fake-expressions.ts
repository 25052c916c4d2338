/** Expressions as JavaScript of the test process itself: what they mean, without the sandbox. */
import { TroupeError } from '../../../../src/errors.ts';
import type {
  Expression,
  ExpressionScope,
  Expressions,
} from '../../../../src/workflow-composition/languages/fission/expression.ts';

export interface FakeExpressions extends Expressions {
  /** How often one was evaluated. */
  readonly evaluated: readonly string[];
}

/** `isAsync`: every value comes later, as from a sandbox. */
export function fakeExpressions({ isAsync = false }: { readonly isAsync?: boolean } = {}): FakeExpressions {
  const evaluated: string[] = [];
  return {
    evaluated,
    compile(source): Expression {
      try {
        new Function(`return (${source}\n)`);
      } catch (thrown) {
        throw failure('syntax', thrown);
      }
      return { source, isImmediate: true };
    },
    evaluate({ source }, scope) {
      evaluated.push(source);
      const names = globalsOf(scope);
      const evaluate = () => asJson(call(source, names));
      return isAsync ? Promise.resolve().then(evaluate) : evaluate();
    },
    wake: () => {},
    async run(source, variables) {
      return asJson(call(`eval(${JSON.stringify(source)})`, variables));
    },
  };
}

function call(source: string, variables: Readonly<Record<string, unknown>>): unknown {
  try {
    return new Function(...Object.keys(variables), `return (${source}\n)`)(...Object.values(variables));
  } catch (thrown) {
    throw failure('thrown', thrown);
  }
}

function globalsOf(scope: ExpressionScope): Readonly<Record<string, unknown>> {
  type View = Readonly<Record<string, unknown>> | undefined;
  const task = (id: string = scope.taskId): View => scope.task(id);
  const member = (view: unknown, key: string): unknown => (view as View)?.[key];
  return {
    $: {
      get Workflow() {
        return scope.workflow();
      },
      get Invocation() {
        return scope.invocation();
      },
      get Tasks() {
        return Object.defineProperties(
          {},
          Object.fromEntries(scope.taskIds().map((id) => [id, { get: () => task(id), enumerable: true }])),
        );
      },
    },
    taskId: scope.taskId,
    task,
    output: (id?: string) => task(id)?.['Output'],
    outputHeaders: (id?: string) => task(id)?.['OutputHeaders'],
    input: (id?: string, key = 'default') => member(task(id)?.['Inputs'], key),
    param: (key = 'default') => member(scope.invocation()['Inputs'], key),
  };
}

function asJson(value: unknown): unknown {
  return value === undefined ? null : JSON.parse(JSON.stringify(value) ?? 'null');
}

function failure(reason: 'syntax' | 'thrown', thrown: unknown): TroupeError {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new TroupeError('EXPRESSION_FAILED', message, { details: { reason } });
}
