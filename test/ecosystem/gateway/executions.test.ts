import { describe, expect, it } from 'vitest';
import type {
  GatewayExecution,
  GatewayStartOptions,
  GatewayWorkflows,
} from '../../../src/ecosystem/gateway/protocol.ts';
import { TroupeError } from '../../../src/errors.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { until } from '../../support/until.ts';
import {
  type Ask,
  ask,
  errorOf,
  fakeExecution,
  fakeWorkflows,
  gatewayFor,
  open,
  responseTo,
} from './gateway-harness.ts';

/** A result that a test gives when it wants to. */
function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (thrown: unknown) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

interface Start {
  readonly name: string;
  readonly input: unknown;
  readonly options: GatewayStartOptions;
}

async function starting(parts: Partial<GatewayExecution> = {}, clock?: VirtualClock) {
  const starts: Start[] = [];
  const workflows = fakeWorkflows({
    async start(name, input, options) {
      starts.push({ name, input, options });
      const id = options.id ?? 'made-up';
      return { ...fakeExecution(id, parts), workflow: name, version: options.version ?? 3, isNew: true };
    },
  });
  const gateway = await gatewayFor({ workflows }, clock);
  const post = (query = '', options: Ask = {}) =>
    ask(gateway, `/workflows/order-flow/executions${query}`, { method: 'POST', ...options });
  return { gateway, starts, post };
}

describe('POST /workflows/:name/executions', () => {
  it('starts an execution, and answers where it is', async () => {
    const { starts, post } = await starting();
    const answer = await post('', { body: '{"order":7}' });
    expect([answer.status, answer.headers.location]).toEqual([202, '/executions/made-up']);
    expect(answer.json).toEqual({ id: 'made-up', workflow: 'order-flow', version: 3, isNew: true });
    expect(starts).toMatchObject([{ name: 'order-flow', input: { order: 7 } }]);
    expect((await post()).status).toBe(202);
    expect(starts[1]?.input).toBeUndefined();
  });

  it('takes its options from the query, and an id from Idempotency-Key too', async () => {
    const { starts, post } = await starting();
    const query = '?id=order%2F7&version=2&alias=beta&durability=pipelined&timeoutMs=1500';
    const answer = await post(query);
    expect(answer.headers.location).toBe('/executions/order%2F7');
    expect(starts[0]?.options).toMatchObject({
      id: 'order/7',
      version: 2,
      alias: 'beta',
      durability: 'pipelined',
      timeoutMs: 1_500,
    });
    await post('', { headers: { 'idempotency-key': 'key-1' } });
    await post('?id=key-1', { headers: { 'idempotency-key': 'key-1' } });
    expect(starts.slice(1).map(({ options }) => options.id)).toEqual(['key-1', 'key-1']);
  });

  it('hands the headers and the rest of the query to the workflow', async () => {
    const { starts, post } = await starting();
    await post('?id=a&colour=red&colour=blue', { headers: { 'x-tenant': 'acme', te: 'trailers' } });
    const { headers, query } = starts[0]?.options ?? {};
    expect(query).toEqual({ colour: 'red, blue' });
    expect(headers).toMatchObject({ 'x-tenant': 'acme' });
    expect(headers).not.toHaveProperty('te');
    expect(headers).not.toHaveProperty('connection');
  });

  it('refuses what is wrong, and starts nothing', async () => {
    const { starts, post } = await starting();
    const long = 'x'.repeat(201);
    for (const query of [
      '?id=',
      `?id=${long}`,
      '?version=two',
      '?durability=eternal',
      '?timeoutMs=0',
      '?timeoutMs=x',
    ]) {
      const answer = await post(query);
      expect([query, answer.status, errorOf(answer).code]).toEqual([query, 400, 'INVALID_ARGUMENT']);
    }
    const two = await post('?id=a', { headers: { 'idempotency-key': 'b' } });
    expect(errorOf(two).message).toContain('name different executions');
    expect(errorOf(await post('', { body: '{' })).code).toBe('INVALID_JSON');
    expect(starts).toEqual([]);
  });
});

