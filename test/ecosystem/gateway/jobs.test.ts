import { describe, expect, it } from 'vitest';
import type { JobView, QueueView } from '../../../src/ecosystem/event-management/protocol.ts';
import type { GatewayJobs } from '../../../src/ecosystem/gateway/protocol.ts';
import { TroupeError } from '../../../src/errors.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { encodePayload } from '../../../src/transport/codec.ts';
import { type Ask, ask, errorOf, fakeJobs, gatewayFor, open, readWhole, responseTo } from './gateway-harness.ts';

const JOB: JobView = {
  id: 'j1',
  function: 'hello',
  status: 'failed',
  priority: 'normal',
  enqueuedAtMs: 1,
  attempts: 3,
  maxAttempts: 3,
  payload: { bytes: new Uint8Array([1, 2, 3]) },
  errors: [{ attempt: 3, atMs: 5, error: { name: 'Error', message: 'no' } }],
};
const QUEUE: QueueView = {
  function: 'hello',
  isPaused: false,
  counts: { waiting: 1, delayed: 0, running: 0, retrying: 0, succeeded: 0, failed: 2, cancelled: 0 },
  ended: { succeeded: 0, failed: 2, cancelled: 0 },
};

async function host(parts: Partial<GatewayJobs>, clock?: VirtualClock) {
  const gateway = await gatewayFor({ jobs: fakeJobs(parts) }, clock);
  return {
    gateway,
    get: (path: string, options?: Ask) => ask(gateway, path, options),
    post: (path: string, body?: unknown, headers: Ask['headers'] = {}) =>
      ask(gateway, path, {
        method: 'POST',
        headers,
        ...(body !== undefined && { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
      }),
  };
}

function taking() {
  const seen: unknown[][] = [];
  const parts: Partial<GatewayJobs> = {
    async enqueue(...given) {
      seen.push(given);
      return { id: 'j 1', isNew: seen.length === 1 };
    },
    async enqueueMany(...given) {
      seen.push(given);
      return given[1].map((_, index) => ({ id: `j${index}`, isNew: true }));
    },
  };
  return { seen, parts };
}

describe('POST /functions/:name/invocations with Prefer: respond-async', () => {
  const prefer = 'respond-async';

  it('answers 202 with the place of the job once it is enqueued', async () => {
    const { seen, parts } = taking();
    const { post } = await host(parts);
    const answer = await post('/functions/hello/invocations', { a: 1 }, { prefer });
    expect([answer.status, answer.json]).toEqual([202, { id: 'j 1', isNew: true }]);
    expect(answer.headers).toMatchObject({ location: '/jobs/j%201', 'preference-applied': 'respond-async' });
    expect(seen).toEqual([['hello', { a: 1 }, {}]]);
  });

  it('decodes the payload as for a call that is waited for', async () => {
    const { seen, parts } = taking();
    const { post } = await host(parts);
    await post('/functions/hello/invocations', Buffer.from([1, 2]), {
      prefer,
      'content-type': 'application/octet-stream',
    });
    await post('/functions/hello/invocations', undefined, { prefer });
    expect(seen.map(([, payload]) => payload)).toEqual([new Uint8Array([1, 2]), undefined]);
    expect((await post('/functions/hello/invocations', Buffer.from('{'), { prefer })).status).toBe(400);
    expect(seen.length).toBe(2);
  });

  it('takes options from its headers and its query', async () => {
    const { seen, parts } = taking();
    const { post } = await host(parts);
    const headers = { prefer, 'idempotency-key': 'k', 'x-troupe-timeout-ms': '500' };
    const query = 'delayMs=10&maxAgeMs=20&maxAttempts=4&priority=high&orderingKey=o';
    await post(`/functions/hello/invocations?${query}`, 1, headers);
    expect(seen[0]?.[2]).toEqual({
      idempotencyKey: 'k',
      timeoutMs: 500,
      delayMs: 10,
      maxAgeMs: 20,
      maxAttempts: 4,
      priority: 'high',
      orderingKey: 'o',
    });
  });

  it('refuses what a job does not take, and enqueues nothing', async () => {
    const { seen, parts } = taking();
    const { post } = await host(parts);
    for (const query of ['version=2', 'alias=canary', 'delay=5', 'delayMs=soon', 'maxAttempts=-1']) {
      const answer = await post(`/functions/hello/invocations?${query}`, 1, { prefer });
      expect([query, answer.status, errorOf(answer).code]).toEqual([query, 400, 'INVALID_ARGUMENT']);
    }
    expect((await post('/functions/Hello_World/invocations', 1, { prefer })).status).toBe(400);
    expect(seen).toEqual([]);
  });

  it('hands on what the host refuses', async () => {
    const code = 'FUNCTION_NOT_FOUND';
    const { post } = await host({ enqueue: () => Promise.reject(new TroupeError(code, 'none')) });
    const answer = await post('/functions/nobody/invocations', 1, { prefer });
    expect([answer.status, errorOf(answer).code]).toEqual([404, code]);
  });

  it('with wait= answers with the result where it is there by then, else 202', async () => {
    const clock = new VirtualClock();
    let settle: (value: unknown) => void = () => {};
    const result = new Promise((resolve) => {
      settle = resolve;
    });
    const { gateway } = await host({ ...taking().parts, result: () => result }, clock);
    const asked = () =>
      responseTo(
        open(gateway, '/functions/hello/invocations', { method: 'POST', headers: { prefer: 'respond-async, wait=5' } }),
      );
    const late = asked();
    while (clock.pending === 0) await new Promise(setImmediate);
    await clock.advance(5_000);
    expect((await readWhole(await late)).status).toBe(202);
    settle({ b: 2 });
    const answer = await readWhole(await asked());
    expect([answer.status, answer.json, answer.headers.location]).toEqual([200, { b: 2 }, '/jobs/j%201']);
  });

  it('is no preference of something else that has its name in it', async () => {
    const { seen, parts } = taking();
    const { post } = await host(parts);
    expect((await post('/functions/hello/invocations', 1, { prefer: 'x-respond-async' })).status).toBe(200);
    expect(seen).toEqual([]);
  });
});

describe('POST /functions/:name/jobs', () => {
  it('takes a payload with options, and times as text too', async () => {
    const { seen, parts } = taking();
    const { post } = await host(parts);
    const answer = await post('/functions/hello/jobs', { payload: 5, delayMs: 1, deadline: '2030-01-01T00:00:00Z' });
    expect([answer.status, answer.json]).toEqual([202, { id: 'j 1', isNew: true }]);
    expect(answer.headers.location).toBe('/jobs/j%201');
    expect(seen).toEqual([['hello', 5, { delayMs: 1, deadline: new Date('2030-01-01T00:00:00Z') }]]);
  });

  it('takes the key from the header, but not twice', async () => {
    const { seen, parts } = taking();
    const { post } = await host(parts);
    await post('/functions/hello/jobs', { payload: 5 }, { 'idempotency-key': 'k' });
    expect(seen[0]?.[2]).toEqual({ idempotencyKey: 'k' });
    for (const body of [{ idempotencyKey: 'other' }, [{ payload: 1 }]]) {
      expect((await post('/functions/hello/jobs', body, { 'idempotency-key': 'k' })).status).toBe(400);
    }
    expect(seen.length).toBe(1);
  });

  it('takes several at once, and MessagePack with bytes in it', async () => {
    const { seen, parts } = taking();
    const { post } = await host(parts);
    const answer = await post('/functions/hello/jobs', [{ payload: 1 }, { payload: 2, priority: 'high' }]);
    expect([answer.status, answer.json]).toEqual([
      202,
      [expect.objectContaining({ id: 'j0' }), { id: 'j1', isNew: true }],
    ]);
    const packed = encodePayload({ payload: new Uint8Array([7]) }, { limitBytes: 1_000 });
    await post('/functions/hello/jobs', packed, { 'content-type': 'application/x-msgpack' });
    expect(seen[0]).toEqual(['hello', [{ payload: 1 }, { payload: 2, priority: 'high' }]]);
    expect(Array.from(seen[1]?.[1] as Uint8Array)).toEqual([7]);
  });

  it('refuses what is no job', async () => {
    const { seen, parts } = taking();
    const { post } = await host(parts);
    for (const body of [5, 'text', null]) expect((await post('/functions/hello/jobs', body)).status).toBe(400);
    expect((await post('/functions/hello/jobs')).status).toBe(400);
    expect(seen).toEqual([]);
  });
});

describe('Jobs as resources', () => {
  it('are listed without payloads, by the query, which knows its parameters', async () => {
    const seen: unknown[] = [];
    const { get } = await host({
      async list(query) {
        seen.push(query);
        return [JOB];
      },
    });
    const { payload: _, ...listed } = JOB;
    expect((await get('/jobs?function=hello&status=failed&limit=5&before=j9')).json).toEqual([listed]);
    expect((await get('/dead-letters?function=hello')).json).toEqual([listed]);
    expect(seen).toEqual([
      { function: 'hello', status: 'failed', limit: 5, before: 'j9', isBrief: true },
      { function: 'hello', status: 'failed', isBrief: true },
    ]);
    for (const query of ['status=broken', 'limit=0', 'limit=1001', 'limit=x', 'func=hello', 'before=']) {
      const answer = await get(`/jobs?${query}`);
      expect([query, answer.status]).toEqual([query, 400]);
    }
    expect((await get('/dead-letters?status=failed')).status).toBe(400);
  });

  it('are shown whole, bytes as everywhere, or are not there', async () => {
    const { get } = await host({
      get: async (id) => {
        if (id === 'j1') return JOB;
        throw new TroupeError('JOB_NOT_FOUND', 'none');
      },
    });
    expect((await get('/jobs/j1')).json).toEqual({ ...JOB, payload: { bytes: 'AQID' } });
    const missing = await get('/jobs/j2');
    expect([missing.status, errorOf(missing).code]).toEqual([404, 'JOB_NOT_FOUND']);
    expect((await get(`/jobs/${'x'.repeat(201)}`)).status).toBe(400);
  });

  it('are waited for, with details where asked, and fail as the function did', async () => {
    const failure = new TroupeError('FUNCTION_ERROR', 'boom', { cause: new Error('boom') });
    const { get } = await host({
      result: async (id) => {
        if (id === 'j1') return { a: 1 };
        throw failure;
      },
    });
    expect((await get('/jobs/j1/result')).json).toEqual({ a: 1 });
    expect((await get('/jobs/j1/result?details=1')).json).toEqual({ result: { a: 1 }, job: { id: 'j1' } });
    const failed = await get('/jobs/j2/result');
    expect([failed.status, errorOf(failed).code]).toEqual([502, 'FUNCTION_ERROR']);
  });

  it('that take longer than Prefer: wait= are 202 with where they are', async () => {
    const clock = new VirtualClock();
    const { gateway } = await host({ result: () => new Promise(() => {}), get: async () => JOB }, clock);
    const asked = responseTo(open(gateway, '/jobs/j1/result', { headers: { prefer: 'wait=1' } }));
    while (clock.pending === 0) await new Promise(setImmediate);
    await clock.advance(1_000);
    const answer = await readWhole(await asked);
    expect([answer.status, answer.json]).toEqual([202, { id: 'j1', status: 'failed' }]);
  });

  it('are cancelled and retried', async () => {
    const { post } = await host({ cancel: async () => 'cancelled', retry: async () => 'waiting' });
    expect((await post('/jobs/j1/cancel')).json).toEqual({ id: 'j1', status: 'cancelled' });
    expect((await post('/jobs/j1/retry')).json).toEqual({ id: 'j1', status: 'waiting' });
  });
});

describe('Queues and dead letters as resources', () => {
  it('are counted, paused and resumed', async () => {
    const done: string[] = [];
    const { get, post } = await host({
      queues: async () => [QUEUE],
      queue: async () => QUEUE,
      pause: async (name) => void done.push(`pause ${name}`),
      resume: async (name) => void done.push(`resume ${name}`),
    });
    expect((await get('/queues')).json).toEqual([QUEUE]);
    expect((await get('/queues/hello')).json).toEqual(QUEUE);
    expect((await post('/queues/hello/pause')).json).toEqual({ function: 'hello', isPaused: true });
    expect((await post('/queues/hello/resume')).json).toEqual({ function: 'hello', isPaused: false });
    expect(done).toEqual(['pause hello', 'resume hello']);
  });

  it('are retried and purged, those of one function or all; a parameter that is mistyped touches none', async () => {
    const seen: unknown[] = [];
    const { get, post } = await host({
      retryDead: async (query) => seen.push(['retry', query]),
      purgeDead: async (query) => seen.push(['purge', query]),
    });
    expect((await post('/dead-letters/retry?function=hello')).json).toEqual({ retried: 1 });
    expect((await get('/dead-letters', { method: 'DELETE' })).json).toEqual({ purged: 2 });
    expect((await get('/dead-letters?fucntion=hello', { method: 'DELETE' })).status).toBe(400);
    expect((await post('/dead-letters/retry?all')).status).toBe(400);
    expect(seen).toEqual([
      ['retry', { function: 'hello' }],
      ['purge', {}],
    ]);
  });
});

describe('Data as a resource', () => {
  it('is checked, and copied to an absolute path', async () => {
    const seen: string[] = [];
    const report = { isSound: true, records: {}, faults: [], furtherFaults: 0, quarantined: [], tookMs: 1 };
    const gateway = await gatewayFor({
      check: async () => report,
      backup: async (directory) => {
        seen.push(directory);
        return { directory, bytes: 5, tookMs: 1 };
      },
    });
    expect((await ask(gateway, '/db/check')).json).toEqual(report);
    const backup = (body: unknown) => ask(gateway, '/db/backup', { method: 'POST', body: JSON.stringify(body) });
    expect([(await backup({ directory: '/b' })).status, seen]).toEqual([201, ['/b']]);
    for (const body of [{}, { directory: 'b' }, { directory: 5 }, { directory: '/b', more: 1 }, []]) {
      expect((await backup(body)).status).toBe(400);
    }
    expect(seen.length).toBe(1);
  });
});
