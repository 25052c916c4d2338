import { HTTP, CloudEvent as SdkEvent } from 'cloudevents';
import { describe, expect, it } from 'vitest';
import type { EventView } from '../../../src/ecosystem/event-management/protocol.ts';
import type { GatewayEvents } from '../../../src/ecosystem/gateway/protocol.ts';
import { TroupeError } from '../../../src/errors.ts';
import { ask, errorOf, fakeEvents, gatewayFor, open, responseTo } from './gateway-harness.ts';

const serving = (parts: Partial<GatewayEvents>) => gatewayFor({ events: fakeEvents(parts) });
const STRUCTURED = 'application/cloudevents+json';
const BATCH = 'application/cloudevents-batch+json';
const EVENT = { specversion: '1.0', id: '1', source: '/shop', type: 'order.placed' };

async function publishing(isNew = true) {
  const seen: unknown[] = [];
  const gateway = await serving({
    async publishReceived(events, isMany) {
      seen.push(isMany ? events : events[0]);
      return events.map((_, index) => ({ id: String(index), source: '/shop', isNew, deliveries: [] }));
    },
  });
  const post = (body: string | Uint8Array, headers: Record<string, string>) =>
    ask(gateway, '/events', { method: 'POST', body, headers });
  return { seen, post };
}

function view(sequence: number, data?: unknown): EventView {
  const event = { ...EVENT, specversion: '1.0' as const, time: '2026-01-01T00:00:00Z', id: String(sequence), data };
  return { sequence, publishedAtMs: 0, event, deliveries: [] };
}

describe('POST /events', () => {
  it('takes one event as JSON, and says which triggers it has fired', async () => {
    const { seen, post } = await publishing();
    const answer = await post(JSON.stringify({ ...EVENT, data: 0 }), {
      'content-type': `${STRUCTURED}; charset=utf-8`,
    });
    expect([answer.status, answer.json]).toEqual([202, { id: '0', source: '/shop', isNew: true, deliveries: [] }]);
    expect(seen).toEqual([{ ...EVENT, data: 0 }]);
  });

  it('takes many as a batch, and answers each', async () => {
    const { seen, post } = await publishing();
    const answer = await post(JSON.stringify([EVENT, EVENT]), { 'content-type': BATCH });
    expect([answer.status, answer.json]).toMatchObject([202, [{ id: '0' }, { id: '1' }]]);
    expect(seen).toEqual([[EVENT, EVENT]]);
    expect((await post('[]', { 'content-type': BATCH })).json).toEqual([]);
  });

  it('takes attributes as headers, and the body as data of its type', async () => {
    const { seen, post } = await publishing();
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': '1',
      'CE-Source': '/shop',
      'ce-type': 'order.placed',
      'ce-subject': 'tea%20%E2%98%95',
      'ce-region': '"no \\"1\\""',
    };
    const attributes = { ...EVENT, subject: 'tea ☕', region: 'no "1"' };
    await post('{"n":1}', { ...headers, 'content-type': 'application/json' });
    await post('hello', { ...headers, 'content-type': 'text/plain' });
    await post(new Uint8Array([1, 2]), { ...headers, 'content-type': 'image/png' });
    await post('false', { ...headers, 'content-type': 'application/x-www-form-urlencoded' });
    await post('', headers);
    expect(seen).toEqual([
      { ...attributes, datacontenttype: 'application/json', data: { n: 1 } },
      { ...attributes, datacontenttype: 'text/plain', data: 'hello' },
      { ...attributes, datacontenttype: 'image/png', data: new Uint8Array([1, 2]) },
      { ...attributes, datacontenttype: 'application/json', data: false },
      attributes,
    ]);
  });

  it('reads what the SDK of CloudEvents writes', async () => {
    const { seen, post } = await publishing();
    const made = new SdkEvent({ ...EVENT, data: { n: 1 }, region: 'no' });
    for (const { headers, body } of [HTTP.binary(made), HTTP.structured(made)])
      await post(body as string, headers as Record<string, string>);
    const { data, region, time } = made;
    const [binary, structured] = seen;
    for (const each of [binary, structured]) expect(each).toMatchObject({ ...EVENT, time, data, region });
  });

  it('answers 200 where nothing is new', async () => {
    const { post } = await publishing(false);
    const answer = await post(JSON.stringify(EVENT), { 'content-type': STRUCTURED });
    expect([answer.status, answer.json]).toMatchObject([200, { isNew: false }]);
  });

  it.each([
    ['no event at all', '{"n":1}', { 'content-type': 'application/json' }, 'INVALID_ARGUMENT', 'There is no event'],
    ['no JSON', '{"id":', { 'content-type': STRUCTURED }, 'INVALID_JSON', 'line 1'],
    ['no array as a batch', '{}', { 'content-type': BATCH }, 'INVALID_ARGUMENT', 'must be an array of events'],
    [
      'another format',
      '',
      { 'content-type': 'application/cloudevents+avro' },
      'INVALID_ARGUMENT',
      'not as application/cloudevents+avro',
    ],
    [
      'a broken encoding',
      '',
      { 'ce-type': 't', 'ce-subject': '5%' },
      'INVALID_ARGUMENT',
      'ce-subject: "5%" is not percent-encoded',
    ],
    [
      'its type of data twice',
      '',
      { 'ce-type': 't', 'ce-datacontenttype': 'a/b' },
      'INVALID_ARGUMENT',
      'ce-datacontenttype',
    ],
  ])('refuses what is %s, and publishes nothing', async (_, body, headers, code, message) => {
    const { seen, post } = await publishing();
    const answer = await post(body, headers as Record<string, string>);
    expect([answer.status, errorOf(answer).code]).toEqual([400, code]);
    expect(errorOf(answer).message).toContain(message);
    expect(seen).toEqual([]);
  });
});

