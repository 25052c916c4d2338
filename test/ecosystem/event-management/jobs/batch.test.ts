import { describe, expect, it } from 'vitest';
import type { BatchItem } from '../../../../src/handler.ts';
import { JobWorld } from '../../../support/job-world.ts';

const THREE = { batch: { maxSize: 3, maxWaitMs: 1_000 } };

const sizes = (world: JobWorld) => world.attempts.map(({ payload }) => (payload as unknown[]).length);
const items = (world: JobWorld) => (world.attempts.at(-1)?.payload ?? []) as BatchItem[];
const values = (world: JobWorld) => items(world).map(({ payload }) => payload);

describe('a queue with batches', () => {
  it('hands over a batch once it is full, in one call, each item with what it needs', async () => {
    const world = await JobWorld.start(THREE);
    const first = await world.enqueue('a', { idempotencyKey: 'mine' });
    await world.enqueue('b');
    expect(world.attempts).toEqual([]);
    await world.enqueue('c');
    expect(sizes(world)).toEqual([3]);
    expect(items(world)[0]).toEqual({
      id: first.id,
      payload: 'a',
      attempt: 1,
      idempotencyKey: 'mine',
    });
    expect((await world.job(first.id)).status).toBe('running');
    await world.attempts[0]?.succeed();
    expect((await world.job(first.id)).status).toBe('succeeded');
    expect(world.listFaults()).toEqual([]);
  });

  it('hands over one that is not full once its first job has waited long enough', async () => {
    const world = await JobWorld.start(THREE);
    await world.enqueue('a');
    await world.clock.advance(600);
    await world.enqueue('b');
    await world.clock.advance(399);
    expect(world.attempts).toEqual([]);
    await world.clock.advance(1);
    expect(sizes(world)).toEqual([2]);
  });

  it('gives an array even where there is one job only', async () => {
    const world = await JobWorld.start({ batch: { maxSize: 3, maxWaitMs: 0 } });
    await world.enqueue('a');
    expect(values(world)).toEqual(['a']);
  });

  it('takes each item as the function says: results are kept, and only what has failed comes again', async () => {
    const world = await JobWorld.start(THREE);
    const [one, two, three] = await world.enqueueMany([
      ['a'],
      ['b', { maxAttempts: 2, backoff: 10 }],
      ['c', { maxAttempts: 1 }],
    ]);
    await world.attempts[0]?.succeed([
      { status: 'fulfilled', value: 41 },
      { status: 'rejected', reason: { name: 'Error', message: 'later' } },
      { status: 'rejected', reason: new RangeError('never') },
    ]);
    expect(await world.job(one?.id ?? '')).toMatchObject({ status: 'succeeded', result: 41 });
    expect(await world.job(two?.id ?? '')).toMatchObject({ status: 'retrying', attempts: 1 });
    const dead = await world.job(three?.id ?? '');
    expect(dead).toMatchObject({ status: 'failed' });
    expect(dead.errors[0]?.error).toMatchObject({
      code: 'FUNCTION_ERROR',
      cause: { name: 'RangeError', message: 'never' },
    });
    await world.clock.advance(1_010);
    expect(values(world)).toEqual(['b']);
    expect(items(world)[0]?.attempt).toBe(2);
    expect(world.listFaults()).toEqual([]);
  });

  it('does not try an item again that was rejected with a NonRetryableError', async () => {
    const world = await JobWorld.start({ batch: { maxSize: 2, maxWaitMs: 0 } });
    const { id } = await world.enqueue('a');
    await world.attempts[0]?.succeed([{ status: 'rejected', reason: { name: 'NonRetryableError', message: 'no' } }]);
    expect(await world.job(id)).toMatchObject({ status: 'failed', attempts: 1 });
  });

  it.each([
    ['one outcome too few', [{ status: 'fulfilled' }]],
    ['something else', 'done'],
    ['outcomes of another shape', [{ ok: true }, { ok: true }]],
  ])('does not know what has become of any where the function answers with %s', async (_, answer) => {
    const world = await JobWorld.start({ batch: { maxSize: 2, maxWaitMs: 0 } });
    const ids = await world.enqueueMany([['a', { maxAttempts: 1 }], ['b']]);
    await world.attempts[0]?.succeed(answer);
    expect(await world.job(ids[0]?.id ?? '')).toMatchObject({
      status: 'failed',
      errors: [{ error: { code: 'INVALID_OUTPUT' } }],
    });
    expect(await world.job(ids[1]?.id ?? '')).toMatchObject({ status: 'retrying' });
  });

  it('tries all again where the call has failed', async () => {
    const world = await JobWorld.start(THREE);
    await world.enqueueMany([1, 2, 3].map((n) => [n, { backoff: 100 }] as const));
    await world.attempts[0]?.fail();
    await world.clock.advance(100);
    expect(values(world)).toEqual([1, 2, 3]);
    expect(sizes(world)).toEqual([3, 3]);
  });

  it('puts one job of an ordering key into a batch, and the next into the next', async () => {
    const world = await JobWorld.start({ batch: { maxSize: 3, maxWaitMs: 0 }, concurrency: 1 });
    await world.enqueueMany([['k1', { orderingKey: 'k' }], ['k2', { orderingKey: 'k' }], ['x']]);
    expect(values(world)).toEqual(['k1', 'x']);
    await world.attempts[0]?.succeed();
    expect(values(world)).toEqual(['k2']);
  });

  it('counts batches, not jobs, against its concurrency and its rate', async () => {
    const settings = { ...THREE, concurrency: 2, rateLimit: { max: 1, perMs: 60_000 } };
    const world = await JobWorld.start(settings);
    await world.enqueueMany(Array.from({ length: 9 }, (_, n) => [n] as const));
    await world.clock.advance(10);
    expect(sizes(world)).toEqual([3]);
    await world.clock.advance(60_000);
    expect(sizes(world)).toEqual([3, 3]);
    await world.clock.advance(60_000);
    expect(sizes(world)).toEqual([3, 3]);
    await world.attempts[0]?.succeed();
    await world.clock.advance(10);
    expect(sizes(world)).toEqual([3, 3, 3]);
  });

  it('cancels a job of a batch once the batch has ended, and the call once all of it are cancelled', async () => {
    const world = await JobWorld.start({ batch: { maxSize: 2, maxWaitMs: 0 } });
    const [one, two] = await world.enqueueMany([['a'], ['b']]);
    const first = world.ask('cancel', { id: one?.id ?? '' });
    await world.clock.advance(0);
    expect(world.attempts[0]?.isCancelled).toBe(false);
    const second = world.ask('cancel', { id: two?.id ?? '' });
    await world.clock.advance(0);
    expect(world.attempts[0]?.isCancelled).toBe(true);
    expect([await first, await second]).toEqual(['cancelled', 'cancelled']);
    expect(world.listFaults()).toEqual([]);
  });

  it('does not take more bytes than a call may carry', async () => {
    const world = await JobWorld.start({ batch: { maxSize: 10, maxWaitMs: 0 } });
    const large = Buffer.alloc(300_000);
    await world.enqueueMany([[large], [large], [large]]);
    expect(sizes(world)).toEqual([1, 1, 1]);
  });

  it('tries the jobs of a batch again that a crash has cut off', async () => {
    const world = await JobWorld.start(THREE);
    const ids = await world.enqueueMany([['a'], ['b'], ['c']]);
    expect(sizes(world)).toEqual([3]);
    const next = await world.crash(THREE);
    expect(values(next)).toEqual(['a', 'b', 'c']);
    await next.attempts[0]?.succeed();
    for (const { id } of ids) expect(await next.job(id)).toMatchObject({ status: 'succeeded', attempts: 2 });
    expect(next.listFaults()).toEqual([]);
  });
});
