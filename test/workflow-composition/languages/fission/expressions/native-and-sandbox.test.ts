import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { plainValue } from '../../../../../src/workflow-composition/languages/fission/expressions/plain-value.ts';
import { createExpressions, evaluated, forSandbox, reasonOf, TestScope } from './scope.ts';

const expressions = createExpressions();
afterAll(() => expressions.close());

/** Few names, so that paths hit. None that an object inherits: there the two differ, and `paths.test.ts` says how. */
const NAMES = ['a', 'b', 'items', 'x y', '0', '1', '-1', 'length', 'Output'];
const names = fc.constantFrom(...NAMES);
const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      fc.string(),
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.constant(undefined),
      fc.date(),
    ),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(names, tie('value'), { maxKeys: 4 }),
  ),
}));
const steps = fc.array(
  fc.tuple(names, fc.boolean(), fc.boolean()).map(([name, isOptional, isDotted]) => {
    if (isDotted && /^[a-zA-Z]+$/.test(name)) return `${isOptional ? '?.' : '.'}${name}`;
    return `${isOptional ? '?.' : ''}[${/^\d+$/.test(name) ? name : JSON.stringify(name)}]`;
  }),
  { maxLength: 5 },
);
const roots = fc.constantFrom(
  '$.Tasks',
  '$.Tasks.t',
  '$.Tasks.t.Output',
  "$['Invocation']",
  '$.Workflow.Id',
  '$.nothing',
  'output()',
  "output('t')",
  "output('nobody')",
  "input('t', 'a')",
  'input()',
  'param()',
  "param('b')",
  'outputHeaders("t")',
  "task('t')",
  'task()',
  'taskId',
  '[output("t"), input("t", "b")]',
  '({ a: output("t"), b: [param("b")] })',
);
const plans = fc.record({
  path: fc.tuple(roots, steps).map(([root, more]) => root + more.join('')),
  output: values,
  inputs: fc.dictionary(names, values),
});

it('a path has the same value natively and in the sandbox, whatever the data', async () => {
  const check = async ({
    path,
    output,
    inputs,
  }: {
    path: string;
    output: unknown;
    inputs: Record<string, unknown>;
  }) => {
    const scope = () =>
      new TestScope({
        taskId: 'current',
        invocation: { Inputs: inputs },
        tasks: { t: { Output: output, Inputs: inputs, OutputHeaders: { a: 'h' } }, current: { Output: 1 } },
      });
    const outcome = async (source: string) => {
      const result: { value?: unknown; sync?: boolean } = {};
      const reason = await reasonOf(async () => Object.assign(result, await evaluated(expressions, source, scope())));
      return reason ? { reason } : { value: JSON.stringify(result.value), sync: result.sync };
    };
    const native = await outcome(path);
    const sandboxed = await outcome(forSandbox(path));
    if (!native.reason) expect(native.sync).toBe(true);
    expect({ ...sandboxed, sync: native.sync }).toEqual({ ...native, sync: native.sync });
  };
  await fc.assert(fc.asyncProperty(plans, check), { numRuns: 1_000 });
});

it('a plain value is what JSON makes of it', () => {
  const anything = fc.anything({
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withSparseArray: true,
  });
  fc.assert(
    fc.property(anything, (value) => {
      const text = JSON.stringify(value) ?? 'null';
      expect(JSON.stringify(plainValue(value))).toBe(text);
      expect(JSON.stringify(plainValue(JSON.parse(text)))).toBe(text);
    }),
  );
});

it('a plain value that is plain already is not copied', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const clean = JSON.parse(JSON.stringify(value));
      expect(plainValue(clean)).toBe(clean);
    }),
  );
});
