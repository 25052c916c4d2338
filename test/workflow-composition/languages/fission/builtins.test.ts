/** What each built-in does with its inputs, right ones and wrong ones. */
import { describe, expect, it } from 'vitest';
import { drive } from './drive.ts';
import { fakeExpressions } from './fake-expressions.ts';

/** The task A, alone; its fields on lines of their own. */
const alone = (task: string): string => `output: A\ntasks:\n  A:\n${task.trim().replace(/^/gm, '    ')}\n`;

const functions = {
  double: (value: number) => value * 2,
  shout: (text: string) => `${text}!`,
  echo: (input: unknown) => input,
};

interface Case {
  readonly title: string;
  readonly task: string;
  readonly input?: unknown;
  readonly output: unknown;
}

const cases: Case[] = [
  { title: 'noop puts out its main input', task: 'run: noop\ninputs: hello', output: 'hello' },
  { title: 'noop without inputs puts out nothing', task: 'run: noop', output: null },
  { title: 'noop leaves its other inputs', task: 'inputs: { a: 1 }', output: null },
  { title: 'a task without "run" is a noop', task: 'inputs: "{ 1 + 1 }"', output: 2 },
  { title: 'a task with nothing at all is a noop', task: '', output: null },
  {
    title: 'compose puts out all of its inputs',
    task: 'run: compose\ninputs: { a: 1, b: "{ param() }" }',
    input: 7,
    output: { a: 1, b: 7 },
  },
  { title: 'compose puts out a main input alone as it is', task: 'run: compose\ninputs: "{ [1] }"', output: [1] },
  { title: 'compose without inputs puts out nothing', task: 'run: compose', output: null },
  {
    title: 'if puts out "then" where it is true',
    task: 'run: if\ninputs: { if: "{ param() > 1 }", then: yes, else: no }',
    input: 2,
    output: 'yes',
  },
  {
    title: 'if puts out "else" where it is false',
    task: 'run: if\ninputs: { if: "{ param() > 1 }", then: yes, else: no }',
    input: 1,
    output: 'no',
  },
  {
    title: 'if puts out nothing where there is no branch',
    task: 'run: if\ninputs: { if: false, then: yes }',
    output: null,
  },
  { title: 'if runs a task', task: 'run: if\ninputs: { if: true, then: { run: double, inputs: 4 } }', output: 8 },
  {
    title: 'if evaluates only the branch that it takes',
    task: 'run: if\ninputs: { if: false, then: "{ nothing.at.all }", else: 1 }',
    output: 1,
  },
  {
    title: 'if puts out a value that looks as if it were its own',
    task: 'run: if\ninputs: { if: true, then: { $flow: branch, at: else }, else: 2 }',
    output: { $flow: 'branch', at: 'else' },
  },
  {
    title: 'switch puts out the case that it finds',
    task: 'run: switch\ninputs: { switch: "{ param() }", cases: [{ case: a, action: 1 }, { case: b, action: 2 }] }',
    input: 'b',
    output: 2,
  },
  {
    title: 'switch runs the task of a case',
    task: 'run: switch\ninputs: { switch: b, cases: [{ case: a, action: 1 }, { case: b, action: { run: double, inputs: 3 } }] }',
    output: 6,
  },
  {
    title: 'switch puts out its default',
    task: 'run: switch\ninputs: { switch: c, cases: [{ case: a, action: 1 }], default: { run: shout, inputs: none } }',
    output: 'none!',
  },
  { title: 'switch puts out nothing where no case is found', task: 'run: switch\ninputs: { switch: c }', output: null },
  {
    title: 'switch takes cases that an expression makes',
    task: `run: switch\ninputs: { switch: b, cases: "{ [{ case: 'b', action: 5 }] }" }`,
    output: 5,
  },
  {
    title: 'foreach runs a task for each item and collects in order',
    task: 'run: foreach\ninputs:\n  foreach: [3, 1, 2]\n  do: { run: double, inputs: "{ task().Inputs._item }" }',
    output: [6, 2, 4],
  },
  {
    title: 'foreach takes its items from the main input',
    task: 'run: foreach\ninputs:\n  default: "{ param() }"\n  do: { run: noop, inputs: "{ task().Inputs._item }" }',
    input: [1],
    output: [1],
  },
  {
    title: 'foreach without items puts out an empty list',
    task: 'run: foreach\ninputs: { foreach: [], do: { run: double } }',
    output: [],
  },
  {
    title: 'foreach that does not collect puts out nothing',
    task: 'run: foreach\ninputs: { foreach: [1], collect: false, do: { run: echo } }',
    output: null,
  },
  {
    title: 'foreach runs a workflow for each item',
    task: 'run: foreach\ninputs:\n  foreach: [1, 2]\n  do: { output: Y, tasks: { X: { run: double, inputs: "{ task().Inputs._item }" }, Y: { run: double, inputs: "{ output(\'X\') }", requires: [X] } } }',
    output: [4, 8],
  },
  {
    title: 'repeat runs a task so often, each with what the one before put out',
    task: 'run: repeat\ninputs:\n  times: 4\n  do: { run: noop, inputs: "{ (task().Inputs._prev || 0) + 1 }" }',
    output: 4,
  },
  {
    title: 'repeat begins with a "_prev" of the task itself',
    task: 'run: repeat\ninputs:\n  times: "{ param() }"\n  do:\n    run: javascript\n    inputs: { _prev: { a: 0, b: 1 }, args: "{ task().Inputs._prev }", expr: "({ a: b, b: a + b })" }',
    input: '10',
    output: { a: 55, b: 89 },
  },
  {
    title: 'repeat of no times puts out nothing',
    task: 'run: repeat\ninputs: { times: 0, do: { run: echo } }',
    output: null,
  },
  {
    title: 'while runs a task until its expression is false',
    task: 'run: while\ninputs:\n  expr: "{ !task().Inputs._prev || task().Inputs._prev < 5 }"\n  limit: 10\n  do: { run: noop, inputs: "{ (task().Inputs._prev || 0) + 1 }" }',
    output: 5,
  },
  {
    title: 'while counts its turns',
    task: 'run: while\ninputs:\n  expr: "{ task().Inputs._count < 3 }"\n  limit: 10\n  delay: 0\n  do: { run: compose, inputs: "{ [...(task().Inputs._prev || []), task().Inputs._count] }" }',
    output: [1, 2, 3],
  },
  {
    title: 'while that never begins puts out what it was given before',
    task: 'run: while\ninputs: { expr: false, limit: 1, _prev: 9, do: { run: echo } }',
    output: 9,
  },
  {
    title: 'while begins with what it was given before',
    task: 'run: while\ninputs: { expr: "{ task().Inputs._prev < 12 }", limit: 9, _prev: 9, do: { run: noop, inputs: "{ task().Inputs._prev + 1 }" } }',
    output: 12,
  },
  {
    title: 'while may do a value',
    task: 'run: while\ninputs: { expr: "{ task().Inputs._count < 1 }", limit: 9, do: done }',
    output: 'done',
  },
  { title: 'sleep puts out nothing', task: 'run: sleep\ninputs: 1h', output: undefined },
  {
    title: 'javascript runs with its arguments',
    task: 'run: javascript\ninputs: { expr: "a ^ b", args: { a: 42, b: 10 } }',
    output: 32,
  },
  {
    title: 'javascript has an argument that is no map as "arg"',
    task: 'run: javascript\ninputs: { expr: "arg.length", args: [1, 2] }',
    output: 2,
  },
  {
    title: 'a function gets a main input as it is',
    task: 'run: echo\ninputs: [1, "{ param() }"]',
    input: 'x',
    output: [1, 'x'],
  },
  {
    title: 'a function gets several inputs as a map',
    task: 'run: echo\ninputs: { default: 1, deep: { list: ["{ 1 + 1 }"] } }',
    output: { default: 1, deep: { list: [2] } },
  },
  { title: 'a function without inputs gets none', task: 'run: none', output: 'undefined' },
  {
    title: 'a function of the name of a built-in is called by its scheme',
    task: 'run: fission://sleep\ninputs: 3',
    output: 'slept 3',
  },
];

