import { describe, expect, it } from 'vitest';
import type { JobChange, JobFilter, JobStatus, JobView } from '../../../src/ecosystem/event-management/protocol.ts';
import type { GatewayJobs } from '../../../src/ecosystem/gateway/protocol.ts';
import { TroupeError } from '../../../src/errors.ts';
import { until } from '../../support/until.ts';
import { ask, errorOf, fakeJobs, gatewayFor, open, readWhole, responseTo } from './gateway-harness.ts';

/** One job, whose changes are told as a host tells them. */
class Following {
  readonly #watchers = new Map<(change: JobChange) => void, JobFilter>();
  status: JobStatus = 'waiting';
  looks = 0;

  get watchers(): number {
    return this.#watchers.size;
  }

  get filters(): JobFilter[] {
    return [...this.#watchers.values()];
  }

  readonly jobs: GatewayJobs = fakeJobs({
    watch: (listener, filter) => {
      this.#watchers.set(listener, filter);
      return () => void this.#watchers.delete(listener);
    },
    get: async (id) => {
      this.looks++;
      if (id !== 'a') throw new TroupeError('JOB_NOT_FOUND', 'none');
      return this.view;
    },
    queue: async (name) => {
      if (name !== 'work') throw new TroupeError('FUNCTION_NOT_FOUND', 'none');
      return {} as never;
    },
  });

  get view(): JobView {
    const base = {
      id: 'a',
      function: 'work',
      priority: 'normal',
      enqueuedAtMs: 0,
      maxAttempts: 3,
      payload: 1,
    } as const;
    return { ...base, status: this.status, attempts: 1, errors: [] };
  }

  change(status: JobStatus, more: Partial<JobChange> = {}): void {
    this.status = status;
    for (const watcher of this.#watchers.keys()) watcher({ id: 'a', function: 'work', status, attempts: 1, ...more });
  }
}

async function following(status: JobStatus = 'waiting') {
  const world = new Following();
  world.status = status;
  return { world, gateway: await gatewayFor({ jobs: world.jobs }) };
}

const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('GET /jobs/:id/events', () => {
  it('says how the job stands, then what happens, and ends with it', async () => {
    const { world, gateway } = await following();
    const response = await responseTo(open(gateway, '/jobs/a/events'));
    expect(response.headers['content-type']).toBe('application/x-ndjson');
    const whole = readWhole(response);
    world.change('running', { progress: { done: 1, total: 2 } });
    world.change('retrying', { error: new TroupeError('FUNCTION_ERROR', 'boom', { cause: new Error('boom') }) });
    world.change('succeeded');
    world.change('waiting');
    const base = { id: 'a', function: 'work', attempts: 1 };
    expect(linesOf((await whole).text)).toEqual([
      { ...base, status: 'waiting' },
      { ...base, status: 'running', progress: { done: 1, total: 2 } },
      {
        ...base,
        status: 'retrying',
        error: expect.objectContaining({ code: 'FUNCTION_ERROR', cause: expect.objectContaining({ message: 'boom' }) }),
      },
      { ...base, status: 'succeeded' },
    ]);
    expect(world.watchers).toBe(0);
  });

  it('of one that has ended is how it ended', async () => {
    const { gateway } = await following('cancelled');
    const { text } = await ask(gateway, '/jobs/a/events');
    expect(linesOf(text)).toMatchObject([{ id: 'a', status: 'cancelled' }]);
    const { text: events } = await ask(gateway, '/jobs/a/events', { headers: { accept: 'text/event-stream' } });
    expect(events).toMatch(/^data: \{"id":"a".*\}\n\nevent: end\ndata: null\n\n$/);
  });

  it('follows that job only, and no more once its reader has gone', async () => {
    const { world, gateway } = await following();
    const outgoing = open(gateway, '/jobs/a/events');
    const response = await responseTo(outgoing);
    response.on('error', () => {});
    expect(world.filters).toEqual([{ id: 'a' }]);
    outgoing.destroy();
    await until(() => world.watchers === 0);
  });

  it('tells a slow reader how many it has missed, and how the job stands then', async () => {
    const { world, gateway } = await following('running');
    const response = await responseTo(open(gateway, '/jobs/a/events'));
    response.pause();
    const progress = 'x'.repeat(4_096);
    for (let n = 0; n < 12_000; n++) {
      world.change('running', { progress: `${n} ${progress}` });
      if (n % 1_000 === 0) await new Promise(setImmediate);
    }
    world.change('failed');
    const lines = linesOf((await readWhole(response)).text);
    const gap = lines.findIndex(({ type }) => type === 'lagging');
    expect(lines[gap]).toEqual({ type: 'lagging', dropped: expect.any(Number) });
    expect(gap).toBeGreaterThan(0);
    expect(lines.at(-1)).toMatchObject({ status: 'failed' });
    const dropped = lines.reduce((sum, line) => sum + Number(line['dropped'] ?? 0), 0);
    expect(dropped).toBeGreaterThan(1_000);
    expect(world.looks).toBeLessThan(20);
  });

  it('is 404 where there is no such job, for HEAD too', async () => {
    const { world, gateway } = await following();
    const answer = await ask(gateway, '/jobs/nope/events');
    expect([answer.status, errorOf(answer).code]).toEqual([404, 'JOB_NOT_FOUND']);
    expect((await ask(gateway, '/jobs/nope/events', { method: 'HEAD' })).status).toBe(404);
    expect((await ask(gateway, '/jobs/a/events', { method: 'HEAD' })).status).toBe(200);
    expect(world.watchers).toBe(0);
  });

  it('says that the host closes: the job has not ended', async () => {
    const { world, gateway } = await following();
    const response = await responseTo(open(gateway, '/jobs/a/events'));
    const whole = readWhole(response);
    await gateway.close();
    const { text, trailers } = await whole;
    expect(trailers['x-troupe-error']).toBe('SHUTTING_DOWN');
    expect(linesOf(text).at(-1)).toEqual({ error: expect.objectContaining({ code: 'SHUTTING_DOWN' }) });
    expect(world.watchers).toBe(0);
  });
});

describe('GET /jobs/events', () => {
  it('begins before anything has happened, and tells the changes of all jobs', async () => {
    const { world, gateway } = await following();
    const outgoing = open(gateway, '/jobs/events?function=work');
    const response = await responseTo(outgoing);
    expect(world.filters).toEqual([{ function: 'work' }]);
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    response.on('error', () => {});
    world.change('running');
    world.change('succeeded');
    await until(() => text.endsWith('"succeeded","attempts":1}\n'));
    expect(linesOf(text)).toMatchObject([{ status: 'running' }, { status: 'succeeded' }]);
    outgoing.destroy();
    await until(() => world.watchers === 0);
  });

  it('refuses a function that nobody has, and parameters that it does not know', async () => {
    const { gateway } = await following();
    expect((await ask(gateway, '/jobs/events?function=nobody')).status).toBe(404);
    expect((await ask(gateway, '/jobs/events?status=failed')).status).toBe(400);
  });
});
