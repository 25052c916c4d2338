import { emitterFor, httpTransport, Mode, CloudEvent as SdkEvent } from 'cloudevents';
import { describe, expect, it } from 'vitest';
import type { EventView, NewCloudEvent, Troupe } from '../src/index.ts';
import { realHost } from './support/real-host.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { until } from './support/until.ts';

const CODE = `export default async (event, context) => {
  if (event.data?.fails) throw new Error('no');
  return { event, isBinary: event.data instanceof Uint8Array, key: context.idempotencyKey };
};`;
const PLACED: NewCloudEvent = { source: '/shop', type: 'order.placed' };

async function withTrigger(dataDir?: string): Promise<Troupe> {
  const troupe = await realHost(dataDir);
  await troupe.deploy({ name: 'work', source: { code: CODE, language: 'js' } });
  await troupe.events.on('orders', { function: 'work', filters: [{ prefix: { type: 'order.' } }] });
  return troupe;
}

async function resultsOf(troupe: Troupe, count: number): Promise<{ event: { id: string } }[]> {
  const deliveries = await until(async () => {
    const view = await troupe.events.trigger('orders');
    return view.started === count ? view.deliveries : undefined;
  });
  const results = deliveries.map(({ jobId = '' }) => troupe.jobs.result<{ event: { id: string } }>(jobId));
  return Promise.all(results);
}

