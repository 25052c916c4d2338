import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KeyValueStore } from '../../../src/store/protocol.ts';
import { endedExecutions } from '../../../src/workflow-composition/execution-store/ended-list.ts';
import type { ExecutionQuery, ExecutionSummary } from '../../../src/workflow-composition/execution-store/protocol.ts';
import { putEnded } from '../../../src/workflow-composition/execution-store/stored-records.ts';
import { type Bench, DRIVERS, openBench, summary } from './harness.ts';

describe.each(DRIVERS)('the list of ended executions on %s', (driver) => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench(driver);
  });
  afterEach(() => bench.close());
  const fill = (all: readonly ExecutionSummary[]) => bench.database.commit(all.flatMap(putEnded));

  it('answers any query as a filter over all of them would, newest first', async () => {
    const statuses = ['succeeded', 'failed', 'cancelled'] as const;
    const all = Array.from({ length: 120 }, (_, index) =>
      summary(`id-${index}`, {
        workflow: ['a', 'ab', 'a-b', 'b'][index % 4] ?? 'a',
        status: statuses[(index * 7) % 3] ?? 'failed',
        startedAtMs: (index * 37) % 50,
      }),
    );
    await fill(all);
    const time = fc.option(fc.integer({ min: 0, max: 55 }), { nil: undefined });
    const query = fc.record({
      workflow: fc.constantFrom(undefined, 'a', 'ab', 'none'),
      status: fc.constantFrom(undefined, ...statuses, 'running' as const),
      fromMs: time,
      untilMs: time,
      limit: fc.constantFrom(undefined, 1, 7, 1_000),
    });
    fc.assert(
      fc.property(query, (given) => {
        const asked = Object.fromEntries(
          Object.entries(given).filter(([, value]) => value !== undefined),
        ) as ExecutionQuery;
        const { workflow, status, fromMs = 0, untilMs = 1_000, limit = 100 } = asked;
        const expected = all
          .filter((each) => (workflow ?? each.workflow) === each.workflow && (status ?? each.status) === each.status)
          .filter(({ startedAtMs }) => startedAtMs >= fromMs && startedAtMs < untilMs)
          .sort((a, b) => b.startedAtMs - a.startedAtMs || (a.id < b.id ? 1 : -1))
          .slice(0, limit);
        expect(bench.executions.ended(asked)).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  it('reads what it gives, and one more of each workflow and status', async () => {
    await fill(Array.from({ length: 300 }, (_, index) => summary(`id-${index}`, { startedAtMs: index })));
    await fill(
      Array.from({ length: 300 }, (_, index) => summary(`f-${index}`, { startedAtMs: index, status: 'failed' })),
    );
    let reads = 0;
    const counted: KeyValueStore = {
      ...bench.database,
      *range(options) {
        for (const entry of bench.database.range(options)) {
          reads++;
          yield entry;
        }
      },
    };
    expect(endedExecutions(counted, { limit: 5 })).toHaveLength(5);
    expect(reads).toBeLessThanOrEqual(5 + 2 + 1);
    reads = 0;
    expect(endedExecutions(counted, { workflow: 'order', status: 'failed', limit: 5 })).toHaveLength(5);
    expect(reads).toBe(5);
  });

  it('leaves out what cannot be understood, and refuses a limit or a time that is none', async () => {
    await fill([summary('x', { startedAtMs: 1 }), summary('y', { startedAtMs: 2 })]);
    const [first] = bench.database.range({ prefix: ['ended'] });
    await bench.database.commit([{ kind: 'put', key: first?.key ?? [], value: { id: 'x' } }]);
    expect(bench.executions.ended({}).map(({ id }) => id)).toEqual(['y']);
    for (const query of [
      { limit: 0 },
      { limit: 1_001 },
      { limit: 1.5 },
      { fromMs: Number.NaN },
      { untilMs: Number.POSITIVE_INFINITY },
    ]) {
      expect(() => bench.executions.ended(query)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
  });
});
