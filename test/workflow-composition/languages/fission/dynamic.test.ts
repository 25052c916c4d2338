/** Tasks and workflows that tasks put out, and run in their place; loops among them. */
import { describe, expect, it } from 'vitest';
import { Drive, type DriveOptions, drive } from './drive.ts';

const alone = (task: string): string => `output: A\ntasks:\n  A:\n${task.trim().replace(/^/gm, '    ')}\n`;
const functions: NonNullable<DriveOptions['functions']> = {
  echo: (input: unknown) => input ?? null,
  maker: () => ({ run: 'echo', inputs: { a: '{ 1 + 1 }' } }),
  planner: () => ({
    output: 'Y',
    tasks: { X: { run: 'echo', inputs: 5 }, Y: { inputs: "{ output('X') + 1 }", requires: ['X'] } },
  }),
};

describe('what a task puts out runs in its place:', () => {
  it.each([
    ['a task of a function', 'run: maker', { a: 2 }, ['A', 'A/task']],
    ['a workflow of a function', 'run: planner', 6, ['A', 'A/workflow/X', 'A/workflow/Y']],
    ['a task in a noop', 'inputs: { default: { run: echo, inputs: 1 } }', 1, ['A', 'A/task']],
    [
      'a workflow in a noop',
      'run: noop\ninputs: { default: { output: X, tasks: { X: { run: echo, inputs: 1 } } } }',
      1,
      ['A', 'A/workflow/X'],
    ],
    ['a task in a compose', 'run: compose\ninputs: { default: { run: echo, inputs: 1 } }', 1, ['A', 'A/task']],
    [
      'a workflow in a branch',
      'run: if\ninputs: { if: true, then: { output: X, tasks: { X: { run: maker } } } }',
      { a: 2 },
      ['A', 'A/then/X', 'A/then/X/task'],
    ],
    [
      'a task that an expression makes',
      `run: if\ninputs: { if: true, then: "{ ({ run: 'echo', inputs: 3 }) }" }`,
      3,
      ['A', 'A/then'],
    ],
    [
      'a task that javascript makes',
      `run: javascript\ninputs: { expr: "({ run: 'echo', inputs: 3 })" }`,
      3,
      ['A', 'A/task'],
    ],
    [
      'a turn that an expression makes',
      `run: foreach\ninputs: { foreach: [1, 2], do: "{ ({ run: 'echo', inputs: '{ task().Inputs._item }' }) }" }`,
      [1, 2],
      ['A', 'A/do_0', 'A/do_1'],
    ],
    [
      'a branch of a branch',
      'run: if\ninputs: { if: true, then: { run: if, inputs: { if: false, else: { run: echo, inputs: x } } } }',
      'x',
      ['A', 'A/then', 'A/then/else'],
    ],
  ])('%s', async (_, task, output, started) => {
    const { drive: driven, ...outcome } = await drive(alone(task), { functions });
    expect(outcome).toEqual({ status: 'succeeded', output });
    expect(driven.started).toEqual(started);
  });

  it.each([
    ['a name to run that is no text', { run: 3 }],
    ['another member beside', { run: 'echo', speed: 3 }],
    ['tasks that are no map', { output: 'X', tasks: ['X'] }],
    ['an empty map', {}],
    ['a list', [{ run: 'echo' }]],
  ])('but not data with %s', async (_, data) => {
    const { drive: driven, ...outcome } = await drive(alone('run: data'), { functions: { data: () => data } });
    expect(outcome).toEqual({ status: 'succeeded', output: data });
    expect(driven.started).toEqual(['A']);
  });

  it('and those that wait for it, and expressions, see what came of it', async () => {
    const text =
      'output: B\ntasks:\n  A: { run: planner }\n  B: { run: echo, inputs: "{ output(\'A\') * 2 }", requires: [A] }\n';
    const driven = new Drive(text, { functions });
    await driven.advance();
    await driven.end('A');
    expect(driven.started).toEqual(['A', 'A/workflow/X']);
    expect(await driven.run()).toEqual({ status: 'succeeded', output: 12 });
  });

  it('and sees what stands beside it first, then what stands beside its parents', async () => {
    const text = `
output: B
tasks:
  A: { run: echo, inputs: outer }
  C: { run: echo, inputs: c }
  B:
    requires: { A: {}, C: { alias: see } }
    inputs:
      default:
        output: R
        tasks:
          A: { run: echo, inputs: inner }
          R: { run: compose, requires: [A], inputs: { a: "{ output('A') }", c: "{ output('C') }", b: "{ task('B').Status }", alias: "{ output('see') }" } }
`;
    expect(await drive(text, { functions })).toMatchObject({
      output: { a: 'inner', c: 'c', b: 'IN_PROGRESS', alias: null },
    });
  });

  it('to a depth of 64', async () => {
    const nested = (depth: number): unknown =>
      depth === 0 ? 'end' : { run: 'noop', inputs: { default: nested(depth - 1) } };
    const put = (depth: number) => drive(alone('run: deep'), { functions: { deep: () => nested(depth) } });
    expect(await put(60)).toMatchObject({ output: 'end' });
    const self: DriveOptions['functions'] = { self: () => ({ run: 'self' }) };
    expect(await drive(alone('run: self'), { functions: self })).toMatchObject({
      error: { cause: { code: 'EXPANSION_TOO_DEEP' } },
    });
    expect(
      await drive(alone('run: self\ncatch: [{ errors: [EXPANSION_TOO_DEEP], do: far }]'), { functions: self }),
    ).toMatchObject({
      output: 'far',
    });
  });

  it.each([
    ['an unknown dependency', { output: 'X', tasks: { X: { requires: ['Y'] } } }],
    ['a broken expression', { run: 'echo', inputs: '{ ( }' }],
    ['a bad name', { run: 'No Such Name' }],
  ])('or fails, which can be caught, for %s', async (_, data) => {
    const given = { functions: { data: () => data } };
    expect(await drive(alone('run: data'), given)).toMatchObject({
      step: 'A',
      error: { cause: { code: 'WORKFLOW_INVALID' } },
    });
    expect(await drive(alone('run: data\ncatch: [{ errors: [WORKFLOW_INVALID], do: 1 }]'), given)).toMatchObject({
      output: 1,
    });
  });
});