describe('events of a host', () => {
  it('start functions in real instances, which are given the event', async () => {
    const troupe = await withTrigger();
    const published = await troupe.events.publish({ ...PLACED, id: 'A-1', data: { cents: 5 }, region: 'no' });
    expect(published).toEqual({
      id: 'A-1',
      source: '/shop',
      isNew: true,
      deliveries: [{ trigger: 'orders', function: 'work' }],
    });
    const [result] = await resultsOf(troupe, 1);
    expect(result).toMatchObject({
      event: { specversion: '1.0', id: 'A-1', source: '/shop', type: 'order.placed', data: { cents: 5 }, region: 'no' },
      isBinary: false,
      key: expect.stringMatching(/^orders \/shop A-1 /),
    });
  });

  it('bring bytes to functions as bytes', async () => {
    const troupe = await withTrigger();
    await troupe.events.publish({ ...PLACED, data_base64: 'AQL/' });
    expect(await resultsOf(troupe, 1)).toMatchObject([{ isBinary: true }]);
  });

  it('are taken from the SDK of CloudEvents as they are', async () => {
    const troupe = await withTrigger();
    const made = new SdkEvent({ type: 'order.placed', source: '/sdk', data: { n: 1 } });
    expect(await troupe.events.publish(made)).toMatchObject({ id: made.id, isNew: true });
    expect(await troupe.events.get('/sdk', made.id)).toMatchObject({ event: { data: { n: 1 }, time: made.time } });
  });

  it('are published many at once, all or none', async () => {
    const troupe = await withTrigger();
    const events = ['1', '2', '3'].map((id) => ({ ...PLACED, id }));
    const wrong = troupe.events.publish([...events, { source: 'no uri', type: '' }]);
    await expect(wrong).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/events\[3\]\.source: .*events\[3\]\.type: .*Nothing was published/),
    });
    expect(await troupe.events.list()).toEqual([]);
    expect(await troupe.events.publish(events)).toMatchObject([{ id: '1' }, { id: '2' }, { id: '3' }]);
    expect(await troupe.events.publish([])).toEqual([]);
    expect((await troupe.events.list({ limit: 2 })).map(({ event }) => event.id)).toEqual(['3', '2']);
    expect((await resultsOf(troupe, 3)).map(({ event }) => event.id)).toEqual(['3', '2', '1']);
    await expect(troupe.events.publish(Array.from({ length: 1_001 }, () => PLACED))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('at most 1000 events'),
    });
  });

  it('survive their host, with triggers and what was to be started', async () => {
    const dataDir = await temporaryDirectory();
    const first = await withTrigger(dataDir);
    await first.jobs.pause('work');
    await first.events.publish({ ...PLACED, id: 'A-1' });
    await first.close();
    const second = await realHost(dataDir);
    await second.jobs.resume('work');
    expect(await resultsOf(second, 1)).toMatchObject([{ event: { id: 'A-1' } }]);
    expect(await second.events.publish({ ...PLACED, id: 'A-1' })).toMatchObject({ isNew: false });
    expect(await second.events.publish({ ...PLACED, id: 'A-2' })).toMatchObject({ isNew: true });
    expect(await resultsOf(second, 2)).toHaveLength(2);
    expect(await second.events.triggers()).toMatchObject([{ name: 'orders', function: 'work', matched: 2 }]);
  });

  it('start a workflow once, though the host ends in the middle of it', async () => {
    const dataDir = await temporaryDirectory();
    const first = await withTrigger(dataDir);
    const code = `apiVersion: 1\noutput: Do\ntasks:\n  Wait:\n    await: { signal: go }\n  Do:\n    run: work\n    requires: [Wait]\n    inputs: "{$.Invocation.Inputs.default}"\n`;
    await first.workflows.deploy({ name: 'flow', source: { code, language: 'yaml' } });
    await first.events.on('orders', { function: 'flow' });
    await first.events.publish({ ...PLACED, id: 'A-1' });
    await until(async () => (await first.workflows.executions({ workflow: 'flow' })).length > 0);
    await first.close();
    const second = await realHost(dataDir);
    const [execution] = await until(async () => {
      const executions = await second.workflows.executions({ workflow: 'flow' });
      return executions.length > 0 ? executions : undefined;
    });
    expect(execution?.id).toMatch(/^flow:orders \/shop A-1 /);
    await second.workflows.execution(execution?.id ?? '').signal('go');
    expect(await resultsOf(second, 1)).toMatchObject([{ event: { id: 'A-1' } }]);
    expect(await second.workflows.executions({ workflow: 'flow' })).toHaveLength(1);
  });

  it('are taken over HTTP from the SDK of CloudEvents, in every mode that it has', async () => {
    const troupe = await withTrigger();
    const { url } = await troupe.listen({ port: 0 });
    for (const [mode, data] of [
      [Mode.BINARY, { n: 1 }],
      [Mode.STRUCTURED, { n: 2 }],
      [Mode.STRUCTURED, new Uint8Array([1, 2])],
    ] as const) {
      const emit = emitterFor(httpTransport(`${url}/events`), { mode });
      const made = new SdkEvent({ type: 'order.placed', source: '/sdk', region: 'no', data });
      expect(JSON.parse(((await emit(made)) as { body: string }).body)).toMatchObject({ id: made.id, isNew: true });
      expect((await troupe.events.get('/sdk', made.id)).event).toMatchObject({ region: 'no', time: made.time, data });
    }
    expect(await resultsOf(troupe, 3)).toHaveLength(3);
    const refused = await fetch(`${url}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify({ specversion: '1.0', id: '', source: 'http://[x]/', type: 't' }),
    });
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: { code: 'INVALID_ARGUMENT' } }]);
    expect(await troupe.events.list()).toHaveLength(3);
  });

  it('bring what came of a job', async () => {
    const troupe = await withTrigger();
    await troupe.events.on('orders', { function: 'work', filters: [{ exact: { type: 'work.failed' } }] });
    const onFailure = { event: { type: 'work.failed', subject: 'A-1' } };
    const { id } = await troupe.enqueue('work', { data: { fails: true } }, { maxAttempts: 1, onFailure });
    const [result] = await resultsOf(troupe, 1);
    expect(result).toMatchObject({
      event: { source: '/troupe/functions/work', subject: 'A-1', data: { jobId: id, status: 'failed', attempts: 1 } },
    });
    await expect(troupe.enqueue('work', 1, { onFailure: { event: { type: '' } } })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it('are followed as they come, and from where one has left off', async () => {
    const troupe = await withTrigger();
    await troupe.events.publish({ ...PLACED, id: 'before' });
    const leaving = new AbortController();
    const seen: EventView[] = [];
    const following = (async () => {
      for await (const view of troupe.events.follow({ type: 'order.placed', signal: leaving.signal })) seen.push(view);
    })();
    // It begins in a turn of its own.
    await troupe.events.triggers();
    await troupe.events.publish(['1', '2', '3'].map((id) => ({ ...PLACED, id })));
    await troupe.events.publish({ source: '/shop', type: 'other' });
    await troupe.events.publish({ ...PLACED, id: '4' });
    await until(() => seen.length === 4);
    leaving.abort();
    await following;
    expect(seen.map(({ event }) => event.id)).toEqual(['1', '2', '3', '4']);
    const after = seen[1]?.sequence ?? 0;
    const ids: string[] = [];
    for await (const { event } of troupe.events.follow({ after, source: '/shop' })) {
      ids.push(event.id);
      if (event.id === '4') break;
    }
    expect(ids).toEqual(['3', expect.any(String), '4']);
  });

  it('end for those who follow when the host closes', async () => {
    const troupe = await withTrigger();
    const following = (async () => {
      for await (const _ of troupe.events.follow()) throw new Error('nothing was published');
    })();
    await troupe.events.triggers();
    await troupe.close();
    await following;
    await expect(troupe.events.publish(PLACED)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await expect(troupe.events.on('x', { function: 'work' })).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  it.each([
    ['no type', { source: '/s' }, 'INVALID_ARGUMENT', /^Wrong event: type: is missing\. Nothing was published\.$/],
    ['data that cannot be sent', { ...PLACED, data: () => 1 }, 'PAYLOAD_NOT_ENCODABLE', /payload/],
    ['too much data', { ...PLACED, data: 'x'.repeat(1_048_577) }, 'PAYLOAD_TOO_LARGE', /may have 1048576/],
  ])('are refused at the door with %s, and nothing is written', async (_, event, code, message) => {
    const troupe = await withTrigger();
    await expect(troupe.events.publish(event as NewCloudEvent)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(await troupe.events.list()).toEqual([]);
  });

  it.each([
    ['a name that none can have', 'No Name', { function: 'work' }, 'INVALID_NAME'],
    ['a function that is not deployed', 'orders', { function: 'typo' }, 'FUNCTION_NOT_FOUND'],
    ['a filter that is wrong', 'orders', { function: 'work', filters: [{ exact: 1 }] }, 'INVALID_ARGUMENT'],
  ])('are not waited for by a trigger with %s', async (_, name, options, code) => {
    const troupe = await withTrigger();
    await expect(troupe.events.on(name, options as never)).rejects.toMatchObject({ code });
    expect(await troupe.events.triggers()).toMatchObject([{ filters: [{ prefix: { type: 'order.' } }] }]);
  });

  it('are not looked for by what no event has', async () => {
    const troupe = await realHost();
    await expect(troupe.events.list({ limit: 0 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(troupe.events.list({ before: -1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(troupe.events.get('/s', '1')).rejects.toMatchObject({ code: 'EVENT_NOT_FOUND' });
    await expect(troupe.events.off('nope')).rejects.toMatchObject({ code: 'TRIGGER_NOT_FOUND' });
  });
});
