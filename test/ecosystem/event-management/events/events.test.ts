import { describe, expect, it } from 'vitest';
import { TroupeError } from '../../../../src/errors.ts';
import {
  anEvent,
  askEvents,
  eventFaults,
  publishMany,
  publishOne,
  setTrigger,
  trigger,
} from '../../../support/event-world.ts';
import { JobWorld } from '../../../support/job-world.ts';

const DAY_MS = 86_400_000;
const ORDERS = [{ prefix: { type: 'order.' } }];
const FULL = new TroupeError('STORE_WRITE_FAILED', 'the disk is full');

describe('an event', () => {
  it('starts the function of each trigger that it fires, with itself, and of no other', async () => {
    const world = await JobWorld.start();
    world.answer = () => 'done';
    await setTrigger(world, 'mail', { function: 'send-mail', filters: ORDERS });
    await setTrigger(world, 'stock', { function: 'count-stock', filters: [{ exact: { type: 'order.placed' } }] });
    await setTrigger(world, 'carts', { function: 'count-carts', filters: [{ prefix: { type: 'cart.' } }] });
    const published = await publishOne(world, anEvent({ id: 'A-1', data: { cents: 5 } }));
    expect(published).toEqual({
      id: 'A-1',
      source: '/shop',
      isNew: true,
      deliveries: expect.arrayContaining([
        { trigger: 'mail', function: 'send-mail' },
        { trigger: 'stock', function: 'count-stock' },
      ]),
    });
    expect(world.attempts.map((attempt) => attempt.function).sort()).toEqual(['count-stock', 'send-mail']);
    expect(world.attempts[0]?.payload).toEqual({
      specversion: '1.0',
      id: 'A-1',
      source: '/shop',
      type: 'order.placed',
      time: '2026-01-01T00:00:00.000Z',
      data: { cents: 5 },
    });
    expect(await trigger(world, 'mail')).toMatchObject({
      matched: 1,
      started: 1,
      failed: 0,
      pending: 0,
      deliveries: [{ id: 'A-1', source: '/shop', type: 'order.placed', status: 'started', jobId: expect.any(String) }],
      failures: [],
    });
    expect(await trigger(world, 'carts')).toMatchObject({ matched: 0, started: 0, deliveries: [] });
    expect(eventFaults(world)).toEqual([]);
  });

  it('that is published again is answered as the first one, and starts nothing', async () => {
    const world = await JobWorld.start();
    await setTrigger(world, 'mail', { function: 'send-mail' });
    const first = await publishOne(world, anEvent({ id: 'A-1' }));
    await askEvents(world, 'removeTrigger', { name: 'mail' });
    await setTrigger(world, 'other', { function: 'other' });
    expect(await publishOne(world, anEvent({ id: 'A-1', data: 'other data' }))).toEqual({ ...first, isNew: false });
    expect(await publishOne(world, anEvent({ id: 'A-1', source: '/elsewhere' }))).toMatchObject({ isNew: true });
    expect(world.attempts.map((attempt) => attempt.function)).toEqual(['send-mail', 'other']);
  });

  it('is the same one within a call, and among calls of which none is on disk yet', async () => {
    const world = await JobWorld.start();
    await setTrigger(world, 'mail', { function: 'send-mail' });
    const both = publishMany(world, [anEvent({ id: '1' }), anEvent({ id: '1' }), anEvent({ id: '2' })]);
    const again = publishOne(world, anEvent({ id: '2' }));
    expect((await both).map(({ isNew }) => isNew)).toEqual([true, false, true]);
    expect(await again).toMatchObject({ isNew: false, deliveries: [{ trigger: 'mail' }] });
    expect(world.attempts).toHaveLength(2);
  });

  it('may come again once the first is forgotten, and starts its functions again then', async () => {
    const world = await JobWorld.start();
    world.answer = () => 'done';
    await setTrigger(world, 'mail', { function: 'send-mail' });
    await publishOne(world, anEvent({ id: 'A-1' }));
    await world.clock.advance(DAY_MS - 1_000);
    expect(await publishOne(world, anEvent({ id: 'A-1' }))).toMatchObject({ isNew: false });
    await world.clock.advance(1_000);
    expect(await publishOne(world, anEvent({ id: 'A-1' }))).toMatchObject({ isNew: true });
    await world.clock.advance(60_000);
    expect(world.attempts).toHaveLength(2);
    expect(new Set(world.attempts.map(({ key }) => key)).size).toBe(2);
    expect(await askEvents(world, 'list', {})).toHaveLength(1);
    expect(eventFaults(world)).toEqual([]);
  });

  it('that the disk refuses is not there, none of its call is, and it starts nothing', async () => {
    const world = await JobWorld.start();
    await setTrigger(world, 'mail', { function: 'send-mail' });
    world.diskError = FULL;
    const refused = publishMany(world, [anEvent({ id: '1' }), anEvent({ id: '2' })]);
    await expect(refused).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
    world.diskError = undefined;
    await world.clock.advance(60_000);
    expect(world.attempts).toEqual([]);
    expect(await askEvents(world, 'list', {})).toEqual([]);
    expect(await trigger(world, 'mail')).toMatchObject({ matched: 0 });
    expect(await publishOne(world, anEvent({ id: '1' }))).toMatchObject({ isNew: true });
    expect(await trigger(world, 'mail')).toMatchObject({ matched: 1, started: 1 });
    expect(eventFaults(world)).toEqual([]);
  });

  it('is one of a thousand in one commit, and each starts its function', async () => {
    const world = await JobWorld.start();
    world.answer = () => 'done';
    await setTrigger(world, 'mail', { function: 'send-mail' });
    const before = world.store.stats().commits;
    const published = await publishMany(
      world,
      Array.from({ length: 1_000 }, (_, index) => anEvent({ id: String(index) })),
    );
    expect(published.every(({ isNew }) => isNew)).toBe(true);
    expect(world.store.stats().commits - before).toBeLessThan(20);
    await world.clock.advance(1_000);
    expect(world.attempts.map(({ payload }) => (payload as { id: string }).id)).toEqual(published.map(({ id }) => id));
    expect(await trigger(world, 'mail')).toMatchObject({ matched: 1_000, started: 1_000, pending: 0 });
  });
});

