import { describe, expect, it } from 'vitest';
import type { ScheduleOptions } from '../../../../src/ecosystem/event-management/protocol.ts';
import { TroupeError } from '../../../../src/errors.ts';
import type { ScheduleEvent } from '../../../../src/handler.ts';
import { scheduleKeys } from '../../../../src/store/keys.ts';
import { JobWorld } from '../../../support/job-world.ts';
import { ask, firedTimes, get, scheduleFaults, set } from '../../../support/schedule-world.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.UTC(2026, 0, 1);

async function answering(): Promise<JobWorld> {
  const world = await JobWorld.start();
  world.answer = () => 'done';
  return world;
}

/** A crash, and a host after it that has `offMs` of time behind it. */
function restarted(world: JobWorld, offMs = 0): Promise<JobWorld> {
  return world.crash(undefined, offMs);
}

describe('a schedule', () => {
  it('enqueues a job at each of its times, to the millisecond, and says to the function which time it is', async () => {
    const world = await answering();
    const { nextAtMs, ...answer } = await set(world, 'nightly', {
      cron: '0 3 * * *',
      timeZone: 'UTC',
      payload: { a: 1 },
    });
    expect(answer).toEqual({ name: 'nightly', isNew: true, isChanged: true });
    expect(nextAtMs).toBe(START_MS + 3 * HOUR_MS);
    await world.clock.advance(3 * DAY_MS);
    expect(firedTimes(world)).toEqual(['01-01T03:00:00', '01-02T03:00:00', '01-03T03:00:00']);
    const [first] = world.attempts;
    expect(first).toMatchObject({
      function: 'work',
      key: 'nightly@2026-01-01T03:00:00.000Z',
      atMs: START_MS + 3 * HOUR_MS,
      payload: {
        schedule: 'nightly',
        scheduledAtMs: START_MS + 3 * HOUR_MS,
        scheduledAt: '2026-01-01T03:00:00.000Z',
        payload: { a: 1 },
      },
    });
    expect(await get(world, 'nightly')).toMatchObject({
      function: 'work',
      cron: '0 3 * * *',
      timeZone: 'UTC',
      isPaused: false,
      payload: { a: 1 },
      nextAtMs: START_MS + 3 * DAY_MS + 3 * HOUR_MS,
      last: { scheduledAtMs: START_MS + 2 * DAY_MS + 3 * HOUR_MS, outcome: 'fired' },
      counts: { fired: 3, skipped: 0, missed: 0 },
    });
    expect(scheduleFaults(world)).toEqual([]);
  });

  it('of every so many ms goes on from when it was set, or from its start, until its end', async () => {
    const world = await answering();
    await set(world, 'beat', { everyMs: 90 * SECOND_MS });
    await set(world, 'window', {
      everyMs: MINUTE_MS,
      startAt: START_MS + HOUR_MS,
      endAt: new Date(START_MS + HOUR_MS + 2 * MINUTE_MS),
    });
    await world.clock.advance(2 * HOUR_MS);
    expect(firedTimes(world, 'beat').slice(0, 3)).toEqual(['01-01T00:01:30', '01-01T00:03:00', '01-01T00:04:30']);
    expect(firedTimes(world, 'window')).toEqual(['01-01T01:00:00', '01-01T01:01:00', '01-01T01:02:00']);
    expect(await get(world, 'window')).not.toHaveProperty('nextAtMs');
  });

  it('for one time fires once, even a month ahead, and may be set again without firing again', async () => {
    const world = await answering();
    const at = new Date(START_MS + 31 * DAY_MS);
    await set(world, 'later', { at });
    await world.clock.advance(32 * DAY_MS);
    expect(firedTimes(world)).toEqual(['02-01T00:00:00']);
    expect(await set(world, 'later', { at })).toEqual({ name: 'later', isNew: false, isChanged: false });
    await world.clock.advance(DAY_MS);
    expect(world.attempts).toHaveLength(1);
  });

  it.each([
    ['spring', '2026-03-28T12:00Z', ['03-29T01:00:00', '03-30T00:30:00']],
    ['autumn', '2026-10-24T12:00Z', ['10-25T00:30:00', '10-26T01:30:00']],
  ])('fires each day once while clocks change in %s, and each hour once', async (_, from, daily) => {
    const world = await answering();
    world.clock.stepWall(Date.parse(from) - START_MS);
    await set(world, 'daily', { cron: '30 2 * * *', timeZone: 'Europe/Zurich' });
    await set(world, 'hourly', { cron: '0 * * * *', timeZone: 'Europe/Zurich' });
    await world.clock.advance(2 * DAY_MS);
    expect(firedTimes(world, 'daily')).toEqual(daily);
    expect(new Set(firedTimes(world, 'hourly')).size).toBe(48);
    expect(firedTimes(world, 'hourly')).toHaveLength(48);
  });

  it('without a time zone has that of the host, and keeps it where the host moves', async () => {
    const world = await answering();
    const { nextAtMs } = await set(world, 'nightly', { cron: '0 3 * * *' });
    expect(nextAtMs).toBe(START_MS + 2 * HOUR_MS);
    expect(await get(world, 'nightly')).toMatchObject({ timeZone: 'Europe/Zurich' });
  });

  it('enqueues its jobs as it was told to', async () => {
    const world = await answering();
    world.answer = () => new Error('no');
    await set(world, 'fragile', { everyMs: HOUR_MS, job: { maxAttempts: 2, backoff: 10, timeoutMs: 500 } });
    await world.clock.advance(HOUR_MS + MINUTE_MS);
    expect(world.attempts.map(({ attempt, timeoutMs }) => [attempt, timeoutMs])).toEqual([
      [1, 500],
      [2, 500],
    ]);
  });

  it('that is one of thousands fires at its millisecond, with many others or alone', async () => {
    const world = await answering();
    const all = Array.from({ length: 2_000 }, (_, index) =>
      world.schedules.ask('set', {
        name: `s-${index}`,
        spec: { function: 'work', everyMs: 7 * DAY_MS + index, missed: 'once', overlap: 'allow' },
      }),
    );
    await world.clock.advance(0);
    await Promise.all(all);
    await set(world, 'one', { everyMs: HOUR_MS });
    await world.clock.advance(HOUR_MS);
    expect(world.attempts.map(({ atMs }) => atMs)).toEqual([START_MS + HOUR_MS]);
    await world.clock.advance(7 * DAY_MS);
    for (const { atMs, payload } of world.attempts) expect(atMs).toBe((payload as ScheduleEvent).scheduledAtMs);
    expect(countBy(world, 'one')).toBe(169);
    expect(countBy(world, 's-')).toBe(2_000);
  });

  it('calls workflows as it calls functions', async () => {
    const world = await answering();
    await set(world, 'flows', { function: 'flow-report', everyMs: HOUR_MS });
    await world.clock.advance(HOUR_MS);
    expect(world.attempts[0]).toMatchObject({ function: 'flow-report', key: 'flows@2026-01-01T01:00:00.000Z' });
  });
});

