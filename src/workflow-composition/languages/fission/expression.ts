/** What the language needs of whatever evaluates expressions. Types only; `expressions/` has it. */

/** What an expression sees as `$` and through `task()`, `output()`, `input()`, `param()`: made only when it is looked at. */
export interface ExpressionScope {
  /** The step that is being prepared. */
  readonly taskId: string;
  /** `$.Workflow`. */
  workflow(): Readonly<Record<string, unknown>>;
  /** `$.Invocation`, with `Inputs`. */
  invocation(): Readonly<Record<string, unknown>>;
  /** `$.Tasks[id]`: `Id, Status, Inputs, Output, OutputHeaders, Requires, CreatedAt, UpdatedAt, Error`. */
  task(id: string): Readonly<Record<string, unknown>> | undefined;
  /** Those that `task` knows. */
  taskIds(): readonly string[];
}

/** An expression that was compiled once: opaque to everybody else. */
export interface Expression {
  /** The text between the braces. */
  readonly source: string;
  /** A path or a literal: it has its value at once. */
  readonly isImmediate: boolean;
}

export interface Expressions {
  /** Throws `EXPRESSION_FAILED` (`details.reason`: `syntax`) where it is no JavaScript expression. `source`: without the braces. */
  compile(source: string): Expression;
  /**
   * Its value, as JSON has it (undefined becomes null); at once where it is a path or a literal, else from the sandbox. Fails with
   * `EXPRESSION_FAILED`, `details.reason`: `thrown`, `timeout`, `memory`, `too-large` or `stopped`.
   */
  evaluate(expression: Expression, scope: ExpressionScope): unknown | Promise<unknown>;
  /** Others than immediate ones will be asked for soon: what evaluates them may get ready. */
  wake(): void;
  /** Runs JavaScript with these variables and nothing else; the value of its last statement. Fails as `evaluate` does. */
  run(source: string, variables: Readonly<Record<string, unknown>>): Promise<unknown>;
}
