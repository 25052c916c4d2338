/** What a definition may say, and how every mistake in it is told with its place. */
import { describe, expect, it } from 'vitest';
import { TroupeError } from '../../../../src/errors.ts';
import { durationMs } from '../../../../src/workflow-composition/languages/fission/duration.ts';
import { fissionLanguage } from '../../../../src/workflow-composition/languages/fission/language.ts';
import { fakeExpressions } from './fake-expressions.ts';

const language = fissionLanguage(fakeExpressions());
const parse = (text: string) => language.parse(text, { file: 'w.yaml' });

function faultsIn(text: string): readonly string[] {
  try {
    parse(text);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof TroupeError) || thrown.code !== 'WORKFLOW_INVALID') throw thrown;
    const faults = thrown.details['faults'] as { message: string; line?: number; column?: number }[];
    const lines = faults.map(({ message, line, column }) =>
      line === undefined ? message : `${line}:${column}: ${message}`,
    );
    expect(thrown.message.split('\n')).toEqual(
      lines.map((line, index) => `w.yaml:${faults[index]?.line === undefined ? ' ' : ''}${line}`),
    );
    return lines;
  }
}

/** With the task A as given, in flow style or on lines of its own. */
const withA = (task: string): string => `output: A\ntasks:\n  A:\n${task.replace(/^/gm, '    ')}\n`;

describe('a definition', () => {
  it('has a description, a timeout and a durability, and tells what it runs', () => {
    const definition = parse(`
apiVersion: 1
description: Sells things.
output: B
timeout: 1m30s
durability: pipelined
tasks:
  A: { run: reserve, catch: { run: fission://notify } }
  B:
    run: if
    requires: [A]
    inputs: { if: "{ true }", then: { run: workflow://ship }, else: { output: X, tasks: { X: { run: refund } } } }
`);
    expect(language.describe(definition)).toEqual({
      description: 'Sells things.',
      targets: ['reserve', 'notify', 'ship', 'refund'].map((name) => expect.objectContaining({ name })),
      tasks: 5,
      durability: 'pipelined',
      timeoutMs: 90_000,
    });
  });

  it('knows of each task how many it waits for and who waits for it', () => {
    const { flow } = parse(
      'output: C\ntasks:\n  A:\n  B: { requires: [A, A] }\n  C: { requires: { A: {}, B: { type: DATA, alias: b } } }\n',
    );
    const links = [...flow.tasks.values()].map(({ id, requires, dependants }) => ({ id, requires, dependants }));
    expect(links).toEqual([
      { id: 'A', requires: [], dependants: ['B', 'C'] },
      { id: 'B', requires: ['A'], dependants: ['C'] },
      { id: 'C', requires: ['A', 'B'], dependants: [] },
    ]);
    expect(flow.tasks.get('C')?.aliases).toEqual(new Map([['b', 'B']]));
  });

  it('may have anchors, aliases and merged maps', () => {
    const { flow } = parse(`
output: B
tasks:
  A: &base { run: f, retry: 2 }
  B: { <<: *base, run: g }
`);
    expect(flow.tasks.get('B')).toMatchObject({ runs: { target: 'g' }, retry: { maxAttempts: 2 } });
  });

  it.each([
    ['retry: 5', { maxAttempts: 5, delayMs: 1_000, backoff: 2, maxDelayMs: 60_000, jitter: 'full' }],
    [
      'retry: { attempts: 4, delay: 250ms, backoff: 1.5, maxDelay: 2m, jitter: none, on: [TIMEOUT], except: Busy }',
      {
        maxAttempts: 4,
        delayMs: 250,
        backoff: 1.5,
        maxDelayMs: 120_000,
        jitter: 'none',
        only: ['TIMEOUT'],
        except: ['Busy'],
      },
    ],
  ])('reads %s', (line, retry) => {
    expect(parse(withA(`run: f\n${line}`)).flow.tasks.get('A')?.retry).toEqual(retry);
  });

  it.each([
    ['f', { kind: 'function', target: 'f' }],
    ['fission://sleep', { kind: 'function', target: 'sleep' }],
    ['workflows://other', { kind: 'function', target: 'other' }],
    ['sleep', { kind: 'builtin', name: 'sleep' }],
    ['internal://compose', { kind: 'builtin', name: 'compose' }],
    ['nop', { kind: 'builtin', name: 'noop' }],
    ['""', { kind: 'builtin', name: 'noop' }],
    ['https://example.com/x', { kind: 'url', url: 'https://example.com/x' }],
  ])('understands what to run: %s', (run, runs) => {
    expect(parse(withA(`run: ${run}`)).flow.tasks.get('A')?.runs).toEqual(runs);
  });

  it.each([
    ['5s', 5_000],
    ['1m30s', 90_000],
    ['2h', 7_200_000],
    ['3d', 259_200_000],
    ['500ms', 500],
    ['1.5s', 1_500],
    ['250us', 0],
    ['0', 0],
    [250, 250],
    ['5', undefined],
    ['-1s', undefined],
    ['1m 30s', undefined],
    ['', undefined],
    [-1, undefined],
    [null, undefined],
  ])('takes %j for a duration of %j ms', (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });
});

