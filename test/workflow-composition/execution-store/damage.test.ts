import { describe, expect, it, onTestFinished } from 'vitest';
import { executionKeys } from '../../../src/store/keys.ts';
import { EVERY_EVENT, large, started, succeeded } from '../events.ts';
import { type Bench, DRIVERS, open, openBench, runToEnd } from './harness.ts';

async function benchOf(driver: 'memory' | 'lmdb'): Promise<Bench> {
  const bench = await openBench(driver);
  onTestFinished(() => bench.close());
  return bench;
}

const read = (bench: Bench, id: string) => {
  try {
    return bench.executions.read(id) === undefined ? 'none' : 'whole';
  } catch (error) {
    const { code, details } = error as { code: string; details: { event?: number } };
    return `${code} at ${details.event}`;
  }
};

describe('a record of which a bit has turned', () => {
  it.each([0, 1, 2, 3])('is found out when it is event %i of a journal, its last one too', async (index) => {
    const bench = await benchOf('memory');
    const events = [started(), succeeded('a'), succeeded('b'), succeeded('c')];
    await bench.executions.append({ id: 'x', expectedLength: 0, events, open: open('x') });
    await bench.executions.append({ id: 'xy', expectedLength: 0, events });
    bench.damage('event', 'x', index);
    expect(read(bench, 'x')).toBe(`RECORD_CORRUPT at ${index}`);
    expect(bench.executions.exists('x')).toBe(true);
    expect(read(bench, 'xy')).toBe('whole');
  });

  it('is found out when it is all of a journal, or a large value', async () => {
    const bench = await benchOf('memory');
    await bench.executions.append({ id: 'x', expectedLength: 0, events: [started()] });
    await bench.executions.append({
      id: 'y',
      expectedLength: 0,
      events: [started(), succeeded('a', { output: large(20_000) })],
    });
    bench.damage('event', 'x');
    bench.damage('value', 'y');
    expect([read(bench, 'x'), read(bench, 'y')]).toEqual(['RECORD_CORRUPT at 0', 'RECORD_CORRUPT at 1']);
    expect(bench.executions.exists('x')).toBe(true);
    // The same value again mends it.
    await bench.executions.append({ id: 'y', expectedLength: 2, events: [succeeded('b', { output: large(20_000) })] });
    expect(read(bench, 'y')).toBe('whole');
  });

  it('does not make an unfinished execution forgotten', async () => {
    const bench = await benchOf('memory');
    const sleeping = { type: 'timerStarted', step: 'a', dueAtMs: 9_000, atMs: 1_100 } as const;
    const entry = open('x', { wakeAtMs: 9_000, isWaiting: true });
    await bench.executions.append({ id: 'x', expectedLength: 0, events: [started(), sleeping], open: entry });
    await bench.executions.append({ id: 'y', expectedLength: 0, events: [started()], open: open('y') });
    await bench.executions.append({ id: 'z', expectedLength: 0, events: [started()], open: open('z') });
    bench.damage('open', 'x');
    bench.damage('open', 'z');
    bench.damage('event', 'z');
    expect([...bench.executions.open()]).toEqual([open('y'), open('x')]);
    expect(read(bench, 'z')).toBe('RECORD_CORRUPT at 0');
  });

  it('counts a compacted execution as there, though nothing is known of it any more', async () => {
    const bench = await benchOf('memory');
    await runToEnd(bench, 'x');
    await bench.executions.tidy({ compactBeforeMs: 9_000, deleteBeforeMs: 0, limit: 1 });
    bench.damage('compacted', 'x');
    expect(bench.executions.compacted('x')).toBeUndefined();
    expect(bench.executions.exists('x')).toBe(true);
  });

  it('takes no other execution with it, whichever record it is', async () => {
    const bench = await benchOf('memory');
    const outputs = { steps: [succeeded('a', { output: large(20_000) })] };
    await runToEnd(bench, 'x', outputs);
    await runToEnd(bench, 'y', { ...outputs, status: 'failed', startedAtMs: 7 });
    const original = [...(bench.memory.get('executions') ?? [])];
    for (const { key } of original.filter((row) => row.key.includes('x'))) {
      bench.memory.get('executions')?.splice(0, Number.POSITIVE_INFINITY, ...original);
      bench.damage(...key);
      await bench.reopen();
      expect(['whole', 'RECORD_CORRUPT at 0', 'RECORD_CORRUPT at 1', 'RECORD_CORRUPT at 2']).toContain(
        read(bench, 'x'),
      );
      expect(read(bench, 'y')).toBe('whole');
      expect(bench.executions.ended({ status: 'failed' }).map(({ id }) => id)).toEqual(['y']);
      await bench.executions.tidy({ compactBeforeMs: 9_000, deleteBeforeMs: 0, limit: 10 });
      expect(bench.executions.compacted('y')).toBeDefined();
    }
  });
});

