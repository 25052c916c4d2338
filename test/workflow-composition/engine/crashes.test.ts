/** A host may end at any moment: before an append, or after it and before anybody has heard of it. Every such moment is tried. */
import { describe, expect, it } from 'vitest';
import type { ExecutionStore } from '../../../src/workflow-composition/execution-store/protocol.ts';
import { fold } from '../../../src/workflow-composition/fold.ts';
import { After, type FakeFunction, input, outputOf, world } from '../support/engine-world.ts';
import type { Graph } from '../support/graph-language.ts';

const DIAMOND: Graph = {
  tasks: {
    a: { run: 'step' },
    left: { run: 'step', after: ['a'] },
    right: { run: 'slow', after: ['a'], retry: { maxAttempts: 2, delayMs: 5_000 } },
    nap: { sleepMs: 30_000, after: ['left'] },
    ask: { signal: 'go', after: ['left'] },
    sub: { run: 'inner', after: ['right'] },
    z: { run: 'step', after: ['nap', 'ask', 'sub'] },
  },
  output: 'z',
};
const INNER: Graph = { tasks: { i: { run: 'step' }, j: { run: 'step', after: ['i'] } }, output: 'j' };

/** Lets `appends` appends through, the last of them unheard of if `isHeard` is false, and then nothing any more. */
function crashing(appends: number, isHeard: boolean) {
  let left = appends;
  const never = new Promise<never>(() => {});
  const wrapStore = (store: ExecutionStore): ExecutionStore => ({
    append: (request) => {
      if (left-- > 0) return store.append(request);
      if (left === -1 && !isHeard) return store.append(request).then(() => never);
      return never;
    },
    read: (id) => store.read(id),
    exists: (id) => store.exists(id),
    open: () => store.open(),
    ended: (query) => store.ended(query),
    compacted: (id) => store.compacted(id),
    delete: (id) => store.delete(id),
    tidy: (request) => store.tidy(request),
  });
  return { wrapStore, heal: () => (left = Number.POSITIVE_INFINITY), isCrashed: () => left < 0 };
}

function functions() {
  const succeeded = new Map<string, number>();
  let slowTries = 0;
  const note = (key: string, answer: unknown) => {
    succeeded.set(key, (succeeded.get(key) ?? 0) + 1);
    return answer;
  };
  const table: Record<string, FakeFunction> = {
    step: (_, { idempotencyKey }) => note(idempotencyKey, idempotencyKey),
    slow: (_, { idempotencyKey }) =>
      ++slowTries === 1 ? new After(2_000, new Error('first')) : new After(2_000, note(idempotencyKey, 'slow')),
  };
  return { table, succeeded };
}

describe.each(['strict', 'pipelined'] as const)('an execution that is %s', (durability) => {
  const crashes = Array.from({ length: 16 }, (_, appends) =>
    [true, false].map((isHeard) => ({ appends, isHeard })),
  ).flat();

  it.each(crashes)('goes on after a crash at append $appends, heard of: $isHeard', async ({ appends, isHeard }) => {
    const crash = crashing(appends, isHeard);
    const { table, succeeded } = functions();
    const first = await world({
      workflows: { outer: DIAMOND, inner: INNER },
      functions: table,
      wrapStore: crash.wrapStore,
    });
    const { clock, store } = first;
    const starting = first.engine.ask('start', { workflow: 'outer', input: input(), id: 'x', durability });
    const acknowledged = starting.then(
      () => true,
      () => false,
    );
    await clock.advance(100);
    first.engine.ask('signal', { id: 'x', signal: 'go', payload: input('went') }).catch(() => {});
    await clock.advance(60_000);
    const journalBefore = store.read('x');
    const doneBefore = new Map(succeeded);
    // The process is gone: nothing of it runs its stop callbacks.
    first.system.kill({ path: '/workflow-engine' });
    crash.heal();
    if (!journalBefore) {
      await clock.advance(30_000);
      return expect(await acknowledged).toBe(false);
    }
    const { engine } = first.startEngine();
    await clock.advance(100);
    const stateBefore = fold('x', journalBefore);
    const after = store.read('x') ?? [];
    expect(after.slice(0, journalBefore.length)).toEqual(journalBefore);
    if (!stateBefore.steps.has('ask') || stateBefore.steps.get('ask')?.status === 'awaiting') {
      engine.ask('signal', { id: 'x', signal: 'go', payload: input('went') }).catch(() => {});
    }
    await clock.advance(120_000);
    expect(await outputOf(engine, 'x')).toBe('x/z');
    const journal = store.read('x') ?? [];
    const successes = journal.flatMap((event) => (event.type === 'stepSucceeded' ? [event.step] : []));
    expect(new Set(successes).size).toBe(successes.length);
    // What was on disk was not run again.
    for (const { step, status } of stateBefore.steps.values()) {
      if (status === 'succeeded') expect(succeeded.get(`x/${step}`)).toBe(doneBefore.get(`x/${step}`));
    }
    expect([...store.open()]).toEqual([]);
  });
});

/** Nothing of it has a time of its own: only the ends of its children move it. */
const FAMILY: Graph = {
  tasks: { kid: { run: 'inner' }, z: { run: 'step', after: ['kid'] } },
  output: 'z',
};

describe.each(['strict', 'pipelined'] as const)('an execution that is %s and waits for another one', (durability) => {
  const crashes = Array.from({ length: 8 }, (_, appends) =>
    [true, false].map((isHeard) => ({ appends, isHeard })),
  ).flat();

  it.each(crashes)('goes on after a crash at append $appends, heard of: $isHeard', async ({ appends, isHeard }) => {
    const crash = crashing(appends, isHeard);
    const workflows = { outer: FAMILY, inner: INNER };
    const host = await world({ workflows, functions: functions().table, wrapStore: crash.wrapStore });
    const { clock, store, system } = host;
    host.engine.ask('start', { workflow: 'outer', input: input(), id: 'x', durability }).catch(() => {});
    await clock.advance(10_000);
    system.kill({ path: '/workflow-engine' });
    const isStarted = store.read('x') !== undefined;
    expect(isStarted).toBe(appends > 0 || !isHeard);
    crash.heal();
    const { engine } = host.startEngine();
    await clock.advance(10_000);
    if (isStarted) expect(await outputOf(engine, 'x')).toBe('x/z');
    expect([...store.open()]).toEqual([]);
  });
});