function countBy(world: JobWorld, prefix: string): number {
  return world.attempts.filter(({ payload }) => (payload as ScheduleEvent).schedule.startsWith(prefix)).length;
}

describe('a schedule that is set again', () => {
  it('just so changes nothing, and its next time stays', async () => {
    const world = await answering();
    const options = { everyMs: HOUR_MS, payload: { a: [1, new Date(5)] }, job: { maxAttempts: 5 } };
    await set(world, 'beat', options);
    await world.clock.advance(30 * MINUTE_MS);
    const next = START_MS + HOUR_MS;
    expect(await set(world, 'beat', options)).toEqual({ name: 'beat', isNew: false, isChanged: false, nextAtMs: next });
    const after = await restarted(world);
    expect(await set(after, 'beat', options)).toMatchObject({ isChanged: false, nextAtMs: next });
  });

  it('with another payload fires at the same times, with another time from now on', async () => {
    const world = await answering();
    await set(world, 'beat', { everyMs: HOUR_MS, payload: 1 });
    await world.clock.advance(30 * MINUTE_MS);
    expect(await set(world, 'beat', { everyMs: HOUR_MS, payload: 2 })).toMatchObject({
      isNew: false,
      isChanged: true,
      nextAtMs: START_MS + HOUR_MS,
    });
    await world.clock.advance(HOUR_MS);
    expect(world.attempts.map(({ payload }) => (payload as ScheduleEvent).payload)).toEqual([2]);
    expect(await set(world, 'beat', { everyMs: 2 * HOUR_MS })).toMatchObject({ nextAtMs: START_MS + 3.5 * HOUR_MS });
  });

  it('many times at once ends as the last one said', async () => {
    const world = await answering();
    const answers = await Promise.all([1, 2, 3].map((hours) => set(world, 'beat', { everyMs: hours * HOUR_MS })));
    expect(answers.map(({ isNew }) => isNew)).toEqual([true, false, false]);
    expect(await get(world, 'beat')).toMatchObject({ everyMs: 3 * HOUR_MS });
    expect(scheduleFaults(world)).toEqual([]);
  });
});

