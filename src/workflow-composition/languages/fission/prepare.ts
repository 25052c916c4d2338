/** What a step that has started is to do, with its inputs resolved. At once, unless an expression has to be evaluated elsewhere. */
import type { ExecutionState } from '../../execution-state.ts';
import type { StepAction } from '../../language.ts';
import { runIf, runSwitch } from './builtins/branches.ts';
import { runHttp } from './builtins/http.ts';
import { checkWhile, runForeach, runRepeat, runWhile } from './builtins/loops.ts';
import { onlyOrAll, runCompose, runFail, runJavascript, runNoop, runSleep } from './builtins/simple.ts';
import type { BuiltinName, FissionDefinition, Task } from './definition.ts';
import { StepFault } from './errors.ts';
import type { Expressions } from './expression.ts';
import { Inputs } from './inputs.ts';
import type { Node, Run } from './node.ts';
import { runOf } from './run.ts';
import { run as runWork, type Work } from './synchronously.ts';

const BUILTIN: Readonly<Record<BuiltinName, (inputs: Inputs, expressions: Expressions) => Work<StepAction>>> = {
  if: runIf,
  switch: runSwitch,
  foreach: runForeach,
  repeat: runRepeat,
  while: runWhile,
  compose: runCompose,
  noop: runNoop,
  fail: runFail,
  sleep: runSleep,
  http: (inputs) => runHttp(inputs),
  javascript: runJavascript,
};

interface PrepareRequest {
  readonly definition: FissionDefinition;
  readonly state: ExecutionState;
  readonly step: string;
  readonly expressions: Expressions;
}

export function prepare({ definition, state, step, expressions }: PrepareRequest): StepAction | Promise<StepAction> {
  const run = runOf(definition, state, expressions);
  const node = run.nodes.get(step);
  if (node?.task === undefined) throw new RangeError(`Execution "${state.id}" has no step "${step}".`);
  return runWork(prepared(run, node, node.task));
}

function* prepared(run: Run, node: Node, task: Task): Work<StepAction> {
  try {
    return yield* actionOf(run, node, task);
  } catch (thrown) {
    if (thrown instanceof StepFault) return { kind: 'fail', error: thrown.error };
    throw thrown;
  }
}

function* actionOf(run: Run, node: Node, task: Task): Work<StepAction> {
  const loop = node.owner?.expansion;
  if (node.duty !== 'run' && loop?.kind === 'while') {
    if (node.duty === 'wait') return { kind: 'sleep', durationMs: loop.delayMs };
    return yield* checkWhile(new Inputs(run, node), { count: node.index, limit: loop.limit });
  }
  if (task.awaits) return { kind: 'await', ...task.awaits };
  const { runs } = task;
  const isLoop = runs.kind === 'builtin' && runs.name === 'while';
  const inputs = new Inputs(run, node, isLoop ? { _count: 0 } : {});
  yield* inputs.begin();
  const action = yield* reachOut(run, task, inputs);
  if (!asksForInputs(run, node) || action.kind === 'sleep' || action.kind === 'await' || action.kind === 'fail')
    return action;
  return { ...action, inputs: inputs.known() };
}

function* reachOut(run: Run, task: Task, inputs: Inputs): Work<StepAction> {
  const { runs, timeoutMs, heartbeatMs, retry } = task;
  const bounds = { ...(timeoutMs !== undefined && { timeoutMs }), ...(retry && { retry }) };
  switch (runs.kind) {
    case 'builtin': {
      const action = yield* BUILTIN[runs.name](inputs, run.expressions);
      return action.kind === 'http' ? { ...action, ...bounds } : action;
    }
    case 'url': {
      const action = yield* runHttp(inputs, runs.url);
      return { ...action, ...bounds };
    }
    case 'function':
      return {
        kind: 'call',
        target: runs.target,
        input: onlyOrAll(yield* inputs.all()),
        ...bounds,
        ...(heartbeatMs !== undefined && { heartbeatMs }),
      };
  }
}

/** By the names that expressions may know it by. */
function asksForInputs({ definition: { asked } }: Run, { id, duty, task }: Node): boolean {
  return duty === 'run' && (asked.all || asked.ids.has(id) || task?.undoAsksForInputs === true);
}
