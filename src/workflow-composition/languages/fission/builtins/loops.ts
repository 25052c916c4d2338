/** `foreach`, `repeat` and `while`: what they put out says what to run and how often, once; their turns are derived from that. */
import type { StepAction } from '../../../language.ts';
import { durationMs } from '../duration.ts';
import { isBodyShape } from '../dynamic-output.ts';
import { plainError, StepFault } from '../errors.ts';
import type { Inputs } from '../inputs.ts';
import { asOutput, type Marker } from '../markers.ts';
import { describeValue } from '../source.ts';
import type { Work } from '../synchronously.ts';
import { DURATION, isBoolean, isDuration, isList, isNumber } from './kinds.ts';

/** The ancestor's. */
const DEFAULT_DELAY_MS = 100;

const put = (marker: Marker): StepAction => ({ kind: 'output', output: marker });

export function* runForeach(inputs: Inputs): Work<StepAction> {
  const key = inputs.has('foreach') || !inputs.has('default') ? 'foreach' : 'default';
  const items = yield* inputs.expect(key, { is: isList, what: 'a list' });
  const work = yield* workToDo(inputs);
  const flag = { is: isBoolean, what: 'true or false' };
  const sequential = yield* inputs.expect('sequential', { ...flag, absent: false });
  const collect = yield* inputs.expect('collect', { ...flag, absent: true });
  if (items.length === 0) return { kind: 'output', output: collect ? [] : null };
  return put({ $flow: 'each', items, ...(sequential && { sequential }), ...(!collect && { collect }), ...work });
}

export function* runRepeat(inputs: Inputs): Work<StepAction> {
  const value = yield* inputs.get('times');
  const times = typeof value === 'string' && /^\s*[+-]?\d+\s*$/.test(value) ? Number(value) : value;
  if (value === undefined) throw inputs.fault('times', 'it is not set, and has to be a number');
  if (!isNumber(times)) throw inputs.fault('times', `it has to be a number, not ${describeValue(value)}`);
  const work = yield* workToDo(inputs);
  const turns = Math.trunc(times);
  return turns > 0 ? put({ $flow: 'times', times: turns, ...work }) : { kind: 'output', output: null };
}

/** Before the first turn. */
export function* runWhile(inputs: Inputs): Work<StepAction> {
  const initial = yield* inputs.get('_prev');
  const isOn = yield* condition(inputs);
  const limit = yield* inputs.expect('limit', { is: isNumber, what: 'a number' });
  const delay = yield* inputs.expect('delay', { is: isDuration, what: DURATION, absent: DEFAULT_DELAY_MS });
  const work = yield* whateverToDo(inputs);
  if (!isOn) return { kind: 'output', output: asOutput(initial ?? null) };
  checkLimit(inputs, { count: 0, limit });
  const delayMs = durationMs(delay) ?? DEFAULT_DELAY_MS;
  return put({
    $flow: 'while',
    limit,
    delayMs,
    ...(initial !== undefined && { initial: [initial] as const }),
    ...work,
  });
}

/** After a turn. */
export function* checkWhile(inputs: Inputs, { count, limit }: { count: number; limit: number }): Work<StepAction> {
  if (!(yield* condition(inputs))) return put({ $flow: 'done' });
  checkLimit(inputs, { count, limit });
  return put({ $flow: 'again' });
}

function* condition(inputs: Inputs): Work<boolean> {
  return yield* inputs.expect('expr', { is: isBoolean, what: 'true or false' });
}

/** So many turns, and one more: the ancestor compares the turns before. */
function checkLimit(inputs: Inputs, { count, limit }: { readonly count: number; readonly limit: number }): void {
  if (count <= limit) return;
  throw new StepFault(
    plainError(
      'LOOP_LIMIT_EXCEEDED',
      `Task "${inputs.node.owner?.step ?? inputs.node.step}" is not done after ${count} turns, and its limit is ${limit}.`,
    ),
  );
}

/** In the journal only where it is not in the definition. */
function* workToDo(inputs: Inputs): Work<{ readonly plain?: unknown }> {
  if (inputs.node.task?.bodies.has('do')) return {};
  const plain = yield* inputs.get('do');
  if (isBodyShape(plain)) return { plain };
  throw inputs.fault('do', `it has to be a task or a workflow, not ${describeValue(plain)}`);
}

/** A value is put out by each turn. */
function* whateverToDo(inputs: Inputs): Work<{ readonly plain?: unknown }> {
  if (inputs.node.task?.bodies.has('do')) return {};
  if (!inputs.has('do')) throw inputs.fault('do', 'it is not set');
  const plain = yield* inputs.get('do');
  return { plain: isBodyShape(plain) ? plain : { run: 'noop', inputs: { default: plain } } };
}