describe('Prefer: wait', () => {
  const waiting = { headers: { prefer: 'wait' } };

  it('answers the result', async () => {
    const { post } = await starting({ result: async () => ({ shipped: true }) });
    const answer = await post('', waiting);
    expect([answer.status, answer.json, answer.headers.location]).toEqual([
      200,
      { shipped: true },
      '/executions/made-up',
    ]);
    const detailed = await post('?details=1', waiting);
    expect(detailed.json).toEqual({
      result: { shipped: true },
      execution: { id: 'made-up', workflow: 'order-flow', version: 3, isNew: true },
    });
  });

  it('answers the failure, and where the execution is', async () => {
    const failure = new TroupeError('STEP_FAILED', 'The step "charge" failed.', { details: { step: 'charge' } });
    const { post } = await starting({ result: () => Promise.reject(failure) });
    const answer = await post('', waiting);
    expect([answer.status, errorOf(answer).code, answer.headers.location]).toEqual([
      502,
      'STEP_FAILED',
      '/executions/made-up',
    ]);
  });

  it('with a number of seconds answers 202 when it takes longer', async () => {
    const clock = new VirtualClock();
    const { promise } = deferred<unknown>();
    let isAsked = false;
    const result = () => {
      isAsked = true;
      return promise;
    };
    const { post } = await starting({ result }, clock);
    const answer = post('', { headers: { prefer: 'respond-async, wait=30' } });
    await until(() => isAsked);
    await clock.advance(30_000);
    expect((await answer).status).toBe(202);
    expect((await answer).json).toMatchObject({ id: 'made-up' });
  });

  it('answers 202 when the gateway closes first', async () => {
    const { promise } = deferred<unknown>();
    let isAsked = false;
    const { gateway, post } = await starting({
      result: () => {
        isAsked = true;
        return promise;
      },
    });
    const answer = post('', waiting);
    await until(() => isAsked);
    await gateway.close();
    expect((await answer).status).toBe(202);
  });
});

async function withExecution(parts: Partial<GatewayExecution>, clock?: VirtualClock) {
  const ids: string[] = [];
  const execution: GatewayWorkflows['execution'] = (id) => {
    ids.push(id);
    return fakeExecution(id, parts);
  };
  return { ids, gateway: await gatewayFor({ workflows: fakeWorkflows({ execution }) }, clock) };
}

describe('GET /executions', () => {
  it('lists those that are asked for', async () => {
    const queries: unknown[] = [];
    const executions: GatewayWorkflows['executions'] = async (query) => {
      queries.push(query);
      return [];
    };
    const gateway = await gatewayFor({ workflows: fakeWorkflows({ executions }) });
    expect((await ask(gateway, '/executions')).json).toEqual([]);
    await ask(gateway, '/executions?workflow=order-flow&status=failed&fromMs=1&untilMs=2&limit=1000');
    expect(queries).toEqual([{}, { workflow: 'order-flow', status: 'failed', fromMs: 1, untilMs: 2, limit: 1_000 }]);
    for (const query of ['status=broken', 'fromMs=-1', 'limit=0', 'limit=1001', 'limit=x', 'state=failed']) {
      const answer = await ask(gateway, `/executions?${query}`);
      expect([query, answer.status, errorOf(answer).code]).toEqual([query, 400, 'INVALID_ARGUMENT']);
    }
    expect(queries).toHaveLength(2);
  });
});

describe('An execution', () => {
  it('is shown, with its history', async () => {
    const history = [{ type: 'executionStarted', atMs: 1, input: { a: 1 } }];
    const { gateway } = await withExecution({
      status: async () => ({ status: 'running' }),
      history: async () => history,
    });
    expect((await ask(gateway, '/executions/a')).json).toEqual({ status: 'running' });
    expect((await ask(gateway, '/executions/a/history')).json).toEqual(history);
  });

  it('may have an id of any characters', async () => {
    const { ids, gateway } = await withExecution({ status: async () => ({ status: 'running' }) });
    const strange = ['a/b', '..', '%', 'ü ♥', '?#&=+', '"', 'x'.repeat(200)];
    for (const id of strange) expect((await ask(gateway, `/executions/${encodeURIComponent(id)}`)).status).toBe(200);
    expect(ids).toEqual(strange);
    for (const path of ['/executions/', `/executions/${'x'.repeat(201)}`, '/executions/%ff']) {
      expect((await ask(gateway, path)).status).toBe(400);
    }
  });

  it('that is not there is 404 for everything', async () => {
    const { gateway } = await withExecution({});
    const gets = ['', '/result', '/history'].map((path) => ['GET', path] as const);
    const posts = ['/signals/go', '/cancel', '/pause', '/resume', '/redrive'].map((path) => ['POST', path] as const);
    for (const [method, path] of [...gets, ...posts]) {
      const answer = await ask(gateway, `/executions/nope${path}`, { method });
      expect([path, answer.status, errorOf(answer).code]).toEqual([path, 404, 'EXECUTION_NOT_FOUND']);
    }
  });

  it('takes signals with any payload', async () => {
    const signals: unknown[] = [];
    const { gateway } = await withExecution({ signal: async (...given) => void signals.push(given) });
    const path = '/executions/a/signals/approve%20it';
    const answer = await ask(gateway, path, { method: 'POST', body: '{"by":"Ada"}' });
    expect([answer.status, answer.json]).toEqual([202, { id: 'a', signal: 'approve it' }]);
    await ask(gateway, path, { method: 'POST' });
    expect(signals).toEqual([
      ['approve it', { by: 'Ada' }],
      ['approve it', undefined],
    ]);
    expect((await ask(gateway, '/executions/a/signals/', { method: 'POST' })).status).toBe(400);
  });

  it('is cancelled, with a reason', async () => {
    const reasons: unknown[] = [];
    const { gateway } = await withExecution({
      async cancel(reason) {
        reasons.push(reason);
        return 'cancelling';
      },
    });
    const cancel = (query = '', body?: string) =>
      ask(gateway, `/executions/a/cancel${query}`, { method: 'POST', ...(body !== undefined && { body }) });
    expect((await cancel()).json).toEqual({ id: 'a', status: 'cancelling' });
    await cancel('?reason=late');
    await cancel('', '{"reason":"too dear"}');
    expect(reasons).toEqual([undefined, 'late', 'too dear']);
    for (const body of ['7', '[]', '{"reason":7}', '{"why":"x"}']) expect((await cancel('', body)).status).toBe(400);
    expect(reasons).toHaveLength(3);
  });

  it('is paused, resumed, and redriven', async () => {
    const { gateway } = await withExecution({
      pause: async () => 'paused',
      resume: async () => 'running',
      redrive: () => Promise.reject(new TroupeError('CONFLICT', 'It has not failed.')),
    });
    const post = (command: string) => ask(gateway, `/executions/a/${command}`, { method: 'POST' });
    expect((await post('pause')).json).toEqual({ id: 'a', status: 'paused' });
    expect((await post('resume')).json).toEqual({ id: 'a', status: 'running' });
    expect((await post('redrive')).status).toBe(409);
    expect((await ask(gateway, '/executions/a/pause')).status).toBe(405);
  });
});