describe('a schedule that is refused', () => {
  const refusals: [string, Partial<ScheduleOptions>, string[]][] = [
    ['has a field that is none', { cron: '0 0 32 * *' }, ['field 3: 32 is not a day']],
    ['never fires', { cron: '0 0 30 2 *' }, ['cron: there is no such day to come']],
    ['fires in the past alone', { cron: '0 0 0 1 1 * 2020' }, ['cron: there is no such day to come']],
    ['is for a time that has passed', { at: START_MS - 1 }, ['at: 2025-12-31T23:59:59.999Z has passed']],
    ['has no such time zone', { cron: '0 3 * * *', timeZone: 'Europe/Zurch' }, ['"Europe/Zurch" is not a time zone']],
    ['has a negative interval', { everyMs: -5 }, ['everyMs: Too small']],
    [
      'has several',
      { everyMs: 1_000, cron: '0 3 * * *' },
      ['exactly one of cron, everyMs and at, and has cron and everyMs'],
    ],
    ['has none', {}, ['exactly one of cron, everyMs and at, and has none']],
    [
      'has a start after its end',
      { everyMs: 1_000, startAt: START_MS + 2, endAt: START_MS + 1 },
      ['is later than endAt'],
    ],
    [
      'has no time between start and end',
      { cron: '0 3 * * *', endAt: START_MS + 5 },
      ['lies between startAt and endAt'],
    ],
    [
      'says what the schedule says',
      { everyMs: 1_000, job: { delayMs: 5 } as object },
      ['job.delayMs: is for the schedule'],
    ],
    [
      'has many faults',
      { cron: '0 25 * * *', missed: 'no' as never, job: { maxAttempts: 0 }, overlap: 'x' as never },
      ['field 2: 25 is not an hour', 'missed: ', 'overlap: ', 'job.maxAttempts: '],
    ],
  ];

  it.each(refusals)('because it %s is told all that is wrong, and nothing is written', async (_, options, faults) => {
    const world = await answering();
    const refused = await set(world, 'wrong', options).catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({ code: 'INVALID_ARGUMENT' });
    for (const fault of faults) expect((refused as Error).message).toContain(fault);
    expect([...world.store.database('schedules').range()]).toEqual([]);
  });

  it('because of its name is told what a name is', async () => {
    const world = await answering();
    await expect(set(world, 'No Name', { everyMs: 1_000 })).rejects.toMatchObject({ code: 'INVALID_NAME' });
    await expect(set(world, 'a'.repeat(161), { everyMs: 1_000 })).rejects.toMatchObject({ code: 'INVALID_NAME' });
    expect(await set(world, 'a'.repeat(160), { everyMs: HOUR_MS })).toMatchObject({ isNew: true });
    await world.clock.advance(HOUR_MS);
    expect(world.attempts).toHaveLength(1);
  });

  it('by the disk is not there', async () => {
    const world = await answering();
    world.diskError = new TroupeError('STORE_WRITE_FAILED', 'full');
    await expect(set(world, 'beat', { everyMs: HOUR_MS })).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
    world.diskError = undefined;
    await expect(get(world, 'beat')).rejects.toMatchObject({ code: 'SCHEDULE_NOT_FOUND' });
  });
});