describe('what a trigger starts', () => {
  it('is started once by the next host, where this one dies between the event and the start', async () => {
    const world = await JobWorld.start({ undeployed: ['send-mail'] });
    world.undeployed.delete('send-mail');
    await setTrigger(world, 'mail', { function: 'send-mail' });
    world.undeployed.add('send-mail');
    await publishOne(world, anEvent({ id: 'A-1' }));
    expect(world.attempts).toEqual([]);
    const next = await world.crash();
    expect(next.attempts.map(({ payload }) => payload)).toMatchObject([{ id: 'A-1' }]);
    const after = await next.crash();
    await after.clock.advance(60_000);
    expect(after.attempts.map(({ key, attempt }) => [key, attempt])).toEqual([[next.attempts[0]?.key, 2]]);
    expect(await trigger(after, 'mail')).toMatchObject({ matched: 1, started: 1, pending: 0 });
    expect(eventFaults(after)).toEqual([]);
  });

  it('is one job, where the host dies when the job is on disk and that it was started is not', async () => {
    const world = await JobWorld.start();
    await setTrigger(world, 'mail', { function: 'send-mail' });
    const published = publishOne(world, anEvent({ id: 'A-1' }));
    // The commit of the event, then the one of the job; the next one would say that it was started.
    world.commitsLeft = 2;
    await published;
    expect(world.attempts).toHaveLength(1);
    const next = await world.crash();
    await next.clock.advance(60_000);
    const jobs = await next.ask('list', {});
    expect(jobs).toHaveLength(1);
    expect(await trigger(next, 'mail')).toMatchObject({ started: 1, pending: 0 });
    expect(eventFaults(next)).toEqual([]);
  });

  it('is exactly one job for each event and trigger, wherever the host dies', async () => {
    for (let commits = 0; commits < 12; commits++) {
      const world = await JobWorld.start();
      await setTrigger(world, 'mail', { function: 'send-mail' });
      await setTrigger(world, 'stock', { function: 'count-stock', filters: ORDERS });
      const answered: string[] = [];
      world.commitsLeft = commits;
      for (const id of ['1', '2', '3']) {
        const published = publishOne(world, anEvent({ id })).then(() => answered.push(id));
        await Promise.race([published, world.clock.advance(1)]);
      }
      const next = await world.crash();
      next.answer = () => 'done';
      await next.clock.advance(60_000);
      const jobs = await next.ask('list', { limit: 100 });
      const started = jobs.map((job) => `${job.function} ${(job.payload as { id: string }).id}`).sort();
      expect(new Set(started).size, `after ${commits} commits`).toBe(started.length);
      for (const id of answered)
        expect(started).toEqual(expect.arrayContaining([`send-mail ${id}`, `count-stock ${id}`]));
      const views = await Promise.all(['mail', 'stock'].map((name) => trigger(next, name)));
      for (const { matched, started: count, pending } of views) expect([count, pending]).toEqual([matched, 0]);
      expect(eventFaults(next)).toEqual([]);
    }
  });

  it('waits where its function is not deployed, is told of once, and is started when it is there', async () => {
    const world = await JobWorld.start();
    await setTrigger(world, 'mail', { function: 'send-mail' });
    world.undeployed.add('send-mail');
    await publishMany(world, [anEvent({ id: '1' }), anEvent({ id: '2' })]);
    await world.clock.advance(3_600_000);
    expect(await trigger(world, 'mail')).toMatchObject({ matched: 2, started: 0, pending: 2 });
    expect(world.faults).toEqual([
      expect.stringMatching(/cannot start "send-mail".*2 events wait.*not deployed|is deployed any more/),
    ]);
    world.undeployed.delete('send-mail');
    world.events.tell('deployed', { function: 'send-mail' });
    await world.clock.advance(0);
    expect(world.attempts.map(({ payload }) => payload)).toMatchObject([{ id: '1' }, { id: '2' }]);
    expect(world.faults).toHaveLength(1);
  });

  it('waits where the queue is full, and others do not wait for it', async () => {
    const world = await JobWorld.start({ maxJobs: 2, concurrency: 1 });
    await setTrigger(world, 'mail', { function: 'send-mail', filters: ORDERS });
    await setTrigger(world, 'carts', { function: 'count-carts', filters: [{ exact: { type: 'cart' } }] });
    await publishMany(
      world,
      ['1', '2', '3', '4', '5'].map((id) => anEvent({ id })),
    );
    await publishOne(world, anEvent({ id: '6', type: 'cart' }));
    await world.clock.advance(60_000);
    expect((await trigger(world, 'mail')).pending).toBe(3);
    expect((await trigger(world, 'carts')).started).toBe(1);
    world.answer = () => 'done';
    for (const attempt of world.attempts) await attempt.succeed();
    await world.clock.advance(600_000);
    const mails = world.attempts.filter((attempt) => attempt.function === 'send-mail');
    expect(mails.map(({ payload }) => (payload as { id: string }).id)).toEqual(['1', '2', '3', '4', '5']);
    expect(await trigger(world, 'mail')).toMatchObject({ started: 5, pending: 0, failed: 0 });
  });

  it('is given up after a day, and the trigger says which event that was, and why', async () => {
    const world = await JobWorld.start({ retention: { keepMs: 7 * DAY_MS } });
    await setTrigger(world, 'mail', { function: 'send-mail' });
    world.undeployed.add('send-mail');
    await publishOne(world, anEvent({ id: 'A-1' }));
    await world.clock.advance(DAY_MS / 2);
    await publishOne(world, anEvent({ id: 'A-2' }));
    await world.clock.advance(DAY_MS / 2 + 60_000);
    const view = await trigger(world, 'mail');
    expect(view).toMatchObject({ matched: 2, started: 0, failed: 1, pending: 1 });
    expect(view.failures).toMatchObject([
      { id: 'A-1', status: 'failed', error: expect.stringContaining('is deployed') },
    ]);
    const next = await world.crash();
    expect(next.attempts.map(({ payload }) => payload)).toMatchObject([{ id: 'A-2' }]);
    expect((await trigger(next, 'mail')).failures).toHaveLength(1);
  });

  it('is not forgotten while it has not been started, however old the event is and however many come', async () => {
    const world = await JobWorld.start({ retention: { maxEvents: 3 } });
    await setTrigger(world, 'mail', { function: 'send-mail', filters: ORDERS });
    world.undeployed.add('send-mail');
    await publishOne(world, anEvent({ id: 'A-1' }));
    for (let at = 0; at < 10; at++) await publishOne(world, anEvent({ id: `c${at}`, type: 'cart' }));
    const kept = await askEvents(world, 'list', {});
    expect(kept.map(({ event }) => event.id)).toEqual(['c9', 'c8', 'A-1']);
    const next = await world.crash({ retention: { maxEvents: 3 } });
    expect(next.attempts).toHaveLength(1);
    expect(eventFaults(next)).toEqual([]);
  });

  it('runs with the options that the trigger has for its jobs', async () => {
    const world = await JobWorld.start();
    const job = { maxAttempts: 5, backoff: 10, timeoutMs: 700, priority: 'high' as const, delayMs: 1_000 };
    await setTrigger(world, 'mail', { function: 'send-mail', job });
    await publishOne(world);
    expect(world.attempts).toEqual([]);
    await world.clock.advance(1_000);
    expect(world.attempts).toMatchObject([{ timeoutMs: 700 }]);
    expect(await world.ask('list', {})).toMatchObject([{ priority: 'high', maxAttempts: 5 }]);
  });

  it('is a workflow once, however often it is tried: another execution begins only where the first has failed', async () => {
    const world = await JobWorld.start();
    await setTrigger(world, 'orders', { function: 'flow-order', job: { backoff: 1, maxAttempts: 5 } });
    await publishOne(world, anEvent({ id: 'A-1' }));
    const next = await world.crash();
    const after = await next.crash();
    await after.attempts[0]?.fail(new TroupeError('STEP_FAILED', 'no'));
    await after.clock.advance(1_000);
    const keys = [...world.attempts, ...next.attempts, ...after.attempts].map(({ key }) => key);
    expect(keys).toHaveLength(4);
    expect(new Set(keys.slice(0, 3)).size).toBe(1);
    expect(keys[0]).toMatch(/^orders \/shop A-1 /);
    expect(keys[3]).toBe(`${keys[0]}#2`);
  });

  it('is started for an event of a source and id of any length', async () => {
    const world = await JobWorld.start();
    await setTrigger(world, 'mail', { function: 'send-mail' });
    const source = `/${'s'.repeat(2_000)}`;
    await publishMany(world, [anEvent({ source, id: 'é'.repeat(1_000) }), anEvent({ source, id: 'x'.repeat(1_000) })]);
    const keys = world.attempts.map(({ key = '' }) => key);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(2);
    for (const key of keys) expect(key.length).toBeLessThanOrEqual(120);
  });
});

