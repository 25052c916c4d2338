/** The commands of `troupe job`, `dlq` and `queue` against a real gateway in front of a host made of functions: what is sent, and what is printed. */
import { describe, expect, it } from 'vitest';
import type { JobView, QueueView } from '../../src/ecosystem/event-management/protocol.ts';
import type { GatewayJobs } from '../../src/ecosystem/gateway/protocol.ts';
import { TroupeError } from '../../src/errors.ts';
import { fakeJobs, gatewayFor } from '../ecosystem/gateway/gateway-harness.ts';
import { type InProcessOptions, inProcess } from './in-process.ts';
import { errorOf } from './troupe-process.ts';

const QUEUE: QueueView = {
  function: 'work',
  isPaused: true,
  counts: { waiting: 5, delayed: 0, running: 1, retrying: 0, succeeded: 7, failed: 2, cancelled: 0 },
  ended: { succeeded: 7, failed: 2, cancelled: 0 },
};
const JOB: JobView = {
  id: 'j1',
  function: 'work',
  status: 'failed',
  priority: 'normal',
  enqueuedAtMs: 0,
  attempts: 3,
  maxAttempts: 3,
  payload: { a: 1 },
  errors: [
    { attempt: 3, atMs: 5, error: { name: 'Error', message: 'no', stack: 'Error: no\n    at work (/w.ts:1:1)' } },
  ],
};

async function host(parts: Partial<GatewayJobs> = {}) {
  const queue = async (name: string) => {
    if (name === 'work') return QUEUE;
    throw new TroupeError('FUNCTION_NOT_FOUND', 'none');
  };
  const { url } = await gatewayFor({ jobs: fakeJobs({ queue, queues: async () => [QUEUE], ...parts }) });
  return (args: string, options?: InProcessOptions) => inProcess([...args.split(' '), '--host', url], options);
}

describe('troupe job ls', () => {
  it('lists jobs as its options say', async () => {
    const seen: unknown[] = [];
    const run = await host({
      async list(query) {
        seen.push(query);
        return [JOB];
      },
    });
    const { code, stdout, stderr } = await run('job ls --function work --status failed --limit 5');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^JOB +FUNCTION +STATUS +ATTEMPTS +AGE +TIME +ERROR\nj1 +work +failed +3\/3 .* Error: no\n$/,
    );
    expect(seen).toEqual([{ function: 'work', status: 'failed', limit: 5, isBrief: true }]);
    expect(JSON.parse((await run('job ls --json')).stdout)).toEqual([expect.objectContaining({ id: 'j1' })]);
  });

  it('tells no jobs from no such function', async () => {
    const run = await host({ list: async () => [] });
    expect(await run('job ls --function work')).toMatchObject({ code: 0, stderr: 'There is no job of work.\n' });
    expect(await run('job ls --function wrok')).toMatchObject({ code: 5 });
    expect(await run('dlq ls --function wrok')).toMatchObject({ code: 5 });
    expect(await run('dlq ls')).toMatchObject({ code: 0, stderr: 'There is no dead letter.\n' });
  });
});

describe('troupe job show', () => {
  it('shows everything, and exits 5 with what to do for an id that nobody has', async () => {
    const run = await host({
      get: async (id) => {
        if (id === 'j1') return JOB;
        throw new TroupeError('JOB_NOT_FOUND', `There is no job "${id}". List what is there with \`troupe job ls\`.`);
      },
    });
    expect((await run('job show j1')).stdout).toContain('            at work (/w.ts:1:1)\n');
    expect(JSON.parse((await run('dlq show j1 --json')).stdout)).toMatchObject({ id: 'j1', payload: { a: 1 } });
    const missing = await run('job show j2');
    expect(missing).toMatchObject({ code: 5, stdout: '' });
    expect(missing.stderr).toContain('troupe job ls');
  });
});

