/** Workflows in a whole host: through the embedding API, as functions, over HTTP, and across its end. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { createTroupe, type HostOptions, type Troupe } from '../src/index.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const js = (code: string) => ({ language: 'js' as const, code });
const yaml = (code: string) => ({ language: 'yaml' as const, code });

const CHAIN = yaml(`
output: C
tasks:
  A: { run: double, inputs: "{ param() }" }
  B: { run: double, inputs: "{ output('A') }", requires: [A] }
  C: { run: compose, inputs: { doubled: "{ output('B') }", first: "{ output('A') }" }, requires: [A, B] }
`);

async function host(options: HostOptions = {}): Promise<Troupe> {
  const troupe = await createTroupe({ drainTimeoutMs: 2_000, ...options });
  onTestFinished(() => troupe.close());
  await troupe.deploy({ name: 'double', source: js('export default (n) => 2 * n') });
  return troupe;
}

describe('a task with a heartbeat', () => {
  it('goes on while its function says so, and fails when it does not, as a retry or a catch can see', async () => {
    const troupe = await host();
    const code = `export default async ({ beats }, context) => {
      for (let turn = 0; turn < 15 && !context.signal.aborted; turn++) {
        if (beats) context.heartbeat();
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      return 'done';
    }`;
    await troupe.deploy({ name: 'long', source: js(code) });
    const source = yaml(`
output: B
tasks:
  A: { run: long, inputs: { beats: true }, heartbeat: 1s }
  B:
    run: long
    inputs: { beats: false }
    heartbeat: 1s
    catch: { run: compose, inputs: { before: "{ output('A') }", caught: "{ task().Error.code }" } }
    requires: [A]
`);
    await troupe.workflows.deploy({ name: 'signs', source });
    expect(await troupe.invoke('signs', {})).toEqual({ before: 'done', caught: 'TIMEOUT' });
  });
});

describe('a workflow', () => {
  it('is deployed, started and gives its result; its history tells how', async () => {
    const troupe = await host();
    expect(await troupe.workflows.deploy({ name: 'chain', source: CHAIN })).toEqual({
      name: 'chain',
      version: 1,
      isNew: true,
    });
    const run = await troupe.workflows.start('chain', 3, { id: 'one' });
    expect(await run.result()).toEqual({ doubled: 12, first: 6 });
    const steps = (await run.history()).map(({ type, step }) => (step === undefined ? type : `${type} ${step}`));
    expect(steps).toEqual([
      'executionStarted',
      'stepSucceeded A',
      'stepSucceeded B',
      'stepSucceeded C',
      'executionSucceeded',
    ]);
    expect(await troupe.workflows.executions({ workflow: 'chain' })).toMatchObject([
      { id: 'one', status: 'succeeded' },
    ]);
  });

  it('is a function to whoever calls it: the program, another function, and another workflow', async () => {
    const troupe = await host();
    await troupe.workflows.deploy({ name: 'chain', source: CHAIN });
    expect(await troupe.invoke('chain', 1)).toEqual({ doubled: 4, first: 2 });
    await troupe.deploy({ name: 'outer', source: js("export default (n, context) => context.invoke('chain', n)") });
    expect(await troupe.invoke('outer', 2)).toEqual({ doubled: 8, first: 4 });
    const source = yaml(`
output: B
tasks:
  A: { run: chain, inputs: "{ param() }" }
  B: { run: double, inputs: "{ output('A').doubled }", requires: [A] }
`);
    await troupe.workflows.deploy({ name: 'parent', source });
    expect(await troupe.invoke('parent', 3)).toBe(24);
    const { invocation } = await troupe.invokeWithDetails('chain', 1);
    expect(invocation).toMatchObject({ functionName: 'chain', status: 'succeeded' });
  });

  it('answers over HTTP as a function does, with headers and query as inputs', async () => {
    const troupe = await host();
    const source = yaml(`
output: A
tasks:
  A: { run: compose, inputs: { body: "{ param() }", name: "{ param('headers')['x-name'] }", q: "{ param('query').q }" } }
`);
    await troupe.workflows.deploy({ name: 'echo', source });
    const { port } = await troupe.listen({ port: 0 });
    const url = `http://127.0.0.1:${port}`;
    const request = {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-name': 'Ada' },
      body: '{"n":1}',
    };
    const answered = await fetch(`${url}/fn/echo/?q=5`, request);
    expect(await answered.json()).toEqual({ body: { n: 1 }, name: 'Ada', q: '5' });
    await troupe.workflows.deploy({ name: 'chain', source: CHAIN });
    const invoked = await fetch(`${url}/functions/chain/invocations`, { ...request, body: '2' });
    expect(await invoked.json()).toEqual({ doubled: 8, first: 4 });
  });

  it('cannot have the name of a function, nor a function that of a workflow', async () => {
    const troupe = await host();
    await troupe.workflows.deploy({ name: 'chain', source: CHAIN });
    const taken = { code: 'NAME_TAKEN' };
    await expect(troupe.workflows.deploy({ name: 'double', source: CHAIN })).rejects.toMatchObject(taken);
    await expect(troupe.deploy({ name: 'chain', source: js('export default () => 1') })).rejects.toMatchObject(taken);
  });

  it('is refused with every fault at once, each with its place', async () => {
    const troupe = await host();
    const source = yaml(`
output: Z
tasks:
  A: { run: dubble, inputs: "{ param( }" }
  B: { run: double, requires: [Nobody] }
`);
    const refused = await troupe.workflows.deploy({ name: 'bad', source }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'WORKFLOW_INVALID' });
    const { faults } = (refused as { details: { faults: { message: string; line: number }[] } }).details;
    expect(faults.map(({ line }) => line)).toEqual(expect.arrayContaining([2, 4, 5]));
    const unknown = yaml('output: A\ntasks: { A: { run: dubble } }');
    await expect(troupe.workflows.deploy({ name: 'bad', source: unknown })).rejects.toMatchObject({
      code: 'WORKFLOW_INVALID',
      message: expect.stringContaining('double'),
    });
  });

  it('fails with the error of the function, and says which task it was', async () => {
    const troupe = await host();
    await troupe.deploy({ name: 'broken', source: js("export default () => { throw new RangeError('too far') }") });
    await troupe.workflows.deploy({ name: 'w', source: yaml('output: A\ntasks: { A: { run: broken } }') });
    await expect(troupe.invoke('w')).rejects.toMatchObject({
      code: 'STEP_FAILED',
      message: expect.stringContaining('A'),
      cause: { code: 'FUNCTION_ERROR', cause: { message: 'too far' } },
    });
  });

  it('goes on in the next host with what this one has on disk', async () => {
    const dataDir = await temporaryDirectory();
    const first = await host({ dataDir });
    const source = yaml(`
output: B
tasks:
  A: { run: double, inputs: "{ param() }" }
  Wait: { await: signal, requires: [A] }
  B: { run: compose, inputs: { a: "{ output('A') }", s: "{ output('Wait') }" }, requires: [Wait] }
`);
    await first.workflows.deploy({ name: 'w', source });
    const run = await first.workflows.start('w', 21, { id: 'x' });
    while ((await run.status()).known.length < 2) await new Promise(setImmediate);
    await first.close();
    const second = await createTroupe({ dataDir });
    onTestFinished(() => second.close());
    const again = await second.workflows.get('x');
    expect(await again.status()).toMatchObject({ status: 'running', workflow: 'w' });
    await again.signal('Wait', { ok: true });
    expect(await again.result()).toEqual({ a: 42, s: { ok: true } });
  });
});