describe('GET /executions/:id/result', () => {
  it('waits for the result', async () => {
    const { promise, resolve } = deferred<unknown>();
    let asked = 0;
    const { gateway } = await withExecution({
      result() {
        asked++;
        return promise;
      },
    });
    const answers = [ask(gateway, '/executions/a/result'), ask(gateway, '/executions/a/result')];
    await until(() => asked === 1);
    resolve({ done: true });
    for (const answer of answers) expect((await answer).json).toEqual({ done: true });
    const detailed = await ask(gateway, '/executions/a/result?details=1');
    expect(detailed.json).toEqual({ result: { done: true }, execution: { id: 'a' } });
  });

  it('waits once in the host for all who wait here, and for those who came after others have gone', async () => {
    const { promise, resolve } = deferred<unknown>();
    let asked = 0;
    const { ids, gateway } = await withExecution({
      result() {
        asked++;
        return promise;
      },
    });
    const leaving = open(gateway, '/executions/a/result');
    leaving.on('error', () => {});
    await until(() => asked === 1);
    leaving.destroy();
    const staying = ask(gateway, '/executions/a/result');
    await until(() => ids.length === 2);
    resolve(new Uint8Array([1, 2]));
    const answer = await staying;
    expect([answer.headers['content-type'], [...answer.body]]).toEqual(['application/octet-stream', [1, 2]]);
    expect(asked).toBe(1);
  });

  it('gives up after the time that is preferred, with the status', async () => {
    const clock = new VirtualClock();
    let isAsked = false;
    const parts: Partial<GatewayExecution> = {
      result() {
        isAsked = true;
        return new Promise(() => {});
      },
      status: async () => ({ status: 'paused' }),
    };
    const { gateway } = await withExecution(parts, clock);
    const asking = ask(gateway, '/executions/a/result', { headers: { prefer: 'wait=5' } });
    await until(() => isAsked);
    await clock.advance(5_000);
    const answer = await asking;
    expect([answer.status, answer.json, answer.headers.location]).toEqual([
      202,
      { id: 'a', status: 'paused' },
      '/executions/a',
    ]);
  });

  it('is 503 when the gateway closes first', async () => {
    let isAsked = false;
    const { gateway } = await withExecution({
      result() {
        isAsked = true;
        return new Promise(() => {});
      },
    });
    const response = responseTo(open(gateway, '/executions/a/result'));
    await until(() => isAsked);
    await gateway.close();
    expect((await response).statusCode).toBe(503);
  });

  it.each([
    ['STEP_FAILED', 502],
    ['TIMEOUT', 504],
    ['CANCELLED', 499],
  ] as const)('of one that ended with %s is %i', async (code, status) => {
    const { gateway } = await withExecution({ result: () => Promise.reject(new TroupeError(code, 'No.')) });
    const answer = await ask(gateway, '/executions/a/result');
    expect([answer.status, errorOf(answer).code]).toEqual([status, code]);
  });
});