describe('a loop', () => {
  const LOOP = alone(
    'run: foreach\ninputs: { foreach: "{ param() }", do: { run: echo, inputs: "{ task().Inputs._item }" } }',
  );

  it('runs its items beside each other, and collects them in their order', async () => {
    const driven = new Drive(LOOP, { input: ['a', 'b', 'c'], functions });
    await driven.advance();
    expect([...driven.running.keys()]).toEqual(['A/do_0', 'A/do_1', 'A/do_2']);
    for (const step of ['A/do_2', 'A/do_0', 'A/do_1']) await driven.end(step);
    expect(driven.outcome()).toEqual({ status: 'succeeded', output: ['a', 'b', 'c'] });
  });

  it('runs its items one after the other where it is sequential', async () => {
    const driven = new Drive(LOOP.replace('do:', 'sequential: true, do:'), { input: [1, 2], functions });
    await driven.advance();
    expect([...driven.running.keys()]).toEqual(['A/do_0']);
    await driven.end('A/do_0');
    expect([...driven.running.keys()]).toEqual(['A/do_1']);
    expect(await driven.run()).toEqual({ status: 'succeeded', output: [1, 2] });
  });

  it('is in the journal once, not once for each of its turns', async () => {
    const { drive: driven } = await drive(LOOP, { input: Array.from({ length: 100 }, (_, index) => index), functions });
    expect(driven.output('A')).toEqual({ $flow: 'each', items: Array.from({ length: 100 }, (_, index) => index) });
    const repeated = await drive(alone('run: repeat\ninputs: { times: 50, do: { run: echo } }'), { functions });
    expect(repeated.drive.output('A')).toEqual({ $flow: 'times', times: 50 });
  });

  it('waits between the turns of a while', async () => {
    const { drive: driven } = await drive(
      alone('run: while\ninputs: { expr: "{ task().Inputs._count < 2 }", limit: 5, delay: 2s, do: { run: echo } }'),
      { functions },
    );
    expect(driven.started).toEqual(['A', 'A/wait_0', 'A/do_0', 'A/check_1', 'A/wait_1', 'A/do_1', 'A/check_2']);
    expect(driven.actions.get('A/wait_1')).toEqual({ kind: 'sleep', durationMs: 2_000 });
  });

  it('within another one begins anew, and still knows the item', async () => {
    const text = alone(`
run: foreach
inputs:
  foreach: [10, 20]
  do:
    run: repeat
    inputs: { times: 2, do: { run: noop, inputs: "{ (task().Inputs._prev || 0) + task().Inputs._item }" } }`);
    expect(await drive(text)).toMatchObject({ output: [20, 40] });
  });

  it('gives the items to the tasks of a workflow, not to the functions that they call', async () => {
    const text = alone('run: foreach\ninputs: { foreach: [1], do: { run: args } }');
    const { drive: driven } = await drive(text, { functions: { args: (input: unknown) => input === undefined } });
    expect(driven.calls).toEqual([{ step: 'A/do_0', target: 'args', input: undefined }]);
  });

  it('lets a turn see the turns before it', async () => {
    const text = alone(
      `run: foreach\ninputs: { foreach: [1, 2], sequential: true, do: { run: noop, inputs: "{ (output('do_0') || 0) + 1 }" } }`,
    );
    expect(await drive(text)).toMatchObject({ output: [1, 2] });
  });
});

describe('the key of a step', () => {
  const { language } = new Drive('output: A\ntasks:\n  A:\n');
  it.each([
    ['A', 'A'],
    ['do_3', 'do_3'],
    ['Loop/do_3', 'Loop/do_*'],
    ['Loop/do_3/do_12/X', 'Loop/do_*/do_*/X'],
    ['Loop/check_3', 'Loop/check_*'],
    ['Loop/wait_0', 'Loop/wait_*'],
    ['If/then', 'If/then'],
  ])('of %s is %s', (step, key) => {
    expect(language.profileKey(step)).toBe(key);
  });
});