describe('a trigger', () => {
  it('survives the host, with its counts', async () => {
    const world = await JobWorld.start();
    await setTrigger(world, 'mail', { function: 'send-mail', filters: ORDERS, job: { maxAttempts: 2 } });
    await publishOne(world);
    await world.clock.advance(1_000);
    const before = await trigger(world, 'mail');
    const next = await world.crash();
    expect(await trigger(next, 'mail')).toEqual(before);
    expect(before).toMatchObject({ name: 'mail', filters: ORDERS, job: { maxAttempts: 2 }, matched: 1, started: 1 });
  });

  it('that is set again changes nothing, unless it is another one then', async () => {
    const world = await JobWorld.start();
    const options = { function: 'send-mail', filters: ORDERS, job: { maxAttempts: 2, priority: 'high' as const } };
    expect(await setTrigger(world, 'mail', options)).toMatchObject({ isNew: true });
    await publishOne(world);
    const { commits } = world.store.stats();
    const same = { ...options, job: { priority: 'high' as const, maxAttempts: 2 } };
    expect(await setTrigger(world, 'mail', same)).toMatchObject({ isNew: false });
    expect(world.store.stats().commits).toBe(commits);
    expect(await setTrigger(world, 'mail', { function: 'other' })).toMatchObject({ isNew: true, filters: [] });
    await publishOne(world);
    expect(world.attempts.map((attempt) => attempt.function)).toEqual(['send-mail', 'other']);
    expect(await trigger(world, 'mail')).toMatchObject({ matched: 2, started: 2 });
  });

  it('that leads to another function now starts what it has matched as its publisher was told', async () => {
    const world = await JobWorld.start();
    await setTrigger(world, 'mail', { function: 'send-mail' });
    world.undeployed.add('send-mail');
    await publishOne(world, anEvent({ id: '1' }));
    await setTrigger(world, 'mail', { function: 'send-letter' });
    await publishOne(world, anEvent({ id: '2' }));
    expect(world.attempts.map((attempt) => attempt.function)).toEqual(['send-letter']);
    expect(await trigger(world, 'mail')).toMatchObject({ started: 1, pending: 1 });
    const next = await world.crash();
    expect(next.attempts.map((attempt) => attempt.function)).toContain('send-mail');
  });

  it('that is removed starts nothing more, nor does one of its name start what it had left', async () => {
    const world = await JobWorld.start();
    await setTrigger(world, 'mail', { function: 'send-mail' });
    world.undeployed.add('send-mail');
    await publishOne(world);
    await askEvents(world, 'removeTrigger', { name: 'mail' });
    await publishOne(world);
    world.undeployed.clear();
    await setTrigger(world, 'mail', { function: 'send-mail' });
    await world.clock.advance(DAY_MS / 2);
    expect(world.attempts).toEqual([]);
    await publishOne(world);
    expect(world.attempts).toHaveLength(1);
    expect(await trigger(world, 'mail')).toMatchObject({ matched: 1, started: 1, pending: 0 });
    expect(eventFaults(world)).toEqual([]);
    await askEvents(world, 'removeTrigger', { name: 'mail' });
    await expect(askEvents(world, 'removeTrigger', { name: 'mail' })).rejects.toMatchObject({
      code: 'TRIGGER_NOT_FOUND',
    });
    await expect(trigger(world, 'mail')).rejects.toMatchObject({ code: 'TRIGGER_NOT_FOUND' });
  });

  it('that the disk refuses is not there', async () => {
    const world = await JobWorld.start();
    world.diskError = FULL;
    await expect(setTrigger(world, 'mail', { function: 'send-mail' })).rejects.toMatchObject({
      code: 'STORE_WRITE_FAILED',
    });
    world.diskError = undefined;
    await world.clock.advance(1_000);
    expect(await askEvents(world, 'triggers', undefined)).toEqual([]);
    expect(await setTrigger(world, 'mail', { function: 'send-mail' })).toMatchObject({ isNew: true });
  });

  it('of a function that is not deployed is refused', async () => {
    const world = await JobWorld.start({ undeployed: ['typo'] });
    await expect(setTrigger(world, 'mail', { function: 'typo' })).rejects.toMatchObject({
      code: 'FUNCTION_NOT_FOUND',
      message: expect.stringContaining('deploy it before'),
    });
  });

  it.each([
    ['no object', undefined, 'must be an object'],
    ['no function', {}, 'function: must be the name'],
    [
      'a filter that is wrong',
      { function: 'f', filters: [{ any: [{ prefix: 7 }] }] },
      'filters[0].any[0].prefix: must be',
    ],
    ['an option that does not exist', { function: 'f', filter: [] }, 'filter: is no option'],
    ['an option of one job alone', { function: 'f', job: { runAt: 5 } }, 'job.runAt: is no option of it'],
    ['an option that is wrong', { function: 'f', job: { maxAttempts: 0 } }, 'job.maxAttempts: '],
  ])('with %s is refused with its path', async (_, options, message) => {
    const world = await JobWorld.start();
    await expect(async () => setTrigger(world, 'mail', options as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
  });
});

describe('a record that is damaged', () => {
  async function damaged(damage: (key: readonly unknown[]) => boolean) {
    const world = await JobWorld.start();
    await setTrigger(world, 'mail', { function: 'send-mail' });
    await setTrigger(world, 'stock', { function: 'count-stock' });
    for (const name of ['send-mail', 'count-stock']) world.undeployed.add(name);
    await publishMany(world, [anEvent({ id: '1' }), anEvent({ id: '2' })]);
    const database = world.store.database('cloud-events');
    for (const { key } of [...database.range()].filter(({ key }) => damage(key)))
      await database.commit([{ kind: 'put', key, value: 'not what was written' }]);
    const next = await world.crash();
    await next.clock.advance(60_000);
    const started = next.attempts.map(({ function: name, payload }) => `${name} ${(payload as { id: string }).id}`);
    return { next, started: started.sort() };
  }

  it('of an event fails what it was to start, and tells so; others go on', async () => {
    const { next, started } = await damaged(([kind, sequence]) => kind === 'event' && sequence === 1);
    expect(started).toEqual(['count-stock 2', 'send-mail 2']);
    expect(await trigger(next, 'mail')).toMatchObject({ started: 1, failed: 1, pending: 0 });
    expect(next.faults).toEqual([
      expect.stringContaining('Event 1 is damaged'),
      expect.stringContaining('Event 1 is damaged'),
    ]);
  });

  it('of a trigger starts nothing more for it, and tells so; others go on', async () => {
    const { next, started } = await damaged(([kind, name]) => kind === 'trigger' && name === 'mail');
    expect(started).toEqual(['count-stock 1', 'count-stock 2']);
    expect(next.faults).toEqual([expect.stringContaining('Trigger "mail" is damaged')]);
  });

  it('of what is counted is counted anew', async () => {
    const { next, started } = await damaged(([kind]) => kind === 'standing' || kind === 'counts' || kind === 'pending');
    expect(started).toHaveLength(4);
    expect(await publishOne(next, anEvent({ id: '3' }))).toMatchObject({ isNew: true });
    const events = await askEvents(next, 'list', {});
    expect(events.map(({ sequence }) => sequence)).toEqual([3, 2, 1]);
    expect(eventFaults(next)).toEqual([]);
  });
});

describe('what is kept', () => {
  it('is listed newest first, by type and source, and page by page', async () => {
    const world = await JobWorld.start();
    for (let at = 1; at <= 6; at++)
      await publishOne(world, anEvent({ id: String(at), type: at % 2 ? 'odd' : 'even', source: at < 4 ? '/a' : '/b' }));
    const ids = async (query: object) => (await askEvents(world, 'list', query)).map(({ event }) => event.id);
    expect(await ids({})).toEqual(['6', '5', '4', '3', '2', '1']);
    expect(await ids({ limit: 2 })).toEqual(['6', '5']);
    expect(await ids({ before: 5, limit: 2 })).toEqual(['4', '3']);
    expect(await ids({ type: 'odd' })).toEqual(['5', '3', '1']);
    expect(await ids({ type: 'odd', source: '/b' })).toEqual(['5']);
    expect(await askEvents(world, 'show', { source: '/a', id: '2' })).toMatchObject({
      sequence: 2,
      event: { type: 'even' },
    });
    await expect(askEvents(world, 'show', { source: '/a', id: '6' })).rejects.toMatchObject({
      code: 'EVENT_NOT_FOUND',
    });
  });

  it('goes after a day, and its source and id with it', async () => {
    const world = await JobWorld.start();
    await publishOne(world, anEvent({ id: '1' }));
    await world.clock.advance(DAY_MS / 2);
    await publishOne(world, anEvent({ id: '2' }));
    await world.clock.advance(DAY_MS / 2 + 60_000);
    expect(await askEvents(world, 'list', {})).toMatchObject([{ event: { id: '2' } }]);
    await world.clock.advance(DAY_MS);
    expect([...world.store.database('cloud-events').range()].map(({ key }) => key)).toEqual([['standing']]);
    expect(eventFaults(world)).toEqual([]);
    const next = await world.crash();
    await publishOne(next, anEvent({ id: '3' }));
    expect(await askEvents(next, 'list', {})).toMatchObject([{ sequence: 3 }]);
  });

  it('is never much more than it may be, in number and in bytes', async () => {
    const world = await JobWorld.start({ retention: { maxEvents: 50, maxBytes: 20_000 } });
    for (let at = 0; at < 10; at++) {
      await publishMany(
        world,
        Array.from({ length: 100 }, (_, index) =>
          anEvent({ id: `${at}-${index}`, data: 'x'.repeat(at < 5 ? 10 : 1_000) }),
        ),
      );
    }
    await publishOne(world, anEvent({ id: 'last' }));
    const kept = await askEvents(world, 'list', { limit: 1_000 });
    expect(kept.length).toBeLessThanOrEqual(50);
    expect(kept.length).toBeGreaterThan(10);
    expect(kept[0]?.event.id).toBe('last');
    expect(eventFaults(world)).toEqual([]);
  });
});

describe('bounds', () => {
  it('refuse events whose triggers would have more to start than may wait', async () => {
    const world = await JobWorld.start();
    for (let at = 0; at < 100; at++) await setTrigger(world, `t${at}`, { function: 'f' });
    world.undeployed.add('f');
    const events = Array.from({ length: 200 }, () => anEvent());
    for (let calls = 0; calls < 5; calls++) await publishMany(world, events);
    await expect(publishMany(world, [anEvent()])).rejects.toMatchObject({
      code: 'OVERLOADED',
      message: expect.stringContaining('100000 functions to start'),
    });
    await expect(publishMany(world, [...events, anEvent()])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('fire 20100 triggers together'),
    });
    expect(await publishMany(world, [])).toEqual([]);
    expect((await askEvents(world, 'list', { limit: 1_000 })).length).toBe(1_000);
  });

  it('refuse events while the host drains', async () => {
    const world = await JobWorld.start();
    world.events.tell('drain', undefined);
    await expect(publishOne(world)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await expect(setTrigger(world, 'mail', { function: 'f' })).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});

describe('the outcome of a job', () => {
  it('is published as an event, once, and may start a function in its turn', async () => {
    const world = await JobWorld.start();
    await setTrigger(world, 'grief', { function: 'grieve', filters: [{ exact: { type: 'mail.failed' } }] });
    const onFailure = { event: { type: 'mail.failed', subject: 'A-1' } };
    const { id } = await world.enqueue({ n: 1 }, { maxAttempts: 1, onFailure }, 'send-mail');
    await world.attempts[0]?.fail(new Error('no such address'));
    await world.clock.advance(1_000);
    const [published] = await askEvents(world, 'list', {});
    expect(published?.event).toMatchObject({
      type: 'mail.failed',
      source: '/troupe/functions/send-mail',
      subject: 'A-1',
      id: expect.stringMatching(new RegExp(`^${id} failed `)),
      data: {
        jobId: id,
        function: 'send-mail',
        status: 'failed',
        payload: { n: 1 },
        error: { message: expect.any(String) },
      },
    });
    expect(world.attempts.map((attempt) => attempt.function)).toEqual(['send-mail', 'grieve']);
    const next = await world.crash();
    await next.clock.advance(60_000);
    expect(await askEvents(next, 'list', {})).toHaveLength(1);
  });

  it('is published again where the host dies before it knows that it was, and is the same event then', async () => {
    const world = await JobWorld.start();
    await world.enqueue(1, { onSuccess: { event: { type: 'done', source: '/mine' } } });
    // The end of the job, then the event; the next one would say that it was published.
    world.commitsLeft = 2;
    await world.attempts[0]?.succeed('result');
    const next = await world.crash();
    await next.clock.advance(60_000);
    expect(await askEvents(next, 'list', {})).toMatchObject([
      { event: { source: '/mine', data: { result: 'result' } } },
    ]);
    expect(next.listFaults()).toEqual([]);
  });

  it('that is too large for an event goes without payload and result', async () => {
    const world = await JobWorld.start();
    await world.enqueue('p'.repeat(700_000), { onSuccess: { event: { type: 'done' } } });
    await world.attempts[0]?.succeed('r'.repeat(700_000));
    const [published] = await askEvents(world, 'list', {});
    expect(published?.event.data).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(published?.event.data).not.toHaveProperty('result');
  });
});
