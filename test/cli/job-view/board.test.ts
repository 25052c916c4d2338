import fc from 'fast-check';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { type Board, boardLines } from '../../../src/cli/job-view/board.ts';
import { changeLine } from '../../../src/cli/job-view/change-line.ts';
import { jobLines } from '../../../src/cli/job-view/job-lines.ts';
import { jobTable, type ListedJob } from '../../../src/cli/job-view/job-table.ts';
import { progressText } from '../../../src/cli/job-view/progress.ts';
import { RateMeter } from '../../../src/cli/job-view/rates.ts';
import type { QueueView } from '../../../src/ecosystem/event-management/protocol.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const colors = pc.createColors(false);
const NO_RATES = { succeeded: 0, failed: 0, cancelled: 0 };

function queue(name: string, counts: Partial<QueueView['counts']> = {}, more: Partial<QueueView> = {}): QueueView {
  const none = { waiting: 0, delayed: 0, running: 0, retrying: 0, succeeded: 0, failed: 0, cancelled: 0 };
  return { function: name, isPaused: false, counts: { ...none, ...counts }, ended: NO_RATES, ...more };
}

function job(id: string, more: Partial<ListedJob> = {}): ListedJob {
  return {
    id,
    function: 'send-mail',
    status: 'waiting',
    priority: 'normal',
    enqueuedAtMs: NOW_MS - 60_000,
    attempts: 0,
    maxAttempts: 3,
    errors: [],
    ...more,
  };
}

const failure = (message: string, attempt = 3) => ({
  attempt,
  atMs: NOW_MS - 5_000,
  error: {
    name: 'TroupeError',
    code: 'FUNCTION_ERROR',
    message,
    cause: {
      name: 'Error',
      message,
      stack: `Error: ${message}\n    at send (/app/mail.ts:3:9)\n    at run (/app/mail.ts:9:1)`,
    },
  },
});

const frame = (board: Partial<Board>, columns = 120) =>
  boardLines(
    { queues: [], ratesOf: () => NO_RATES, running: [], failed: [], ...board },
    { columns, colors, nowMs: NOW_MS },
  );

describe('The live view', () => {
  it('shows each function with its counts, rates and a bar, then what runs and what failed last', () => {
    const lines = frame({
      queues: [
        queue('send-mail', { waiting: 50, delayed: 10, running: 2, retrying: 8, succeeded: 120, failed: 10 }),
        queue('resize', { waiting: 5 }, { isPaused: true }),
      ],
      ratesOf: (name) => (name === 'send-mail' ? { succeeded: 12.34, failed: 0.25, cancelled: 0 } : NO_RATES),
      running: [
        job('j7', { status: 'running', attempts: 1, startedAtMs: NOW_MS - 3_000, progress: { done: 3, total: 4 } }),
        job('j6', { status: 'running', attempts: 2, startedAtMs: NOW_MS - 90_000, progress: 'unpacking' }),
      ],
      failed: [
        job('j1', { status: 'failed', attempts: 3, endedAtMs: NOW_MS - 5_000, errors: [failure('mailbox full')] }),
      ],
    });
    expect(lines).toEqual([
      'FUNCTION   WAITING  DELAYED  RUNNING  RETRYING  SUCCEEDED  FAILED',
      'resize     5        0        0        0         0          0         ░░░░░░░░░░░░░░░░░░░░  paused',
      'send-mail  50       10       2        8         120 12/s   10 0.3/s  ███████████▓▒░░░░░░x',
      '',
      'running',
      '  j7  send-mail  3.00 s      ███████████████░░░░░ 3/4',
      '  j6  send-mail  1 min 30 s  attempt 2  unpacking',
      '',
      'failed last',
      '  j1  send-mail  5.00 s ago  Error: mailbox full',
    ]);
  });

  it('says so where there is nothing', () => {
    expect(frame({})).toEqual(['No function has had a job yet.']);
  });

  it('has no line that is wider than the terminal, and none that steers it', () => {
    const counts = fc.record({
      waiting: fc.nat(),
      delayed: fc.nat(),
      running: fc.nat(),
      retrying: fc.nat(),
      succeeded: fc.nat(),
      failed: fc.nat(),
      cancelled: fc.nat(),
    });
    fc.assert(
      fc.property(
        counts,
        fc.string(),
        fc.integer({ min: 10, max: 200 }),
        fc.anything(),
        (each, text, columns, progress) => {
          const lines = frame(
            {
              queues: [queue(text, each)],
              running: [job(text, { status: 'running', attempts: 2, ...(progress !== undefined && { progress }) })],
              failed: [job('j', { function: text, errors: [failure(text)] })],
            },
            columns,
          );
          for (const line of lines) {
            expect([...line].length).toBeLessThanOrEqual(columns);
            expect(line).not.toMatch(/\p{Cc}/u);
          }
        },
      ),
    );
  });

  it('has a bar of one width, in which nothing that is there is left out', () => {
    for (const succeeded of [0, 1, 1_000_000]) {
      for (const failed of [1, 7]) {
        const [, line = ''] = frame({
          queues: [queue('a', { waiting: 1, running: 1, retrying: 1, succeeded, failed })],
        });
        const bar = line.split(/ {2,}/).at(-1) ?? '';
        expect(bar.length).toBe(20);
        for (const mark of ['▓', '▒', '░', 'x', ...(succeeded ? ['█'] : [])]) expect(bar).toContain(mark);
      }
    }
  });
});

