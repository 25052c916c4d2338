/** What expressions see, and which inputs are journaled for them. */
import { describe, expect, it } from 'vitest';
import { askedInputs } from '../../../../src/workflow-composition/languages/fission/asked-inputs.ts';
import { Drive, type DriveOptions, drive } from './drive.ts';

const evaluated = async (expression: string, options: DriveOptions = {}): Promise<unknown> => {
  const text = `output: B\ntasks:\n  A: { run: compose, inputs: { x: 1, default: main } }\n  B: { run: compose, requires: [A], inputs: { first: 7, value: ${JSON.stringify(`{ ${expression} }`)} } }\n`;
  const outcome = await drive(text, options);
  expect(outcome.status).toBe('succeeded');
  return (outcome as { output: { value: unknown } }).output.value;
};

describe('an expression sees', () => {
  it.each<[expression: string, value: unknown, input?: unknown]>([
    ['$.Workflow', { Id: 'test:3', Name: 'test', Version: 3, CreatedAt: 0, UpdatedAt: 0, Status: 'READY' }],
    ['$.Invocation.Id', 'execution-1'],
    ['$.Invocation.Inputs', { default: 5 }, 5],
    ['$.Invocation.Inputs', { default: { a: 1 }, a: 1 }, { a: 1 }],
    ['$.Invocation.Inputs', { default: 2, a: 1 }, { a: 1, default: 2 }],
    ['$.Invocation.Inputs', { default: [1] }, [1]],
    ['$.Invocation.Inputs', { default: null }, undefined],
    ["param('a')", 1, { a: 1 }],
    ['$.Tasks.A.Status', 'SUCCEEDED'],
    ['$.Tasks.A.Output.x', 1],
    ['$.Tasks.B.Requires', { A: {} }],
    ["input('A', 'x')", 1],
    ["input('A')", 'main'],
    ["task('A').Inputs", { x: 1, default: 'main' }],
    ['task().Status', 'IN_PROGRESS'],
    ['task().Inputs.first', 7],
    ['taskId', 'B'],
    ["output('Nothing')", null],
    ["task('A').Error", null],
    ["outputHeaders('A')", {}],
  ])('%s', async (expression, value, input) => {
    expect(await evaluated(expression, { input })).toEqual(value);
  });

  it('what an HTTP request brought, where one did', async () => {
    const inputs = await evaluated('$.Invocation.Inputs', { input: { a: 1 }, headers: { h: 'x' }, query: { q: 'y' } });
    expect(inputs).toEqual({ a: 1, default: { a: 1 }, headers: { h: 'x' }, query: { q: 'y' } });
  });

  it('a task under the alias of who requires it', async () => {
    const text = `output: B\ntasks:\n  A: { inputs: 3 }\n  B: { requires: { A: { alias: price } }, inputs: "{ output('price') * $.Tasks.price.Output }" }\n`;
    expect(await drive(text)).toMatchObject({ output: 9 });
  });

  it('nothing of what another one made into an expression', async () => {
    expect(await evaluated('param()', { input: '{ 1 + 1 }' })).toBe('{ 1 + 1 }');
  });
});

describe('inputs are journaled', () => {
  it.each<[text: string, all: boolean, ids: readonly string[]]>([
    ["output('A')", false, []],
    ["input('A')", false, ['A']],
    ['input("A", key)', false, ['A']],
    ['$.Tasks.A.Inputs.x', false, ['A']],
    ["$.Tasks['A'].Inputs", false, ['A']],
    ['$.Tasks.A.Output', false, []],
    ["task('A')", false, ['A']],
    ["task('A').Output", false, []],
    ['task().Inputs._item', false, []],
    ['task(param())', true, []],
    ['$.Tasks[name].Output', true, []],
    ['Object.keys($.Tasks)', true, []],
    ['JSON.stringify($)', true, []],
    ['$.Invocation.Inputs', false, []],
  ])('as %s says', (text, all, ids) => {
    expect(askedInputs([text], [])).toEqual({ all, ids: new Set(ids) });
  });

  it('of a task known by an alias too', () => {
    expect(askedInputs(["input('x')"], [['x', 'A']]).ids).toEqual(new Set(['x', 'A']));
  });

  it('of those that are asked for, and no others', async () => {
    const text = `output: C\ntasks:\n  A: { run: f, inputs: "{ 1 + 1 }" }\n  B: { run: f, inputs: 3 }\n  C: { requires: [A, B], inputs: "{ input('A') + output('B') }" }\n`;
    const driven = new Drive(text, { functions: { f: (input: number) => input } });
    expect(await driven.run()).toEqual({ status: 'succeeded', output: 5 });
    expect([...driven.state.steps.values()].filter(({ inputs }) => inputs).map(({ step }) => step)).toEqual(['A']);
  });
});
