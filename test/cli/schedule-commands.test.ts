/** The commands of `troupe schedule` against a real gateway in front of a host made of functions: what is sent, and what is printed. */
import { describe, expect, it } from 'vitest';
import { spanMs, timeMs } from '../../src/cli/schedules/words.ts';
import type { ScheduleDetails, ScheduleView } from '../../src/ecosystem/event-management/protocol.ts';
import type { GatewaySchedules } from '../../src/ecosystem/gateway/protocol.ts';
import { TroupeError } from '../../src/errors.ts';
import { fakeSchedules, gatewayFor } from '../ecosystem/gateway/gateway-harness.ts';
import { inProcess } from './in-process.ts';
import { errorOf } from './troupe-process.ts';

async function host(parts: Partial<GatewaySchedules>) {
  const { url } = await gatewayFor({ schedules: fakeSchedules(parts) });
  return (args: readonly string[]) => inProcess(['schedule', ...args, '--host', url]);
}

const HOUR_MS = 3_600_000;
const FAR_MS = Date.UTC(2999, 0, 1);

const VIEW: ScheduleView = {
  name: 'nightly',
  function: 'report',
  cron: '0 3 * * *',
  timeZone: 'Europe/Zurich',
  missed: 'once',
  overlap: 'allow',
  isPaused: false,
  counts: { fired: 3, skipped: 1, missed: 0 },
};

const DETAILS: ScheduleDetails = {
  ...VIEW,
  nextAtMs: FAR_MS,
  last: { scheduledAtMs: 0, atMs: 1, outcome: 'fired', jobId: 'j1' },
  payload: { days: 1 },
  job: { maxAttempts: 5 },
  nextTimesMs: [FAR_MS, FAR_MS + HOUR_MS],
};

describe('troupe schedule add', () => {
  it('sends what was said, and prints the next times', async () => {
    const seen: unknown[] = [];
    const run = await host({
      async set(name, options) {
        seen.push([name, options]);
        return { name, isNew: seen.length === 1, isChanged: seen.length < 3, nextAtMs: FAR_MS };
      },
      get: async () => DETAILS,
    });
    const cron = ['add', 'nightly', 'report', '--cron', '0 3 * * *', '--time-zone', 'UTC', '-d', '{"days":1}'];
    const { code, stdout } = await run([
      ...cron,
      '--missed',
      'skip',
      '--overlap',
      'queue',
      '--job',
      '{"maxAttempts":5}',
    ]);
    expect(code).toBe(0);
    const [first, second, third] = stdout.split('\n');
    expect(first).toBe('nightly is added');
    expect(second).toMatch(/^ {2}2999-01-01T00:00:00.000Z {2}in \d+ d/);
    expect(third).toMatch(/^ {2}2999-01-01T01:00:00.000Z/);
    const job = { maxAttempts: 5 };
    const options = { function: 'report', cron: '0 3 * * *', timeZone: 'UTC', payload: { days: 1 } };
    expect(seen).toEqual([['nightly', { ...options, missed: 'skip', overlap: 'queue', job }]]);
    expect((await run(['add', 'nightly', 'report', '--every', '1h30m'])).stdout).toContain('nightly is changed');
    expect(seen[1]).toEqual(['nightly', { function: 'report', everyMs: 5_400_000 }]);
    expect((await run(['add', 'nightly', 'report', '--at', '2030-01-31T18:00Z'])).stdout).toContain('nothing changed');
    expect(seen[2]).toEqual(['nightly', { function: 'report', at: Date.UTC(2030, 0, 31, 18) }]);
    expect(JSON.parse((await run(['add', 'nightly', 'report', '--every', '5m', '--json'])).stdout)).toEqual({
      name: 'nightly',
      isNew: false,
      isChanged: false,
      nextAtMs: FAR_MS,
    });
  });

  it('says what is wrong, and exits 2', async () => {
    const set = () => Promise.reject(new TroupeError('INVALID_ARGUMENT', 'cron: field 3: 32 is not a day.'));
    const run = await host({ set });
    const refused = await run(['add', 'nightly', 'report', '--cron', '0 0 32 * *']);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('field 3: 32 is not a day');
    expect((await run(['add', 'nightly', 'report', '--every', '5m', '--job', '{'])).stderr).toContain(
      '--job is not JSON',
    );
  });
});

