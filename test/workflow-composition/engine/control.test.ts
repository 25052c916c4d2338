import { describe, expect, it } from 'vitest';
import { decodePayload } from '../../../src/transport/codec.ts';
import { After, input, outputOf, typesOf, world } from '../support/engine-world.ts';
import type { Graph } from '../support/graph-language.ts';

const SLOW: Graph = { tasks: { a: { run: 'fast', undo: 'undo' }, b: { run: 'slow', after: ['a'] } }, output: 'b' };
const functions = { fast: () => 'fast', slow: () => new After(60_000, 'slow'), undo: () => 'undone' };

async function running(workflow: Graph = SLOW, more: Partial<Parameters<typeof world>[0]> = {}) {
  const made = await world({ workflows: { w: workflow }, functions, ...more });
  made.engine.ask('start', { workflow: 'w', input: input(), id: 'x' });
  await made.clock.advance(10);
  return made;
}

describe('an execution that is cancelled', () => {
  it('reaches what runs, takes back what was done, and tells who waits', async () => {
    const { engine, clock, called } = await running();
    const result = engine.ask('result', { id: 'x' });
    const cancelling = engine.ask('cancel', { id: 'x', reason: 'no more' });
    await clock.advance(10);
    await cancelling;
    expect(await result).toEqual({ kind: 'cancelled', reason: 'no more' });
    expect(called.find(({ name }) => name === 'slow')?.isCancelled).toBe(true);
    expect(called.map(({ key }) => key)).toEqual(['x/a', 'x/b', 'x/undo-a']);
  });

  it('is cancelled by its caller as well, where it was called as a function', async () => {
    const { engine, clock, called } = await running();
    const answers: unknown[] = [];
    const call = {
      functionName: 'w',
      payload: input(),
      depth: 0,
      succeeded: (payload: Uint8Array) => answers.push(decodePayload(payload)),
      failed: (error: Error) => answers.push(error),
    };
    engine.tell('invoke', call);
    await clock.advance(10);
    engine.tell('abandon', call);
    await clock.advance(10);
    expect(called.filter(({ name, isCancelled }) => name === 'slow' && isCancelled)).toHaveLength(1);
  });

  it('reaches the executions that it waits for', async () => {
    const { engine, clock, called } = await running(
      { tasks: { c: { run: 'inner' } }, output: 'c' },
      { workflows: { w: { tasks: { c: { run: 'inner' } }, output: 'c' }, inner: SLOW } },
    );
    expect(called.map(({ key }) => key)).toEqual(['x:c/a', 'x:c/b']);
    engine.ask('cancel', { id: 'x', reason: 'stop' });
    await clock.advance(10);
    expect(await engine.ask('result', { id: 'x:c' })).toMatchObject({ kind: 'cancelled' });
  });

  it('ends with TIMEOUT when its deadline passes', async () => {
    const { engine, clock, called } = await running({ ...SLOW, timeoutMs: 30_000 });
    await clock.advance(30_000);
    expect(await engine.ask('result', { id: 'x' })).toMatchObject({ kind: 'failed', error: { code: 'TIMEOUT' } });
    expect(called.at(-1)?.key).toBe('x/undo-a');
  });
});

describe('an execution that is paused', () => {
  it('lets what runs end, starts nothing more, and goes on when it is resumed', async () => {
    const { engine, clock, called } = await running({
      tasks: { a: { run: 'slow' }, b: { run: 'fast', after: ['a'] } },
      output: 'b',
    });
    const pausing = engine.ask('pause', { id: 'x' });
    await clock.advance(70_000);
    expect(await pausing).toBe('paused');
    expect(called.map(({ key }) => key)).toEqual(['x/a']);
    expect(await engine.ask('stats', undefined)).toMatchObject({ resident: 0, waiting: 1 });
    engine.ask('resume', { id: 'x' });
    await clock.advance(10);
    expect(await outputOf(engine, 'x')).toBe('fast');
  });
});

