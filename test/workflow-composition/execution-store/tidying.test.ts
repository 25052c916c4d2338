import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TroupeError } from '../../../src/errors.ts';
import { executionKeys } from '../../../src/store/keys.ts';
import type { KeyValueStore } from '../../../src/store/protocol.ts';
import type { ExecutionEvent } from '../../../src/workflow-composition/events.ts';
import { DurableExecutionStore } from '../../../src/workflow-composition/execution-store/execution-store.ts';
import { bytes, large, started, succeeded } from '../events.ts';
import { type Bench, DRIVERS, open, openBench, runToEnd, summary } from './harness.ts';

const compact = (beforeMs: number, limit = 100) => ({ compactBeforeMs: beforeMs, deleteBeforeMs: 0, limit });
const remove = (beforeMs: number, limit = 100) => ({ compactBeforeMs: 0, deleteBeforeMs: beforeMs, limit });
/** More rows than a commit takes. */
const longJournal = (length = 2_500) =>
  Array.from({ length }, (_, index) => succeeded(index === 0 ? 'a' : `s${index}`));

describe.each(DRIVERS)('tidying on %s', (driver) => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench(driver);
  });
  afterEach(() => bench.close());

  it('leaves of an old execution its summary and its result', async () => {
    const output = large(30_000);
    await runToEnd(bench, 'large', { steps: [succeeded('a', { output })], endedAtMs: 2_000 });
    await runToEnd(bench, 'small', { endedAtMs: 2_001 });
    await runToEnd(bench, 'failed', { status: 'failed', endedAtMs: 2_002 });
    await runToEnd(bench, 'young', { endedAtMs: 3_000 });
    expect(await bench.executions.tidy(compact(3_000))).toBe(3);
    expect(await bench.executions.tidy(compact(3_000))).toBe(0);
    await bench.reopen();
    const { executions } = bench;
    expect(executions.compacted('large')).toEqual({
      summary: summary('large', { endedAtMs: 2_000 }),
      output: Buffer.from(output),
    });
    expect(executions.compacted('small')?.output).toEqual(Buffer.from('out of a'));
    expect(executions.compacted('failed')).toEqual({
      summary: summary('failed', { status: 'failed', endedAtMs: 2_002 }),
    });
    expect(executions.compacted('young')).toBeUndefined();
    for (const id of ['large', 'small', 'failed']) {
      expect(executions.read(id)).toBeUndefined();
      expect(executions.exists(id)).toBe(true);
      expect(bench.keys().filter((key) => key.startsWith(`event ${id}`) || key.startsWith(`value ${id}`))).toEqual([]);
      expect(await executions.append({ id, expectedLength: 0, events: [started()] })).toEqual({ kind: 'conflict' });
      expect(await executions.append({ id, expectedLength: 3, events: [started()] })).toEqual({ kind: 'conflict' });
    }
    expect(executions.read('young')).toHaveLength(3);
    expect(executions.ended({})).toHaveLength(4);
  });

  it('deletes what is older still, compacted or not, without a trace, and its id is free again', async () => {
    await runToEnd(bench, 'first', { endedAtMs: 2_000 });
    await bench.executions.tidy(compact(2_500));
    await runToEnd(bench, 'second', { endedAtMs: 2_001, steps: [succeeded('a', { output: large(20_000) })] });
    await runToEnd(bench, 'young', { endedAtMs: 3_000 });
    expect(await bench.executions.tidy({ compactBeforeMs: 4_000, deleteBeforeMs: 3_000, limit: 100 })).toBe(3);
    expect(bench.executions.ended({}).map(({ id }) => id)).toEqual(['young']);
    expect(bench.keys()).toEqual(['compacted young', 'ended order succeeded', 'retained compacted 3000']);
    expect(await bench.executions.append({ id: 'first', expectedLength: 0, events: [started()] })).toEqual({
      kind: 'appended',
    });
  });

  it('deals with the oldest first, and with no more at a time than it is told', async () => {
    for (const [index, id] of ['c', 'a', 'd', 'b'].entries()) await runToEnd(bench, id, { endedAtMs: 2_000 + index });
    expect(await bench.executions.tidy(compact(9_000, 3))).toBe(3);
    expect(['a', 'b', 'c', 'd'].filter((id) => bench.executions.compacted(id))).toEqual(['a', 'c', 'd']);
    expect(await bench.executions.tidy(remove(9_000, 1))).toBe(1);
    expect(bench.executions.exists('c')).toBe(false);
    expect(await bench.executions.tidy(remove(9_000))).toBe(3);
    expect(bench.keys()).toEqual([]);
  });

  it('never touches an open execution', async () => {
    await bench.executions.append({
      id: 'x',
      expectedLength: 0,
      events: [started({ atMs: 1 })],
      open: open('x', { startedAtMs: 1 }),
    });
    const before = bench.keys();
    expect(await bench.executions.tidy({ compactBeforeMs: 1e15, deleteBeforeMs: 1e15, limit: 100 })).toBe(0);
    expect(bench.keys()).toEqual(before);
  });

  it.each(['redrive', 'tidying'] as const)('settles a race with a redrive: %s came first', async (winner) => {
    const redrive: ExecutionEvent = { type: 'executionRedriven', steps: [], atMs: 3_000 };
    await runToEnd(bench, 'x', { status: 'failed' });
    await runToEnd(bench, 'other', { status: 'failed' });
    const request = { id: 'x', expectedLength: 3, events: [redrive], open: open('x') };
    if (winner === 'redrive') {
      const [appended] = await Promise.all([bench.executions.append(request), bench.executions.tidy(compact(9_000))]);
      expect(appended).toEqual({ kind: 'appended' });
      expect(bench.executions.read('x')).toHaveLength(4);
      expect(bench.executions.compacted('x')).toBeUndefined();
    } else {
      await bench.executions.tidy(compact(9_000));
      expect(await bench.executions.append(request)).toEqual({ kind: 'conflict' });
      expect([...bench.executions.open()]).toEqual([]);
    }
    // Whoever shares a commit with it is dealt with all the same.
    expect(bench.executions.compacted('other')).toBeDefined();
  });

  it('compacts and deletes what is longer than a commit', async () => {
    await runToEnd(bench, 'x', { steps: longJournal() });
    expect(await bench.executions.tidy(compact(9_000))).toBe(1);
    expect(bench.executions.compacted('x')?.output).toEqual(Buffer.from('out of a'));
    expect(bench.keys()).toEqual(['compacted x', 'ended order succeeded', 'retained compacted 1900']);
    await runToEnd(bench, 'y', { steps: longJournal() });
    await bench.executions.delete('y');
    expect(bench.executions.exists('y')).toBe(false);
    expect(bench.keys()).toHaveLength(3);
  });

  it.each(['compaction', 'deletion'] as const)(
    'goes on with a %s where a crash has stopped it, at any commit',
    async (kind) => {
      const request = kind === 'compaction' ? compact(9_000) : remove(9_000);
      for (let commits = 0; commits <= 4; commits++) {
        const id = `x${commits}`;
        const events = await runToEnd(bench, id, { steps: longJournal() });
        let left = commits;
        const { database } = bench;
        const dying: KeyValueStore = {
          get: (key) => database.get(key),
          range: (options) => database.range(options),
          commit: (operations) =>
            left-- > 0 ? database.commit(operations) : Promise.reject(new TroupeError('STORE_WRITE_FAILED', 'gone')),
        };
        const crashed = await new DurableExecutionStore(dying).tidy(request).catch(() => 'crashed');
        await bench.reopen();
        const { executions } = bench;
        // All or nothing: there is a whole journal, or none that anybody sees.
        if (commits === 0) expect(executions.read(id)).toHaveLength(events.length);
        else expect(executions.read(id)).toBeUndefined();
        expect(executions.exists(id)).toBe(commits === 0 || kind === 'compaction');
        if (crashed === 'crashed' && commits > 0) {
          expect(await executions.append({ id, expectedLength: 0, events: [started()] })).toEqual({ kind: 'conflict' });
        }
        await executions.tidy(request);
        expect(executions.exists(id)).toBe(kind === 'compaction');
        expect(bench.keys().filter((key) => /^(event|value|leftover)/.test(key))).toEqual([]);
      }
    },
  );

  it('keeps a journal that it cannot read until its time has come, and gets past it', async () => {
    await runToEnd(bench, 'damaged', { endedAtMs: 2_000 });
    await runToEnd(bench, 'fine', { endedAtMs: 2_001 });
    await bench.database.commit([
      { kind: 'put', key: executionKeys.event('damaged', 1), value: { type: 'stepTeleported', atMs: 1 } },
    ]);
    expect(await bench.executions.tidy(compact(9_000, 1))).toBe(1);
    expect(await bench.executions.tidy(compact(9_000, 1))).toBe(1);
    expect(bench.executions.compacted('fine')?.output).toEqual(Buffer.from(bytes('out of a')));
    expect(() => bench.executions.read('damaged')).toThrow(expect.objectContaining({ code: 'JOURNAL_UNREADABLE' }));
    expect(await bench.executions.tidy(remove(9_000))).toBe(2);
    expect(bench.keys()).toEqual([]);
  });

  it('drops what is due of a summary that it cannot understand, and keeps the journal', async () => {
    await runToEnd(bench, 'x');
    await runToEnd(bench, 'y');
    await bench.database.commit([
      { kind: 'put', key: executionKeys.ended(summary('x')), value: 'nonsense' },
      { kind: 'put', key: executionKeys.retained('whole', 1_900, 'y'), value: 'nonsense' },
    ]);
    expect(await bench.executions.tidy(remove(9_000))).toBe(2);
    expect(await bench.executions.tidy(remove(9_000))).toBe(0);
    expect(bench.executions.read('x')).toHaveLength(3);
    expect(bench.executions.read('y')).toHaveLength(3);
  });
});
