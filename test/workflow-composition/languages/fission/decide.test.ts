/** Tasks one after the other and beside each other, and how an execution ends. */
import { describe, expect, it } from 'vitest';
import { Drive, drive } from './drive.ts';

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
