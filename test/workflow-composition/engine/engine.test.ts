import { describe, expect, it } from 'vitest';
import { decodePayload } from '../../../src/transport/codec.ts';
import type { AppendRequest, ExecutionStore } from '../../../src/workflow-composition/execution-store/protocol.ts';
import { After, input, outputOf, typesOf, world } from '../support/engine-world.ts';

const CHAIN = {
  tasks: { a: { run: 'add' }, b: { run: 'add', after: ['a'] }, c: { run: 'add', after: ['b'] } },
  output: 'c',
};
const add = (given: unknown) => (Array.isArray(given) ? Number(given[0]) : Number(given)) + 1;

describe('an execution', () => {
  it('runs each step when those before it are done, and ends with the output of the last', async () => {
    const { engine, clock, called, store } = await world({ workflows: { chain: CHAIN }, functions: { add } });
    const starting = engine.ask('start', { workflow: 'chain', input: input(1), id: 'one' });
    await clock.advance(0);
    expect(await starting).toEqual({ id: 'one', workflow: 'chain', version: 1, isNew: true });
    await clock.advance(10);
    expect(await outputOf(engine, 'one')).toBe(4);
    expect(called.map(({ key }) => key)).toEqual(['one/a', 'one/b', 'one/c']);
    expect(typesOf(store.read('one') ?? [])).toEqual([
      'executionStarted',
      'stepSucceeded',
      'stepSucceeded',
      'stepSucceeded',
      'executionSucceeded',
    ]);
  });

  it('starts a step that waits for nothing slow although a slow one runs', async () => {
    const tasks = {
      slow: { run: 'slow' },
      a: { run: 'add' },
      b: { run: 'add', after: ['a'] },
      z: { after: ['slow', 'b'] },
    };
    const { engine, clock, called } = await world({
      workflows: { w: { tasks, output: 'z' } },
      functions: { add, slow: () => new After(10_000, 'late') },
    });
    engine.ask('start', { workflow: 'w', input: input(1), id: 'x' });
    await clock.advance(100);
    expect(called.map(({ key }) => key)).toEqual(['x/slow', 'x/a', 'x/b']);
    await clock.advance(10_000);
    expect(await outputOf(engine, 'x')).toEqual(['late', 3]);
  });

  it('is called as a function is, and settles the call', async () => {
    const { engine, clock } = await world({ workflows: { chain: CHAIN }, functions: { add } });
    const answers: unknown[] = [];
    engine.tell('invoke', {
      functionName: 'chain',
      payload: input(5),
      depth: 0,
      succeeded: (payload) => answers.push(decodePayload(payload)),
      failed: (error) => answers.push(error),
    });
    await clock.advance(10);
    expect(answers).toEqual([8]);
  });

  it.each(['start', 'invoke'] as const)(
    'is not told to be there before it is on disk, after an earlier %s',
    async (first) => {
      let letThrough = () => {};
      const held = new Promise<void>((resolve) => {
        letThrough = resolve;
      });
      const { engine, clock, store } = await world({
        workflows: { chain: CHAIN },
        functions: { add: () => new After(1_000, 1) },
        wrapStore: (inner) =>
          new Proxy(inner, {
            get: (target, name) =>
              name === 'append'
                ? (request: AppendRequest) => held.then(() => target.append(request))
                : (target[name as keyof ExecutionStore] as () => unknown).bind(target),
          }),
      });
      const id = 'chain:one';
      if (first === 'start') void engine.ask('start', { workflow: 'chain', input: input(1), id });
      else {
        const call = { functionName: 'chain', payload: input(1), depth: 0, idempotencyKey: 'one' };
        engine.tell('invoke', { ...call, succeeded: () => {}, failed: () => {} });
      }
      const told: unknown[] = [];
      void engine.ask('start', { workflow: 'chain', input: input(1), id }).then((started) => told.push(started));
      await clock.advance(100);
      expect(told).toEqual([]);
      letThrough();
      await clock.advance(1);
      expect(told).toEqual([{ id, workflow: 'chain', version: 1, isNew: false }]);
      expect(typesOf(store.read(id) ?? [])).toEqual(['executionStarted']);
    },
  );

  it('sleeps as long as it is told to, and is not in memory meanwhile', async () => {
    const week = 7 * 86_400_000;
    const tasks = { nap: { sleepMs: week }, b: { run: 'add', after: ['nap'] } };
    const { engine, clock, called } = await world({
      workflows: { w: { tasks, output: 'b' } },
      functions: { add: () => 1 },
    });
    engine.ask('start', { workflow: 'w', input: input(), id: 'x' });
    await clock.advance(1_000);
    expect(await engine.ask('stats', undefined)).toMatchObject({ resident: 0, waiting: 1 });
    await clock.advance(week - 1_001);
    expect(called).toEqual([]);
    await clock.advance(2);
    expect(await outputOf(engine, 'x')).toBe(1);
  });

  it('waits for a signal, also for one that came before it asked', async () => {
    const tasks = {
      ask: { signal: 'go' },
      late: { sleepMs: 60_000, after: ['ask'] },
      second: { signal: 'more', after: ['late'] },
    };
    const { engine, clock } = await world({ workflows: { w: { tasks, output: 'second' } } });
    engine.ask('start', { workflow: 'w', input: input(), id: 'x' });
    await clock.advance(2_000);
    expect(await engine.ask('stats', undefined)).toMatchObject({ resident: 0, waiting: 1 });
    const early = engine.ask('signal', { id: 'x', signal: 'more', payload: input('early') });
    const go = engine.ask('signal', { id: 'x', signal: 'go', payload: input('now') });
    await clock.advance(10);
    await Promise.all([early, go]);
    await clock.advance(61_000);
    expect(await outputOf(engine, 'x')).toBe('early');
  });

  it('tries a step again as its policy says, and fails with the step that fails for good', async () => {
    let attempts = 0;
    const flaky = () => {
      attempts++;
      return new Error('not yet');
    };
    const tasks = { a: { run: 'flaky', retry: { maxAttempts: 3, delayMs: 1_000, backoff: 2 } } };
    const { engine, clock, store } = await world({
      workflows: { w: { tasks, output: 'a' } },
      functions: { flaky: () => new After(0, flaky()) },
    });
    engine.ask('start', { workflow: 'w', input: input(), id: 'x' });
    await clock.advance(999);
    expect(attempts).toBe(1);
    await clock.advance(2);
    expect(attempts).toBe(2);
    await clock.advance(1_990);
    expect(attempts).toBe(2);
    await clock.advance(20);
    expect(attempts).toBe(3);
    const result = await engine.ask('result', { id: 'x' });
    expect(result).toMatchObject({ kind: 'failed', error: { code: 'STEP_FAILED', cause: { message: 'not yet' } } });
    expect(store.read('x')?.filter(({ type }) => type === 'stepFailed')).toHaveLength(3);
  });
});

