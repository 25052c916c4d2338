/** What happens where a task fails, and where an execution is stopped. */
import { describe, expect, it } from 'vitest';
import { TroupeError } from '../../../../src/errors.ts';
import { Drive, type DriveOptions, drive } from './drive.ts';
import { fakeExpressions } from './fake-expressions.ts';

class Declined extends Error {
  override readonly name = 'Declined';
}

const functions: NonNullable<DriveOptions['functions']> = {
  ok: (input: unknown) => input ?? 'ok',
  bad: () => {
    throw new Declined('no money');
  },
};

const alone = (task: string): string => `output: A\ntasks:\n  A:\n${task.trim().replace(/^/gm, '    ')}\n`;

describe('a failure', () => {
  it.each([
    [
      'a task',
      'catch: { run: ok, inputs: "{ task().Error }" }',
      { code: 'FUNCTION_ERROR', name: 'Declined', message: 'no money' },
    ],
    ['a value', 'catch: nothing', 'nothing'],
    ['an expression', `catch: "{ task().Error.name + ': ' + task('A').Status }"`, 'Declined: FAILED'],
    ['a list as a value', 'catch: [1, 2]', [1, 2]],
    ['a rule by code', 'catch: [{ errors: [TIMEOUT], do: 1 }, { errors: FUNCTION_ERROR, do: 2 }]', 2],
    ['a rule by name', 'catch: [{ errors: [Declined], do: { run: ok, inputs: 3 } }]', 3],
    ['a rule for all', 'catch: [{ errors: [TIMEOUT], do: 1 }, { do: 4 }]', 4],
    [
      'a workflow',
      'catch: { output: Y, tasks: { X: { inputs: "{ task().Error.name }" }, Y: { inputs: "{ output(\'X\') }", requires: [X] } } }',
      'Declined',
    ],
  ])('is caught by %s', async (_, line, output) => {
    expect(await drive(alone(`run: bad\n${line}`), { functions })).toMatchObject({ status: 'succeeded', output });
  });

  it.each([
    ['catch: [{ errors: [TIMEOUT], do: 1 }]', 'A'],
    ['catch: { run: bad }', 'A/catch'],
  ])('goes on where it is not caught: %s', async (line, step) => {
    expect(await drive(alone(`run: bad\n${line}`), { functions })).toMatchObject({ status: 'failed', step });
  });

  it('of a task in its place is caught by the task', async () => {
    const text = alone(
      'run: foreach\ninputs: { foreach: [1, 2, 3], do: { run: bad } }\ncatch: { run: noop, inputs: "{ task().Error.message }" }',
    );
    const { drive: driven, ...outcome } = await drive(text, { functions });
    expect(outcome).toEqual({ status: 'succeeded', output: 'no money' });
    const cancelled = driven.decisions.flatMap((decision) => (decision.kind === 'cancel' ? [decision.step] : []));
    expect(cancelled).toEqual(['A/do_1', 'A/do_2']);
  });

  it('is caught in the innermost place first', async () => {
    const text = alone('run: if\ninputs: { if: true, then: { run: bad, catch: inner } }\ncatch: outer');
    expect(await drive(text, { functions })).toMatchObject({ output: 'inner' });
  });

  it('is tried again as the task says, and once more after a restart', async () => {
    let calls = 0;
    const flaky = () => {
      if (++calls < 3) throw new Error('busy');
      return calls;
    };
    const first = new Drive(alone('run: flaky\nretry: { attempts: 3, delay: 0 }'), { functions: { flaky } });
    await (await first.advance()).end('A');
    expect(first.state.steps.get('A')).toMatchObject({ status: 'retrying', attempts: 1 });
    const second = first.restart();
    expect(await second.run()).toMatchObject({ status: 'succeeded', output: 3 });
    expect(second.started).toEqual([]);
  });
});