describe('troupe schedule ls', () => {
  it('lists schedules, with when each fires next in words', async () => {
    const queries: unknown[] = [];
    const nextAtMs = Date.now() + 2 * HOUR_MS + 500;
    const run = await host({
      async list(query) {
        queries.push(query);
        const { cron: _, timeZone: _zone, ...rest } = VIEW;
        return [
          { ...VIEW, nextAtMs },
          { ...rest, name: 'beat', everyMs: 300_000, isPaused: true },
          { ...rest, name: 'once', atMs: 0 },
        ];
      },
    });
    expect((await run(['ls', '--function', 'report', '--limit', '3'])).stdout.split('\n')).toEqual([
      'NAME     FUNCTION  WHEN                            NEXT         LAST  FIRED',
      'nightly  report    0 3 * * * Europe/Zurich         in 2 h       -     3',
      'beat     report    every 5 min                     paused       -     3',
      'once     report    once, 1970-01-01T00:00:00.000Z  never again  -     3',
      '',
    ]);
    expect(queries).toEqual([{ function: 'report', limit: 3 }]);
    expect(JSON.parse((await run(['ls', '--json'])).stdout)).toHaveLength(3);
    const none = await host({ list: async () => [] });
    expect(await none(['ls'])).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('schedule add') });
  });
});

describe('troupe schedule show', () => {
  it('shows the next times, and what came of the last one', async () => {
    const run = await host({ get: async () => DETAILS });
    const { stdout } = await run(['show', 'nightly']);
    expect(stdout.replaceAll(/in .*/g, 'in some time').split('\n')).toEqual([
      'nightly calls report',
      '  when     0 3 * * * Europe/Zurich',
      '  next     2999-01-01T00:00:00.000Z  in some time',
      '           2999-01-01T01:00:00.000Z  in some time',
      '  last     1970-01-01T00:00:00.000Z fired as job j1',
      '  so far   3 fired, 1 skipped, 0 missed',
      '  missed   one job for the latest time',
      '  overlap  allow',
      '  job      {"maxAttempts":5}',
      '  payload  {"days":1}',
      '',
    ]);
    expect(JSON.parse((await run(['show', 'nightly', '--json'])).stdout)).toEqual(DETAILS);
  });

  it('of one that is not there exits 5', async () => {
    const run = await host({ get: () => Promise.reject(new TroupeError('SCHEDULE_NOT_FOUND', 'There is none.')) });
    expect(errorOf(await run(['show', 'nope', '--json']))).toMatchObject({ code: 'SCHEDULE_NOT_FOUND' });
    expect(await run(['show', 'nope'])).toMatchObject({ code: 5 });
  });
});

describe('troupe schedule pause, resume, rm and backfill', () => {
  it('do that, and say so', async () => {
    const done: unknown[] = [];
    const act = (what: string, isPaused: boolean) => async (name: string) => {
      done.push([what, name]);
      return { ...VIEW, isPaused };
    };
    const run = await host({
      pause: act('pause', true),
      resume: act('resume', false),
      remove: async (name) => void done.push(['remove', name]),
      async backfill(name, range) {
        done.push(['backfill', name, range]);
        return { times: 31, enqueued: 30, existing: 1 };
      },
    });
    expect((await run(['pause', 'nightly'])).stdout).toBe('nightly is paused\n');
    expect((await run(['resume', 'nightly'])).stdout).toBe('nightly goes on; next: never again\n');
    expect((await run(['rm', 'nightly'])).stdout).toBe('nightly is removed; jobs that it has enqueued go on\n');
    const range = ['--from', '2026-01-01T00:00Z', '--to', '2026-02-01T00:00Z'];
    expect((await run(['backfill', 'nightly', ...range])).stdout).toBe(
      '30 jobs are enqueued; 1 of its 31 times had one already\n',
    );
    expect(JSON.parse((await run(['backfill', 'nightly', ...range, '--json'])).stdout)).toMatchObject({ times: 31 });
    const ms = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 1, 1) };
    expect(done.slice(0, 4)).toEqual([
      ['pause', 'nightly'],
      ['resume', 'nightly'],
      ['remove', 'nightly'],
      ['backfill', 'nightly', ms],
    ]);
  });
});

describe('lengths of time and times', () => {
  it('are read as people write them', () => {
    expect(['250ms', '90s', '5m', '1h30m', '7d'].map(spanMs)).toEqual([250, 90_000, 300_000, 5_400_000, 604_800_000]);
    for (const wrong of ['', '5', '5 m', 'm', '5m!', '-5m']) expect(() => spanMs(wrong)).toThrow('length of time');
    expect(timeMs('2030-01-31T18:00:00Z')).toBe(Date.UTC(2030, 0, 31, 18));
    expect(timeMs('2030-01-31')).toBe(new Date(2030, 0, 31).getTime());
    for (const wrong of ['', 'tomorrow', '2030', '2030-13-01']) expect(() => timeMs(wrong)).toThrow('must be a time');
  });
});
