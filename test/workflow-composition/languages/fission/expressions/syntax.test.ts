import { expect, it } from 'vitest';
import { createExpressions, reasonOf } from './scope.ts';

const expressions = createExpressions();

it.each([
  'a + ',
  '',
  '   ',
  '1) + (2',
  '1], [2',
  '1); (2',
  '...[1]',
  'let a = 1',
  'a; b',
  'return 1',
  'if (a) b',
  'a // )',
  ') => (',
  '/* unclosed',
  "'unclosed",
  'await x()',
  `1${'+1'.repeat(40_000)}`,
])('finds when it is compiled that this is no expression: %s', async (source) => {
  const isExpression = source === 'a // )';
  expect(await reasonOf(() => expressions.compile(source))).toBe(isExpression ? undefined : 'syntax');
});

it.each([
  '{a: 1}',
  '({a: 1})',
  '{}',
  'a, b',
  'x => x',
  '(function () { let a = 1; return a })()',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of an expression.
  '`${a}`',
  '/[)]/.test(x)',
  'a\n// the end',
  'a ? b : c',
  'new Date()',
])('takes this for an expression: %s', (source) => {
  expect(expressions.compile(source).source).toBe(source);
});

it.each([
  ['output()', true],
  ["output('A').list[0]", true],
  ['{ a: param() }', true],
  ['1 + 1', false],
  ['new Date()', false],
])('says of %s whether it has its value at once', (source, isImmediate) => {
  expect(expressions.compile(source).isImmediate).toBe(isImmediate);
});

it('names the fault and the expression', () => {
  expect(() => expressions.compile('output( +')).toThrow(/^The expression "output\( \+" is no JavaScript: Unexpected/);
});

it('does not run what it compiles', () => {
  const globals = Object.keys(globalThis);
  expressions.compile('globalThis.wasRun = (() => { for (;;); })()');
  expect(Object.keys(globalThis)).toEqual(globals);
});

it('runs no script that is no JavaScript', async () => {
  expect(await reasonOf(() => expressions.run('let a = ;', {}))).toBe('syntax');
  expect(expressions.stats.workersStarted).toBe(0);
});