describe('a schedule that is paused', () => {
  it('does not fire, across a restart too, and does not catch up when it is resumed', async () => {
    const world = await answering();
    await set(world, 'beat', { everyMs: HOUR_MS });
    await ask(world, 'pause', { name: 'beat' });
    expect(await get(world, 'beat')).toMatchObject({ isPaused: true, nextTimesMs: [] });
    await world.clock.advance(2 * HOUR_MS);
    const after = await restarted(world);
    await after.clock.advance(90 * MINUTE_MS);
    expect(await ask(after, 'resume', { name: 'beat' })).toMatchObject({
      isPaused: false,
      nextAtMs: START_MS + 4 * HOUR_MS,
    });
    await after.clock.advance(HOUR_MS);
    expect(firedTimes(after)).toEqual(['01-01T04:00:00']);
    expect(await get(after, 'beat')).toMatchObject({ counts: { fired: 1, skipped: 0, missed: 0 } });
  });
});

describe('a schedule that is removed', () => {
  it('is gone, fires no more, and leaves nothing on disk', async () => {
    const world = await answering();
    await set(world, 'beat', { everyMs: HOUR_MS, payload: 1 });
    await world.clock.advance(HOUR_MS);
    await ask(world, 'remove', { name: 'beat' });
    await world.clock.advance(5 * HOUR_MS);
    expect(world.attempts).toHaveLength(1);
    expect([...world.store.database('schedules').range()]).toEqual([]);
    await expect(ask(world, 'remove', { name: 'beat' })).rejects.toMatchObject({ code: 'SCHEDULE_NOT_FOUND' });
  });

  it('is there still where the disk refuses', async () => {
    const world = await answering();
    await set(world, 'beat', { everyMs: HOUR_MS });
    world.diskError = new TroupeError('STORE_WRITE_FAILED', 'full');
    await expect(ask(world, 'remove', { name: 'beat' })).rejects.toMatchObject({ code: 'STORE_WRITE_FAILED' });
    world.diskError = undefined;
    await world.clock.advance(HOUR_MS);
    expect(firedTimes(world)).toEqual(['01-01T01:00:00']);
    expect(scheduleFaults(world)).toEqual([]);
  });
});

