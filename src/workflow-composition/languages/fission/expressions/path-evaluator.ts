/**
 * The value of an expression of the native subset. Only own data is seen: what JavaScript inherits (`constructor`, `__proto__`, methods) is like a
 * name that is not there, so nothing of the host can be reached.
 */
import type { ExpressionScope } from '../expression.ts';
import type { FunctionName, Node, Step } from './path-parser.ts';
import { plainScalar, plainValue } from './plain-value.ts';

/** As JSON has it. Throws a `TypeError` as JavaScript does. */
export function evaluatePath(node: Node, scope: ExpressionScope, uid: () => string): unknown {
  return plainValue(new PathEvaluator(scope, uid).value(node));
}

class PathEvaluator {
  readonly #scope: ExpressionScope;
  readonly #uid: () => string;

  constructor(scope: ExpressionScope, uid: () => string) {
    this.#scope = scope;
    this.#uid = uid;
  }

  value(node: Node): unknown {
    switch (node.kind) {
      case 'literal':
        return node.value;
      case 'taskId':
        return this.#scope.taskId;
      case 'list':
        return node.items.map((item) => this.value(item));
      case 'record':
        return Object.fromEntries(node.entries.map(([key, item]) => [key, this.value(item)]));
      case 'scope':
        return this.#everything();
      case 'call':
        return this.#call(node.name, node.args);
      case 'path':
        return node.root.kind === 'scope' ? this.#scopePath(node.steps) : walk(this.value(node.root), node.steps, 0);
    }
  }

  /** Asks for no more of the scope than the path goes through. */
  #scopePath(steps: readonly Step[]): unknown {
    const [section, id] = steps;
    if (section?.key === 'Workflow') return walkRecord(this.#scope.workflow(), steps, 1);
    if (section?.key === 'Invocation') return walkRecord(this.#scope.invocation(), steps, 1);
    if (section?.key !== 'Tasks') return walk(undefined, steps, 1);
    return id ? walkRecord(this.#scope.task(id.key), steps, 2) : this.#tasks();
  }

  #call(name: FunctionName, [first, second]: readonly (string | undefined)[]): unknown {
    switch (name) {
      case 'uid':
        return this.#uid();
      case 'param':
        return own(own(this.#scope.invocation(), 'Inputs'), first ?? 'default');
      case 'task':
        return copyOf(this.#task(first));
      case 'input':
        return own(own(this.#task(first), 'Inputs'), second ?? 'default');
      case 'output':
        return own(this.#task(first), 'Output');
      case 'outputHeaders':
        return own(this.#task(first), 'OutputHeaders');
    }
  }

  #task(id: string | undefined) {
    return this.#scope.task(id ?? this.#scope.taskId);
  }

  #everything(): unknown {
    return {
      Workflow: copyOf(this.#scope.workflow()),
      Invocation: copyOf(this.#scope.invocation()),
      Tasks: this.#tasks(),
    };
  }

  #tasks(): unknown {
    return Object.fromEntries(this.#scope.taskIds().map((id) => [id, copyOf(this.#scope.task(id))]));
  }
}

/** What the scope makes may be lazy: who keeps it gets what it holds now. */
function copyOf(record: Readonly<Record<string, unknown>> | undefined) {
  return record && { ...record };
}

function walkRecord(record: Readonly<Record<string, unknown>> | undefined, steps: readonly Step[], from: number) {
  return from < steps.length ? walk(record, steps, from) : copyOf(record);
}

function walk(root: unknown, steps: readonly Step[], from: number): unknown {
  let value = plainScalar(root);
  for (let index = from; index < steps.length; index++) {
    const { key, isOptional } = steps[index] as Step;
    if (value === undefined || value === null) {
      if (isOptional) return undefined;
      throw new TypeError(`Cannot read properties of ${value} (reading '${key}')`);
    }
    value = plainScalar(own(value, key));
  }
  return value;
}

function own(value: unknown, key: string): unknown {
  if (value === undefined || value === null) return undefined;
  if (value instanceof Uint8Array && (key === 'length' || key === 'byteLength')) return value.length;
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}
