/** What holds for every workflow, whatever its tasks, the order in which they end, and wherever the host crashes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Drive, type DriveOptions } from './drive.ts';

const functions: NonNullable<DriveOptions['functions']> = {
  f: () => 1,
  undo: () => null,
  bad: () => Promise.reject(new Error('bad')),
};

/** Task n may require any of those before it. */
const dags = fc
  .array(fc.record({ requires: fc.array(fc.nat(), { maxLength: 4 }), kind: fc.nat(7) }), {
    minLength: 1,
    maxLength: 14,
  })
  .map((tasks) =>
    tasks.map(({ requires, kind }, index) => ({
      kind,
      requires: [...new Set(index === 0 ? [] : requires.map((each) => each % index))],
    })),
  );

type Dag = readonly { readonly kind: number; readonly requires: readonly number[] }[];

const textOf = (dag: Dag, runOf: (kind: number) => string): string =>
  `output: t0\ntasks:\n${dag.map(({ kind, requires }, index) => `  t${index}: { ${runOf(kind)}, requires: [${requires.map((each) => `t${each}`).join(', ')}] }\n`).join('')}`;

/** Every construct that has more than one step. */
const MIXED = [
  'run: f',
  'run: f, compensate: { run: undo }',
  'run: bad, catch: { run: f }',
  'run: if, inputs: { if: true, then: { output: y, tasks: { x: { run: f, compensate: { run: undo } }, y: { run: f, requires: [x] } } } }',
  'run: foreach, inputs: { foreach: [1, 2, 3], do: { run: f } }',
  'run: repeat, inputs: { times: 3, do: { run: f } }',
  'run: while, inputs: { expr: "{ task().Inputs._count < 2 }", limit: 5, delay: 1, do: { run: f } }',
  'run: sleep, inputs: 5s',
];

const pickBy = (choices: readonly number[]) => {
  let turn = 0;
  return (running: readonly string[]) => (choices[turn++ % choices.length] ?? 0) % running.length;
};

describe('every execution', () => {
  it('starts each task exactly once, as soon as its own predecessors are done and not before', async () => {
    await fc.assert(
      fc.asyncProperty(dags, fc.array(fc.nat(), { minLength: 1 }), async (dag, choices) => {
        const driven = new Drive(
          textOf(dag, () => 'run: f'),
          { functions },
        );
        const pick = pickBy(choices);
        const done = new Set<string>();
        await driven.advance();
        for (;;) {
          const due = dag.flatMap(({ requires }, index) =>
            requires.every((each) => done.has(`t${each}`)) ? [`t${index}`] : [],
          );
          expect([...driven.started].toSorted()).toEqual(due.toSorted());
          const running = [...driven.running.keys()];
          const step = running[pick(running)];
          if (step === undefined) break;
          done.add(step);
          await driven.end(step);
        }
        expect(driven.outcome()).toMatchObject({ status: 'succeeded' });
      }),
      { numRuns: 100 },
    );
  });

  it('goes on from any part of its journal as it went on before', async () => {
    await fc.assert(
      fc.asyncProperty(
        dags,
        fc.boolean(),
        fc.array(fc.nat(), { minLength: 1, maxLength: 30 }),
        async (dag, fails, choices) => {
          const text = textOf(dag, (kind) => MIXED[kind] ?? 'run: f');
          const whole = new Drive(fails ? `${text}  last: { run: bad, requires: [t${dag.length - 1}] }\n` : text, {
            functions,
            pick: pickBy(choices),
          });
          const outcome = await whole.run();
          for (let length = 1; length < whole.journal.length; length++) {
            const part = whole.restart(length);
            await part.advance();
            // What ran when the host crashed, and what became ready then, is what the rest of the journal begins with.
            const known = new Set([...part.state.steps.keys(), ...part.started]);
            const next = whole.journal[length];
            if (next !== undefined && 'step' in next && next.step !== undefined && next.type !== 'executionFailed') {
              expect(known).toContain(next.step);
            }
            expect(new Set(part.started).size).toBe(part.started.length);
            if (length % 5 === 0) expect(withoutStep(await part.run())).toEqual(withoutStep(outcome));
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('costs each step no more in a long chain, or a wide fan-out, than in a short one', async () => {
    const chain = (length: number): string =>
      `output: t0\ntasks:\n${Array.from({ length }, (_, index) => `  t${index}: { run: f, requires: [${index === 0 ? '' : `t${index - 1}`}] }\n`).join('')}`;
    const driven = new Drive(chain(2_000), { functions });
    let looked = 0;
    const { tasks } = driven.definition.flow;
    const get = tasks.get.bind(tasks);
    Object.defineProperty(tasks, 'get', {
      value: (id: string) => {
        looked++;
        return get(id);
      },
    });
    expect(await driven.run()).toMatchObject({ status: 'succeeded' });
    expect(looked).toBeLessThanOrEqual(2_000);
  });
});

/** Which of two failures comes first may depend on the order in which tasks end. */
function withoutStep(outcome: object): unknown {
  return { ...outcome, error: undefined, step: undefined };
}