describe('times at which the host did not run', () => {
  it('have one job together, for the latest of them', async () => {
    const world = await answering();
    await set(world, 'beat', { everyMs: HOUR_MS });
    const after = await restarted(world, 5.5 * HOUR_MS);
    await after.clock.advance(HOUR_MS);
    expect(firedTimes(after)).toEqual(['01-01T05:00:00', '01-01T06:00:00']);
    expect(await get(after, 'beat')).toMatchObject({ counts: { fired: 2, skipped: 0, missed: 4 } });
  });

  it('have none where they are skipped, and say so', async () => {
    const world = await answering();
    await set(world, 'beat', { everyMs: HOUR_MS, missed: 'skip' });
    const after = await restarted(world, 5.5 * HOUR_MS);
    expect(await get(after, 'beat')).toMatchObject({
      counts: { fired: 0, skipped: 0, missed: 5 },
      last: {
        outcome: 'skipped',
        scheduledAtMs: START_MS + 5 * HOUR_MS,
        reason: expect.stringContaining('did not run'),
      },
    });
    await after.clock.advance(HOUR_MS);
    expect(firedTimes(after)).toEqual(['01-01T06:00:00']);
  });

  it('of hundreds of schedules do not hold up one that is due now', async () => {
    const world = await answering();
    for (let index = 0; index < 300; index++) await set(world, `s-${index}`, { cron: '*/5 * * * *' });
    await set(world, 'now', { at: START_MS + DAY_MS });
    const after = await restarted(world, DAY_MS);
    expect((after.attempts[0]?.payload as ScheduleEvent | undefined)?.schedule).toBe('now');
    expect(new Set(firedTimes(after))).toEqual(new Set(['01-02T00:00:00']));
    expect(after.attempts).toHaveLength(301);
  });

  it('are missed too where the clock jumps forward', async () => {
    const world = await answering();
    await set(world, 'beat', { everyMs: HOUR_MS });
    world.clock.stepWall(3.5 * HOUR_MS);
    await world.clock.advance(MINUTE_MS);
    expect(firedTimes(world)).toEqual(['01-01T03:00:00']);
  });
});

describe('a clock that is set back', () => {
  it('has no time fired again', async () => {
    const world = await answering();
    await set(world, 'beat', { everyMs: HOUR_MS });
    await world.clock.advance(3 * HOUR_MS);
    world.clock.stepWall(-2.5 * HOUR_MS);
    await world.clock.advance(2 * HOUR_MS);
    expect(firedTimes(world)).toHaveLength(3);
    const after = await restarted(world);
    await after.clock.advance(2 * HOUR_MS);
    expect(firedTimes(after)).toEqual(['01-01T04:00:00']);
  });
});

describe('a crash between the job and the note of it', () => {
  it('has the time neither run twice nor lost', async () => {
    const world = await answering();
    await set(world, 'beat', { everyMs: HOUR_MS });
    world.stalled.add('schedules');
    await world.clock.advance(HOUR_MS);
    expect(firedTimes(world)).toEqual(['01-01T01:00:00']);
    const after = await restarted(world, 2);
    await after.clock.advance(HOUR_MS);
    expect(firedTimes(after)).toEqual(['01-01T02:00:00']);
    expect(await get(after, 'beat')).toMatchObject({ counts: { fired: 2, missed: 0 } });
  });

  it('before the job is on disk has the time fired by the next host', async () => {
    const world = await JobWorld.start();
    await set(world, 'beat', { everyMs: HOUR_MS });
    world.stalled.add('jobs');
    await world.clock.advance(HOUR_MS);
    const after = await restarted(world);
    expect(firedTimes(after)).toEqual(['01-01T01:00:00']);
  });
});

