/**
 * Evaluates the expressions of a workflow. Paths and literals are read here, without running anything; all other JavaScript runs in a sandbox,
 * in a thread of its own, within bounds of time and memory.
 */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { serializeError } from '../../../../errors.ts';
import { type Clock, systemClock } from '../../../../kernel/clock.ts';
import type { Expression, ExpressionScope, Expressions } from '../expression.ts';
import { expressionFailed } from './failure.ts';
import { findMentions, type Mentions, select } from './mentions.ts';
import { evaluatePath } from './path-evaluator.ts';
import { type Node, parsePath } from './path-parser.ts';
import { Sandbox, type SandboxStats } from './sandbox.ts';
import { checkExpression, checkScript } from './syntax.ts';

const MIB = 1_048_576;

export interface ExpressionsOptions {
  /** How long one may run in the sandbox. 100 ms: thousands of times what it needs, and nobody waits long behind one that does not end. */
  readonly timeoutMs?: number;
  /** What one may use in the sandbox, the values that it looks at included. 64 MiB: an output of the payload limit, parsed, and a changed copy of it. */
  readonly memoryBytes?: number;
  /** The longest result. 6 MiB: the payload limit, since a result is an input or an output. */
  readonly resultLimitBytes?: number;
  /** For the watch over the sandbox. What runs inside it is timed by the real clock. */
  readonly clock?: Clock;
  /** The compiled file of the sandbox's worker. */
  readonly workerPath?: string;
  /** Goes around all work of the sandbox. */
  readonly during?: (work: Promise<unknown>) => Promise<unknown>;
}

export interface ClosableExpressions extends Expressions {
  /** Ends the sandbox; what waits for it fails with `stopped`, and so does whatever asks for it later. */
  close(): Promise<void>;
  readonly stats: SandboxStats;
}

/** Starts nothing before it is woken, or the first expression needs the sandbox. */
export function createExpressions(options: ExpressionsOptions = {}): ClosableExpressions {
  return new SandboxedExpressions(options);
}

class CompiledExpression implements Expression {
  readonly source: string;
  readonly path: Node | undefined;
  readonly isImmediate: boolean;
  readonly mentions: Mentions;

  constructor(source: string) {
    checkExpression(source);
    this.source = source;
    this.path = parsePath(source);
    this.isImmediate = this.path !== undefined;
    this.mentions = findMentions(source);
  }
}

class SandboxedExpressions implements ClosableExpressions {
  readonly #sandbox: Sandbox;
  readonly #during: (work: Promise<unknown>) => Promise<unknown>;

  constructor({ timeoutMs, memoryBytes, resultLimitBytes, clock, workerPath, during }: ExpressionsOptions) {
    this.#during = during ?? ((work) => work);
    this.#sandbox = new Sandbox({
      timeoutMs: timeoutMs ?? 100,
      memoryBytes: memoryBytes ?? 64 * MIB,
      resultLimitBytes: resultLimitBytes ?? 6 * MIB,
      clock: clock ?? systemClock,
      workerPath: workerPath ?? findSandboxWorker(),
    });
  }

  compile(source: string): Expression {
    return new CompiledExpression(source);
  }

  /** Throws where it is evaluated at once, and rejects where it is not. */
  evaluate(expression: Expression, scope: ExpressionScope): unknown | Promise<unknown> {
    const compiled = expression instanceof CompiledExpression ? expression : new CompiledExpression(expression.source);
    if (!compiled.path) {
      const data = { taskId: scope.taskId, $: select(compiled.mentions, scope) };
      return this.#during(this.#sandbox.evaluate('expression', compiled.source, data));
    }
    try {
      return evaluatePath(compiled.path, scope, randomUUID);
    } catch (error) {
      const { name, message } = serializeError(error);
      throw expressionFailed('thrown', compiled.source, `threw ${name}: ${message}.`);
    }
  }

  wake(): void {
    this.#sandbox.wake();
  }

  async run(source: string, variables: Readonly<Record<string, unknown>>): Promise<unknown> {
    checkScript(source);
    return this.#during(this.#sandbox.evaluate('script', source, variables));
  }

  close(): Promise<void> {
    return this.#sandbox.close();
  }

  get stats(): SandboxStats {
    return this.#sandbox.stats;
  }
}

/** A source tree that is run directly (by a test runner) uses what `npm run build` wrote: workers run plain JavaScript. */
function findSandboxWorker(moduleUrl: string = import.meta.url): string {
  const built = moduleUrl.endsWith('.ts')
    ? new URL('../../../../../dist/workflow-composition/languages/fission/expressions/', moduleUrl)
    : moduleUrl;
  return fileURLToPath(new URL('sandbox-worker.js', built));
}
