import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { JobChange, Troupe } from '../src/index.ts';
import { realHost } from './support/real-host.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const CODE = `export default async (event, context) => {
  if (event?.failures >= context.attempt) throw new Error('attempt ' + context.attempt);
  if (event?.waits) await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
  if (event?.progress) context.progress(event.progress);
  return { event, attempt: context.attempt, key: context.idempotencyKey };
};`;

async function withFunction(dataDir?: string): Promise<Troupe> {
  const troupe = await realHost(dataDir);
  await troupe.deploy({ name: 'work', source: { code: CODE, language: 'js' } });
  return troupe;
}

describe('jobs of a host', () => {
  it('run in real instances, are retried, and tell the function which attempt it is', async () => {
    const troupe = await withFunction();
    const { id } = await troupe.enqueue('work', { failures: 2 }, { backoff: 1 });
    expect(await troupe.jobs.result(id)).toEqual({ event: { failures: 2 }, attempt: 3, key: id });
    const { errors } = await troupe.job(id);
    expect(errors.map(({ error }) => error.cause?.message)).toEqual(['attempt 1', 'attempt 2']);
  });

  it('keep a payload that is too large to be copied, whatever becomes of the first attempt', async () => {
    const troupe = await withFunction();
    await troupe.invoke('work');
    const text = 'x'.repeat(200_000);
    const ids = await Promise.all(
      Array.from({ length: 8 }, () => troupe.enqueue('work', { text, failures: 1 }, { backoff: 1 })),
    );
    for (const { id } of ids) expect(await troupe.jobs.result(id)).toMatchObject({ event: { text }, attempt: 2 });
  });

  it('can be looked at by those who watch, before they are on disk', async () => {
    const troupe = await withFunction(await temporaryDirectory());
    await troupe.invoke('work');
    const seen: Promise<unknown>[] = [];
    troupe.jobs.watch(({ id }) => void seen.push(troupe.job(id)));
    for (let count = 0; count < 20; count++) await troupe.enqueue('work', { count });
    await expect(Promise.all(seen)).resolves.toHaveLength(seen.length);
    expect(seen.length).toBeGreaterThanOrEqual(60);
  });

  it('reject their result with what the function threw last', async () => {
    const troupe = await withFunction();
    const { id } = await troupe.enqueue('work', { failures: 9 }, { maxAttempts: 1 });
    await expect(troupe.jobs.result(id)).rejects.toMatchObject({
      code: 'FUNCTION_ERROR',
      cause: { message: 'attempt 1' },
    });
  });

  it('are cancelled while they run, through the signal of their context', async () => {
    const troupe = await withFunction();
    const running = new Promise<string>((resolve) => {
      const stop = troupe.jobs.watch(({ id, status }) => {
        if (status !== 'running') return;
        stop();
        resolve(id);
      });
    });
    const { id } = await troupe.enqueue('work', { waits: true });
    expect(await running).toBe(id);
    expect(await troupe.jobs.cancel(id)).toBe('cancelled');
    await expect(troupe.jobs.result(id)).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('are followed from their enqueuing to their end, with their progress', async () => {
    const troupe = await withFunction();
    const changes: JobChange[] = [];
    troupe.jobs.watch((change) => changes.push(change));
    const { id } = await troupe.enqueue('work', { progress: { percent: 50 } });
    await troupe.jobs.result(id);
    expect(changes.map(({ status, progress }) => (progress ? progress : status))).toEqual([
      'waiting',
      'running',
      { percent: 50 },
      'succeeded',
    ]);
  });

  it('outlive their host: what was not done is done by the next one', async () => {
    const dataDir = await temporaryDirectory();
    const first = await withFunction(dataDir);
    await first.jobs.pause('work');
    const enqueued = await first.jobs.enqueueMany('work', [{ payload: 1 }, { payload: 2, delayMs: 1 }]);
    await first.close();
    const second = await realHost(dataDir);
    expect((await second.jobs.list()).map(({ payload }) => payload)).toEqual([2, 1]);
    await second.jobs.resume('work');
    for (const { id } of enqueued) expect(await second.jobs.result(id)).toMatchObject({ attempt: 1, key: id });
  });

  it('that are damaged on disk are named by a check, and the others run', async () => {
    const dataDir = await temporaryDirectory();
    const first = await withFunction(dataDir);
    await first.jobs.pause('work');
    const jobs = await first.jobs.enqueueMany('work', [{ payload: 'sound' }, { payload: 'THE-DAMAGED-ONE' }]);
    await first.close();
    const path = join(dataDir, 'store', 'data.mdb');
    const data = await readFile(path);
    for (let at = data.indexOf('THE-DAMAGED-ONE'); at >= 0; at = data.indexOf('THE-DAMAGED-ONE', at + 1))
      data[at] = (data[at] ?? 0) ^ 1;
    await writeFile(path, data);

    const next = await realHost(dataDir);
    const { isSound, faults } = await next.check();
    expect(isSound).toBe(false);
    expect(faults[0]).toEqual({ database: 'jobs', key: `job/${jobs[1]?.id}`, reason: 'its checksum does not match' });
    await next.jobs.resume('work');
    expect(await next.jobs.result(jobs[0]?.id ?? '')).toMatchObject({ event: 'sound' });
  });

  it('call workflows as they call functions', async () => {
    const troupe = await withFunction();
    const code = 'apiVersion: 1\noutput: a\ntasks:\n  a:\n    run: work\n    inputs: "{$.Invocation.Inputs.default}"\n';
    await troupe.workflows.deploy({ name: 'flow', source: { code, language: 'yaml' } });
    const { id } = await troupe.enqueue('flow', { n: 1 });
    expect(await troupe.jobs.result(id)).toMatchObject({ event: { n: 1 } });
  });

  it('end at once with NonRetryableError, and have their outcome posted to a URL', async () => {
    const bodies: unknown[] = [];
    const server = createServer(async (request, response) => {
      bodies.push(await json(request));
      response.writeHead(bodies.length === 1 ? 503 : 204).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const troupe = await realHost();
    const code = `import { NonRetryableError } from 'troupe';
      export default async () => { throw new NonRetryableError('there is no such customer'); };`;
    await troupe.deploy({ name: 'strict', source: { code, language: 'js' } });
    const { port } = server.address() as AddressInfo;
    const posted = new Promise<void>((resolve) => {
      troupe.jobs.watch((change) => {
        if (change.function === 'http:' && change.status === 'succeeded') resolve();
      });
    });
    const onFailure = { url: `http://127.0.0.1:${port}/failed` };
    const { id } = await troupe.enqueue('strict', { n: 1 }, { onFailure });
    await posted;
    expect(await troupe.job(id)).toMatchObject({ status: 'failed', attempts: 1 });
    expect(bodies).toHaveLength(2);
    expect(bodies[1]).toMatchObject({ jobId: id, function: 'strict', status: 'failed', payload: { n: 1 } });
  });

  it.each([
    ['a status that does not exist', { status: 'done' }, /one of waiting/],
    ['no limit', { limit: 0 }, /limit/],
  ])('are not listed by %s', async (_, query, message) => {
    const troupe = await realHost();
    await expect(troupe.jobs.list(query as object)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
  });

  it('of a function that is not there are not paused', async () => {
    const troupe = await realHost();
    await expect(troupe.jobs.pause('typo')).rejects.toMatchObject({ code: 'FUNCTION_NOT_FOUND' });
    expect(await troupe.jobs.queues()).toEqual([]);
  });

  it.each([
    ['a function that is not there', 'nobody', 1, {}, 'FUNCTION_NOT_FOUND', /deploy it before/],
    ['a negative delay', 'work', 1, { delayMs: -1 }, 'INVALID_ARGUMENT', /delayMs/],
    ['an option that does not exist', 'work', 1, { delay: 1 }, 'INVALID_ARGUMENT', /delay/],
    ['two times', 'work', 1, { delayMs: 1, runAt: new Date() }, 'INVALID_ARGUMENT', /exclude each other/],
    ['a key that is too long', 'work', 1, { orderingKey: 'k'.repeat(201) }, 'INVALID_ARGUMENT', /orderingKey/],
    ['a destination that is none', 'work', 1, { onFailure: { file: 'x' } }, 'INVALID_ARGUMENT', /onFailure/],
    ['a payload that cannot be sent', 'work', () => 1, {}, 'PAYLOAD_NOT_ENCODABLE', /payload/],
  ])('are refused at the door with %s, and nothing is written', async (_, name, payload, options, code, message) => {
    const troupe = await withFunction();
    const refused = troupe.enqueue(name, payload, options as object);
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(await troupe.jobs.list()).toEqual([]);
  });

  it('are not taken by a host that closes', async () => {
    const troupe = await withFunction();
    await troupe.close();
    await expect(troupe.enqueue('work')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});

describe('jobs of a host over HTTP', () => {
  async function listening() {
    const troupe = await withFunction();
    const code = 'apiVersion: 1\noutput: a\ntasks:\n  a:\n    run: work\n    inputs: "{$.Invocation.Inputs.default}"\n';
    await troupe.workflows.deploy({ name: 'flow', source: { code, language: 'yaml' } });
    const { url } = await troupe.listen({ port: 0 });
    return { troupe, url };
  }

  it.each(['work', 'flow'])('are enqueued by Prefer: respond-async and followed to their end: %s', async (name) => {
    const { url } = await listening();
    const answer = await fetch(`${url}/functions/${name}/invocations`, {
      method: 'POST',
      headers: { prefer: 'respond-async', 'idempotency-key': 'once', 'content-type': 'application/json' },
      body: '{"n":1}',
    });
    expect(answer.status).toBe(202);
    const { id } = (await answer.json()) as { id: string };
    expect(answer.headers.get('location')).toBe(`/jobs/${id}`);
    const events = await (await fetch(`${url}/jobs/${id}/events`)).text();
    expect(JSON.parse(events.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ id, status: 'succeeded' });
    expect(await (await fetch(`${url}/jobs/${id}/result`)).json()).toMatchObject({ event: { n: 1 } });
    expect(await (await fetch(`${url}/jobs/${id}`)).json()).toMatchObject({ function: name, idempotencyKey: 'once' });
  });

  it('are refused together, with every fault of every one', async () => {
    const { troupe, url } = await listening();
    const answer = await fetch(`${url}/functions/work/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([{ payload: 1 }, { payload: 2, delay: 5, maxAttempts: 0 }, null, { runAt: 'soon' }]),
    });
    expect(answer.status).toBe(400);
    const { error } = (await answer.json()) as { error: { details: { faults: string[] } } };
    expect(error.details.faults).toEqual([
      expect.stringMatching(/^job 1: maxAttempts: /),
      expect.stringMatching(/^job 1: .*"delay"/),
      expect.stringMatching(/^job 2: must be an object/),
      expect.stringMatching(/^job 3: runAt: /),
    ]);
    expect(await troupe.jobs.list()).toEqual([]);
  });

  it('are counted: what there is, and what has ended since the host started', async () => {
    const { troupe, url } = await listening();
    for (const failures of [0, 9]) {
      const { id } = await troupe.enqueue('work', { failures }, { maxAttempts: 1, keepMs: 0 });
      await troupe.jobs.result(id).catch(() => undefined);
    }
    const [queue] = (await troupe.stats()).jobs;
    expect(queue).toMatchObject({
      function: 'work',
      counts: { succeeded: 0, failed: 1 },
      ended: { succeeded: 1, failed: 1, cancelled: 0 },
    });
    expect(await troupe.jobs.queue('flow')).toMatchObject({ function: 'flow', counts: { waiting: 0 } });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('troupe_jobs{function="work",status="failed"} 1\n');
    expect(metrics).toContain('troupe_jobs_ended_total{function="work",status="succeeded"} 1\n');
  });

  it('tell those who follow how they ended, also where nothing of them is kept', async () => {
    const troupe = await withFunction();
    const statuses: string[] = [];
    const done = new Promise<void>((resolve) => {
      troupe.jobs.watch(({ status }) => {
        statuses.push(status);
        if (status === 'succeeded') resolve();
      });
    });
    await troupe.enqueue('work', 1, { keepMs: 0 });
    await done;
    expect(statuses).toEqual(['waiting', 'running', 'succeeded']);
  });

  it('are listed without their payloads where that is asked', async () => {
    const troupe = await withFunction();
    const { id } = await troupe.enqueue('work', { a: 1 });
    await troupe.jobs.result(id);
    const [brief] = await troupe.jobs.list({ isBrief: true });
    expect(brief).toMatchObject({ id, status: 'succeeded', payload: undefined });
    expect(brief).not.toHaveProperty('result');
    expect(await troupe.jobs.list()).toMatchObject([{ id, payload: { a: 1 } }]);
  });

  it('of a name that nobody has are neither retried, nor purged, nor counted', async () => {
    const troupe = await withFunction();
    const code = 'FUNCTION_NOT_FOUND';
    await expect(troupe.jobs.retryDead({ function: 'wrok' })).rejects.toMatchObject({ code });
    await expect(troupe.jobs.purgeDead({ function: 'wrok' })).rejects.toMatchObject({ code });
    await expect(troupe.jobs.queue('wrok')).rejects.toMatchObject({ code });
    expect(await troupe.jobs.retryDead({ function: 'work' })).toBe(0);
  });
});