describe('a step with a heartbeat', () => {
  const TASKS = { a: { run: 'long', heartbeatMs: 1_000, retry: { maxAttempts: 2, delayMs: 100 } } };

  it('runs for as long as it gives signs of life', async () => {
    const { engine, clock, called } = await world({
      workflows: { w: { tasks: TASKS, output: 'a' } },
      functions: {
        long: (_, { alive }) => {
          for (let atMs = 900; atMs < 10_000; atMs += 900) clock.after(atMs, () => alive?.());
          return new After(10_000, 'done');
        },
      },
    });
    engine.ask('start', { workflow: 'w', input: input(), id: 'x' });
    await clock.advance(10_010);
    expect(await outputOf(engine, 'x')).toBe('done');
    expect(called.map(({ isCancelled }) => isCancelled)).toEqual([false]);
    expect(clock.pending).toBeLessThanOrEqual(1);
  });

  it('is cancelled and tried again when none comes, and fails with TIMEOUT in the end', async () => {
    const { engine, clock, called, store } = await world({
      workflows: { w: { tasks: TASKS, output: 'a' } },
      functions: { long: () => new After(60_000, 'too late') },
    });
    engine.ask('start', { workflow: 'w', input: input(), id: 'x' });
    await clock.advance(999);
    expect(called.map(({ isCancelled }) => isCancelled)).toEqual([false]);
    await clock.advance(100_000);
    expect(called.map(({ isCancelled }) => isCancelled)).toEqual([true, true]);
    const failures = (store.read('x') ?? []).filter((event) => event.type === 'stepFailed');
    expect(failures.map(({ error, attempt }) => [error.code, attempt])).toEqual([
      ['TIMEOUT', 1],
      ['TIMEOUT', 2],
    ]);
    expect(await engine.ask('result', { id: 'x' })).toMatchObject({
      kind: 'failed',
      error: { message: 'Task "a" failed: Step "a" gave no sign of life for 1000 ms.' },
    });
  });
});
