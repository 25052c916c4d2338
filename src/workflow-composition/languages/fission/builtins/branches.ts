/** `if` and `switch`: one of several inputs, which is put out, and run where it is a task or a workflow. Only that one is evaluated. */
import type { StepAction } from '../../../language.ts';
import { itemsOf, MAIN_INPUT, memberOf, type Value } from '../definition.ts';
import { isBodyShape } from '../dynamic-output.ts';
import type { Inputs } from '../inputs.ts';
import { asOutput, type Marker } from '../markers.ts';
import { caseLabel } from '../nested-bodies.ts';
import { isPlainMap } from '../source.ts';
import type { Work } from '../synchronously.ts';
import { isBoolean, isList, isText } from './kinds.ts';

export function* runIf(inputs: Inputs): Work<StepAction> {
  const condition = yield* inputs.expect('if', { is: isBoolean, what: 'true or false' });
  const label = condition ? 'then' : 'else';
  return yield* branch(inputs, { label, key: label, value: inputs.node.task?.inputs.get(label) });
}

export function* runSwitch(inputs: Inputs): Work<StepAction> {
  const wanted = yield* inputs.expect('switch', { is: isText, what: 'a text' });
  const cases = inputs.node.task?.inputs.get('cases');
  const written = itemsOf(cases);
  const found = written ? yield* writtenCase(inputs, written, wanted) : yield* madeCase(inputs, wanted);
  if (found) return yield* branch(inputs, { ...found, key: 'cases' });
  return yield* branch(inputs, {
    label: 'default',
    key: MAIN_INPUT,
    value: inputs.node.task?.inputs.get(MAIN_INPUT),
  });
}

interface Case {
  readonly label: string;
  readonly value: Value | undefined;
}

/** A key that stands twice means what stands last. */
function* writtenCase(inputs: Inputs, cases: readonly Value[], wanted: string): Work<Case | undefined> {
  let found: Case | undefined;
  for (const [index, item] of cases.entries()) {
    const key = memberOf(item, 'case');
    const resolved = key && (yield* inputs.resolve('cases', key));
    if (typeof resolved !== 'string') throw inputs.fault('cases', 'each case needs a "case" that is a text');
    if (resolved === wanted) found = { label: caseLabel(index), value: memberOf(item, 'action') };
  }
  return found;
}

function* madeCase(inputs: Inputs, wanted: string): Work<Case | undefined> {
  let found: Case | undefined;
  const cases = yield* inputs.expect('cases', { is: isList, what: 'a list', absent: [] as readonly unknown[] });
  for (const [index, item] of cases.entries()) {
    const key = isPlainMap(item) ? item['case'] : undefined;
    if (typeof key !== 'string') throw inputs.fault('cases', 'each case needs a "case" that is a text');
    const action = isPlainMap(item) ? item['action'] : undefined;
    if (key === wanted) found = { label: caseLabel(index), value: { kind: 'literal', value: action } };
  }
  return found;
}

function* branch(
  inputs: Inputs,
  { label, key, value }: { readonly label: string; readonly key: string; readonly value: Value | undefined },
): Work<StepAction> {
  if (value === undefined) return { kind: 'output', output: null };
  if (value.kind === 'body') return { kind: 'output', output: { $flow: 'branch', at: label } satisfies Marker };
  const output = (yield* inputs.resolve(key, value)) ?? null;
  if (!isBodyShape(output)) return { kind: 'output', output: asOutput(output) };
  return { kind: 'output', output: { $flow: 'branch', at: label, plain: output } satisfies Marker };
}