describe('a firing while the job before has not ended', () => {
  it('happens where it may', async () => {
    const world = await JobWorld.start();
    await set(world, 'beat', { everyMs: HOUR_MS });
    await world.clock.advance(3 * HOUR_MS);
    expect(firedTimes(world)).toHaveLength(3);
  });

  it('is skipped where it is to be, with the job named, until that ends', async () => {
    const world = await JobWorld.start();
    await set(world, 'beat', { everyMs: HOUR_MS, overlap: 'skip' });
    await world.clock.advance(3 * HOUR_MS);
    expect(firedTimes(world)).toHaveLength(1);
    const { last, counts } = await get(world, 'beat');
    expect(last?.reason).toMatch(/^job j\w+ of an earlier firing has not ended$/);
    expect(counts).toEqual({ fired: 1, skipped: 2, missed: 0 });
    await world.attempts[0]?.succeed();
    await world.clock.advance(HOUR_MS);
    expect(firedTimes(world)).toEqual(['01-01T01:00:00', '01-01T04:00:00']);
  });

  it('is skipped while that one is to be tried again', async () => {
    const world = await JobWorld.start();
    await set(world, 'beat', { everyMs: HOUR_MS, overlap: 'skip', job: { backoff: 2 * HOUR_MS } });
    await world.clock.advance(HOUR_MS);
    await world.attempts[0]?.fail();
    await world.clock.advance(HOUR_MS);
    expect(firedTimes(world)).toHaveLength(1);
    expect(await get(world, 'beat')).toMatchObject({ counts: { skipped: 1 } });
  });

  it('waits for it where it is to queue', async () => {
    const world = await JobWorld.start();
    await set(world, 'beat', { everyMs: HOUR_MS, overlap: 'queue' });
    await set(world, 'other', { everyMs: HOUR_MS });
    await world.clock.advance(2 * HOUR_MS);
    expect(firedTimes(world, 'beat')).toEqual(['01-01T01:00:00']);
    expect(firedTimes(world, 'other')).toHaveLength(2);
    await world.attempts.find(({ key }) => key?.startsWith('beat'))?.succeed();
    expect(firedTimes(world, 'beat')).toEqual(['01-01T01:00:00', '01-01T02:00:00']);
  });
});

describe('a schedule whose jobs are refused', () => {
  it('because its function is gone skips, tells it once, and goes on when it is back', async () => {
    const world = await answering();
    await set(world, 'beat', { everyMs: HOUR_MS });
    world.undeployed.add('work');
    await world.clock.advance(3 * HOUR_MS);
    expect(world.faults).toEqual([expect.stringContaining('Schedule "beat" cannot fire')]);
    expect(await get(world, 'beat')).toMatchObject({
      counts: { fired: 0, skipped: 3, missed: 0 },
      last: { outcome: 'skipped', reason: expect.stringContaining('FUNCTION_NOT_FOUND') },
    });
    world.undeployed.delete('work');
    await world.clock.advance(HOUR_MS);
    expect(firedTimes(world)).toEqual(['01-01T04:00:00']);
  });

  it('because the queue is full tries again for some seconds, and then skips', async () => {
    const world = await JobWorld.start({ maxJobs: 1 });
    await set(world, 'first', { at: START_MS + HOUR_MS });
    await set(world, 'beat', { everyMs: HOUR_MS });
    await world.clock.advance(HOUR_MS + SECOND_MS);
    expect(firedTimes(world)).toEqual(['01-01T01:00:00']);
    await world.attempts[0]?.succeed();
    await world.clock.advance(5 * SECOND_MS);
    expect(firedTimes(world)).toHaveLength(2);
    await world.clock.advance(HOUR_MS + 10 * SECOND_MS);
    expect(await get(world, 'beat')).toMatchObject({
      last: { outcome: 'skipped', reason: expect.stringContaining('OVERLOADED') },
    });
  });

  it('because the disk is full for a while fires when it is not any more', async () => {
    const world = await answering();
    await set(world, 'beat', { everyMs: HOUR_MS });
    world.diskError = new TroupeError('STORE_WRITE_FAILED', 'full');
    await world.clock.advance(HOUR_MS + SECOND_MS);
    world.diskError = undefined;
    await world.clock.advance(MINUTE_MS);
    expect(await get(world, 'beat')).toMatchObject({ counts: { fired: 1, skipped: 0 } });
    expect(scheduleFaults(world)).toEqual([]);
  });
});

