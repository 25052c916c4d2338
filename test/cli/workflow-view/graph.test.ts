import { describe, expect, it } from 'vitest';
import { itemsOf } from '../../../src/cli/workflow-view/folding.ts';
import { graphLines } from '../../../src/cli/workflow-view/graph.ts';
import { shownSteps } from '../../../src/cli/workflow-view/steps.ts';
import { block, execution, node, running, START_MS, succeeded, view } from './executions.ts';

const drawn = (details: ReturnType<typeof execution>, nowMs = 5_000, columns = 80) =>
  graphLines(itemsOf(shownSteps(details)), view(nowMs, columns)).join('\n');

const numbered = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('The graph of an execution', () => {
  it('shows a chain, each step with its state, what it runs, and how long it took', () => {
    const chain = [
      node('validate'),
      node('charge', ['validate'], { label: 'payments' }),
      node('ship', ['charge']),
      node('mail', ['ship']),
    ];
    const known = [
      succeeded('validate', { queueMs: 20, coldStartMs: 500, runMs: 300 }),
      succeeded('charge', { atMs: 820, queueMs: 200, runMs: 1_000 }, { attempts: 2 }),
    ];
    expect(drawn(execution(chain, { known, running: [running('ship', 2_020)] }))).toBe(
      block(`
        ✓ validate            succeeded  820 ms
        │
        ✓ charge    payments  succeeded, attempt 2  1.20 s
        │
        ● ship                running  2.98 s
        │
        ○ mail                not started
        `),
    );
  });

  it('shows a diamond', () => {
    const diamond = [node('a'), node('left', ['a']), node('right', ['a']), node('join', ['left', 'right'])];
    const known = [succeeded('a', { runMs: 300 })];
    expect(drawn(execution(diamond, { known, running: [running('left', 300, 2)] }))).toBe(
      block(`
        ✓ a        succeeded  300 ms
        ├─╮
        ● │ left   running, attempt 2  4.70 s
        │ │
        │ ○ right  not started
        ├─╯
        ○ join     not started
        `),
    );
  });

  it('shows two chains that have nothing to do with each other, and a lone step', () => {
    expect(drawn(execution([node('a1'), node('a2', ['a1']), node('b1'), node('b2', ['b1']), node('c')]))).toBe(
      block(`
        ○ a1  not started
        │
        ○ a2  not started

        ○ b1  not started
        │
        ○ b2  not started

        ○ c   not started
        `),
    );
  });

  it('folds a thousand steps that are alike into a line with their states', () => {
    const tasks = numbered(1_000).map((index) => node(`do_${index}`, ['split'], { label: 'resize' }));
    const nodes = [
      node('split'),
      ...tasks,
      node(
        'join',
        tasks.map(({ step }) => step),
      ),
    ];
    const known = [succeeded('split', { runMs: 10 }), ...tasks.slice(0, 998).map(({ step }) => succeeded(step))];
    const details = execution(nodes, { known, running: [running('do_998'), running('do_999')] });
    expect(drawn(details)).toBe(
      block(`
        ✓ split          succeeded  10.0 ms
        │
        ● do_0 … do_999  998 succeeded, 2 running
        │
        ○ join           not started
        `),
    );
  });

  it('shows dynamic steps under the one in whose place they run', () => {
    const each = numbered(3).flatMap((index) => [
      node(`each.${index}.get`, [], { label: 'get', within: 'each' }),
      node(`each.${index}.put`, [`each.${index}.get`], { label: 'put', within: 'each' }),
    ]);
    const nodes = [
      node('list'),
      node('each', ['list'], { label: 'foreach' }),
      ...each,
      node('report', ['each', 'list']),
    ];
    const known = [
      succeeded('list', { runMs: 10 }),
      succeeded('each', { atMs: 10 }),
      succeeded('each.0.get', { atMs: 20, runMs: 50 }),
      succeeded('each.1.get', { atMs: 20, runMs: 60 }),
    ];
    expect(
      drawn(execution(nodes, { known, running: [running('each.0.put', 70), running('each.2.get', 20)] }), 100),
    ).toBe(
      block(`
        ✓ list                 succeeded  10.0 ms
        ├─╮
        ● │ each      foreach  running
        │ │  ✓ 0.get  get      succeeded  50.0 ms
        │ │  │
        │ │  ● 0.put  put      running  30.0 ms
        │ │
        │ │  ✓ 1.get  get      succeeded  60.0 ms
        │ │  │
        │ │  ○ 1.put  put      not started
        │ │
        │ │  ● 2.get  get      running  80.0 ms
        │ │  │
        │ │  ○ 2.put  put      not started
        ╰─┤
          ○ report             not started
        `),
    );
  });

  it('folds what is alike at each place of what is alike', () => {
    const each = numbered(400).flatMap((index) => [
      node(`get_${index}`, [], { within: 'each' }),
      node(`put_${index}`, [`get_${index}`], { within: 'each' }),
    ]);
    const known = [...numbered(400).map((index) => succeeded(`get_${index}`)), succeeded('each'), succeeded('put_3')];
    expect(drawn(execution([node('each'), ...each], { known }))).toBe(
      block(`
        ✓ each                succeeded  0 ms
           ✓ get_0 … get_399  400 succeeded
           │
           ○ put_0 … put_399  1 succeeded, 399 not started
        `),
    );
  });

  it('says of every state what there is to know', () => {
    const known = [
      succeeded(
        'tried',
        {},
        { status: 'failed', attempts: 3, error: { name: 'TroupeError', message: 'x', code: 'TIMEOUT' } },
      ),
      succeeded(
        'again',
        {},
        { status: 'retrying', dueAtMs: START_MS + 8_000, error: { name: 'TypeError', message: 'x' } },
      ),
      { step: 'naps', status: 'sleeping', attempts: 0, atMs: START_MS, dueAtMs: START_MS + 3_605_000 },
      { step: 'asks', status: 'awaiting', attempts: 0, atMs: START_MS, signal: 'approved' },
      { step: 'asks-soon', status: 'awaiting', attempts: 0, atMs: START_MS, signal: 'go', dueAtMs: START_MS + 65_000 },
    ] as const;
    const nodes = ['tried', 'again', 'naps', 'asks', 'asks-soon', 'later'].map((step) => node(step));
    expect(drawn(execution(nodes, { known }))).toBe(
      block(`
        ✗ tried      failed: TIMEOUT  0 ms
        ↻ again      retrying in 3.00 s: TypeError  0 ms
        ◷ naps       sleeping, 1 h left
        ◇ asks       awaiting approved
        ◇ asks-soon  awaiting go, 1 min left
        ○ later      not started
        `),
    );
  });

  it('of sixty tasks with branches fits into 80 columns, and has each task once', () => {
    const name = (index: number) =>
      `${'abcdefghijklmnopqrstuvwxyz'[index % 26]}-${'task-with-a-long-name'.repeat(1 + (index % 3))}`;
    const step = (index: number) => `${name(index)}-${'x'.repeat(Math.floor(index / 26))}`;
    const nodes = numbered(60).map((index) =>
      node(step(index), [index - 1, index - 4].filter((each) => each >= 0 && index % 7 !== 3).map(step)),
    );
    const lines = drawn(execution(nodes)).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.filter((line) => line.includes('○'))).toHaveLength(60);
    expect(lines.length).toBeLessThan(180);
  });

  it('names what a step follows where there are too many lines to draw', () => {
    const letters = [...'abcdefghijklmnopqrstuvwxyz'];
    const nodes = [node('start'), ...letters.map((letter) => node(letter, ['start'])), node('end', letters)];
    const lines = drawn(execution(nodes)).split('\n');
    expect(lines).toHaveLength(28);
    expect(lines[1]).toBe('○ a      not started  after start');
    expect(lines.at(-1)).toBe('○ end    not started  after a, b, c and 23 more');
  });

  it('has steps that the graph does not know, and survives one that follows itself', () => {
    const nodes = [node('a', ['b']), node('b', ['a']), node('c', ['c', 'gone'])];
    expect(drawn(execution(nodes, { known: [succeeded('old')] }))).toBe(
      block(`
        ○ a    not started  after b
        ○ b    not started  after a
        ○ c    not started
        ✓ old  succeeded  0 ms
        `),
    );
  });

  it('lets no name steer the terminal, and has colours only where they are wanted', () => {
    const details = execution([node('evil\u001B[2J\nname')], { known: [] });
    const items = itemsOf(shownSteps(details));
    expect(graphLines(items, view(0))).toEqual(['○ evil [2J name  not started']);
    expect(graphLines(itemsOf(shownSteps(execution([node('a')]))), view(0, 80, true)).join()).toContain('\u001B[2m○');
  });
});
