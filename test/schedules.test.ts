import { describe, expect, it } from 'vitest';
import type { JobChange, ScheduleEvent, Troupe } from '../src/index.ts';
import { realHost } from './support/real-host.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const CODE = 'export default async (event, context) => ({ ...event, key: context.idempotencyKey });';

async function withFunction(dataDir?: string): Promise<Troupe> {
  const troupe = await realHost(dataDir);
  await troupe.deploy({ name: 'work', source: { code: CODE, language: 'js' } });
  return troupe;
}

/** Resolves with the jobs that have succeeded, once there are so many. */
function succeeded(troupe: Troupe, count: number): Promise<readonly JobChange[]> {
  return new Promise((resolve) => {
    const changes: JobChange[] = [];
    const stop = troupe.jobs.watch((change) => {
      if (change.status !== 'succeeded') return;
      changes.push(change);
      if (changes.length < count) return;
      stop();
      resolve(changes);
    });
  });
}

describe('schedules of a host', () => {
  it('call a real function at their times, and never early', async () => {
    const troupe = await withFunction();
    const two = succeeded(troupe, 2);
    const { nextAtMs = 0 } = await troupe.schedules.set('beat', { function: 'work', everyMs: 100, payload: { a: 1 } });
    const [first] = await two;
    const result = await troupe.jobs.result<ScheduleEvent<{ a: number }> & { key: string }>(first?.id ?? '');
    const scheduledAt = new Date(nextAtMs).toISOString();
    const expected = { schedule: 'beat', scheduledAtMs: nextAtMs, scheduledAt, payload: { a: 1 } };
    expect(result).toEqual({ ...expected, key: `beat@${scheduledAt}` });
    const job = await troupe.job(first?.id ?? '');
    expect(job.enqueuedAtMs).toBeGreaterThanOrEqual(nextAtMs);
    const { counts, last } = await troupe.schedules.get('beat');
    expect(counts.fired).toBeGreaterThanOrEqual(1);
    expect(last?.outcome).toBe('fired');
  });

  it('are there after a restart, with what they have missed', async () => {
    const dataDir = await temporaryDirectory();
    const before = await withFunction(dataDir);
    await before.schedules.set('nightly', {
      function: 'work',
      cron: '0 3 * * *',
      timeZone: 'Europe/Zurich',
      payload: 5,
    });
    await before.schedules.set('soon', { function: 'work', at: Date.now() + 60_000 });
    await before.schedules.pause('nightly');
    const view = await before.schedules.get('nightly');
    await before.close();
    const after = await realHost(dataDir);
    expect(await after.schedules.get('nightly')).toEqual(view);
    expect(view).toMatchObject({ isPaused: true, payload: 5, timeZone: 'Europe/Zurich', nextTimesMs: [] });
    const resumed = await after.schedules.resume('nightly');
    expect(resumed.nextAtMs).toBe((await after.schedules.next('nightly', 1))[0]?.getTime());
    expect((await after.schedules.list()).map(({ name }) => name)).toEqual(['nightly', 'soon']);
    await after.schedules.remove('nightly');
    await expect(after.schedules.get('nightly')).rejects.toMatchObject({ code: 'SCHEDULE_NOT_FOUND' });
  });

  it('run workflows too, once for each time', async () => {
    const troupe = await withFunction();
    const code = 'output: A\ntasks:\n  A:\n    run: work\n    inputs: { at: "{ param(\'scheduledAtMs\') }" }\n';
    await troupe.workflows.deploy({ name: 'flow', source: { code, language: 'yaml' } });
    const to = Date.now();
    await troupe.schedules.set('flows', { function: 'flow', cron: '*/10 * * * * *' });
    const done = succeeded(troupe, 3);
    const range = { from: to - 30_000, to };
    const { times, enqueued } = await troupe.schedules.backfill('flows', range);
    expect({ times, enqueued }).toEqual({ times: expect.any(Number), enqueued: times });
    const [first] = await done;
    expect(await troupe.jobs.result(first?.id ?? '')).toMatchObject({ at: expect.any(Number) });
    expect(await troupe.schedules.backfill('flows', range)).toEqual({ times, enqueued: 0, existing: times });
  });

  it('refuse what is wrong, and leave nothing behind', async () => {
    const troupe = await withFunction();
    const { schedules } = troupe;
    const everyMs = 1_000;
    await expect(schedules.set('x', { function: 'nope', everyMs })).rejects.toMatchObject({
      code: 'FUNCTION_NOT_FOUND',
    });
    await expect(schedules.set('x', { function: 'work', cron: 'a * * * *' })).rejects.toThrow(
      'cron: field 1: a is not a minute (0 to 59)',
    );
    await expect(schedules.set('x', undefined as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const payload = new Uint8Array(troupe.payloadLimitBytes - 20);
    await expect(schedules.set('x', { function: 'work', everyMs, payload })).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
    await expect(schedules.next('x', 1_000)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(schedules.list({ limit: 0 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await schedules.list()).toEqual([]);
    await troupe.close();
    await expect(schedules.set('x', { function: 'work', everyMs })).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
