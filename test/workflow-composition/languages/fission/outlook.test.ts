/** What may run next, and the graph for people. */
import { describe, expect, it } from 'vitest';
import { Drive, type DriveOptions } from './drive.ts';

const functions: NonNullable<DriveOptions['functions']> = {
  a: () => [1, 2],
  b: () => true,
  c: () => null,
  d: () => null,
  e: () => null,
};
const TEXT = `
output: End
tasks:
  Start: { run: a }
  Side: { run: b }
  Choose:
    run: if
    requires: [Start]
    inputs:
      if: "{ output('Side') !== 0 }"
      then: { run: c }
      else: { output: Y, tasks: { X: { run: d }, Y: { run: e, requires: [X] } } }
  Loop:
    run: foreach
    requires: [Choose]
    inputs: { foreach: "{ output('Start') }", do: { run: d } }
  End: { run: e, requires: [Loop, Side] }
`;

describe('the outlook', () => {
  const begun = async () => {
    const driven = new Drive(TEXT, { functions });
    await driven.advance();
    const outlook = (limit = 100) => driven.language.outlook(driven.definition, driven.state, limit);
    return { driven, outlook };
  };

  it('tells of what follows, nearest first, with work that is not decided on yet', async () => {
    const { outlook } = await begun();
    expect(outlook()).toEqual(
      [
        { key: 'Choose', target: undefined, after: ['Start'] },
        { key: 'End', target: 'e', after: ['Loop', 'Loop/do_*', 'Side'] },
        { key: 'Choose/then', target: 'c', after: ['Choose'], decidedBy: 'Choose' },
        { key: 'Choose/else/X', target: 'd', after: ['Choose'], decidedBy: 'Choose' },
        { key: 'Choose/else/Y', target: 'e', after: ['Choose/else/X'], decidedBy: 'Choose' },
        { key: 'Loop', target: undefined, after: ['Choose', 'Choose/then', 'Choose/else/Y'] },
        { key: 'Loop/do_*', target: 'd', after: ['Loop'], decidedBy: 'Loop' },
      ].toSorted((a, b) => order(outlook(), a.key) - order(outlook(), b.key)),
    );
    expect(outlook()[0]?.key).toBe('Choose');
  });

  it('tells of no more than it is asked for', async () => {
    const { outlook } = await begun();
    expect(outlook(2)).toEqual(outlook().slice(0, 2));
    expect(outlook(0)).toEqual([]);
  });

  it('leaves out what was not taken', async () => {
    const { driven, outlook } = await begun();
    await driven.end('Start');
    expect(
      outlook()
        .map(({ key }) => key)
        .toSorted(),
    ).toEqual(['End', 'Loop', 'Loop/do_*']);
    expect(outlook().find(({ key }) => key === 'Loop')?.after).toEqual(['Choose/then']);
  });

  it('knows what the end of a loop that runs is', async () => {
    const { driven, outlook } = await begun();
    for (const step of ['Start', 'Choose/then', 'Side']) await driven.end(step);
    expect([...driven.running.keys()]).toEqual(['Loop/do_0', 'Loop/do_1']);
    expect(outlook()).toEqual([{ key: 'End', target: 'e', after: ['Loop/do_*'] }]);
    await driven.run();
    expect(outlook()).toEqual([]);
  });

  it('costs the same however wide the workflow is', async () => {
    const tasks = Array.from(
      { length: 5_000 },
      (_, index) => `  t${index}: { run: a }\n  u${index}: { run: b, requires: [t${index}] }\n`,
    );
    const driven = new Drive(`output: t0\ntasks:\n${tasks.join('')}`, { functions });
    await driven.advance();
    expect(driven.language.outlook(driven.definition, driven.state, 8).map(({ key }) => key)).toEqual(
      Array.from({ length: 8 }, (_, index) => `u${index}`),
    );
  });
});

const order = (steps: readonly { readonly key: string }[], key: string): number =>
  steps.findIndex((step) => step.key === key);

describe('the graph', () => {
  it('of a definition has the work of its tasks in its place', () => {
    const { language, definition } = new Drive(TEXT);
    expect(language.graph(definition).nodes).toEqual([
      { step: 'Start', label: 'a', after: [] },
      { step: 'Side', label: 'b', after: [] },
      { step: 'Choose', label: 'if', after: ['Start'] },
      { step: 'Choose/then', label: 'c', after: [], within: 'Choose' },
      { step: 'Choose/else/X', label: 'd', after: [], within: 'Choose' },
      { step: 'Choose/else/Y', label: 'e', after: ['Choose/else/X'], within: 'Choose' },
      { step: 'Loop', label: 'foreach', after: ['Choose'] },
      { step: 'Loop/do_*', label: 'd', after: [], within: 'Loop' },
      { step: 'End', label: 'e', after: ['Loop', 'Side'] },
    ]);
  });

  it('of an execution has what it knows, and leaves the state as it is', async () => {
    const driven = new Drive(TEXT, { functions });
    await driven.run();
    const fresh = driven.restart();
    const { nodes } = fresh.language.graph(fresh.definition, fresh.state);
    expect(nodes.map(({ step }) => step)).toEqual([
      'Start',
      'Side',
      'Choose',
      'Choose/then',
      'Loop',
      'Loop/do_0',
      'Loop/do_1',
      'End',
    ]);
    expect(fresh.state.derived).toBeUndefined();
    expect(fresh.state.changed.length).toBeGreaterThan(0);
  });

  it('shows the turns of a while one after the other', async () => {
    const driven = new Drive(
      'output: A\ntasks:\n  A: { run: while, inputs: { expr: "{ task().Inputs._count < 2 }", limit: 3, delay: 1, do: { run: c } } }\n',
      { functions },
    );
    await driven.run();
    const { nodes } = driven.language.graph(driven.definition, driven.state);
    const after = Object.fromEntries(nodes.map(({ step, after: before }) => [step, before]));
    expect(after).toMatchObject({
      'A/do_0': ['A/wait_0'],
      'A/check_1': ['A/do_0'],
      'A/wait_1': ['A/check_1'],
      'A/do_1': ['A/wait_1'],
    });
  });
});