describe('GET /events', () => {
  it('lists what is asked for; bytes are base64', async () => {
    const queries: unknown[] = [];
    const gateway = await serving({
      async list(query) {
        queries.push(query);
        return [view(2, new Uint8Array([1, 2, 255])), view(1, { n: 1 })];
      },
    });
    const answer = await ask(gateway, '/events?type=order.placed&source=/shop&limit=2&before=3');
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject([
      { sequence: 2, event: { data_base64: 'AQL/' } },
      { sequence: 1, event: { data: { n: 1 } } },
    ]);
    expect(answer.text).not.toContain('"data":"');
    await ask(gateway, '/events');
    expect(queries).toEqual([{ type: 'order.placed', source: '/shop', limit: 2, before: 3 }, {}]);
    for (const query of ['limit=x', 'before=-1', 'typ=x', 'id=1'])
      expect([query, errorOf(await ask(gateway, `/events?${query}`)).code]).toEqual([query, 'INVALID_ARGUMENT']);
  });

  it('gives one event by its source and id', async () => {
    const gateway = await serving({
      async get(source, id) {
        if (id !== '7') throw new TroupeError('EVENT_NOT_FOUND', `none of ${source}`);
        return view(7);
      },
    });
    expect((await ask(gateway, '/events?source=/shop&id=7')).json).toMatchObject({ sequence: 7 });
    expect((await ask(gateway, '/events?source=/shop&id=8')).status).toBe(404);
  });

  it.each([
    ['server-sent events', { accept: 'text/event-stream', 'last-event-id': '4' }, '/events?type=t', 'id: 5\ndata: {'],
    ['lines of JSON', {}, '/events?type=t&follow=1&after=4', '{"sequence":5'],
  ])('goes on with those to come, as %s, until the client leaves', async (_, headers, path, begins) => {
    const asked: unknown[] = [];
    let hasEnded: (() => void) | undefined;
    const ended = new Promise<void>((resolve) => {
      hasEnded = resolve;
    });
    const gateway = await serving({
      async *follow({ signal, ...options }) {
        asked.push(options);
        yield view(5);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        hasEnded?.();
        return undefined;
      },
    });
    const outgoing = open(gateway, path, { headers });
    const response = await responseTo(outgoing);
    response.on('error', () => {});
    const [text] = await new Promise<[Buffer]>((resolve) => response.once('data', (chunk) => resolve([chunk])));
    expect(text.toString()).toMatch(new RegExp(`^${begins.replaceAll(/[{}]/g, '\\$&')}`));
    expect(asked).toEqual([{ type: 't', after: 4 }]);
    outgoing.destroy();
    await ended;
  });

  it('ends for those who follow when the gateway closes', async () => {
    const gateway = await serving({
      async *follow({ signal }) {
        yield view(1);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return undefined;
      },
    });
    const response = await responseTo(open(gateway, '/events?follow=1'));
    response.resume();
    const ended = new Promise((resolve) => response.once('end', resolve));
    await gateway.close();
    await ended;
  });
});

describe('Triggers', () => {
  const trigger = { name: 'mail', function: 'send-mail', filters: [], createdAtMs: 0 };
  const counted = { ...trigger, matched: 1, started: 1, failed: 0, pending: 0, deliveries: [], failures: [] };

  it('are set, with 201 where that has changed something', async () => {
    const seen: unknown[] = [];
    const gateway = await serving({
      async on(name, options) {
        seen.push([name, options]);
        return { ...trigger, isNew: seen.length === 1 };
      },
    });
    const put = () => ask(gateway, '/triggers/mail', { method: 'PUT', body: '{"function":"send-mail"}' });
    const [first, second] = [await put(), await put()];
    expect([first.status, second.status, second.json]).toEqual([201, 200, { ...trigger, isNew: false }]);
    expect(seen[0]).toEqual(['mail', { function: 'send-mail' }]);
    const wrong = await ask(gateway, '/triggers/mail', { method: 'PUT', body: '[]' });
    expect(errorOf(wrong).code).toBe('INVALID_ARGUMENT');
  });

  it('are listed, looked at, and removed', async () => {
    const removed: string[] = [];
    const gateway = await serving({
      triggers: async () => [counted],
      trigger: async () => counted,
      off: async (name) => void removed.push(name),
    });
    expect((await ask(gateway, '/triggers')).json).toEqual([counted]);
    expect((await ask(gateway, '/triggers/mail')).json).toEqual(counted);
    const gone = await ask(gateway, '/triggers/mail', { method: 'DELETE' });
    expect([gone.status, gone.json, removed]).toEqual([200, { name: 'mail' }, ['mail']]);
  });

  it('that are not there are 404', async () => {
    const missing = () => Promise.reject(new TroupeError('TRIGGER_NOT_FOUND', 'none'));
    const gateway = await serving({ trigger: missing, off: missing });
    for (const method of ['GET', 'DELETE']) {
      const answer = await ask(gateway, '/triggers/nope', { method });
      expect([answer.status, errorOf(answer).code]).toEqual([404, 'TRIGGER_NOT_FOUND']);
    }
  });
});
