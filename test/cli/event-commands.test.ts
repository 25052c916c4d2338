/** The commands of `troupe events` and `troupe trigger` against a real gateway in front of a host made of functions. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EventView, TriggerView } from '../../src/ecosystem/event-management/protocol.ts';
import type { GatewayEvents } from '../../src/ecosystem/gateway/protocol.ts';
import { TroupeError } from '../../src/errors.ts';
import { fakeEvents, gatewayFor } from '../ecosystem/gateway/gateway-harness.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { inProcess } from './in-process.ts';
import { errorOf } from './troupe-process.ts';

const START_MS = Date.UTC(2026, 0, 1);

async function host(parts: Partial<GatewayEvents>) {
  const { url } = await gatewayFor({ events: fakeEvents(parts) });
  return (...args: readonly string[]) => inProcess([...args, '--host', url]);
}

function view(sequence: number): EventView {
  const event = { specversion: '1.0' as const, id: `A-${sequence}`, source: '/shop', type: 'order.placed', time: '' };
  const deliveries = sequence === 2 ? [{ trigger: 'mail', function: 'send-mail' }] : [];
  return { sequence, publishedAtMs: START_MS, event, deliveries };
}

const TRIGGER: TriggerView = {
  name: 'mail',
  function: 'send-mail',
  filters: [{ exact: { type: 'order.placed' } }],
  job: { maxAttempts: 5 },
  createdAtMs: START_MS,
  matched: 3,
  started: 1,
  pending: 1,
  failed: 1,
  deliveries: [{ source: '/shop', id: 'A-2', type: 'order.placed', status: 'started', atMs: START_MS, jobId: 'j2' }],
  failures: [
    { source: '/shop', id: 'A-1', type: 'order.placed', status: 'failed', atMs: START_MS, error: 'nobody\ntook it' },
  ],
};

describe('troupe events publish', () => {
  async function publishing() {
    const seen: unknown[] = [];
    const run = await host({
      async publishReceived(events, isMany) {
        seen.push(isMany ? events : events[0]);
        return events.map((_, index) => ({
          id: `A-${index}`,
          source: '/shop',
          isNew: index < 2,
          deliveries: index === 0 ? [{ trigger: 'mail', function: 'send-mail' }] : [],
        }));
      },
    });
    return { seen, run: (...args: readonly string[]) => run('events', 'publish', ...args) };
  }

  it('sends what the flags say, and prints what that starts', async () => {
    const { seen, run } = await publishing();
    const flags = [
      '--type',
      'order.placed',
      '--source',
      '/shop',
      '--id',
      'A-0',
      '--subject',
      's',
      '--attribute',
      'region=no',
    ];
    const ran = await run(...flags, '--time', '2026-01-01T00:00:00Z', '-d', '{"n":1}');
    expect(ran).toEqual({ code: 0, stdout: 'A-0 of /shop is published and starts send-mail (mail)\n', stderr: '' });
    const attributes = { type: 'order.placed', source: '/shop', id: 'A-0', subject: 's', region: 'no' };
    expect(seen).toEqual([{ ...attributes, time: '2026-01-01T00:00:00Z', data: { n: 1 } }]);
    expect(JSON.parse((await run(...flags, '--json')).stdout)).toMatchObject({ id: 'A-0', isNew: true });
  });

  it('sends an event, or an array of them, from a file', async () => {
    const { seen, run } = await publishing();
    const path = join(await temporaryDirectory(), 'event.json');
    await writeFile(path, '{"type":"t","source":"/s"}');
    await run('--file', path);
    await writeFile(path, '[{"type":"t"},{"type":"u"},{"type":"v"}]');
    expect((await run('--file', path)).stdout.split('\n')).toEqual([
      'A-0 of /shop is published and starts send-mail (mail)',
      'A-1 of /shop is published and starts nothing',
      'A-2 of /shop was published before: nothing new is started',
      '',
    ]);
    expect(JSON.parse((await run('--file', path, '--json')).stdout)).toHaveLength(3);
    expect(seen[0]).toEqual({ type: 't', source: '/s' });
    expect(seen[1]).toEqual([{ type: 't' }, { type: 'u' }, { type: 'v' }]);
  });

  it('exits 2 where the host refuses the event, with what is wrong with it', async () => {
    const run = await host({
      publishReceived: () => Promise.reject(new TroupeError('INVALID_ARGUMENT', 'Wrong event: id: is empty')),
    });
    const ran = await run('events', 'publish', '--type', 't', '--source', '/s');
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: 'error INVALID_ARGUMENT: Wrong event: id: is empty\n' });
  });
});

describe('troupe events ls', () => {
  it('lists what is asked for', async () => {
    const queries: unknown[] = [];
    const run = await host({
      async list(query) {
        queries.push(query);
        return query.type === 'none' ? [] : [view(2), view(1)];
      },
    });
    const { stdout } = await run('events', 'ls', '--type', 't', '--source', '/s', '--limit', '2', '--before', '3');
    expect(stdout.split('\n')).toEqual([
      'SEQUENCE  PUBLISHED                 TYPE          SOURCE  ID   FIRED',
      '2         2026-01-01T00:00:00.000Z  order.placed  /shop   A-2  mail',
      '1         2026-01-01T00:00:00.000Z  order.placed  /shop   A-1',
      '',
    ]);
    expect(JSON.parse((await run('events', 'ls', '--json')).stdout)).toHaveLength(2);
    expect(await run('events', 'ls', '--type', 'none')).toMatchObject({ code: 0, stdout: '' });
    expect(queries).toEqual([{ type: 't', source: '/s', limit: 2, before: 3 }, {}, { type: 'none' }]);
  });

  it('goes on with those to come', async () => {
    const run = await host({
      async *follow() {
        yield view(1);
        yield view(2);
        return undefined;
      },
    });
    expect((await run('events', 'ls', '--follow')).stdout.split('\n')).toEqual([
      '1  2026-01-01T00:00:00.000Z  order.placed  /shop  A-1  ',
      '2  2026-01-01T00:00:00.000Z  order.placed  /shop  A-2  mail',
      '',
    ]);
    const lines = (await run('events', 'ls', '-f', '--json')).stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).sequence)).toEqual([1, 2]);
  });
});

describe('troupe trigger', () => {
  it('add makes filters of its flags: what is repeated is one of several', async () => {
    const seen: unknown[] = [];
    const run = await host({
      async on(name, options) {
        seen.push([name, options]);
        return { ...TRIGGER, isNew: seen.length === 1 };
      },
    });
    const add = (...args: readonly string[]) => run('trigger', 'add', 'mail', 'send-mail', ...args);
    const flags = ['--type', 'a', '--type', 'b', '--source-prefix', '/s', '--filter', '{"not":{"exact":{"id":"1"}}}'];
    expect(await add(...flags, '--job', '{"maxAttempts":5}')).toEqual({
      code: 0,
      stdout: 'mail starts send-mail from now on\n',
      stderr: '',
    });
    expect((await add()).stdout).toBe('mail starts send-mail already: nothing changed\n');
    expect(JSON.parse((await add('--json')).stdout)).toMatchObject({ name: 'mail', isNew: false });
    expect(seen[0]).toEqual([
      'mail',
      {
        function: 'send-mail',
        filters: [
          { any: [{ exact: { type: 'a' } }, { exact: { type: 'b' } }] },
          { prefix: { source: '/s' } },
          { not: { exact: { id: '1' } } },
        ],
        job: { maxAttempts: 5 },
      },
    ]);
    expect(seen[1]).toEqual(['mail', { function: 'send-mail', filters: [] }]);
  });

  it('ls lists them with their counts', async () => {
    const run = await host({ triggers: async () => [TRIGGER, { ...TRIGGER, name: 'audit', filters: [] }] });
    expect((await run('trigger', 'ls')).stdout.split('\n')).toEqual([
      'TRIGGER  STARTS     MATCHED  STARTED  PENDING  FAILED  FILTERS',
      'mail     send-mail  3        1        1        1       {"exact":{"type":"order.placed"}}',
      'audit    send-mail  3        1        1        1       every event',
      '',
    ]);
    expect(JSON.parse((await run('trigger', 'ls', '--json')).stdout)).toHaveLength(2);
    const none = await host({ triggers: async () => [] });
    expect(await none('trigger', 'ls')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining('trigger add'),
    });
  });

  it('show tells what became of the last events, and of those that failed', async () => {
    const run = await host({ trigger: async () => TRIGGER });
    expect((await run('trigger', 'show', 'mail')).stdout.split('\n')).toEqual([
      'mail starts send-mail, since 2026-01-01T00:00:00.000Z',
      '  where    {"exact":{"type":"order.placed"}}',
      '  job      {"maxAttempts":5}',
      '  events   3 matched, 1 started, 1 pending, 1 failed',
      '',
      'AT                        TYPE          SOURCE  ID   STATUS   JOB',
      '2026-01-01T00:00:00.000Z  order.placed  /shop   A-2  started  j2',
      '2026-01-01T00:00:00.000Z  order.placed  /shop   A-1  failed   nobody took it',
      '',
    ]);
    expect(JSON.parse((await run('trigger', 'show', 'mail', '--json')).stdout)).toEqual(TRIGGER);
  });

  it('rm removes one, and exits 5 where there is none', async () => {
    const run = await host({
      off: async (name) => {
        if (name !== 'mail') throw new TroupeError('TRIGGER_NOT_FOUND', 'none');
      },
    });
    expect((await run('trigger', 'rm', 'mail')).stdout).toBe('mail is removed\n');
    expect(JSON.parse((await run('trigger', 'rm', 'mail', '--json')).stdout)).toEqual({ removed: 'mail' });
    const missing = await run('trigger', 'rm', 'nope', '--json');
    expect([missing.code, errorOf(missing).code]).toEqual([5, 'TRIGGER_NOT_FOUND']);
  });
});