describe('Rates', () => {
  const ended = (succeeded: number, failed = 0) => [queue('a', {}, { ended: { succeeded, failed, cancelled: 0 } })];

  it('are those of the last seconds', () => {
    const rates = new RateMeter();
    rates.look(ended(100), 0);
    expect(rates.of('a')).toEqual(NO_RATES);
    rates.look(ended(110, 1), 1_000);
    expect(rates.of('a')).toEqual({ succeeded: 10, failed: 1, cancelled: 0 });
    for (let second = 2; second <= 20; second++) rates.look(ended(110, 1), second * 1_000);
    expect(rates.of('a')).toEqual(NO_RATES);
    expect(rates.of('nobody')).toEqual(NO_RATES);
  });

  it('begin anew with a host that counts from 0', () => {
    const rates = new RateMeter();
    rates.look(ended(1_000), 0);
    rates.look(ended(5), 1_000);
    rates.look(ended(25), 2_000);
    expect(rates.of('a').succeeded).toBe(20);
  });
});

describe('Progress', () => {
  it.each([
    [0, '░░░░ 0 %'],
    [0.5, '██░░ 50 %'],
    [1, '████ 100 %'],
    [{ done: 1, total: 4 }, '█░░░ 1/4'],
    [{ done: 9, total: 4 }, '████ 9/4'],
    [2, '2'],
    [{ done: 1, total: 0 }, '{"done"…'],
    ['half\nway', 'half way'],
    [null, 'null'],
    [{ page: 1, of: 'many more' }, '{"page"…'],
  ])('%j is %s', (progress, text) => expect(progressText(progress, 4)).toBe(text));
});

describe('A list of jobs', () => {
  it('says how each stands, when it goes on, and what went wrong in short', () => {
    const lines = jobTable(
      [
        job('j5'),
        job('j4', { status: 'running', attempts: 1, startedAtMs: NOW_MS - 1_500 }),
        job('j3', { status: 'retrying', attempts: 1, dueAtMs: NOW_MS + 4_000, errors: [failure('busy\nnow', 1)] }),
        job('j2', { status: 'succeeded', attempts: 2, startedAtMs: 0, endedAtMs: 120, errors: [failure('busy', 1)] }),
        job('j1', { status: 'failed', attempts: 3, errors: [failure('x'.repeat(100))] }),
      ],
      { colors, nowMs: NOW_MS },
    );
    expect(lines).toEqual([
      'JOB  FUNCTION   STATUS     ATTEMPTS  AGE    TIME        ERROR',
      'j5   send-mail  waiting    0/3       1 min  -',
      'j4   send-mail  running    1/3       1 min  for 1.50 s',
      'j3   send-mail  retrying   1/3       1 min  in 4.00 s   Error: busy now',
      'j2   send-mail  succeeded  2/3       1 min  ran 120 ms',
      `j1   send-mail  failed     3/3       1 min  -           Error: ${'x'.repeat(52)}…`,
    ]);
  });
});

describe('A job', () => {
  it('is shown with all that is known of it, each attempt with its stack', () => {
    const lines = jobLines(
      {
        ...job('j1', {
          status: 'failed',
          priority: 'high',
          attempts: 2,
          startedAtMs: NOW_MS - 6_000,
          endedAtMs: NOW_MS,
        }),
        payload: { to: 'ada' },
        orderingKey: 'ada',
        errors: [failure('busy', 1), failure('still busy', 2)],
      },
      { colors, nowMs: NOW_MS },
    );
    expect(lines).toEqual([
      'job         j1  send-mail',
      'status      failed, attempt 2 of 3, priority high',
      'enqueued    2025-12-31T23:59:00.000Z, 1 min ago',
      'started     2025-12-31T23:59:54.000Z, 6.00 s ago',
      'ended       2026-01-01T00:00:00.000Z, 0 ms ago',
      'order       ada',
      'payload     {"to":"ada"}',
      '',
      'attempt 1   2025-12-31T23:59:55.000Z  Error: busy',
      '            at send (/app/mail.ts:3:9)',
      '            at run (/app/mail.ts:9:1)',
      '',
      'attempt 2   2025-12-31T23:59:55.000Z  Error: still busy',
      '            at send (/app/mail.ts:3:9)',
      '            at run (/app/mail.ts:9:1)',
    ]);
  });
});

describe('A change', () => {
  it('is a line', () => {
    const change = { id: 'j1', function: 'work', attempts: 2 } as const;
    expect(changeLine({ ...change, status: 'running', progress: 0.5 }, NOW_MS, colors)).toBe(
      '00:00:00.000 work j1 running attempt 2 █████░░░░░ 50 %',
    );
    expect(changeLine({ ...change, status: 'retrying', error: failure('no').error }, NOW_MS, colors)).toBe(
      '00:00:00.000 work j1 retrying attempt 2 Error: no',
    );
    expect(changeLine({ type: 'lagging', dropped: 5 }, NOW_MS, colors)).toBe(
      '00:00:00.000 ... 5 changes left out: they came faster than they were read',
    );
  });
});