describe('troupe job enqueue', () => {
  it('sends payload and options, and prints the id alone', async () => {
    const seen: unknown[] = [];
    const run = await host({
      async enqueue(...given) {
        seen.push(given);
        return { id: 'j1', isNew: seen.length === 1 };
      },
      result: async () => ({ done: true }),
    });
    const first = await run(
      'job enqueue work -d {"a":1} --delay 5 --priority high --ordering-key o --idempotency-key k --max-attempts 2 --timeout 9',
    );
    expect(first).toMatchObject({ code: 0, stdout: 'j1\n' });
    expect(first.stderr).toBe('work is called by the job j1\n  wait for it   troupe job result j1\n');
    expect(seen).toEqual([
      [
        'work',
        { a: 1 },
        { idempotencyKey: 'k', timeoutMs: 9, delayMs: 5, maxAttempts: 2, priority: 'high', orderingKey: 'o' },
      ],
    ]);
    expect((await run('job enqueue work')).stderr).toContain('nothing new is');
    expect(JSON.parse((await run('job enqueue work --json')).stdout)).toEqual({ id: 'j1', isNew: false });
    expect((await run('job enqueue work --wait')).stdout).toBe('{"done":true}\n');
    expect(JSON.parse((await run('job result j1 --json')).stdout)).toEqual({
      result: { done: true },
      job: { id: 'j1' },
    });
  });

  it('exits as the job did', async () => {
    const failure = new TroupeError('FUNCTION_ERROR', 'boom', { cause: new Error('boom') });
    const run = await host({ result: () => Promise.reject(failure) });
    expect(await run('job result j1')).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('troupe job cancel and retry', () => {
  it('say what has become of the job', async () => {
    const run = await host({ cancel: async () => 'cancelled', retry: async () => 'waiting' });
    expect(await run('job cancel j1')).toMatchObject({ code: 0, stdout: 'j1 is cancelled\n' });
    expect(await run('job retry j1')).toMatchObject({ code: 0, stdout: 'j1 is waiting\n' });
  });
});

describe('troupe dlq', () => {
  function dead() {
    const seen: unknown[] = [];
    return {
      seen,
      parts: {
        retry: async (id: string) => {
          seen.push(`retry ${id}`);
          if (id === 'j9') throw new TroupeError('JOB_NOT_FOUND', 'none');
          return 'waiting' as const;
        },
        retryDead: async (query: object) => {
          seen.push(['retry', query]);
          return 2;
        },
        purgeDead: async (query: object) => {
          seen.push(['purge', query]);
          return 1;
        },
      },
    };
  }

  it('retries those that are named, or all of a function', async () => {
    const { seen, parts } = dead();
    const run = await host(parts);
    expect(await run('dlq retry j1 j2')).toMatchObject({ code: 0, stdout: 'j1 is waiting\nj2 is waiting\n' });
    expect(await run('dlq retry --all --function work')).toMatchObject({
      code: 0,
      stdout: '2 dead letters begin anew\n',
    });
    expect(await run('dlq retry j9')).toMatchObject({ code: 5 });
    expect(seen).toEqual(['retry j1', 'retry j2', ['retry', { function: 'work' }], 'retry j9']);
  });

  it('purges when told twice, and only then', async () => {
    const { seen, parts } = dead();
    const run = await host(parts);
    const unsure = await run('dlq purge --function work');
    expect(unsure.code).toBe(2);
    expect(unsure.stderr).toContain('Forget 2 dead letters of work? They cannot be brought back. Say so with --yes');
    expect(seen).toEqual([]);
    expect(await run('dlq purge --function work --yes')).toMatchObject({
      code: 0,
      stdout: '1 dead letter is forgotten\n',
    });
    expect(JSON.parse((await run('dlq purge --json')).stdout)).toEqual({ purged: 1 });
    expect(seen).toEqual([
      ['purge', { function: 'work' }],
      ['purge', {}],
    ]);
  });

  it('refuses what could mean two things', async () => {
    const { seen, parts } = dead();
    const run = await host(parts);
    for (const args of ['dlq retry', 'dlq retry j1 --all', 'dlq retry j1 --function work']) {
      expect([args, (await run(args)).code]).toEqual([args, 2]);
    }
    expect(seen).toEqual([]);
  });
});

describe('troupe queue', () => {
  it('lists, pauses and resumes', async () => {
    const done: string[] = [];
    const run = await host({
      pause: async (name) => void done.push(`pause ${name}`),
      resume: async (name) => void done.push(`resume ${name}`),
    });
    expect((await run('queue ls')).stdout.split('\n')).toEqual([
      'FUNCTION  WAITING  DELAYED  RUNNING  RETRYING  SUCCEEDED  FAILED  CANCELLED',
      'work      5        0        1        0         7          2       0          paused',
      '',
    ]);
    expect(await run('queue pause work')).toMatchObject({ code: 0, stdout: 'no more jobs of work begin\n' });
    expect(JSON.parse((await run('queue resume work --json')).stdout)).toEqual({ function: 'work', isPaused: false });
    expect(done).toEqual(['pause work', 'resume work']);
    expect(await run('queue pause Wrong_Name')).toMatchObject({ code: 2 });
  });
});

describe('troupe job ls --watch', () => {
  it('takes no options of a list, and refuses a function that nobody has', async () => {
    const run = await host();
    expect(await run('job ls --watch --limit 5')).toMatchObject({ code: 2 });
    const asJson = errorOf(await run('job ls --watch --status failed --json'));
    expect(asJson.message).toContain('--status is for a list');
    expect(await run('job ls --watch --function wrok')).toMatchObject({ code: 5 });
  });

  it('draws how things stand over what it has drawn, until the host goes', async () => {
    let looks = 0;
    const run = await host({
      queues: async () => {
        if (++looks > 3) throw new TroupeError('SHUTTING_DOWN', 'The host closes.');
        return [QUEUE];
      },
      list: async ({ status }) => (status === 'failed' ? [JOB] : []),
    });
    const { code, stdout } = await run('job ls --watch', { isInteractive: true });
    expect(code).toBe(8);
    const frames = stdout.split('\r').slice(1);
    expect(frames.length).toBe(3);
    expect(frames[0]).toContain('work      5        0        1');
    expect(frames[0]).toContain('failed last');
    // Up by as many lines as the frame before had.
    expect(frames[1]).toContain(`\u001B[${(frames[0] ?? '').split('\n').length - 1}A`);
  });
});