describe('a built-in', () => {
  it.each(cases)('$title', async ({ task, input, output }) => {
    const all = { ...functions, none: (given: unknown) => String(given), sleep: (given: unknown) => `slept ${given}` };
    const { drive: _, ...outcome } = await drive(alone(task), { input, functions: all });
    expect(outcome).toEqual({ status: 'succeeded', output });
  });

  it.each(cases.filter(({ task }) => task.includes('{ ')))(
    '$title, with expressions that take their time too',
    async ({ task, input, output }) => {
      const expressions = fakeExpressions({ isAsync: true });
      const { drive: _, ...outcome } = await drive(alone(task), { input, functions, expressions });
      expect(outcome).toEqual({ status: 'succeeded', output });
    },
  );

  it.each([
    ['run: if\ninputs: { if: 1 }', 'INVALID_INPUT', 'Task "A", input "if": it has to be true or false, not 1.'],
    [
      'run: if\ninputs: { if: "{ null }" }',
      'INVALID_INPUT',
      'Task "A", input "if": it has to be true or false, not nothing.',
    ],
    ['run: switch\ninputs: { switch: 1 }', 'INVALID_INPUT', 'Task "A", input "switch": it has to be a text, not 1.'],
    [
      'run: switch\ninputs: { switch: a, cases: [{ action: 1 }] }',
      'INVALID_INPUT',
      'Task "A", input "cases": each case needs a "case" that is a text.',
    ],
    [
      'run: switch\ninputs: { switch: a, cases: "{ 3 }" }',
      'INVALID_INPUT',
      'Task "A", input "cases": it has to be a list, not 3.',
    ],
    [
      'run: foreach\ninputs: { foreach: abc, do: { run: f } }',
      'INVALID_INPUT',
      'Task "A", input "foreach": it has to be a list, not "abc".',
    ],
    [
      'run: foreach\ninputs: { foreach: [], do: "{ 3 }" }',
      'INVALID_INPUT',
      'Task "A", input "do": it has to be a task or a workflow, not 3.',
    ],
    [
      'run: foreach\ninputs: { foreach: [], do: { run: f }, sequential: 1 }',
      'INVALID_INPUT',
      'Task "A", input "sequential": it has to be true or false, not 1.',
    ],
    [
      'run: repeat\ninputs: { times: often, do: { run: f } }',
      'INVALID_INPUT',
      'Task "A", input "times": it has to be a number, not "often".',
    ],
    [
      'run: while\ninputs: { expr: 1, limit: 1, do: 1 }',
      'INVALID_INPUT',
      'Task "A", input "expr": it has to be true or false, not 1.',
    ],
    [
      'run: while\ninputs: { expr: true, limit: 1, delay: long, do: 1 }',
      'INVALID_INPUT',
      'Task "A", input "delay": it has to be a duration such as 500ms or 1m30s, or a number of milliseconds, not "long".',
    ],
    [
      'run: while\ninputs: { expr: true, limit: 2, delay: 0, do: 1 }',
      'LOOP_LIMIT_EXCEEDED',
      'Task "A" is not done after 3 turns, and its limit is 2.',
    ],
    [
      'run: sleep\ninputs: long',
      'INVALID_INPUT',
      'Task "A", input "default": it has to be a duration such as 500ms or 1m30s, or a number of milliseconds, not "long".',
    ],
    ['run: http\ninputs: { url: "http://" }', 'INVALID_INPUT', 'Task "A", input "url": "http://" is no address.'],
    [
      'run: http\ninputs: { url: "ftp://x" }',
      'INVALID_INPUT',
      'Task "A", input "url": only http and https can be called.',
    ],
    [
      'run: http\ninputs: { url: x, headers: [] }',
      'INVALID_INPUT',
      'Task "A", input "headers": it has to be a map, not a list.',
    ],
    ['run: http\ninputs: { url: x, body: b }', 'INVALID_INPUT', 'Task "A", input "body": a request with GET has none.'],
    [
      'run: javascript\ninputs: { expr: 3 }',
      'INVALID_INPUT',
      'Task "A", input "expr": it has to be JavaScript, not 3.',
    ],
    [
      'run: javascript\ninputs: { expr: "nowhere.at.all" }',
      'EXPRESSION_FAILED',
      'Task "A", input "expr": nowhere is not defined',
    ],
    [
      'run: f\ninputs: { a: { b: ["{ nowhere }"] } }',
      'EXPRESSION_FAILED',
      'Task "A", input "a": nowhere is not defined',
    ],
    ['run: fail\ninputs: all is lost', 'FUNCTION_ERROR', 'all is lost'],
    ['run: fail', 'FUNCTION_ERROR', 'The task "fail" was run.'],
    ['run: fail\ninputs: "{ ({ a: 1 }) }"', 'FUNCTION_ERROR', '{"a":1}'],
  ])('fails with its code and a message that names task and input: %s', async (task, code, message) => {
    const { drive: driven, ...outcome } = await drive(alone(task));
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'STEP_FAILED', cause: { code, message } } });
    expect(driven.isOver).toBe(true);
  });
});

