import { describe, expect, it } from 'vitest';
import { itemsOf } from '../../../src/cli/workflow-view/folding.ts';
import { ganttLines } from '../../../src/cli/workflow-view/gantt.ts';
import { shownSteps } from '../../../src/cli/workflow-view/steps.ts';
import type { HistoryEvent } from '../../../src/workflows.ts';
import { block, execution, node, running, START_MS, succeeded, view } from './executions.ts';

type Details = ReturnType<typeof execution>;

const drawn = (details: Details, nowMs: number, history: readonly HistoryEvent[] = [], columns = 57) =>
  ganttLines(itemsOf(shownSteps(details)), details, view(nowMs, columns), history).join('\n');

const at = (type: HistoryEvent['type'], atMs: number, more: object): HistoryEvent => ({
  type,
  atMs: START_MS + atMs,
  ...more,
});

const timing = (atMs: number, runMs: number) => ({ startedAtMs: START_MS + atMs, queueMs: 0, coldStartMs: 0, runMs });

describe('The Gantt chart of an execution', () => {
  it('splits each step into queue, cold start and run, and goes on to now', () => {
    const nodes = [node('validate'), node('charge', ['validate']), node('ship', ['charge']), node('mail', ['ship'])];
    const known = [
      succeeded('validate', { queueMs: 100, coldStartMs: 500, runMs: 200 }),
      succeeded('charge', { atMs: 800, queueMs: 300, runMs: 1_000 }),
    ];
    const details = execution(nodes, { known, running: [running('ship', 2_100)] });
    expect(drawn(details, 3_900)).toBe(
      block(`
                  0                  1.95 s        3.90 s
        validate  ░▒▒▒▒▒██                                 800 ms
        charge            ░░░██████████                    1.30 s
        ship                           ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄  1.80 s

        ░ queue   ▒ cold start   █ run   ▄ running
        `),
    );
  });

  it('shows with the history the attempts before the last one, the pauses between them, and waits that are over', () => {
    const nodes = [node('flaky'), node('nap', ['flaky']), node('ask', ['nap'])];
    const known = [
      succeeded('flaky', { atMs: 1_000, runMs: 500 }, { attempts: 2 }),
      { step: 'nap', status: 'succeeded', attempts: 1, atMs: START_MS + 2_500 },
      { step: 'ask', status: 'awaiting', attempts: 0, atMs: START_MS + 2_500, signal: 'go' },
    ] as const;
    const history = [
      at('executionStarted', 0, {}),
      at('stepFailed', 400, { step: 'flaky', attempt: 1, timing: timing(0, 400), retryAtMs: START_MS + 1_000 }),
      at('stepSucceeded', 1_500, { step: 'flaky', attempt: 2, timing: timing(1_000, 500) }),
      at('timerStarted', 1_500, { step: 'nap' }),
      at('stepSucceeded', 2_500, { step: 'nap', attempt: 1 }),
      at('signalAwaited', 2_500, { step: 'ask', signal: 'go' }),
    ];
    expect(drawn(execution(nodes, { known }), 3_900, history, 54)).toBe(
      block(`
               0                  1.95 s        3.90 s
        flaky  ▓▓▓▓┄┄┄┄┄┄█████                          1.50 s
        nap                   ──────────                1.00 s
        ask                             ──────────────  1.40 s

        █ run   ▓ failed run   ┄ retry wait
        ─ sleep or signal
        `),
    );
  });

  it('shows what is folded as one line, and what took no time as a mark', () => {
    const tasks = Array.from({ length: 500 }, (_, index) => node(`do_${index}`, [], { within: 'each' }));
    const known = [
      succeeded('each', { runMs: 0 }),
      ...tasks.map(({ step }, index) =>
        succeeded(step, { atMs: 1_000 + index, queueMs: index < 100 ? 1_000 : 0, runMs: 900 }),
      ),
    ];
    expect(drawn(execution([node('each'), ...tasks], { known, endedAtMs: START_MS + 3_900 }), 9_000, [], 64)).toBe(
      block(`
                         0                  1.95 s        3.90 s
        each             █                                          0 ms
          do_0 … do_499            ░░██████████████████           2.00 s

        ░ queue   █ run
        `),
    );
  });

  it('shows in which steps something failed', () => {
    const error = { name: 'Error', message: 'x' };
    const known = [
      succeeded('a', { runMs: 1_000 }, { status: 'failed', error }),
      succeeded('b', { runMs: 1_000 }, { status: 'retrying', error, dueAtMs: START_MS + 9_000 }),
    ];
    expect(drawn(execution([node('a'), node('b')], { known }), 3_900, [], 50)).toBe(
      block(`
           0                  1.95 s        3.90 s
        a  ▓▓▓▓▓▓▓▓▓▓                               1.00 s
        b  ▓▓▓▓▓▓▓▓▓▓┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄  3.90 s

        ▓ failed run   ┄ retry wait
        `),
    );
  });

  it('is left out before anything has begun', () => {
    expect(drawn(execution([node('a')]), 100)).toBe('');
  });

  it('keeps to its columns, whatever the names, the times and the clock', () => {
    const nodes = [node('a-name-that-is-longer-than-all-others'), node('b')];
    const known = [succeeded('a-name-that-is-longer-than-all-others', { atMs: -500, runMs: 1e9 }), succeeded('b')];
    for (const columns of [40, 80, 200]) {
      const lines = drawn(execution(nodes, { known }), 90_061_000, [], columns).split('\n');
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    }
  });
});
