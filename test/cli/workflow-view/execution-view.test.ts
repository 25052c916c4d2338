import { describe, expect, it } from 'vitest';
import { eventLine, historyLines } from '../../../src/cli/workflow-view/event-words.ts';
import { executionLines, isHistoryNeeded } from '../../../src/cli/workflow-view/execution-view.ts';
import { Painter } from '../../../src/cli/workflow-view/painter.ts';
import { oneLine, timeSpan, wrapped } from '../../../src/cli/workflow-view/words.ts';
import type { HistoryEvent } from '../../../src/workflows.ts';
import { block, execution, node, running, START_MS, succeeded, view } from './executions.ts';

describe('An execution', () => {
  it('is shown with what it is, its graph, and where its time went', () => {
    const details = execution([node('charge'), node('ship', ['charge'])], {
      known: [succeeded('charge', { runMs: 1_000 })],
      running: [running('ship', 1_000)],
      remainingMs: { p50: 2_000, p90: 4_000 },
      deadlineAtMs: START_MS + 60_000,
      durability: 'pipelined',
      parent: { executionId: 'all-orders', step: 'each/17' },
    });
    expect(executionLines(details, view(2_000, 66)).join('\n')).toBe(
      block(`
        order-17
        workflow   order@3  running
        started    2026-01-01 00:00:00.000Z, 2.00 s ago
        steps      1 succeeded, 1 running
        durability pipelined
        part of    all-orders, step each/17
        remaining  about 2.00 s, 9 of 10 within 4.00 s
        deadline   in 58.0 s

        ✓ charge  succeeded  1.00 s
        │
        ● ship    running  1.00 s

                0                        1.00 s             2.00 s
        charge  █████████████████████████                           1.00 s
        ship                             ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄  1.00 s

        █ run   ▄ running
        `),
    );
  });

  it('that has ended is shown with its result, cut to a line, or its error in full', () => {
    const ended = { endedAtMs: START_MS + 1_500, known: [succeeded('charge', { runMs: 1_500 })] };
    const output = { order: 17, items: Array.from({ length: 50 }, (_, index) => index) };
    const good = executionLines(execution([node('charge')], { ...ended, status: 'succeeded', output }), view(9_000));
    expect(good.slice(2, 5)).toEqual([
      'started    2026-01-01 00:00:00.000Z, took 1.50 s',
      'steps      1 succeeded',
      'output     {"order":17,"items":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,…',
    ]);
    const message = `The step "charge" failed. ${'It was tried again and again. '.repeat(4)}`.trim();
    const error = {
      name: 'TroupeError',
      code: 'STEP_FAILED',
      message,
      cause: { name: 'TypeError', message: 'no good' },
    };
    const bad = executionLines(
      execution([], { endedAtMs: START_MS, status: 'failed', error, failedStep: 'charge' }),
      view(9_000),
    );
    expect(bad.slice(4)).toEqual([
      'error      STEP_FAILED: The step "charge" failed. It was tried again and again.',
      '           It was tried again and again. It was tried again and again. It was',
      '           tried again and again. (step charge)',
      'because    TypeError: no good',
    ]);
    expect(Math.max(...[...good, ...bad].map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('needs its history only where that has more than is known', () => {
    expect(isHistoryNeeded({ known: [succeeded('a')] })).toBe(false);
    expect(isHistoryNeeded({ known: [succeeded('a', {}, { attempts: 2 })] })).toBe(true);
    expect(isHistoryNeeded({ known: [{ step: 'nap', status: 'sleeping', attempts: 0, atMs: 0 }] })).toBe(true);
  });
});

const at = (type: HistoryEvent['type'], atMs: number, more: object = {}): HistoryEvent => ({
  type,
  atMs: START_MS + atMs,
  ...more,
});

const HISTORY = [
  at('executionStarted', 0, { workflow: 'order', version: 3, input: { id: 17 }, durability: 'strict', depth: 0 }),
  at('stepFailed', 12, {
    step: 'charge',
    attempt: 1,
    error: { name: 'TroupeError', code: 'TIMEOUT', message: 'too\nlate' },
    retryAtMs: START_MS + 1_012,
  }),
  at('stepSucceeded', 1_100, {
    step: 'charge',
    attempt: 2,
    output: { bytes: 20_000 },
    timing: { startedAtMs: START_MS + 1_012, queueMs: 5, coldStartMs: 43, runMs: 40 },
  }),
  at('signalAwaited', 1_100, { step: 'approve', signal: 'approved', dueAtMs: START_MS + 61_100 }),
  at('signalReceived', 65_000, { signal: 'approved', payload: { by: 'Ada' } }),
  at('executionSucceeded', 65_100, { outputOf: 'approve' }),
];

describe('A history', () => {
  it('is a table of times, events, steps and details', () => {
    const { colors } = view(0);
    expect(historyLines(HISTORY, { columns: 200, colors }).join('\n')).toBe(
      block(`
        TIME        EVENT                STEP     DETAIL
        +0 ms       execution started             order@3, input {"id":17}
        +12.0 ms    step failed          charge   TIMEOUT: too late, again in 1.00 s
        +1.10 s     step succeeded       charge   attempt 2, ran 40.0 ms, cold start 43.0 ms, queue 5.00 ms, output {"bytes":20000}
        +1.10 s     signal awaited       approve  signal approved, at most 1 min
        +1 min 5 s  signal received               signal approved, payload {"by":"Ada"}
        +1 min 5 s  execution succeeded           the output of approve
        `),
    );
    const narrow = historyLines(HISTORY, { columns: 50, colors });
    expect(Math.max(...narrow.map((line) => line.length))).toBe(50);
  });

  it('is a line for each event where they come one by one', () => {
    const { colors } = view(0);
    expect(HISTORY.slice(0, 2).map((event) => eventLine(event, START_MS, colors))).toEqual([
      '+0 ms         execution started     order@3, input {"id":17}',
      '+12.0 ms      step failed           charge  TIMEOUT: too late, again in 1.00 s',
    ]);
  });
});

describe('A painter', () => {
  const painting = (rows: number) => {
    const written: string[] = [];
    const painter = new Painter({ rows, outColors: view(0).colors, raw: (text) => void written.push(text) });
    return { painter, written };
  };

  it('draws over what it has drawn', () => {
    const { painter, written } = painting(24);
    painter.paint(['one', 'two'], false);
    painter.paint(['three'], true);
    expect(written).toEqual(['\rone\u001B[K\ntwo\u001B[K\n\u001B[J', '\r\u001B[2Athree\u001B[K\n\u001B[J']);
  });

  it('leaves out what has no room, until the last drawing', () => {
    const { painter, written } = painting(4);
    const lines = ['1', '2', '3', '4', '5'];
    painter.paint(lines, false);
    expect(written[0]).toBe('\r1\u001B[K\n2\u001B[K\n… 3 more lines\u001B[K\n\u001B[J');
    painter.paint(lines, true);
    expect(written[1]?.split('\n')).toHaveLength(6);
  });
});

describe('Words', () => {
  it.each([
    [0, '0 ms'],
    [0.5, '500 us'],
    [1_234, '1.23 s'],
    [59_999, '60.0 s'],
    [60_000, '1 min'],
    [200_000, '3 min 20 s'],
    [3_599_900, '60 min'],
    [3_900_000, '1 h 5 min'],
    [187_200_000, '2 d 4 h'],
  ])('%d ms are %s', (ms, text) => expect(timeSpan(ms)).toBe(text));

  it('are broken where they are longer than a line, and hold no control characters', () => {
    expect(wrapped('a bc defghij k', 4)).toEqual(['a bc', 'defg', 'hij', 'k']);
    expect(wrapped('', 10)).toEqual(['']);
    expect(oneLine('a\n\u001B[31mb\tc')).toBe('a [31mb c');
  });
});