describe('a backfill', () => {
  it('enqueues a job for each time of the past that has none', async () => {
    const world = await answering();
    await set(world, 'beat', { cron: '0 * * * *', timeZone: 'UTC' });
    await world.clock.advance(2.5 * HOUR_MS);
    const range = { from: START_MS - 2 * HOUR_MS, to: new Date(START_MS + 2 * HOUR_MS) };
    expect(await ask(world, 'backfill', { name: 'beat', range })).toEqual({ times: 5, enqueued: 3, existing: 2 });
    expect(await ask(world, 'backfill', { name: 'beat', range })).toEqual({ times: 5, enqueued: 0, existing: 5 });
    expect(firedTimes(world).sort()).toEqual([
      '01-01T00:00:00',
      '01-01T01:00:00',
      '01-01T02:00:00',
      '12-31T22:00:00',
      '12-31T23:00:00',
    ]);
  });

  it('refuses a range that is none, has not passed, or has too many times', async () => {
    const world = await answering();
    await set(world, 'beat', { everyMs: SECOND_MS });
    const refused = (from: number, to: number) =>
      ask(world, 'backfill', { name: 'beat', range: { from, to } }).catch((thrown: Error) => thrown.message);
    expect(await refused(START_MS, START_MS - 1)).toContain('is later than to');
    expect(await refused(START_MS, START_MS + 1)).toContain('has not come yet');
    expect(await refused(START_MS - DAY_MS, START_MS)).toContain('more than 10000 times');
    expect(await refused('x' as never, START_MS)).toContain('from: must be a Date');
    expect(world.attempts).toEqual([]);
  });
});

describe('schedules on disk', () => {
  it('that are damaged do not fire and are told of, and the others go on', async () => {
    const world = await answering();
    for (const name of ['bad', 'good', 'lost']) await set(world, name, { everyMs: HOUR_MS, payload: 1 });
    await world.store.database('schedules').commit([
      { kind: 'put', key: scheduleKeys.schedule('bad'), value: { spec: 5 } },
      { kind: 'delete', key: scheduleKeys.state('good') },
      { kind: 'delete', key: scheduleKeys.payload('lost') },
    ]);
    expect(scheduleFaults(world)).toEqual([
      'Schedule good: what has come of it so far is damaged or missing.',
      'Schedule lost: its payload is damaged or missing.',
      'Schedule bad is damaged.',
    ]);
    const after = await restarted(world, 90 * MINUTE_MS);
    await after.clock.advance(HOUR_MS);
    expect(firedTimes(after)).toEqual(['01-01T02:00:00']);
    expect(after.faults).toEqual([
      'Schedule "bad" is damaged and does not fire. Set it again.',
      expect.stringContaining('Schedule "good" so far'.replace('Schedule', 'schedule')),
      expect.stringContaining('The payload of schedule "lost" is damaged or missing. Set it again.'),
    ]);
    await expect(get(after, 'bad')).rejects.toMatchObject({ code: 'SCHEDULE_NOT_FOUND' });
    expect(await set(after, 'bad', { everyMs: HOUR_MS })).toMatchObject({ isNew: true });
  });

  it('are listed by name, by function, and page by page', async () => {
    const world = await answering();
    for (const name of ['c', 'a', 'b'])
      await set(world, name, { everyMs: HOUR_MS, function: name === 'b' ? 'other' : 'work' });
    const names = async (query: object) =>
      ((await ask(world, 'list', query)) as readonly { name: string }[]).map(({ name }) => name);
    expect(await names({})).toEqual(['a', 'b', 'c']);
    expect(await names({ function: 'work' })).toEqual(['a', 'c']);
    expect(await names({ after: 'a', limit: 1 })).toEqual(['b']);
    expect(await ask(world, 'next', { name: 'a', count: 2 })).toEqual([START_MS + HOUR_MS, START_MS + 2 * HOUR_MS]);
  });
});

describe('a host that drains', () => {
  it('fires nothing more, and what it was about to fire is fired by the next one', async () => {
    const world = await answering();
    await set(world, 'beat', { everyMs: HOUR_MS });
    world.schedules.tell('drain', undefined);
    await world.clock.advance(HOUR_MS + 1);
    expect(world.attempts).toEqual([]);
    await expect(set(world, 'other', { everyMs: HOUR_MS })).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    const after = await restarted(world);
    expect(firedTimes(after)).toEqual(['01-01T01:00:00']);
  });
});
