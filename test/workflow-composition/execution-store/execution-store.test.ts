import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { executionKeys } from '../../../src/store/keys.ts';
import type { ExecutionEvent } from '../../../src/workflow-composition/events.ts';
import { bytes, EVERY_EVENT, large, started, succeeded } from '../events.ts';
import { type Bench, DRIVERS, open, openBench, plain, runToEnd, summary } from './harness.ts';

describe.each(DRIVERS)('the execution store on %s', (driver) => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench(driver);
  });
  afterEach(() => bench.close());
  const append = (id: string, expectedLength: number, ...events: ExecutionEvent[]) =>
    bench.executions.append({ id, expectedLength, events });

  it('gives back every kind of event with every field, also after a restart', async () => {
    expect(await append('x', 0, ...EVERY_EVENT)).toEqual({ kind: 'appended' });
    await bench.reopen();
    expect(plain(bench.executions.read('x'))).toEqual(plain(EVERY_EVENT));
    expect(bench.executions.exists('x')).toBe(true);
    expect(bench.executions.read('y')).toBeUndefined();
    expect(bench.executions.exists('y')).toBe(false);
  });

  it('writes one record for an event in the middle, and what the lists need at the ends', async () => {
    await bench.executions.append({ id: 'x', expectedLength: 0, events: [started()], open: open('x') });
    expect(bench.keys()).toEqual(['event x 0', 'open x']);
    await append('x', 1, succeeded('a'));
    expect(bench.keys()).toEqual(['event x 0', 'event x 1', 'open x']);
    const end: ExecutionEvent = { type: 'executionSucceeded', outputOf: 'a', atMs: 1_900 };
    await bench.executions.append({ id: 'x', expectedLength: 2, events: [end], open: undefined, ended: summary('x') });
    expect(bench.keys()).toEqual([
      'ended order succeeded',
      'event x 0',
      'event x 1',
      'event x 2',
      'retained whole 1900',
    ]);
  });

  it('refuses an append to a journal of another length, and changes nothing', async () => {
    await bench.executions.append({ id: 'x', expectedLength: 0, events: [started()], open: open('x') });
    const before = bench.keys();
    for (const expectedLength of [0, 2, 9]) {
      const request = { id: 'x', expectedLength, events: [succeeded('a', { output: large(20_000) })], open: undefined };
      expect(await bench.executions.append(request)).toEqual({ kind: 'conflict' });
      expect(await bench.executions.append({ ...request, events: [] })).toEqual({ kind: 'conflict' });
    }
    expect(await append('y', 1, succeeded('a'))).toEqual({ kind: 'conflict' });
    expect(bench.keys()).toEqual(before);
  });

  it('lets one of many concurrent appends to the same place win', async () => {
    await append('x', 0, started());
    const outcomes = await Promise.all(['a', 'b', 'c'].map((step) => append('x', 1, succeeded(step))));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['appended', 'conflict', 'conflict']);
    expect(plain(bench.executions.read('x'))).toEqual(plain([started(), succeeded('a')]));
  });

  it('takes appends one behind the other without waiting for the disk', async () => {
    const outcomes = await Promise.all([
      append('x', 0, started()),
      append('x', 1, succeeded('a'), succeeded('b')),
      append('x', 3, succeeded('c')),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['appended', 'appended', 'appended']);
    expect(bench.executions.read('x')).toHaveLength(4);
  });

  it('changes the list of unfinished executions without an event, and leaves it as it was unless told', async () => {
    await bench.executions.append({ id: 'x', expectedLength: 0, events: [started()], open: open('x') });
    const waiting = open('x', { isWaiting: true, wakeAtMs: 5_000, status: 'paused' });
    expect(await bench.executions.append({ id: 'x', expectedLength: 1, events: [], open: waiting })).toEqual({
      kind: 'appended',
    });
    await append('x', 1, succeeded('a'));
    await bench.reopen();
    expect([...bench.executions.open()]).toEqual([waiting]);
    await bench.executions.append({ id: 'x', expectedLength: 2, events: [], open: undefined });
    expect([...bench.executions.open()]).toEqual([]);
  });

  it('stores a large value once, in whichever event it comes, and a small one in its event', async () => {
    const value = large(100_000);
    await append('x', 0, started({ input: value }), succeeded('a', { output: value, inputs: large(16_384) }));
    await append(
      'x',
      2,
      { type: 'signalReceived', signal: 'go', payload: value, atMs: 1 },
      succeeded('b', { output: large(20_000, 3) }),
    );
    await append('x', 4, succeeded('c', { output: large(20_000, 3) }), {
      type: 'executionSucceeded',
      output: value,
      atMs: 2,
    });
    await append('y', 0, started({ input: value }));
    expect(bench.keys().filter((key) => key.startsWith('value x'))).toHaveLength(2);
    expect(bench.keys().filter((key) => key.startsWith('value y'))).toHaveLength(1);
    await bench.reopen();
    expect(plain(bench.executions.read('x'))).toEqual(
      plain([
        started({ input: value }),
        succeeded('a', { output: value, inputs: large(16_384) }),
        { type: 'signalReceived', signal: 'go', payload: value, atMs: 1 },
        succeeded('b', { output: large(20_000, 3) }),
        succeeded('c', { output: large(20_000, 3) }),
        { type: 'executionSucceeded', output: value, atMs: 2 },
      ]),
    );
  });

  it('is open again after a redrive, and may end again', async () => {
    await runToEnd(bench, 'x', { status: 'failed' });
    const redriven: ExecutionEvent = { type: 'executionRedriven', steps: [], atMs: 2_000 };
    const reopened = { id: 'x', expectedLength: 3, events: [redriven], open: open('x') };
    expect(await bench.executions.append(reopened)).toEqual({ kind: 'appended' });
    expect(bench.executions.ended({})).toEqual([]);
    expect([...bench.executions.open()]).toEqual([open('x')]);
    // What was due for the first end is not what is done to an open one.
    expect(await bench.executions.tidy({ compactBeforeMs: 9_000, deleteBeforeMs: 9_000, limit: 10 })).toBe(1);
    expect(bench.executions.read('x')).toHaveLength(4);
    const ended = summary('x', { endedAtMs: 2_500 });
    const end: ExecutionEvent = { type: 'executionSucceeded', outputOf: 'a', atMs: 2_500 };
    await bench.executions.append({ id: 'x', expectedLength: 4, events: [end], open: undefined, ended });
    expect(bench.executions.ended({})).toEqual([ended]);
    expect([...bench.executions.open()]).toEqual([]);
  });

  it('takes an execution away altogether, whatever has become of it', async () => {
    await runToEnd(bench, 'id-ended', { steps: [succeeded('a', { output: large(20_000) })] });
    await runToEnd(bench, 'id-compacted', { startedAtMs: 5, endedAtMs: 10 });
    await bench.executions.tidy({ compactBeforeMs: 100, deleteBeforeMs: 0, limit: 10 });
    await bench.executions.append({ id: 'id-open', expectedLength: 0, events: [started()], open: open('id-open') });
    await runToEnd(bench, 'id-headless');
    await bench.database.commit([{ kind: 'delete', key: executionKeys.event('id-headless', 0) }]);
    for (const id of ['id-ended', 'id-compacted', 'id-open', 'id-headless', 'id-nobody']) {
      await bench.executions.delete(id);
      expect(bench.executions.exists(id)).toBe(false);
      expect(bench.keys().filter((key) => key.includes(id))).toEqual([]);
    }
    expect(bench.keys()).toEqual([]);
    expect(await append('id-ended', 0, started())).toEqual({ kind: 'appended' });
  });

  it('answers with the reason when it cannot write, and refuses a bad id', async () => {
    await expect(append('a\0b', 0, started())).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await bench.close();
    await expect(append('x', 0, started())).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  it('agrees with a list in memory under any sequence of appends, also when opened again', async () => {
    const value = fc.constantFrom(bytes('small'), large(17_000, 1), large(17_000, 2));
    const step = fc.record({
      id: fc.constantFrom('x', 'y'),
      offset: fc.constantFrom(0, 0, 0, 1, -1),
      outputs: fc.array(value, { maxLength: 3 }),
      isOpen: fc.constantFrom(true, false, undefined),
      reopens: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const fresh = await openBench(driver);
        const model = new Map<string, ExecutionEvent[]>();
        const opened = new Set<string>();
        for (const { id, offset, outputs, isOpen, reopens } of steps) {
          const journal = model.get(id) ?? [];
          const expectedLength = Math.max(0, journal.length + offset);
          const first = expectedLength === 0 ? [started()] : [];
          const events = [...first, ...outputs.map((output, index) => succeeded(`s${index}`, { output }))];
          const list = isOpen === undefined ? {} : { open: isOpen ? open(id) : undefined };
          const { kind } = await fresh.executions.append({ id, expectedLength, events, ...list });
          expect(kind).toBe(expectedLength === journal.length ? 'appended' : 'conflict');
          if (kind === 'appended') {
            if (journal.length + events.length > 0) model.set(id, [...journal, ...events]);
            if (isOpen) opened.add(id);
            if (isOpen === false) opened.delete(id);
          }
          if (reopens) await fresh.reopen();
        }
        for (const id of ['x', 'y']) expect(plain(fresh.executions.read(id))).toEqual(plain(model.get(id)));
        expect([...fresh.executions.open()].map(({ id }) => id)).toEqual([...opened].sort());
        await fresh.close();
      }),
      { numRuns: driver === 'memory' ? 60 : 5 },
    );
  });
});