const SAGA = `
output: C
tasks:
  A: { run: ok, inputs: { id: 1 }, compensate: { run: undo, inputs: { out: "{ output('A').id }", in: "{ input('A', 'id') }", own: "{ task().Inputs.id }" } } }
  B: { run: ok, inputs: b, requires: [A], compensate: { run: undo, inputs: "{ output('B') }" } }
  N: { run: ok, requires: [A] }
  C: { run: bad, requires: [B, N] }
  S: { run: slow, compensate: { run: undo, inputs: s } }
`;

describe('compensation', () => {
  const saga = (undo: (input: unknown) => unknown) => new Drive(SAGA, { functions: { ...functions, undo } });

  it('takes back what succeeded, last first, and tells of the failure after that', async () => {
    const undone: unknown[] = [];
    const driven = saga((input) => undone.push(input));
    await driven.advance();
    for (const step of ['A', 'B', 'N', 'C']) await driven.end(step);
    expect(driven.decisions.slice(-2)).toEqual([
      { kind: 'cancel', step: 'S' },
      { kind: 'start', step: 'B/compensate' },
    ]);
    await driven.end('B/compensate');
    await driven.end('A/compensate');
    expect(undone).toEqual(['b', { out: 1, in: 1, own: 1 }]);
    expect(driven.outcome()).toMatchObject({ status: 'failed', step: 'C', error: { details: { step: 'C' } } });
  });

  it('goes on where one of them fails, and names it', async () => {
    const driven = saga((input) => {
      if (input === 'b') throw new Error('stuck');
    });
    await driven.advance();
    for (const step of ['A', 'B', 'N', 'C', 'B/compensate', 'A/compensate']) await driven.end(step);
    expect(driven.outcome()).toMatchObject({
      error: {
        message: 'Task "C" failed: It threw: no money. Taking back failed too: B/compensate.',
        details: { failedCompensations: [{ step: 'B/compensate' }] },
      },
    });
  });

  it('takes back what a dynamic task has done', async () => {
    const text =
      'output: B\ntasks:\n  A: { run: if, inputs: { if: true, then: { run: ok, compensate: { run: undo } } } }\n  B: { run: bad, requires: [A] }\n';
    const { drive: driven } = await drive(text, { functions: { ...functions, undo: () => null } });
    expect(driven.started).toEqual(['A', 'A/then', 'B', 'A/then/compensate']);
  });

  it('takes back what succeeded though it was told to stop', async () => {
    const driven = saga(() => null);
    await driven.advance();
    for (const step of ['A', 'B', 'N', 'C']) await driven.end(step);
    driven.append({ type: 'stepSucceeded', step: 'S', attempt: 1, output: new Uint8Array([0xc0]) });
    await driven.end('B/compensate');
    expect([...driven.running.keys()]).toEqual(['S/compensate']);
  });

  it('goes on after a restart with what is left of it', async () => {
    const driven = saga(() => null);
    await driven.advance();
    for (const step of ['A', 'B', 'N', 'C', 'B/compensate']) await driven.end(step);
    const second = driven.restart();
    await second.advance();
    expect(second.started).toEqual(['A/compensate']);
    expect(await second.run()).toMatchObject({ status: 'failed', step: 'C' });
  });
});

it('What takes a task back sees its inputs, also those that an expression made', async () => {
  const text = `output: B\ntasks:\n  A: { run: ok, inputs: "{ 1 + 1 }", compensate: { run: undo, inputs: "{ task().Inputs.default }" } }\n  B: { run: bad, requires: [A] }\n`;
  const { drive: driven } = await drive(text, { functions: { ...functions, undo: () => null } });
  expect(driven.calls.at(-1)).toEqual({ step: 'A/compensate', target: 'undo', input: 2 });
});

it('An expression that was stopped with the host fails no step', async () => {
  const stopped = new TroupeError('EXPRESSION_FAILED', 'The host stops.', { details: { reason: 'stopped' } });
  const expressions = { ...fakeExpressions(), evaluate: () => Promise.reject(stopped) };
  await expect(drive(alone('inputs: "{ 1 }"'), { expressions })).rejects.toBe(stopped);
});