describe('an execution that has failed', () => {
  it('is redriven from the step that failed: what had succeeded does not run again', async () => {
    let isBroken = true;
    const { engine, clock, called, store } = await running(
      { tasks: { a: { run: 'fast' }, b: { run: 'moody', after: ['a'] } }, output: 'b' },
      { functions: { ...functions, moody: () => new After(0, isBroken ? new Error('broken') : 'mended') } },
    );
    expect(await engine.ask('result', { id: 'x' })).toMatchObject({ kind: 'failed' });
    isBroken = false;
    const redriving = engine.ask('redrive', { id: 'x' });
    await clock.advance(10);
    expect(await redriving).toBe('running');
    expect(await outputOf(engine, 'x')).toBe('mended');
    expect(called.map(({ key }) => key)).toEqual(['x/a', 'x/b', 'x/b']);
    expect(typesOf(store.read('x') ?? []).slice(-4)).toEqual([
      'executionFailed',
      'executionRedriven',
      'stepSucceeded',
      'executionSucceeded',
    ]);
  });

  it('redrives the execution inside it that has failed', async () => {
    let isBroken = true;
    const inner: Graph = { tasks: { i: { run: 'fast' }, j: { run: 'moody', after: ['i'] } }, output: 'j' };
    const outer: Graph = { tasks: { c: { run: 'inner' } }, output: 'c' };
    const { engine, clock, called } = await running(outer, {
      workflows: { w: outer, inner },
      functions: { ...functions, moody: () => new After(0, isBroken ? new Error('broken') : 'mended') },
    });
    expect(await engine.ask('result', { id: 'x' })).toMatchObject({ kind: 'failed' });
    isBroken = false;
    engine.ask('redrive', { id: 'x' });
    await clock.advance(10);
    expect(await outputOf(engine, 'x')).toBe('mended');
    expect(called.filter(({ key }) => key === 'x:c/i')).toHaveLength(1);
  });

  it('refuses to be redriven while it runs, and what has ended refuses signals', async () => {
    const { engine, clock } = await running();
    const tooEarly = expect(engine.ask('redrive', { id: 'x' })).rejects.toMatchObject({ code: 'CONFLICT' });
    await clock.advance(70_000);
    await tooEarly;
    const tooLate = engine.ask('signal', { id: 'x', signal: 's', payload: input() });
    await expect(tooLate).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(engine.ask('show', { id: 'nobody' })).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
  });
});

