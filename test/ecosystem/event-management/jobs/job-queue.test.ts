import { describe, expect, it } from 'vitest';
import { TroupeError } from '../../../../src/errors.ts';
import { JobWorld } from '../../../support/job-world.ts';

const HOUR_MS = 3_600_000;
const SUCCEED = () => 'done';
const FAIL = () => new Error('no');

describe('a job', () => {
  it('runs once it is enqueued, and keeps its result', async () => {
    const world = await JobWorld.start();
    world.answer = ({ payload }) => ({ got: payload });
    const { id } = await world.enqueue({ n: 1 });
    expect(await world.job(id)).toMatchObject({ status: 'succeeded', result: { got: { n: 1 } }, attempts: 1 });
    expect(world.attempts[0]).toMatchObject({ attempt: 1, key: id });
    expect(world.listFaults()).toEqual([]);
  });

  it('is retried three times over an hour under one key, and is a dead letter then, with every error', async () => {
    const world = await JobWorld.start();
    world.answer = ({ attempt }) => new Error(`attempt ${attempt}`);
    const { id } = await world.enqueue('x', { maxAttempts: 4, backoff: HOUR_MS / 3, idempotencyKey: 'mine' });
    expect((await world.job(id)).status).toBe('retrying');
    await world.clock.advance(HOUR_MS);
    expect(world.attempts.map(({ attempt, key }) => [attempt, key])).toEqual([1, 2, 3, 4].map((n) => [n, 'mine']));
    const view = await world.job(id);
    expect(view).toMatchObject({ status: 'failed', attempts: 4 });
    expect(view.errors.map(({ error }) => error.cause?.message)).toEqual([1, 2, 3, 4].map((n) => `attempt ${n}`));
    expect(world.listFaults()).toEqual([]);
  });

  it('that the disk refuses in the moment in which it succeeds is not there', async () => {
    const world = await JobWorld.start();
    world.answer = SUCCEED;
    world.diskError = new TroupeError('STORE_WRITE_FAILED', 'the disk is full');
    await expect(world.enqueue('x', { idempotencyKey: 'k' })).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
    world.diskError = undefined;
    await world.clock.advance(60_000);
    expect(await world.ask('list', {})).toEqual([]);
    expect(await world.enqueue('x', { idempotencyKey: 'k' })).toMatchObject({ isNew: true });
    expect(await world.ask('list', {})).toHaveLength(1);
  });

  it('waits between attempts for a random part of a pause that doubles', async () => {
    const world = await JobWorld.start();
    world.answer = FAIL;
    await world.enqueue('x', { maxAttempts: 4, backoff: { type: 'exponential', delayMs: 1_000 } });
    await world.clock.advance(HOUR_MS);
    const [first = 0, ...rest] = world.attempts.map(({ atMs }) => atMs);
    expect(rest.map((atMs) => atMs - first)).toEqual([500, 1_500, 3_500]);
  });

  it.each([
    ['NonRetryableError', Object.assign(new Error('never'), { name: 'NonRetryableError' }), {}],
    ['a wrong input', new TroupeError('INVALID_INPUT', 'wrong'), {}],
    ['an error that is excepted', Object.assign(new Error('x'), { name: 'Poison' }), { retryExcept: ['Poison'] }],
    ['an error that is not among the only ones', new Error('x'), { retryOnly: ['TIMEOUT'] }],
  ])('is not retried after %s', async (_, error, options) => {
    const world = await JobWorld.start();
    world.answer = () => error;
    const { id } = await world.enqueue('x', options);
    await world.clock.advance(HOUR_MS);
    expect(await world.job(id)).toMatchObject({ status: 'failed', attempts: 1 });
  });

  it('is not charged an attempt for what the host is short of', async () => {
    const world = await JobWorld.start();
    let refusals = 0;
    world.answer = () => (refusals++ < 5 ? new TroupeError('NO_CAPACITY', 'full') : 'done');
    const { id } = await world.enqueue('x', { maxAttempts: 1 });
    await world.clock.advance(HOUR_MS);
    expect(await world.job(id)).toMatchObject({ status: 'succeeded', attempts: 1, errors: [] });
  });

  it('that is delayed runs at its time, and not before', async () => {
    const world = await JobWorld.start();
    world.answer = SUCCEED;
    const { id } = await world.enqueue('x', { delayMs: HOUR_MS });
    expect((await world.job(id)).status).toBe('delayed');
    await world.clock.advance(HOUR_MS - 1);
    expect(world.attempts).toEqual([]);
    await world.clock.advance(2);
    expect((await world.job(id)).status).toBe('succeeded');
  });

  it('that is too old when its turn comes fails without having run', async () => {
    const world = await JobWorld.start({ concurrency: 1 });
    await world.enqueue('first');
    const { id } = await world.enqueue('second', { maxAgeMs: 1_000 });
    await world.clock.advance(2_000);
    await world.attempts[0]?.succeed();
    expect(await world.job(id)).toMatchObject({ status: 'failed', attempts: 0 });
    expect(world.attempts).toHaveLength(1);
  });

  it('has until its deadline, in all its attempts together', async () => {
    const world = await JobWorld.start();
    const deadline = new Date(world.clock.wallMs() + 10_000);
    const { id } = await world.enqueue('x', { deadline, timeoutMs: 60_000, backoff: 8_000 });
    expect(world.attempts[0]?.timeoutMs).toBe(10_000);
    await world.attempts[0]?.fail();
    await world.clock.advance(8_000);
    expect(world.attempts[1]?.timeoutMs).toBe(2_000);
    await world.attempts[1]?.fail(new TroupeError('TIMEOUT', 'too late'));
    expect(await world.job(id)).toMatchObject({ status: 'failed', attempts: 2 });
  });

  it('runs at the time that it is to run at', async () => {
    const world = await JobWorld.start();
    world.answer = SUCCEED;
    const runAt = new Date(world.clock.wallMs() + HOUR_MS);
    await world.enqueue('x', { runAt });
    await world.clock.advance(2 * HOUR_MS);
    expect(world.attempts.map(({ atMs }) => atMs)).toEqual([runAt.getTime()]);
  });

  it('that is not to be kept leaves nothing behind when it has succeeded', async () => {
    const world = await JobWorld.start();
    world.answer = SUCCEED;
    const { id } = await world.enqueue('p'.repeat(40_000), { keepMs: 0 });
    await world.clock.advance(1);
    await expect(world.job(id)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
    expect([...world.store.database('jobs').range()].map(({ key }) => key[0])).toEqual(['queue']);
  });

  it('is not retried while its outcome is on the way to its destination, and is there afterwards', async () => {
    const world = await JobWorld.start();
    const { id } = await world.enqueue('x', { maxAttempts: 1, onFailure: { function: 'grief' } });
    world.answer = SUCCEED;
    const failing = world.attempts[0]?.fail();
    const retried = world.jobs.ask('retry', { id }).catch((error) => error.code);
    await failing;
    expect(await retried).toBe('CONFLICT');
    expect(world.attempts.filter(({ function: name }) => name === 'grief')).toHaveLength(1);
    expect(await world.ask('retry', { id })).toBe('waiting');
    await world.clock.advance(1);
    expect(await world.job(id)).toMatchObject({ status: 'succeeded', attempts: 1 });
  });

  it('that gives no sign of life has failed, and one that does has not', async () => {
    const world = await JobWorld.start();
    const { id } = await world.enqueue('x', { heartbeatMs: 1_000, maxAttempts: 1 });
    await world.clock.advance(900);
    world.attempts[0]?.beat({ percent: 50 });
    await world.clock.advance(900);
    expect(await world.job(id)).toMatchObject({ status: 'running', progress: { percent: 50 } });
    await world.clock.advance(200);
    const { status, errors } = await world.job(id);
    expect([status, errors[0]?.error.code, world.attempts[0]?.isCancelled]).toEqual(['failed', 'TIMEOUT', true]);
  });

  it('is cancelled wherever it is', async () => {
    const world = await JobWorld.start({ concurrency: 1 });
    const { id: running } = await world.enqueue('a');
    const { id: waiting } = await world.enqueue('b');
    const { id: delayed } = await world.enqueue('c', { delayMs: 1_000 });
    for (const id of [waiting, delayed, running]) expect(await world.ask('cancel', { id })).toBe('cancelled');
    await world.clock.advance(HOUR_MS);
    expect(world.attempts).toHaveLength(1);
    expect(await world.ask('cancel', { id: running })).toBe('cancelled');
    expect(world.listFaults()).toEqual([]);
  });

  it('of the same idempotency key is the first one, until its window is over', async () => {
    const world = await JobWorld.start();
    world.answer = SUCCEED;
    const options = { idempotencyKey: 'k', idempotencyWindowMs: HOUR_MS };
    const both = await world.enqueueMany([
      ['a', options],
      ['b', options],
    ]);
    expect(both.map(({ isNew }) => isNew)).toEqual([true, false]);
    expect(new Set(both.map(({ id }) => id)).size).toBe(1);
    expect((await world.enqueue('c', options)).isNew).toBe(false);
    await world.clock.advance(HOUR_MS);
    expect((await world.enqueue('d', options)).isNew).toBe(true);
    expect(world.attempts.map(({ payload }) => payload)).toEqual(['a', 'd']);
  });

  it('is forgotten when it has been kept long enough, and with its large payload and result', async () => {
    const world = await JobWorld.start();
    world.answer = () => 'r'.repeat(40_000);
    const { id } = await world.enqueue('p'.repeat(40_000), { keepMs: HOUR_MS });
    expect(await world.job(id)).toMatchObject({ payload: 'p'.repeat(40_000), result: 'r'.repeat(40_000) });
    await world.clock.advance(HOUR_MS + 60_000);
    await expect(world.job(id)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
    const left = [...world.store.database('jobs').range()].map(({ key }) => key[0]);
    expect(left).toEqual(['queue']);
  });

  it('hands its outcome to its destination, as another job', async () => {
    const world = await JobWorld.start();
    world.answer = ({ function: name, payload }) =>
      name === 'work' && payload === 'bad' ? new Error('broken') : 'fine';
    await world.enqueue('good', { onSuccess: { function: 'next' }, onFailure: { function: 'grief' } });
    await world.enqueue('bad', { onSuccess: { function: 'next' }, onFailure: { function: 'grief' }, maxAttempts: 1 });
    await world.clock.advance(10);
    const handed = world.attempts.filter(({ function: name }) => name !== 'work');
    expect(handed.map(({ function: name, payload }) => [name, payload])).toEqual([
      ['next', expect.objectContaining({ status: 'succeeded', payload: 'good', result: 'fine' })],
      [
        'grief',
        expect.objectContaining({
          status: 'failed',
          payload: 'bad',
          error: expect.objectContaining({ code: 'FUNCTION_ERROR' }),
        }),
      ],
    ]);
    expect(world.listFaults()).toEqual([]);
  });

  it('of a workflow that failed is tried as another execution', async () => {
    const world = await JobWorld.start();
    world.answer = ({ attempt }) => (attempt === 1 ? new Error('no') : 'done');
    const { id } = await world.enqueue('x', { backoff: 10 }, 'flow');
    await world.clock.advance(20);
    expect(world.attempts.map(({ key }) => key)).toEqual([id, `${id}#2`]);
  });
});

describe('a queue', () => {
  it('runs as many at a time as it may', async () => {
    const world = await JobWorld.start({ concurrency: 2 });
    await world.enqueueMany([['a'], ['b'], ['c']]);
    expect(world.attempts).toHaveLength(2);
    await world.attempts[0]?.succeed();
    expect(world.attempts.map(({ payload }) => payload)).toEqual(['a', 'b', 'c']);
  });

  it('takes high before normal before background, each in order of arrival', async () => {
    const world = await JobWorld.start({ concurrency: 1 });
    await world.enqueue('first');
    await world.enqueueMany([
      ['b1', { priority: 'background' }],
      ['n1'],
      ['h1', { priority: 'high' }],
      ['n2'],
      ['h2', { priority: 'high' }],
    ]);
    world.answer = SUCCEED;
    await world.attempts[0]?.succeed();
    expect(world.attempts.slice(1).map(({ payload }) => payload)).toEqual(['h1', 'h2', 'n1', 'n2', 'b1']);
  });

  it('runs jobs of one ordering key one at a time, in order, through retries, and does not hold up others', async () => {
    const world = await JobWorld.start();
    const key = (orderingKey: string) => ({ orderingKey, backoff: 1_000 });
    await world.enqueueMany([['a1', key('a')], ['a2', key('a')], ['a3', key('a')], ['b1', key('b')], ['free']]);
    const payloads = () => world.attempts.map(({ payload }) => payload);
    expect(payloads()).toEqual(['a1', 'b1', 'free']);
    await world.attempts[0]?.fail();
    expect(payloads()).toEqual(['a1', 'b1', 'free']);
    await world.enqueue('a4', key('a'));
    world.answer = SUCCEED;
    await world.clock.advance(1_000);
    expect(payloads()).toEqual(['a1', 'b1', 'free', 'a1', 'a2', 'a3', 'a4']);
    expect(world.listFaults()).toEqual([]);
    expect([...world.store.database('jobs').range({ prefix: ['held'] })]).toEqual([]);
  });

  it('begins no more in any span than its rate allows', async () => {
    const world = await JobWorld.start({ rateLimit: { max: 3, perMs: 1_000 } });
    world.answer = SUCCEED;
    await world.enqueueMany(Array.from({ length: 10 }, (_, n) => [n]));
    await world.clock.advance(10_000);
    const times = world.attempts.map(({ atMs }) => atMs);
    expect(times).toHaveLength(10);
    for (const [index, atMs] of times.entries())
      expect((times[index + 3] ?? Infinity) - atMs).toBeGreaterThanOrEqual(1_000);
  });

  it('that is paused takes jobs in and begins none, until it is resumed, across a restart too', async () => {
    const world = await JobWorld.start();
    await world.ask('pause', { function: 'work' });
    const { id } = await world.enqueue('x');
    const next = await world.crash();
    expect([await next.job(id), next.attempts]).toMatchObject([{ status: 'waiting' }, []]);
    await next.ask('resume', { function: 'work' });
    expect(next.attempts).toHaveLength(1);
  });

  it('refuses what is over its limit, and nothing of it is written', async () => {
    const world = await JobWorld.start({ maxJobs: 2, concurrency: 1 });
    await world.enqueueMany([['a'], ['b']]);
    await expect(world.enqueue('c')).rejects.toMatchObject({ code: 'OVERLOADED' });
    await world.attempts[0]?.succeed();
    expect((await world.enqueue('c')).isNew).toBe(true);
  });

  it('of many keeps their order, although only the first of them are in memory', async () => {
    const world = await JobWorld.start({ concurrency: 1 });
    await world.enqueue(-1);
    for (let n = 0; n < 5_000; n += 500)
      await world.enqueueMany(Array.from({ length: 500 }, (_, index) => [n + index]));
    world.answer = SUCCEED;
    await world.attempts[0]?.succeed();
    await world.clock.advance(1);
    expect(world.attempts.map(({ payload }) => payload)).toEqual(Array.from({ length: 5_001 }, (_, n) => n - 1));
    expect(world.listFaults()).toEqual([]);
  });

  it('puts dead letters back in line, or forgets them', async () => {
    const world = await JobWorld.start();
    world.answer = FAIL;
    await world.enqueueMany([
      ['a', { maxAttempts: 1 }],
      ['b', { maxAttempts: 1 }],
    ]);
    world.answer = ({ payload }) => (payload === 'a' ? 'done' : new Error('again'));
    expect(await world.ask('retryDead', {})).toBe(2);
    await world.clock.advance(1);
    expect(await world.ask('purgeDead', {})).toBe(1);
    const left = (await world.ask('list', {})) as readonly { status: string; payload: unknown }[];
    expect(left.map(({ status, payload }) => [status, payload])).toEqual([['succeeded', 'a']]);
  });
});

describe('a crash', () => {
  it('loses nothing that was acknowledged, and counts the attempt that it interrupted', async () => {
    const world = await JobWorld.start({ concurrency: 1 });
    const ids = (await world.enqueueMany([['a'], ['b'], ['c', { delayMs: 1_000 }]])).map(({ id }) => id);
    const next = await world.crash({ concurrency: 1 });
    next.answer = SUCCEED;
    await next.attempts[0]?.succeed();
    await next.clock.advance(1_000);
    expect(next.attempts.map(({ payload, attempt }) => [payload, attempt])).toEqual([
      ['a', 2],
      ['b', 1],
      ['c', 1],
    ]);
    for (const id of ids) expect((await next.job(id)).status).toBe('succeeded');
    expect(next.listFaults()).toEqual([]);
  });

  it('again and again makes a dead letter of the job that it comes with', async () => {
    let world = await JobWorld.start();
    const { id } = await world.enqueue('poison', { maxAttempts: 2 });
    world = await world.crash();
    world = await world.crash();
    expect(await world.job(id)).toMatchObject({ status: 'failed', attempts: 2 });
    expect(world.attempts).toEqual([]);
  });

  it('forgets neither the order of a key nor who holds it', async () => {
    const world = await JobWorld.start();
    const options = { orderingKey: 'k', backoff: 1_000 };
    await world.enqueueMany([
      ['1', options],
      ['2', options],
    ]);
    await world.attempts[0]?.fail();
    const next = await world.crash();
    next.answer = SUCCEED;
    await next.enqueue('3', options);
    expect(next.attempts).toEqual([]);
    await next.clock.advance(1_000);
    expect(next.attempts.map(({ payload }) => payload)).toEqual(['1', '2', '3']);
  });

  it('does not make a rate limit begin more than it allows', async () => {
    const rateLimit = { max: 2, perMs: 10_000 };
    const world = await JobWorld.start({ rateLimit });
    world.answer = SUCCEED;
    await world.enqueueMany([['a'], ['b'], ['c']]);
    const next = await world.crash({ rateLimit });
    next.answer = SUCCEED;
    await next.clock.advance(9_000);
    expect(next.attempts).toEqual([]);
    await next.clock.advance(2_000);
    expect(next.attempts).toHaveLength(1);
  });
});

describe('a disk that is full', () => {
  it('refuses what is new, keeps what has happened, and goes on once there is room', async () => {
    const world = await JobWorld.start();
    const { id } = await world.enqueue('a');
    world.diskError = new TroupeError('STORE_WRITE_FAILED', 'full');
    await expect(world.enqueue('b')).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
    await world.attempts[0]?.succeed('done');
    world.diskError = undefined;
    await world.clock.advance(10_000);
    expect((await world.job(id)).status).toBe('succeeded');
    const next = await world.crash();
    expect(await next.job(id)).toMatchObject({ status: 'succeeded', result: 'done' });
    const [view] = (await next.ask('queues', undefined)) as readonly { counts: object }[];
    expect(view?.counts).toMatchObject({ waiting: 0, running: 0, succeeded: 1 });
    expect(next.listFaults()).toEqual([]);
  });
});
