import { describe, expect, it } from 'vitest';
import type { GatewayHost } from '../../../src/ecosystem/gateway/protocol.ts';
import { TroupeError } from '../../../src/errors.ts';
import { ask, errorOf, gatewayFor } from './gateway-harness.ts';

const DEPLOYED = { name: 'hello', version: 2, isNew: true, reused: false, bytes: 10, buildMs: 5 };

async function deploying(outcome = DEPLOYED) {
  const seen: Parameters<GatewayHost['deploy']>[0][] = [];
  const gateway = await gatewayFor({
    deploy: async (options) => {
      seen.push(options);
      return outcome;
    },
  });
  const put = (body: unknown) =>
    ask(gateway, '/functions/hello', { method: 'PUT', body: typeof body === 'string' ? body : JSON.stringify(body) });
  return { seen, put };
}

describe('PUT /functions/:name', () => {
  it('deploys, with 201 for a new version and 200 for an old one', async () => {
    const fresh = await deploying();
    const created = await fresh.put({ source: '/srv/hello.ts', config: { timeoutMs: 100 } });
    expect([created.status, created.json]).toEqual([201, DEPLOYED]);
    expect(fresh.seen).toEqual([{ name: 'hello', source: '/srv/hello.ts', timeoutMs: 100 }]);
    const same = await deploying({ ...DEPLOYED, isNew: false });
    expect((await same.put({ source: '/srv/hello.ts' })).status).toBe(200);
  });

  it('takes file URLs and code', async () => {
    const { seen, put } = await deploying();
    await put({ source: 'file:///srv/a%20b.ts' });
    await put({ source: { code: 'export default () => 1', language: 'ts' } });
    expect(seen.map(({ source }) => source)).toEqual([
      new URL('file:///srv/a%20b.ts'),
      { code: 'export default () => 1', language: 'ts' },
    ]);
  });

  it('refuses what is no deployment, and deploys nothing', async () => {
    const { seen, put } = await deploying();
    const wrong: unknown[] = [
      {},
      { source: 'hello.ts' },
      { source: '../hello.ts' },
      { source: 7 },
      { source: { code: 'x', language: 'cobol' } },
      { source: { code: 'x', language: 'js', more: 1 } },
      { source: '/a', config: [] },
      { source: '/a', config: 'x' },
      { source: '/a', name: 'other' },
      [],
      null,
    ];
    for (const body of wrong) {
      const answer = await put(body);
      expect([answer.status, errorOf(answer).code]).toEqual([400, 'INVALID_ARGUMENT']);
    }
    const notJson = await put('{');
    expect([notJson.status, errorOf(notJson).code]).toEqual([400, 'INVALID_JSON']);
    expect(errorOf(await put('')).code).toBe('INVALID_JSON');
    expect(seen).toEqual([]);
  });

  it('keeps its name and source, whatever the options say, and is not polluted', async () => {
    const { seen, put } = await deploying();
    await put('{"source":"/a","config":{"name":"evil","source":"/evil","__proto__":{"polluted":1}}}');
    expect(seen[0]).toMatchObject({ name: 'hello', source: '/a' });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(Object.getPrototypeOf(seen[0])).toBe(Object.prototype);
  });
});

describe('Functions as resources', () => {
  it('are listed, described and removed', async () => {
    const removed: string[] = [];
    const description = { name: 'hello', versions: [], aliases: [] };
    const details = { ...description, instances: [], targets: [], policy: 'reactive', latest: [] };
    const gateway = await gatewayFor({
      list: async () => [description],
      describe: async () => details,
      remove: async (name) => void removed.push(name),
    });
    expect((await ask(gateway, '/functions')).json).toEqual([description]);
    expect((await ask(gateway, '/functions/hello')).json).toEqual(details);
    expect((await ask(gateway, '/functions/hello/versions')).json).toEqual(description);
    const gone = await ask(gateway, '/functions/hello', { method: 'DELETE' });
    expect([gone.status, gone.json, removed]).toEqual([200, { name: 'hello' }, ['hello']]);
  });

  it('that are not there are 404', async () => {
    const missing = () => Promise.reject(new TroupeError('FUNCTION_NOT_FOUND', 'none'));
    const gateway = await gatewayFor({ describe: missing, remove: missing });
    for (const [method, path] of [
      ['GET', '/functions/nope'],
      ['GET', '/functions/nope/versions'],
      ['DELETE', '/functions/nope'],
    ] as const) {
      const answer = await ask(gateway, path, { method });
      expect([answer.status, errorOf(answer).code]).toEqual([404, 'FUNCTION_NOT_FOUND']);
    }
  });
});

describe('Aliases', () => {
  it('lead to one version, or to several by weight', async () => {
    const seen: unknown[] = [];
    const gateway = await gatewayFor({ setAlias: async (...given) => void seen.push(given) });
    const path = '/functions/hello/aliases/beta';
    const one = await ask(gateway, path, { method: 'PUT', body: '{"version":3}' });
    expect(one.json).toEqual({ name: 'hello', alias: 'beta', targets: [{ version: 3, weight: 1 }] });
    const split = [
      { version: 1, weight: 9 },
      { version: 2, weight: 0.5 },
    ];
    await ask(gateway, path, { method: 'PUT', body: JSON.stringify({ targets: split }) });
    expect(seen).toEqual([
      ['hello', 'beta', [{ version: 3, weight: 1 }]],
      ['hello', 'beta', split],
    ]);
  });

  it('that lead nowhere are refused', async () => {
    const gateway = await gatewayFor({ setAlias: () => Promise.reject(new Error('was called')) });
    for (const body of [
      '{}',
      '{"version":0}',
      '{"version":"1"}',
      '{"version":1.5}',
      '{"targets":[]}',
      '{"targets":[null]}',
      '{"targets":[{"version":1}]}',
      '{"targets":[{"version":1,"weight":0}]}',
      '{"version":1,"targets":[{"version":1,"weight":1}]}',
      '{"version":1,"more":1}',
    ]) {
      const answer = await ask(gateway, '/functions/hello/aliases/beta', { method: 'PUT', body });
      expect([body, answer.status, errorOf(answer).code]).toEqual([body, 400, 'INVALID_ARGUMENT']);
    }
  });

  it('are removed', async () => {
    const seen: unknown[] = [];
    const gateway = await gatewayFor({ removeAlias: async (...given) => void seen.push(given) });
    const answer = await ask(gateway, '/functions/hello/aliases/b%65ta', { method: 'DELETE' });
    expect([answer.status, seen]).toEqual([200, [['hello', 'beta']]]);
  });
});
