import { describe, expect, it } from 'vitest';
import type { GatewayWorkflows } from '../../../src/ecosystem/gateway/protocol.ts';
import { TroupeError } from '../../../src/errors.ts';
import { ask, errorOf, fakeWorkflows, gatewayFor } from './gateway-harness.ts';

const YAML = 'apiVersion: 1\ntasks:\n  hello:\n    run: hello\n';
const serving = (parts: Partial<GatewayWorkflows>) => gatewayFor({ workflows: fakeWorkflows(parts) });

async function deploying(isNew = true) {
  const seen: unknown[] = [];
  const gateway = await serving({
    deploy: async (options) => {
      seen.push(options.source);
      return { name: options.name, version: 2, isNew };
    },
  });
  const put = (body: string, type?: string) =>
    ask(gateway, '/workflows/order-flow', { method: 'PUT', body, headers: type ? { 'content-type': type } : {} });
  return { seen, put };
}

describe('PUT /workflows/:name', () => {
  it('deploys YAML, with 201 for a new version and 200 for an old one', async () => {
    const { seen, put } = await deploying();
    const answer = await put(YAML, 'text/yaml');
    expect([answer.status, answer.json]).toEqual([201, { name: 'order-flow', version: 2, isNew: true }]);
    expect(seen).toEqual([{ code: YAML, language: 'yaml' }]);
    const same = await deploying(false);
    expect((await same.put(YAML)).status).toBe(200);
  });

  it('takes text of any type as YAML, and only what says that it is JSON as JSON', async () => {
    const { seen, put } = await deploying();
    const types = [undefined, 'application/yaml', 'text/plain; charset=utf-8', 'application/x-www-form-urlencoded'];
    for (const type of types) expect((await put(YAML, type)).status).toBe(201);
    expect((await put('{"tasks":{}}', 'text/yaml')).status).toBe(201);
    await put(JSON.stringify({ source: YAML }), 'application/json');
    await put(JSON.stringify({ source: { code: YAML, language: 'yaml' } }), 'application/json; charset=utf-8');
    const text = { code: YAML, language: 'yaml' };
    expect(seen).toEqual([...types.map(() => text), { code: '{"tasks":{}}', language: 'yaml' }, text, text]);
  });

  it('takes a file of this machine', async () => {
    const { seen, put } = await deploying();
    await put('{"source":"/srv/order.wf.yaml"}', 'application/json');
    await put('{"source":"file:///srv/a%20b.wf.yaml"}', 'application/json');
    expect(seen).toEqual(['/srv/order.wf.yaml', new URL('file:///srv/a%20b.wf.yaml')]);
  });

  it('refuses what is no workflow, and deploys nothing', async () => {
    const { seen, put } = await deploying();
    for (const body of [
      '[]',
      '7',
      '{}',
      '{"source":""}',
      '{"source":1}',
      '{"source":"a","name":"b"}',
      '{"tasks":{}}',
    ]) {
      const answer = await put(body, 'application/json');
      expect([body, answer.status, errorOf(answer).code]).toEqual([body, 400, 'INVALID_ARGUMENT']);
    }
    expect(errorOf(await put('{', 'application/json')).code).toBe('INVALID_JSON');
    expect(errorOf(await put(' \n')).code).toBe('INVALID_ARGUMENT');
    expect(seen).toEqual([]);
  });

  it('answers every fault with its place', async () => {
    const faults = [{ message: 'no such task "a"', line: 3, column: 5 }];
    const refuse = async () => {
      throw new TroupeError('WORKFLOW_INVALID', 'workflow.wf.yaml:3:5: no such task "a"', { details: { faults } });
    };
    const gateway = await serving({ deploy: refuse });
    const answer = await ask(gateway, '/workflows/order-flow', { method: 'PUT', body: YAML });
    expect([answer.status, errorOf(answer).code, errorOf(answer).details]).toEqual([
      422,
      'WORKFLOW_INVALID',
      { faults },
    ]);
  });
});

describe('Workflows', () => {
  const description = { name: 'order-flow', versions: [], aliases: { current: 2 } };

  it('are listed, described, and removed', async () => {
    const removed: string[] = [];
    const gateway = await serving({
      list: async () => [description],
      describe: async () => description,
      remove: async (name) => void removed.push(name),
    });
    expect((await ask(gateway, '/workflows')).json).toEqual([description]);
    expect((await ask(gateway, '/workflows/order-flow')).json).toEqual(description);
    const gone = await ask(gateway, '/workflows/order-flow', { method: 'DELETE' });
    expect([gone.status, gone.json, removed]).toEqual([200, { name: 'order-flow' }, ['order-flow']]);
  });

  it('that are not there are 404, and names that none can have are 400', async () => {
    const missing = () => Promise.reject(new TroupeError('WORKFLOW_NOT_FOUND', 'none'));
    const gateway = await serving({ describe: missing, remove: missing, start: missing });
    for (const [method, path] of [
      ['GET', '/workflows/nope'],
      ['DELETE', '/workflows/nope'],
      ['POST', '/workflows/nope/executions'],
    ] as const) {
      const answer = await ask(gateway, path, { method });
      expect([answer.status, errorOf(answer).code]).toEqual([404, 'WORKFLOW_NOT_FOUND']);
    }
    const wrong = await ask(gateway, '/workflows/No_Name');
    expect([wrong.status, errorOf(wrong).message]).toEqual([400, expect.stringContaining('is not a workflow name')]);
  });

  it('have aliases, each to one version', async () => {
    const seen: unknown[] = [];
    const gateway = await serving({ setAlias: async (...given) => void seen.push(given) });
    const path = '/workflows/order-flow/aliases/current';
    const answer = await ask(gateway, path, { method: 'PUT', body: '{"version":1}' });
    expect([answer.status, answer.json]).toEqual([200, { name: 'order-flow', alias: 'current', version: 1 }]);
    for (const body of ['{}', '{"version":0}', '{"version":"1"}', '{"version":1,"weight":2}', '[1]']) {
      const refused = await ask(gateway, path, { method: 'PUT', body });
      expect([body, errorOf(refused).code]).toEqual([body, 'INVALID_ARGUMENT']);
    }
    expect(seen).toEqual([['order-flow', 'current', 1]]);
  });
});