describe('a mistake is told with its place:', () => {
  const cases: [title: string, text: string, faults: readonly string[]][] = [
    ['no map', '- a', ['1:1: a workflow is a map with "output" and "tasks"']],
    ['nothing', '', ['1:1: a workflow is a map with "output" and "tasks"']],
    ['no tasks', 'output: A', ['1:1: the workflow needs at least one task']],
    [
      'empty tasks',
      'output: A\ntasks: {}',
      ['1:9: "output" of the workflow is no task: "A".', '2:8: the workflow needs at least one task'],
    ],
    ['no output', 'tasks:\n  A:', ['1:1: the workflow needs an "output": the task whose output is the result']],
    [
      'an output that is no task',
      'output: Aa\ntasks:\n  A:\n',
      ['1:9: "output" of the workflow is no task: "Aa". Did you mean "A"?'],
    ],
    ['tasks that are no map', 'output: A\ntasks: [A]', ['2:8: "tasks" of the workflow is a map, not a list']],
    [
      'an unknown field',
      'outputs: A\noutput: A\ntasks:\n  A:',
      ['1:1: the workflow has no field "outputs". Did you mean "output"?'],
    ],
    [
      'an unknown field far from all',
      withA('colour: red'),
      [
        '4:5: task "A" has no field "colour". It has id, run, inputs, requires, retry, timeout, heartbeat, catch, compensate, await.',
      ],
    ],
    ['another version', 'apiVersion: 2\noutput: A\ntasks:\n  A:', ['1:13: "apiVersion" is 1, not 2']],
    [
      'a wrong durability',
      'durability: lax\noutput: A\ntasks:\n  A:',
      ['1:13: "durability" is strict, pipelined, memory; not "lax"'],
    ],
    [
      'a wrong timeout',
      'timeout: soon\noutput: A\ntasks:\n  A:',
      [
        '1:10: "timeout" of the workflow is a duration such as 500ms, 1m30s or 2d, or a number of milliseconds; not "soon"',
      ],
    ],
    ['a task that is no map', 'output: A\ntasks:\n  A: f', ['3:6: task "A" is a map, not "f"']],
    [
      'a missing dependency',
      withA('requires: [Aa]'),
      ['4:16: task "A" requires "Aa", which is no task. Did you mean "A"?'],
    ],
    [
      'dependencies that are neither list nor map',
      withA('requires: B'),
      ['4:15: "requires" of task "A" is a list or a map, not "B"'],
    ],
    [
      'a circle',
      'output: a\ntasks:\n  a: { requires: [c] }\n  b: { requires: [a] }\n  c: { requires: [b] }\n  d: {}',
      ['3:3: tasks wait for each other in a circle: a -> c -> b -> a'],
    ],
    ['a task that requires itself', withA('requires: [A]'), ['3:3: tasks wait for each other in a circle: A -> A']],
    [
      'a wrong type of dependency',
      withA('requires: { A: { type: DYNAMIC_OUTPUT } }')
        .replace('A: { type', 'B: { type')
        .replace('A:\n', 'B:\n  A:\n'),
      ['5:28: "type" of "requires.B" of task "A" is data or control'],
    ],
    ['a key written twice', 'output: A\ntasks:\n  A:\n  A:', ['4:3: "A" stands here a second time']],
    ['a name with a slash', 'output: a/b\ntasks:\n  a/b:', ['3:3: the name of a task has no "/": "a/b"']],
    [
      'a bad name of a function',
      withA('run: Not_A_Name'),
      [
        '4:10: task "A" runs "Not_A_Name", which is no name of a function: 1 to 63 lower-case letters, digits and hyphens',
      ],
    ],
    [
      'an unknown built-in',
      withA('run: internal://slep'),
      ['4:10: task "A" runs "internal://slep", but there is no such built-in. Did you mean "sleep"?'],
    ],
    [
      'an unknown scheme',
      withA('run: ftp://x'),
      ['4:10: task "A" runs "ftp://x": what stands before "://" is fission, workflow, internal, http or https'],
    ],
    ['what to run is no text', withA('run: 3'), ['4:10: "run" of task "A" is a text, not 3']],
    [
      'a broken expression',
      withA('inputs: "{ output(\'A\' }"'),
      [`4:13: in the expression "output('A'": Unexpected token '}'`],
    ],
    [
      'a broken expression deep inside',
      withA('inputs:\n  x:\n    - y: "{ 1 + }"'),
      [`6:14: in the expression "1 +": Unexpected token ')'`],
    ],
    [
      'an expression without quotes',
      withA('inputs: { x: { output(1) } }'),
      ['4:18: an expression has to stand in quotes: "{ output(1) }"'],
    ],
    [
      'a wrong retry',
      withA('run: f\nretry: 0'),
      ['5:12: "retry" of task "A", a number of attempts, is a whole number from 1 to 1000, not 0'],
    ],
    [
      'a wrong jitter',
      withA('run: f\nretry: { jitter: some }'),
      ['5:22: "jitter" in "retry" of task "A" is full or none'],
    ],
    [
      'codes that are no texts',
      withA('run: f\nretry: { on: [1] }'),
      ['5:18: "on" in "retry" of task "A" is a list of texts, not a list'],
    ],
    ['a retry without effect', withA('run: noop\nretry: 2'), ['5:5: "retry" has no effect on the built-in "noop"']],
    [
      'a timeout without effect',
      withA('run: noop\ntimeout: 2s'),
      ['5:5: "timeout" has no effect on the built-in "noop"'],
    ],
    [
      'a heartbeat of what has none',
      withA('run: http\ninputs: { url: "http://a" }\nheartbeat: 2s'),
      ['6:5: "heartbeat" is for tasks that run a function, which says that it goes on by "context.heartbeat()"'],
    ],
    [
      'awaiting and running',
      withA('run: f\nawait: signal'),
      ['4:5: task "A" awaits a signal, and can run nothing beside that'],
    ],
    [
      'awaiting something else',
      withA('await: rain'),
      ['4:12: "await" of task "A" is "signal", or a map with "signal" and "timeout"'],
    ],
    [
      'a rule without what to do',
      withA('run: f\ncatch: [{ errors: [X] }]'),
      ['5:13: a rule in "catch" of task "A" needs a "do"'],
    ],
    [
      'a rule with an unknown field',
      withA('run: f\ncatch: [{ error: [X], do: 1 }]'),
      ['5:15: "catch" of task "A" has no field "error". Did you mean "errors"?'],
    ],
    [
      'a missing input of a built-in',
      withA('run: while\ninputs: { expr: true, do: { run: f } }'),
      ['5:5: task "A" runs "while", which needs the input "limit"'],
    ],
    [
      'a turn that is no task',
      withA('run: repeat\ninputs: { times: 1, do: { inputs: 1 } }'),
      ['5:29: "do" of task "A" is a task, which has "run", or a workflow, which has "tasks"'],
    ],
    [
      'a fault in a nested task',
      withA('run: if\ninputs:\n  if: true\n  then: { run: f, input: 1 }'),
      ['7:23: task "task" has no field "input". Did you mean "inputs"?'],
    ],
    [
      'a fault in a nested workflow',
      withA('inputs:\n  default:\n    output: X\n    tasks:\n      X: { requires: [Y] }'),
      ['8:27: task "X" requires "Y", which is no task.'],
    ],
    [
      'a timeout in a nested workflow',
      withA('inputs:\n  default: { output: X, timeout: 1s, tasks: { X: } }'),
      ['5:29: the nested workflow has no field "timeout". It has apiVersion, description, output, tasks.'],
    ],
    [
      'a fault in a compensation',
      withA('run: f\ncompensate: { runs: g }'),
      ['5:19: task "A/compensate" has no field "runs". Did you mean "run"?'],
    ],
    ['an alias of nothing', withA('inputs: *none'), ['4:13: the alias "none" names nothing that stands before it']],
    ['an alias inside what it names', withA('inputs: &x [*x]'), ['4:17: the alias "x" stands inside what it names']],
    [
      'a syntax error',
      'output: A\ntasks: {',
      ['2:9: YAML: Flow map in block collection must be sufficiently indented and end with a }'],
    ],
  ];

  it.each(cases)('%s', (_, text, faults) => {
    expect(faultsIn(text)).toEqual(faults);
  });

  it('all of them at once, in the order of the file', () => {
    const faults = faultsIn('tasks:\n  A: { run: BAD }\n  B: { requires: [X], inputs: "{ ( }" }\nmore: 1\n');
    expect(faults.map((fault) => fault.slice(0, 4))).toEqual(['1:1:', '2:13', '3:19', '3:31', '4:1:']);
  });
});

