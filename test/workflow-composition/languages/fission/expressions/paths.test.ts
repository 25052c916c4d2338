import { expect, it } from 'vitest';
import { createExpressions, evaluated, reasonOf, TestScope } from './scope.ts';

const expressions = createExpressions();

it.each([
  ['taskId', 'current'],
  ['input()', 'mine'],
  ["input(undefined, 'n')", 7],
  ["input('first')", [1, 2]],
  ["input('first', 'a b')", true],
  ['output()', 'own output'],
  ["output('first').items[1].name", 'two'],
  ['output("first")["items"][0]', { name: 'one' }],
  ['outputHeaders().h', 'x'],
  ["outputHeaders('first')['content-type']", 'application/json'],
  ['param()', 'given'],
  ["param('name')", 'Ada'],
  ["task('first').Output.total", 3],
  ['task().Id', 'current'],
  ['$.Tasks.first.Output.total', 3],
  ["$['Tasks']['first'] . Output . total", 3],
  ['$.Workflow.Id', 'w'],
  ['$.Invocation.Inputs.name', 'Ada'],
  ["output('first').items.length", 2],
  ["output('first').items[0].name.length", 3],
  ["output('first').items[0].name[1]", 'n'],
  ["output('bytes').length", 3],
  ["output('bytes')[2]", 255],
])('reads %s without the sandbox', async (source, value) => {
  expect(await evaluated(expressions, source)).toEqual({ value, sync: true });
});

it.each([
  ['42', 42],
  ['-1.5e3', -1500],
  ['-0', 0],
  ['true', true],
  ['null', null],
  ['undefined', null],
  [String.raw`'it\'s'`, "it's"],
  ['"a\\n"', 'a\n'],
  ['[1, [], "x",]', [1, [], 'x']],
  ['({a: 1})', { a: 1 }],
  ['{a: 1, "b c": [output()], d: undefined}', { a: 1, 'b c': ['own output'] }],
  ['[undefined]', [null]],
  ['("x")', 'x'],
])('reads the literal %s without the sandbox', async (source, value) => {
  expect(await evaluated(expressions, source)).toEqual({ value, sync: true });
});

it('gives null for whatever a function does not find', async () => {
  const missing = [
    "output('nobody')",
    "input('nobody', 'x')",
    "input('first', 'x')",
    "param('x')",
    "outputHeaders('bytes')",
  ];
  for (const source of missing) expect(await evaluated(expressions, source)).toEqual({ value: null, sync: true });
});

it('ends a path at ?. where there is nothing', async () => {
  expect((await evaluated(expressions, "output('nobody')?.a.b.c")).value).toBe(null);
  expect((await evaluated(expressions, "output('first')?.nothing?.['x'].y")).value).toBe(null);
  expect((await evaluated(expressions, "output('first')?.total")).value).toBe(3);
  expect(await reasonOf(() => evaluated(expressions, "(output('nobody')?.a).b"))).toBe('thrown');
});

it('throws where a path steps into nothing, with the message of JavaScript', async () => {
  const evaluate = () => evaluated(expressions, "output('nobody').name");
  expect(await reasonOf(evaluate)).toBe('thrown');
  await expect(evaluate()).rejects.toThrow("TypeError: Cannot read properties of undefined (reading 'name')");
  await expect(evaluated(expressions, "output('first').nothing.x")).rejects.toThrow('properties of null');
});

it('sees own data only: what JavaScript inherits is not there', async () => {
  const inherited = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'];
  for (const name of inherited) {
    for (const root of ["output('first')", '$', '$.Tasks', "task('first')", "input('first')", 'output()', '[1]']) {
      expect(await evaluated(expressions, `${root}.${name}`)).toEqual({ value: null, sync: true });
    }
    expect((await evaluated(expressions, `output('${name}')`)).value).toBe(null);
  }
  expect(await reasonOf(() => evaluated(expressions, '$.constructor.constructor'))).toBe('thrown');
});

it('sees own data of any name', async () => {
  const output = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}');
  const scope = () => new TestScope({ tasks: { current: { Output: output } } });
  expect((await evaluated(expressions, 'output().__proto__.a', scope())).value).toBe(1);
  expect((await evaluated(expressions, 'output().constructor', scope())).value).toBe(2);
  expect((await evaluated(expressions, 'output()', scope())).value).toBe(output);
});

it('asks the scope for no more than the path goes through', async () => {
  const scope = new TestScope();
  await evaluated(expressions, '$.Tasks.first.Output.total', scope);
  await evaluated(expressions, 'param()', scope);
  expect(scope.asked).toEqual(['first', 'Invocation']);
});

it('gives the whole scope as $, also without the sandbox', async () => {
  const { value, sync } = await evaluated(expressions, '$');
  expect(sync).toBe(true);
  expect(value).toMatchObject({ Workflow: { Id: 'w' }, Invocation: { Id: 'i' }, Tasks: { first: { Id: 'first' } } });
});

it('gives each uid() another value', async () => {
  const [one, two] = [await evaluated(expressions, 'uid()'), await evaluated(expressions, 'uid()')];
  expect(one.value).toMatch(/^[0-9a-f-]{36}$/);
  expect(one.value).not.toBe(two.value);
});

it('gives values as JSON has them, bytes as they are, and nothing for a BigInt', async () => {
  const bytes = new Uint8Array([1]);
  const output = {
    at: new Date(0),
    nan: Number.NaN,
    zero: -0,
    gone: undefined,
    bytes,
    map: new Map([[1, 2]]),
    big: 1n,
  };
  const scope = new TestScope({ tasks: { current: { Output: output } } });
  const at = async (path: string) => (await evaluated(expressions, path, scope)).value;
  expect(await at('[output().at, output().nan, output().zero, output().gone, output().map]')).toEqual([
    '1970-01-01T00:00:00.000Z',
    null,
    0,
    null,
    {},
  ]);
  expect(await at('output().bytes')).toBe(bytes);
  expect(await reasonOf(() => at('output()'))).toBe('thrown');
  expect(await reasonOf(() => at('output().big'))).toBe('thrown');
});

it('fails for data that is circular', async () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  const scope = new TestScope({ tasks: { current: { Output: circle } } });
  expect(await reasonOf(() => evaluated(expressions, 'output()', scope))).toBe('thrown');
  expect(await reasonOf(() => evaluated(expressions, 'output().self || 1', scope))).toBe('thrown');
});

it('has started no sandbox for any of this', () => {
  expect(expressions.stats.workersStarted).toBe(0);
});
