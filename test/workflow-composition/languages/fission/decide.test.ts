/** Tasks one after the other and beside each other, and how an execution ends. */
import { describe, expect, it } from 'vitest';
import { Drive, drive } from './drive.ts';
import { fakeExpressions } from './fake-expressions.ts';

describe('an execution', () => {
  it('runs a chain of tasks, each with what the one before put out', async () => {
    const { drive: driven, ...outcome } = await drive(
      `
output: Say
tasks:
  Fortune:
    run: fortune
  Say:
    run: whale
    inputs: "{ output('Fortune') + '!' }"
    requires: [Fortune]
`,
      { functions: { fortune: () => 'luck', whale: (text: string) => `whale: ${text}` } },
    );
    expect(outcome).toEqual({ status: 'succeeded', output: 'whale: luck!' });
    expect(driven.started).toEqual(['Fortune', 'Say']);
    expect(driven.decisions.at(-1)).toEqual({ kind: 'succeed', outputOf: 'Say' });
  });

  it.each([
    ['needs it', '{ run: f, inputs: "{ 1 + param() }" }', 1],
    ['runs a script', '{ run: javascript, inputs: { expr: "1 + 1" } }', 1],
    ['has paths only', '{ run: f, inputs: "{ param() }" }', 0],
  ])('wakes the sandbox at its beginning where it %s', async (_, task, times) => {
    let woken = 0;
    const expressions = fakeExpressions();
    const compile = (source: string) => ({ ...expressions.compile(source), isImmediate: !source.includes('+') });
    const driven = new Drive(`output: A\ntasks:\n  A: ${task}\n  B: { run: f, requires: [A] }\n`, {
      functions: { f: () => null },
      expressions: { ...expressions, compile, wake: () => void woken++ },
    });
    await driven.advance();
    await driven.end('A').catch(() => undefined);
    expect(woken).toBe(times);
  });

  it('starts a task as soon as its own predecessors are done, whatever else runs', async () => {
    const driven = new Drive(
      `
output: D
tasks:
  A: { run: f }
  B: { run: f }
  C: { run: f, requires: [A] }
  D: { run: f, requires: [B, C] }
`,
      { functions: { f: () => null } },
    );
    await driven.advance();
    expect(driven.started).toEqual(['A', 'B']);
    await driven.end('A');
    expect(driven.started).toEqual(['A', 'B', 'C']);
    await driven.end('C');
    expect(driven.started).toEqual(['A', 'B', 'C']);
    await driven.end('B');
    expect(driven.started).toEqual(['A', 'B', 'C', 'D']);
  });

  it('fails with the step that failed and its error, and stops what runs', async () => {
    const driven = new Drive('output: A\ntasks:\n  A: { run: bad }\n  B: { run: slow }\n  C: { requires: [A] }\n', {
      functions: {
        bad: () => {
          throw new TypeError('no');
        },
      },
    });
    await driven.advance();
    await driven.end('A');
    expect(driven.decisions.slice(2)).toMatchObject([
      { kind: 'cancel', step: 'B' },
      { kind: 'fail', step: 'A' },
    ]);
    expect(driven.outcome()).toMatchObject({
      status: 'failed',
      step: 'A',
      error: { code: 'STEP_FAILED', message: 'Task "A" failed: It threw: no', cause: { code: 'FUNCTION_ERROR' } },
    });
  });
});
