/** `noop`, `compose`, `fail`, `sleep`, `javascript`. */
import type { StepAction } from '../../../language.ts';
import { MAIN_INPUT } from '../definition.ts';
import { durationMs } from '../duration.ts';
import { plainError, StepFault } from '../errors.ts';
import type { Expressions } from '../expression.ts';
import type { Inputs } from '../inputs.ts';
import { isPlainMap } from '../source.ts';
import type { Work } from '../synchronously.ts';
import { DURATION, isDuration, isText } from './kinds.ts';

export function* runNoop(inputs: Inputs): Work<StepAction> {
  const all = yield* inputs.all();
  return { kind: 'output', output: Object.hasOwn(all, MAIN_INPUT) ? (all[MAIN_INPUT] ?? null) : null };
}

/** All inputs as a map; the main one alone is itself. */
export function* runCompose(inputs: Inputs): Work<StepAction> {
  return { kind: 'output', output: onlyOrAll(yield* inputs.all()) ?? null };
}

/** What a function is called with: undefined without inputs. */
export function onlyOrAll(all: Readonly<Record<string, unknown>>): unknown {
  const keys = Object.keys(all);
  if (keys.length === 0) return undefined;
  return keys.length === 1 && keys[0] === MAIN_INPUT ? all[MAIN_INPUT] : all;
}

export function* runFail(inputs: Inputs): Work<StepAction> {
  const all = yield* inputs.all();
  const given = all[MAIN_INPUT] ?? all['message'] ?? 'The task "fail" was run.';
  const message = typeof given === 'string' ? given : JSON.stringify(given);
  throw new StepFault(plainError('FUNCTION_ERROR', message));
}

export function* runSleep(inputs: Inputs): Work<StepAction> {
  const duration = yield* inputs.expect(MAIN_INPUT, { is: isDuration, what: DURATION, absent: '1s' });
  return { kind: 'sleep', durationMs: durationMs(duration) ?? 0 };
}

export function* runJavascript(inputs: Inputs, expressions: Expressions): Work<StepAction> {
  const source = yield* inputs.expect('expr', { is: isText, what: 'JavaScript' });
  const args = yield* inputs.get('args');
  const variables = isPlainMap(args) ? args : { arg: args ?? null };
  try {
    return { kind: 'output', output: (yield expressions.run(source, variables)) ?? null };
  } catch (thrown) {
    throw inputs.expressionFault('expr', thrown);
  }
}