describe('the size of a definition is bounded:', () => {
  it('its source', () => {
    expect(faultsIn(`# ${'x'.repeat(1_048_576)}`)).toEqual(['a definition has at most 1048576 bytes']);
  });

  it('its tasks', () => {
    const text = (count: number) =>
      `output: t0\ntasks:\n${Array.from({ length: count }, (_, index) => `  t${index}:\n`).join('')}`;
    expect(faultsIn(text(10_000))).toEqual([]);
    expect(faultsIn(text(10_002))).toEqual([
      expect.stringMatching(/^100\d\d:\d+: a workflow has at most 10000 tasks$/),
    ]);
  });

  it('how deep tasks are nested', () => {
    const flat = (depth: number): string =>
      `output: A\ntasks:\n  A: { inputs: { default: ${'{ run: noop, inputs: { default: '.repeat(depth)}1${' } }'.repeat(depth)} } }`;
    expect(faultsIn(flat(64))).toEqual([]);
    expect(faultsIn(flat(65))).toEqual([expect.stringContaining('tasks are nested at most 64 deep')]);
  });

  it('its depth as such', () => {
    for (const opening of ['[', '{ a: ', '- ']) {
      expect(faultsIn(`output: ${opening.repeat(50_000)}`).length).toBeGreaterThan(0);
    }
  });

  it('what aliases unfold to', () => {
    const levels = Array.from(
      { length: 20 },
      (_, index) => `  l${index}: &l${index} [${`*l${index - 1}, `.repeat(9)}]`,
    );
    const text = `output: A\ntasks:\n  A:\n    inputs:\n      l: &l-1 [x]\n${levels.join('\n').replace(/^/gm, '    ')}\n`;
    expect(faultsIn(text)).toContainEqual(expect.stringContaining('aliases unfold to more than 100000 parts'));
  });
});