describe('http', () => {
  const request = async (task: string, input?: unknown) => {
    const { drive: driven } = await drive(alone(task), { input, http: () => 'ok' });
    return driven.actions.get('A');
  };

  it.each([
    ['run: http\ninputs: example.com/x', { url: 'http://example.com/x', method: 'GET', headers: {} }],
    [
      'run: https://example.com/x\ninputs: { query: { a: 1 } }',
      { url: 'https://example.com/x?a=1', method: 'GET', headers: {} },
    ],
    [
      'run: http\ninputs: { url: "http://a/", method: post, body: { x: 1 }, headers: { k: v } }',
      { url: 'http://a/', method: 'POST', headers: { k: 'v', 'content-type': 'application/json' }, body: '{"x":1}' },
    ],
    [
      'run: http\ninputs: { url: "http://a/", method: PUT, default: text, content-type: text/csv }',
      { url: 'http://a/', method: 'PUT', headers: { 'content-type': 'text/csv' }, body: 'text' },
    ],
    [
      'run: http\ninputs: { url: "http://a/", method: PUT, body: "{ param() }", headers: { Content-Type: x/y } }',
      { url: 'http://a/', method: 'PUT', headers: { 'Content-Type': 'x/y' }, body: 'in' },
    ],
  ])('makes a request of %s', async (task, expected) => {
    expect(await request(task, 'in')).toEqual({ kind: 'http', request: expected });
  });

  it('has the bounds of its task', async () => {
    expect(await request('run: http://a/\ntimeout: 2s\nretry: 2')).toMatchObject({
      timeoutMs: 2_000,
      retry: { maxAttempts: 2 },
    });
  });

  it('gives the headers of the answer to later tasks, and runs nothing that the answer says', async () => {
    const text =
      'output: B\ntasks:\n  A: { run: http://a/ }\n  B: { run: compose, requires: [A], inputs: { body: "{ output(\'A\') }", date: "{ outputHeaders(\'A\').date }" } }\n';
    const outcome = await drive(text, { http: () => ({ run: 'format-disk' }), httpHeaders: { date: 'today' } });
    expect(outcome).toMatchObject({ output: { body: { run: 'format-disk' }, date: 'today' } });
  });
});

describe('a task that awaits a signal', () => {
  it('puts out what the signal brought, and runs nothing that it says', async () => {
    const outcome = await drive(alone('await: signal'), { signals: [{ signal: 'A', payload: { run: 'x' } }] });
    expect(outcome).toMatchObject({ status: 'succeeded', output: { run: 'x' } });
  });

  it('may name another signal and its patience', async () => {
    const { drive: driven, status } = await drive(alone('await: { signal: paid, timeout: 2d }'), {
      signals: [{ signal: 'paid', payload: 1 }],
    });
    expect(driven.actions.get('A')).toEqual({ kind: 'await', signal: 'paid', timeoutMs: 172_800_000 });
    expect(status).toBe('succeeded');
  });

  it('has its own timeout as its patience', async () => {
    const { drive: driven } = await drive(alone('await: signal\ntimeout: 5s'), {
      signals: [{ signal: 'A', payload: 1 }],
    });
    expect(driven.actions.get('A')).toEqual({ kind: 'await', signal: 'A', timeoutMs: 5_000 });
  });
});
