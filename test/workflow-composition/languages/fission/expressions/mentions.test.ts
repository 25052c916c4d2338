import { expect, it } from 'vitest';
import {
  findMentions,
  select,
} from '../../../../../src/workflow-composition/languages/fission/expressions/mentions.ts';
import { TestScope } from './scope.ts';

const show = (source: string) => {
  const { workflow, invocation, tasks } = findMentions(source);
  if (tasks === 'all') return 'everything';
  const ids = tasks.map(({ id = '(current)', field }) => (field === undefined ? id : `${id}.${field}`));
  return [...(workflow ? ['Workflow'] : []), ...(invocation ? ['Invocation'] : []), ...ids].join(' ');
};

it.each([
  ['1 + 1', ''],
  ["output('a').x + 1", 'a.Output'],
  ['output("a") + input("b", "k")', 'a.Output b.Inputs'],
  ['output() * 2', '(current).Output'],
  ['output(taskId) * 2', '(current).Output'],
  ['output(`a`) || 1', 'a.Output'],
  ["task('a').Output + 1", 'a.Output'],
  ["task('a')?.['Inputs'].x", 'a.Inputs'],
  ["Object.keys(task('a'))", 'a'],
  ['$.Tasks.a.Output.x + $.Tasks["b c"].Inputs', 'a.Output b c.Inputs'],
  ['$ . Tasks . a', 'a'],
  ['$.Workflow.Id + $.Invocation.Id', 'Workflow Invocation'],
  ["param('x') + 1", 'Invocation'],
  ['param(name)', 'everything'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of an expression.
  ['`${output("a")} and ${$.Tasks.b.Output}`', 'a.Output b.Output'],
  ['x.output + y?.input + z.task("a")', ''],
  ['[...output("a")]', 'a.Output'],
  ['uid() + taskId', ''],
  ['/x$/.test(output("a"))', 'a.Output'],
  ["'no input for the task' + output('a')", 'a.Output'],
])('tells what is looked at by %s', (source, mentioned) => {
  expect(show(source)).toBe(mentioned);
});

it.each([
  '$',
  'Object.keys($)',
  '$.Tasks',
  '$.Tasks[x]',
  '$[section]',
  'output(x)',
  "output('a' + x)",
  'output',
  '[1].map(output)',
  "output/* */('a')",
  "'it is \"' + output(x) + '\"'",
  '$/* */.Tasks.a',
  'eval("out" + "put(1)")',
  'outp\\u0075t(x)',
  '$.hasOwnProperty("Tasks")',
  '$.Tasks.hasOwnProperty("a")',
  '$.Tasks?.["a"]?.()',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of an expression.
  '(class extends ${}).Tasks',
  '($.Tasks.f = function () { return this.a })()',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of an expression.
  '`${`${output(x)}`}`',
  'ä$.x',
])('takes no chance with %s', (source) => {
  expect(show(source)).toBe('everything');
});

it('takes the whole task where one of its methods is called', () => {
  expect(show('$.Tasks.a.hasOwnProperty("Output")')).toBe('a');
});

it('selects what was mentioned and nothing else', () => {
  const selected = (source: string) => select(findMentions(source), new TestScope());
  expect(selected("output('bytes') + input() + output('nobody')")).toEqual({
    Tasks: { bytes: { Output: new Uint8Array([1, 2, 255]) }, current: { Inputs: { default: 'mine', n: 7 } } },
  });
  expect(Object.keys(selected('f($)'))).toEqual(['Workflow', 'Invocation', 'Tasks']);
});

it('selects a task of any name', () => {
  const tasks = JSON.parse('{"__proto__": {"Output": 1}}');
  const { Tasks } = select(findMentions('f(output("__proto__"))'), new TestScope({ tasks }));
  expect(JSON.stringify(Tasks)).toBe('{"__proto__":{"Output":1}}');
});