describe('an execution that is', () => {
  it('cancelled stops what runs, takes back what was done, and ends', async () => {
    const driven = new Drive(SAGA, { functions: { ...functions, undo: () => null } });
    await driven.advance();
    await driven.end('A');
    driven.append({ type: 'cancelRequested', reason: 'enough' });
    await driven.advance();
    expect(driven.decisions.slice(-4)).toEqual([
      { kind: 'cancel', step: 'B' },
      { kind: 'cancel', step: 'N' },
      { kind: 'cancel', step: 'S' },
      { kind: 'start', step: 'A/compensate' },
    ]);
    await driven.end('A/compensate');
    expect(driven.outcome()).toEqual({ status: 'cancelled' });
  });

  it('paused starts nothing, and goes on where it stood', async () => {
    const driven = new Drive(SAGA, { functions: { ...functions, undo: () => null } });
    await driven.advance();
    driven.append({ type: 'executionPaused' });
    await driven.end('A');
    expect(driven.started).toEqual(['A', 'S']);
    driven.append({ type: 'executionResumed' });
    await driven.advance();
    expect(driven.started).toEqual(['A', 'S', 'B', 'N']);
  });

  it('cancelled while it is paused is cancelled', async () => {
    const driven = new Drive(alone('run: ok'), { functions });
    await driven.advance();
    driven.append({ type: 'cancelRequested', reason: '' }, { type: 'executionPaused' });
    await driven.advance();
    expect(driven.outcome()).toEqual({ status: 'cancelled' });
  });
});

describe('a redrive', () => {
  const redrive = (driven: Drive): readonly string[] => {
    const steps = driven.language.redrive(driven.definition, driven.state);
    // From the journal alone it is the same.
    expect(driven.restart().state.status).toBe(driven.state.status);
    expect(driven.language.redrive(driven.definition, driven.restart().state)).toEqual(steps);
    driven.append({ type: 'executionRedriven', steps });
    return steps;
  };

  it('runs again what failed, and what was taken back', async () => {
    let isBad = true;
    const driven = new Drive(SAGA, {
      functions: {
        ...functions,
        undo: () => null,
        slow: () => 's',
        bad: () => (isBad ? Promise.reject(new Error('x')) : 'c'),
      },
    });
    await driven.advance();
    for (const step of ['A', 'B', 'N', 'C', 'B/compensate', 'A/compensate']) await driven.end(step);
    expect(redrive(driven)).toEqual(['A', 'B', 'C', 'B/compensate', 'A/compensate']);
    isBad = false;
    expect(await driven.run()).toEqual({ status: 'succeeded', output: 'c' });
    expect(driven.started.slice(7)).toEqual(['A', 'S', 'B', 'C']);
  });

  it('leaves the turns of a loop that succeeded', async () => {
    let isBad = true;
    const driven = new Drive(
      alone('run: foreach\ninputs: { foreach: [1, 2, 3], do: { run: f, inputs: "{ task().Inputs._item }" } }'),
      {
        functions: { f: (item: number) => (isBad && item === 2 ? Promise.reject(new Error('x')) : item * 10) },
      },
    );
    await driven.run();
    expect(redrive(driven)).toEqual(['A/do_1']);
    isBad = false;
    expect(await driven.run()).toEqual({ status: 'succeeded', output: [10, 20, 30] });
    expect(driven.started.slice(4)).toEqual(['A/do_1', 'A/do_2']);
  });

  it('leaves a failure that was caught, and repeats one whose catch failed', async () => {
    const text =
      'output: B\ntasks:\n  A: { run: bad, catch: fine }\n  B: { run: bad, catch: { run: bad }, requires: [A] }\n';
    const driven = new Drive(text, { functions });
    await driven.run();
    expect(redrive(driven)).toEqual(['B', 'B/catch']);
    await driven.advance();
    expect(driven.started.at(-1)).toBe('B');
  });

  it('takes an execution up that was cancelled while it slept', async () => {
    const driven = new Drive(alone('run: sleep'), {});
    await driven.advance();
    driven.append({ type: 'cancelRequested', reason: '' });
    await driven.advance();
    expect(redrive(driven)).toEqual(['A']);
    expect(await driven.run()).toMatchObject({ status: 'succeeded' });
  });
});
