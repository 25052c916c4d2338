import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import type { JobChange } from '../../../src/index.ts';
import { DAY, deploy, HOUR, MINUTE, SECOND, testHost } from './test-host.ts';

/** Of every attempt that begins, in virtual time since the beginning of the test. */
function startTimes(troupe: Awaited<ReturnType<typeof testHost>>): number[] {
  const beganMs = troupe.clock.now();
  const times: number[] = [];
  troupe.jobs.watch(({ status }: JobChange) => {
    if (status === 'running') times.push(troupe.clock.now() - beganMs);
  });
  return times;
}

describe('jobs on the virtual clock', () => {
  it('retry three times over an hour, each attempt at its time, before the hour is a second old', async () => {
    const troupe = await testHost();
    await deploy(troupe, 'flaky', "if (context.attempt < 4) throw new Error('busy'); return context.attempt;");
    const attempts = startTimes(troupe);
    const backoff = { type: 'exponential', delayMs: 5 * MINUTE, jitter: 'none' } as const;
    const { id } = await troupe.enqueue('flaky', null, { maxAttempts: 4, backoff });
    const startedMs = performance.now();
    await troupe.clock.advance('1h');
    expect(attempts).toEqual([0, 5 * MINUTE, 15 * MINUTE, 35 * MINUTE]);
    expect(await troupe.job(id)).toMatchObject({ status: 'succeeded', result: 4, attempts: 4 });
    expect(performance.now() - startedMs).toBeLessThan(5 * SECOND);
  });

  it('wait for the test between two of their times', async () => {
    const troupe = await testHost();
    await deploy(troupe, 'flaky', "if (context.attempt < 2) throw new Error('busy'); return 'done';");
    const { id } = await troupe.enqueue('flaky', null, { backoff: 10 * MINUTE });
    await troupe.clock.advance('9m 59s');
    expect(await troupe.job(id)).toMatchObject({ status: 'retrying', attempts: 1 });
    await troupe.clock.advance(SECOND);
    expect(await troupe.job(id)).toMatchObject({ status: 'succeeded', result: 'done' });
  });

  it('that are delayed by a day run after a day and no sooner', async () => {
    const startAt = new Date('2027-02-28T12:00:00Z');
    const troupe = await testHost({ startAt });
    await deploy(troupe, 'later', 'return event;');
    const { id } = await troupe.enqueue('later', 'hello', { delayMs: DAY });
    await troupe.clock.advance(DAY - 1);
    expect((await troupe.job(id)).status).toBe('delayed');
    await troupe.clock.advance(1);
    expect(await troupe.job(id)).toMatchObject({
      status: 'succeeded',
      result: 'hello',
      startedAtMs: startAt.getTime() + DAY,
    });
  });

  it('fail at their deadline, in the middle of their retries', async () => {
    const troupe = await testHost();
    await deploy(troupe, 'broken', "throw new Error('no');");
    const deadline = troupe.clock.now() + 25 * MINUTE;
    const { id } = await troupe.enqueue('broken', null, { maxAttempts: 10, backoff: 10 * MINUTE, deadline });
    await expect(troupe.clock.runUntil(troupe.jobs.result(id))).rejects.toThrow();
    const { status, endedAtMs = 0 } = await troupe.job(id);
    expect(status).toBe('failed');
    expect(endedAtMs).toBeLessThanOrEqual(deadline);
  });

  it('keep to a rate limit over minutes', async () => {
    const troupe = await testHost();
    await deploy(troupe, 'limited', 'return event;', { queue: { rateLimit: { max: 2, perMs: MINUTE } } });
    const attempts = startTimes(troupe);
    await troupe.jobs.enqueueMany(
      'limited',
      [1, 2, 3, 4, 5].map((payload) => ({ payload })),
    );
    await troupe.clock.advance('5m');
    expect(attempts.map((atMs) => Math.floor(atMs / MINUTE))).toEqual([0, 0, 1, 1, 2]);
  });

  it('have the jitter of their seed', async () => {
    const attemptsOf = async (seed: number) => {
      const troupe = await testHost({ seed });
      await deploy(troupe, 'broken', "throw new Error('no');");
      const attempts = startTimes(troupe);
      const backoff = { type: 'exponential', delayMs: MINUTE, jitter: 'full' } as const;
      const { id } = await troupe.enqueue('broken', null, { maxAttempts: 5, backoff });
      await troupe.clock.runUntil(troupe.jobs.result(id).catch(() => undefined));
      return attempts;
    };
    const [first, again, other] = await Promise.all([attemptsOf(7), attemptsOf(7), attemptsOf(8)]);
    expect(first).toHaveLength(5);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it('are all done by the end of what the clock was told to run until', async () => {
    const troupe = await testHost();
    await deploy(troupe, 'work', 'await new Promise((done) => setTimeout(done, 5)); return event * 2;');
    const jobs = await troupe.jobs.enqueueMany(
      'work',
      Array.from({ length: 40 }, (_, index) => ({ payload: index, delayMs: index * HOUR })),
    );
    const results = Promise.all(jobs.map(({ id }) => troupe.jobs.result(id)));
    const beganMs = troupe.clock.now();
    expect((await troupe.clock.runUntil(results)).at(-1)).toBe(78);
    expect(troupe.clock.now() - beganMs).toBe(39 * HOUR);
  });
});