describe.each(DRIVERS)('what is stored but makes no sense, on %s,', (driver) => {
  it('is refused event by event: missing, of an unknown kind, or with a wrong field', async () => {
    const bench = await benchOf(driver);
    const put = (value: unknown) => bench.database.commit([{ kind: 'put', key: executionKeys.event('x', 1), value }]);
    await bench.executions.append({ id: 'x', expectedLength: 0, events: [started(), succeeded('a'), succeeded('b')] });
    await bench.database.commit([{ kind: 'delete', key: executionKeys.event('x', 1) }]);
    expect(read(bench, 'x')).toBe('RECORD_CORRUPT at 1');
    await put({ type: 'stepTeleported', step: 'a', atMs: 1 });
    expect(read(bench, 'x')).toBe('JOURNAL_UNREADABLE at 1');
    const { output: _, ...withoutOutput } = succeeded('a');
    for (const value of [
      null,
      7,
      'text',
      [],
      {},
      { type: 7 },
      Buffer.from('x'),
      withoutOutput,
      { ...succeeded('a'), atMs: 'now' },
      { ...succeeded('a'), step: 7 },
      { ...succeeded('a'), output: 'text' },
      { ...succeeded('a'), output: { value: 'nowhere' } },
      { ...succeeded('a'), output: { value: 7 } },
      { ...succeeded('a'), headers: { a: 1 } },
      { ...succeeded('a'), timing: { startedAtMs: 1 } },
      { type: 'stepFailed', step: 'a', attempt: 1, atMs: 1, error: { name: 'E' } },
      { type: 'executionRedriven', steps: 'a', atMs: 1 },
      { type: '__proto__', atMs: 1 },
    ]) {
      await put(value);
      const code = (value as { type?: unknown } | null)?.type === '__proto__' ? 'JOURNAL_UNREADABLE' : 'RECORD_CORRUPT';
      expect([value, read(bench, 'x')]).toEqual([value, `${code} at 1`]);
    }
    await put({ ...succeeded('a'), youngerField: 1 });
    expect(read(bench, 'x')).toBe('whole');
  });

  it('is refused when any required field of any event is gone', async () => {
    const bench = await benchOf(driver);
    const optional = new Set([
      'deadlineAtMs',
      'parent',
      'headers',
      'query',
      'inputs',
      'timing',
      'tookSignal',
      'retryAtMs',
      'outputOf',
    ]);
    for (const event of EVERY_EVENT) {
      for (const field of Object.keys(event)) {
        const { [field as 'type']: _, ...rest } = event;
        await bench.database.commit([{ kind: 'put', key: executionKeys.event('x', 0), value: rest }]);
        const mayGo =
          optional.has(field) ||
          (event.type === 'executionSucceeded' && field === 'output') ||
          (event.type === 'executionFailed' && field === 'step') ||
          (event.type === 'signalAwaited' && field === 'dueAtMs');
        expect([event.type, field, read(bench, 'x')]).toEqual([
          event.type,
          field,
          mayGo ? 'whole' : 'RECORD_CORRUPT at 0',
        ]);
      }
    }
  });

  it('is made anew from the journal when it is an entry of the list of unfinished executions', async () => {
    const bench = await benchOf(driver);
    await bench.executions.append({ id: 'x', expectedLength: 0, events: [started()], open: open('x') });
    await bench.database.commit([{ kind: 'put', key: executionKeys.open('x'), value: { id: 'x' } }]);
    await bench.database.commit([{ kind: 'put', key: executionKeys.open('nobody'), value: {} }]);
    expect([...bench.executions.open()]).toEqual([open('x')]);
    expect(read(bench, 'nobody')).toBe('RECORD_CORRUPT at 0');
  });
});