describe('an id', () => {
  it('means one execution, however often it is started and whether it runs, waits or has ended', async () => {
    const nap: Graph = { tasks: { n: { sleepMs: 100_000 } }, output: 'n' };
    const { engine, clock } = await running(nap);
    const again = () => engine.ask('start', { workflow: 'w', input: input(2), id: 'x' });
    expect(await again()).toMatchObject({ id: 'x', isNew: false });
    await clock.advance(5_000);
    expect(await engine.ask('stats', undefined)).toMatchObject({ waiting: 1 });
    expect(await again()).toMatchObject({ isNew: false });
    await clock.advance(100_000);
    expect(await again()).toMatchObject({ isNew: false });
    expect(await engine.ask('stats', undefined)).toMatchObject({ started: 1, succeeded: 1 });
  });

  it('cannot be that of another workflow', async () => {
    const { engine } = await running(SLOW, { workflows: { w: SLOW, other: SLOW } });
    const starting = engine.ask('start', { workflow: 'other', input: input(), id: 'x' });
    await expect(starting).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it.each(['', 'x'.repeat(201), 'a\nb'])('is refused where it is %j', async (id) => {
    const { engine } = await running();
    const starting = engine.ask('start', { workflow: 'w', input: input(), id });
    await expect(starting).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('a workflow that is called as a function', () => {
  it('settles the call although it was not in memory while the workflow inside it slept', async () => {
    const outer: Graph = { tasks: { c: { run: 'nap' } }, output: 'c' };
    const nap: Graph = { tasks: { n: { sleepMs: 60_000 }, m: { output: 'slept', after: ['n'] } }, output: 'm' };
    const { engine, clock } = await world({ workflows: { outer, nap } });
    const answers: unknown[] = [];
    const succeeded = (payload: Uint8Array) => answers.push(decodePayload(payload));
    engine.tell('invoke', { functionName: 'outer', payload: input(), depth: 0, succeeded, failed: () => {} });
    await clock.advance(10_000);
    expect(await engine.ask('stats', undefined)).toMatchObject({ resident: 0, waiting: 2 });
    await clock.advance(60_000);
    expect(answers).toEqual(['slept']);
  });
});

describe('a host that closes', () => {
  it('leaves what runs to the next one, which begins the step again under the same key', async () => {
    const { engine, clock, called, system, startEngine, store } = await running();
    const draining = engine.ask('drain', { timeoutMs: 1_000 });
    await clock.advance(10);
    await draining;
    const stopping = system.shutdown(1_000);
    await clock.advance(2_000);
    await stopping;
    expect(typesOf(store.read('x') ?? [])).toEqual(['executionStarted', 'stepSucceeded']);
    const next = startEngine();
    await clock.advance(70_000);
    expect(await outputOf(next.engine, 'x')).toBe('slow');
    expect(called.map(({ key }) => key)).toEqual(['x/a', 'x/b', 'x/b']);
  });

  it.each(['strict', 'pipelined'] as const)('writes what had time to be written before: %s', async (durability) => {
    const { engine, clock, called, system, startEngine, store } = await running();
    engine.tell('invoke', { functionName: 'w', payload: input(), depth: 0, succeeded: () => {}, failed: () => {} });
    engine.ask('start', { workflow: 'w', input: input(), id: 'y', durability }).catch(() => {});
    const stopping = system.shutdown(1_000);
    await clock.advance(2_000);
    await stopping;
    const open = [...store.open()].map(({ id }) => id);
    expect(open).toHaveLength(3);
    const before = called.length;
    const next = startEngine();
    await clock.advance(130_000);
    for (const id of open) expect(await outputOf(next.engine, id)).toBe('slow');
    // Of each, the slow step alone, or both where its first had not begun.
    expect(called.slice(before).filter(({ key }) => key === 'x/a')).toEqual([]);
  });

  it('tells those who called a workflow as a function that it closes', async () => {
    const { engine, clock } = await running();
    const errors: unknown[] = [];
    const failed = (error: { code: string }) => errors.push(error.code);
    engine.tell('invoke', { functionName: 'w', payload: input(), depth: 0, succeeded: () => {}, failed });
    await clock.advance(10);
    const draining = engine.ask('drain', { timeoutMs: 1_000 });
    await clock.advance(1_000);
    await draining;
    expect(errors).toEqual(['SHUTTING_DOWN']);
  });
});

describe('whoever watches', () => {
  it('is told of every event, those of the past first', async () => {
    const { engine, clock, store } = await running();
    const events: string[] = [];
    engine.ask('watch', { id: 'x', event: ({ type }) => events.push(type) });
    await clock.advance(70_000);
    expect(events).toEqual(typesOf(store.read('x') ?? []));
  });
});

describe('the scheduler', () => {
  it('is told how long every step took, also those that need no instance: what comes after them is foreseen by it', async () => {
    const tasks = {
      a: { run: 'fast' },
      made: { output: 1, after: ['a'] },
      nap: { sleepMs: 5_000, after: ['made'] },
      go: { signal: 'go', after: ['nap'] },
    };
    const { engine, clock, told } = await running({ tasks, output: 'go' });
    await clock.advance(8_000);
    engine.ask('signal', { id: 'x', signal: 'go', payload: input() });
    await clock.advance(10);
    const ended = told.filter(({ type }) => type === 'stepEnded').map(({ body }) => body);
    expect(ended).toMatchObject([
      { key: 'a', target: 'fast' },
      { key: 'made', target: undefined, runMs: 0 },
      { key: 'nap', target: undefined, runMs: 5_000 },
      { key: 'go', target: undefined },
    ]);
    expect((ended.at(-1) as { runMs: number }).runMs).toBeGreaterThan(2_900);
  });
});

describe('executions in a list', () => {
  it('are those that run, those that wait and those that have ended, newest first', async () => {
    const { engine, clock } = await running();
    engine.ask('start', { workflow: 'w', input: input(), id: 'y' });
    await clock.advance(59_995);
    const all = await engine.ask('list', {});
    expect(all.map(({ id, status }) => [id, status])).toEqual([
      ['y', 'running'],
      ['x', 'succeeded'],
    ]);
    expect(await engine.ask('list', { status: 'running' })).toHaveLength(1);
    expect(await engine.ask('list', { workflow: 'none' })).toEqual([]);
  });
});

describe('a step that was taken back', () => {
  it('is another deed when it runs anew after a redrive; one that had failed is the same', async () => {
    let isBroken = true;
    const { engine, clock, called } = await running(
      { tasks: { pay: { run: 'fast', undo: 'undo' }, ship: { run: 'moody', after: ['pay'] } }, output: 'ship' },
      { functions: { ...functions, moody: () => new After(0, isBroken ? new Error('broken') : 'mended') } },
    );
    expect(called.map(({ key }) => key)).toEqual(['x/pay', 'x/ship', 'x/undo-pay']);
    isBroken = false;
    engine.ask('redrive', { id: 'x' });
    await clock.advance(10);
    expect(await outputOf(engine, 'x')).toBe('mended');
    expect(called.slice(3).map(({ key }) => key)).toEqual(['x/pay#2', 'x/ship']);
  });
});
