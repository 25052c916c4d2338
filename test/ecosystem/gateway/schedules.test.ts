/** The schedules of the host as resources. */
import { describe, expect, it } from 'vitest';
import type { ScheduleView } from '../../../src/ecosystem/event-management/protocol.ts';
import type { GatewaySchedules } from '../../../src/ecosystem/gateway/protocol.ts';
import { TroupeError } from '../../../src/errors.ts';
import { ask, errorOf, fakeSchedules, gatewayFor } from './gateway-harness.ts';

const serving = (parts: Partial<GatewaySchedules>) => gatewayFor({ schedules: fakeSchedules(parts) });

const VIEW: ScheduleView = {
  name: 'nightly',
  function: 'report',
  cron: '0 3 * * *',
  timeZone: 'UTC',
  missed: 'once',
  overlap: 'allow',
  isPaused: false,
  nextAtMs: 5,
  counts: { fired: 1, skipped: 0, missed: 0 },
};

const put = (body: unknown) => ({ method: 'PUT', body: JSON.stringify(body) });
const post = (body?: unknown) => ({ method: 'POST', ...(body !== undefined && { body: JSON.stringify(body) }) });

describe('PUT /schedules/:name', () => {
  it('sets a schedule: 201 where it is new, 200 where it was there', async () => {
    const seen: unknown[] = [];
    const gateway = await serving({
      async set(name, options) {
        seen.push([name, options]);
        return { name, isNew: seen.length === 1, isChanged: true, nextAtMs: 5 };
      },
    });
    const options = { function: 'report', cron: '0 3 * * *', timeZone: 'UTC', payload: { a: 1 } };
    const first = await ask(gateway, '/schedules/nightly', put(options));
    expect(first.status).toBe(201);
    expect(first.json).toEqual({ name: 'nightly', isNew: true, isChanged: true, nextAtMs: 5 });
    expect((await ask(gateway, '/schedules/nightly', put(options))).status).toBe(200);
    expect(seen[0]).toEqual(['nightly', options]);
  });

  it('takes times as numbers, and as ISO 8601 writes them', async () => {
    const seen: unknown[] = [];
    const gateway = await serving({
      async set(name, options) {
        seen.push(options);
        return { name, isNew: true, isChanged: true };
      },
    });
    const body = { function: 'f', at: '2030-01-31T18:00:00Z', startAt: 5, job: { deadline: '2030-02-01T00:00:00Z' } };
    await ask(gateway, '/schedules/once', put(body));
    const at = Date.UTC(2030, 0, 31, 18);
    expect(seen).toEqual([{ function: 'f', at, startAt: 5, job: { deadline: Date.UTC(2030, 1, 1) } }]);
    const refused = await ask(gateway, '/schedules/once', put({ function: 'f', at: 'tomorrow' }));
    expect(refused.status).toBe(400);
    expect(errorOf(refused).message).toContain('at must be a time');
    expect((await ask(gateway, '/schedules/once', put([]))).status).toBe(400);
  });

  it('answers with every fault that the host finds', async () => {
    const faults = ['cron: field 3: 32 is not a day'];
    const gateway = await serving({
      set: () => Promise.reject(new TroupeError('INVALID_ARGUMENT', faults.join(), { details: { faults } })),
    });
    const answer = await ask(gateway, '/schedules/nightly', put({ function: 'report', cron: '0 0 32 * *' }));
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toMatchObject({ code: 'INVALID_ARGUMENT', details: { faults } });
  });
});

describe('schedules that are there', () => {
  it('are listed, by function and page by page', async () => {
    const queries: unknown[] = [];
    const gateway = await serving({
      async list(query) {
        queries.push(query);
        return [VIEW];
      },
    });
    expect((await ask(gateway, '/schedules')).json).toEqual([VIEW]);
    await ask(gateway, '/schedules?function=report&after=a&limit=5');
    expect(queries).toEqual([{}, { function: 'report', after: 'a', limit: 5 }]);
    expect((await ask(gateway, '/schedules?limit=x')).status).toBe(400);
  });

  it('are shown, paused, resumed and removed', async () => {
    const done: string[] = [];
    const act = (what: string) => async (name: string) => {
      done.push(`${what} ${name}`);
      return VIEW;
    };
    const gateway = await serving({
      get: async () => ({ ...VIEW, payload: { a: 1 }, nextTimesMs: [5] }),
      pause: act('pause'),
      resume: act('resume'),
      remove: async (name) => void done.push(`remove ${name}`),
    });
    expect((await ask(gateway, '/schedules/nightly')).json).toEqual({ ...VIEW, payload: { a: 1 }, nextTimesMs: [5] });
    expect((await ask(gateway, '/schedules/nightly/pause', post())).json).toEqual(VIEW);
    expect((await ask(gateway, '/schedules/nightly/resume', post())).json).toEqual(VIEW);
    expect((await ask(gateway, '/schedules/nightly', { method: 'DELETE' })).json).toEqual({ name: 'nightly' });
    expect(done).toEqual(['pause nightly', 'resume nightly', 'remove nightly']);
  });

  it('are backfilled over a range of times', async () => {
    const seen: unknown[] = [];
    const gateway = await serving({
      async backfill(name, range) {
        seen.push([name, range]);
        return { times: 3, enqueued: 2, existing: 1 };
      },
    });
    const answer = await ask(gateway, '/schedules/nightly/backfill', post({ from: '2026-01-01T00:00:00Z', to: 7 }));
    expect(answer.json).toEqual({ times: 3, enqueued: 2, existing: 1 });
    expect(seen).toEqual([['nightly', { from: Date.UTC(2026, 0, 1), to: 7 }]]);
  });

  it('are told from those that are not', async () => {
    const get = () => Promise.reject(new TroupeError('SCHEDULE_NOT_FOUND', 'There is no schedule "nightly".'));
    const answer = await ask(await serving({ get }), '/schedules/nightly');
    expect(answer.status).toBe(404);
    expect(errorOf(answer).code).toBe('SCHEDULE_NOT_FOUND');
  });
});
