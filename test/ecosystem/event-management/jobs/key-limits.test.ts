import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobWorld } from '../../../support/job-world.ts';

const ONE_EACH = { perKey: { concurrency: 1 } };
const TWO_A_MINUTE = { perKey: { rateLimit: { max: 2, perMs: 60_000 } } };

const payloads = (world: JobWorld) => world.attempts.map(({ payload }) => payload);
const open = (world: JobWorld) => world.attempts.filter((attempt) => !done.has(attempt));
const done = new WeakSet<object>();
async function succeed(attempt: JobWorld['attempts'][number] | undefined) {
  if (!attempt) throw new Error('nothing runs');
  done.add(attempt);
  await attempt.succeed();
}

describe('jobs of one limit key', () => {
  it('run as many at a time as may, and do not hold up those of others', async () => {
    const world = await JobWorld.start({ perKey: { concurrency: 2 } });
    for (const n of [1, 2, 3, 4]) await world.enqueue(`a${n}`, { limitKey: 'a' });
    await world.enqueue('b1', { limitKey: 'b' });
    await world.enqueue('free');
    expect(payloads(world)).toEqual(['a1', 'a2', 'b1', 'free']);
    await succeed(world.attempts[1]);
    expect(payloads(world).slice(4)).toEqual(['a3']);
    await succeed(world.attempts[0]);
    expect(payloads(world).slice(4)).toEqual(['a3', 'a4']);
    expect(world.listFaults()).toEqual([]);
  });

  it('begin no faster than their rate, and those of others at once', async () => {
    const world = await JobWorld.start(TWO_A_MINUTE);
    world.answer = () => 'done';
    for (const n of [1, 2, 3, 4, 5]) await world.enqueue(`a${n}`, { limitKey: 'a' });
    await world.enqueue('b1', { limitKey: 'b' });
    await world.clock.advance(0);
    expect(payloads(world)).toEqual(['a1', 'a2', 'b1']);
    await world.clock.advance(59_000);
    expect(payloads(world)).toHaveLength(3);
    await world.clock.advance(1_001);
    expect(payloads(world).slice(3)).toEqual(['a3', 'a4']);
    await world.clock.advance(60_001);
    expect(payloads(world).slice(5)).toEqual(['a5']);
    expect(world.listFaults()).toEqual([]);
  });

  it('keep to their rate across a crash', async () => {
    const world = await JobWorld.start(TWO_A_MINUTE);
    world.answer = () => 'done';
    for (const n of [1, 2, 3]) await world.enqueue(n, { limitKey: 'a' });
    await world.clock.advance(1_000);
    const next = await world.crash(TWO_A_MINUTE);
    next.answer = () => 'done';
    await next.clock.advance(50_000);
    expect(next.attempts).toEqual([]);
    await next.clock.advance(10_000);
    expect(payloads(next)).toEqual([3]);
    expect(next.listFaults()).toEqual([]);
  });

  it('that waited aside before a crash go on after it', async () => {
    const world = await JobWorld.start(ONE_EACH);
    const ids = [];
    for (const n of [1, 2, 3]) ids.push(await world.enqueue(n, { limitKey: 'a' }));
    expect(payloads(world)).toEqual([1]);
    const next = await world.crash(ONE_EACH);
    next.answer = () => 'done';
    await next.attempts[0]?.succeed();
    await next.clock.advance(10);
    for (const { id } of ids) expect((await next.job(id)).status).toBe('succeeded');
    expect(next.listFaults()).toEqual([]);
  });

  it('that are cancelled while they wait make room for those behind them', async () => {
    const world = await JobWorld.start(ONE_EACH);
    await world.enqueue(1, { limitKey: 'a' });
    const second = await world.enqueue(2, { limitKey: 'a' });
    await world.enqueue(3, { limitKey: 'a' });
    expect(await world.ask('cancel', { id: second.id })).toBe('cancelled');
    await succeed(world.attempts[0]);
    expect(payloads(world)).toEqual([1, 3]);
    expect(world.listFaults()).toEqual([]);
  });

  it('all begin once the limit is taken away', async () => {
    const world = await JobWorld.start(ONE_EACH);
    for (let n = 0; n < 10; n++) await world.enqueue(n, { limitKey: 'a' });
    expect(world.attempts).toHaveLength(1);
    world.jobs.tell('configure', { queue: 'work', settings: { concurrency: 100, maxJobs: 1_000 } });
    await world.clock.advance(0);
    expect(world.attempts).toHaveLength(10);
  });

  it('keep the order of their ordering keys', async () => {
    const world = await JobWorld.start({ perKey: { concurrency: 1 } });
    await world.enqueue('x', { limitKey: 'a' });
    await world.enqueue('first', { limitKey: 'a', orderingKey: 'o' });
    await world.enqueue('second', { limitKey: 'b', orderingKey: 'o' });
    expect(payloads(world)).toEqual(['x']);
    await succeed(world.attempts[0]);
    expect(payloads(world)).toEqual(['x', 'first']);
    await succeed(world.attempts[1]);
    expect(payloads(world)).toEqual(['x', 'first', 'second']);
  });

  it('never run more at a time than may, and all end once, whatever crashes and is cancelled', async () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ kind: fc.constant('enqueue' as const), key: fc.constantFrom('a', 'b', 'c') }),
      },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(9) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(30) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const settings = { concurrency: 5, perKey: { concurrency: 2 } };
        let world = await JobWorld.start(settings);
        const ids: string[] = [];
        for (const each of steps) {
          if (each.kind === 'enqueue') ids.push((await world.enqueue(each.key, { limitKey: each.key })).id);
          else if (each.kind === 'crash') world = await world.crash(settings);
          else if (each.kind === 'end') {
            const running = open(world).filter(({ isCancelled }) => !isCancelled);
            if (running.length > 0) await succeed(running[each.which % running.length]);
          } else {
            const id = ids[each.which % Math.max(1, ids.length)];
            if (id !== undefined) await world.ask('cancel', { id });
          }
          for (const key of ['a', 'b', 'c'])
            expect(
              open(world).filter(({ payload, isCancelled }) => payload === key && !isCancelled).length,
            ).toBeLessThanOrEqual(2);
        }
        for (let left = open(world).filter(({ isCancelled }) => !isCancelled); left.length > 0; ) {
          await succeed(left[0]);
          left = open(world).filter(({ isCancelled }) => !isCancelled);
        }
        await world.clock.advance(0);
        for (const id of ids) expect((await world.job(id)).status).toMatch(/succeeded|cancelled|failed/);
        expect(world.listFaults()).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});
