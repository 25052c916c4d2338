import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { failureOf, PLACES, SharedHost } from './shared-host.ts';

/** A Standard Schema by hand: what it lets through is changed on the way, so that a test can see that it ran. */
const SCHEMA = (field: string, change: string) => `{ '~standard': { version: 1, vendor: 'test', validate: (value) =>
  typeof value?.${field} === 'number' ? { value: ${change} } : { issues: [{ message: 'must be a number', path: ['${field}'] }] } } }`;

describe.each(PLACES)('a function in a $isolation of an agent $agent', ({ agent, isolation }) => {
  const host = new SharedHost({ agent });

  it('answers as a default export, as a named handler, and from CommonJS', async () => {
    const add = await host.function('export default async ({ a, b }) => a + b', { isolation });
    const lambda = await host.function('export const handler = (event) => event.toUpperCase()', { isolation });
    const common = await host.function('exports.handler = async (event) => event * 2', { isolation });
    expect(await host.troupe.invoke(add, { a: 1, b: 2 })).toBe(3);
    expect(await host.troupe.invoke(lambda, 'text')).toBe('TEXT');
    expect(await host.troupe.invoke(common, 21)).toBe(42);
  });

  it('streams from a generator, whole or chunk by chunk', async () => {
    const name = await host.function(
      'export default async function* (to) { for (let at = 1; at <= to; at++) yield { at }; }',
      { isolation },
    );
    const seen: unknown[] = [];
    for await (const chunk of host.troupe.stream(name, 3)) seen.push(chunk);
    expect(seen).toEqual([{ at: 1 }, { at: 2 }, { at: 3 }]);
    expect(await host.troupe.invoke(name, 2)).toEqual([{ at: 1 }, { at: 2 }]);
  });

  it('answers web-standard requests', async () => {
    const name = await host.function(
      `export default { async fetch(request, context) {
        const { pathname, searchParams } = new URL(request.url);
        return Response.json({ pathname, q: searchParams.get('q'), method: request.method, body: await request.text(),
          header: request.headers.get('x-test'), name: context.functionName }, { status: 201 });
      } }`,
      { isolation },
    );
    const request = new Request('http://localhost/path?q=1', { method: 'PUT', body: 'ä', headers: { 'x-test': 'y' } });
    const response = await host.troupe.fetch(name, request);
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({ pathname: '/path', q: '1', method: 'PUT', body: 'ä', header: 'y', name });
    expect(await host.troupe.invoke(name, { a: 1 })).toMatchObject({ method: 'POST', body: '{"a":1}' });
  });

  it('checks events and results against the schemas of defineFunction', async () => {
    const name = await host.function(
      `import { defineFunction } from 'troupe';
      export default defineFunction({
        input: ${SCHEMA('n', '{ n: value.n + 1 }')},
        output: ${SCHEMA('m', '{ m: value.m * 10 }')},
        handler: async ({ n }) => n > 100 ? { m: 'many' } : { m: n },
      });`,
      { isolation },
    );
    expect(await host.troupe.invoke(name, { n: 1 })).toEqual({ m: 20 });
    const input = await failureOf(host.troupe.invoke(name, { n: 'one' }));
    expect(input).toMatchObject({ code: 'INVALID_INPUT', details: { issues: ['n: must be a number'] } });
    const output = await failureOf(host.troupe.invoke(name, { n: 100 }));
    expect(output).toMatchObject({ code: 'INVALID_OUTPUT', details: { issues: ['m: must be a number'] } });
  });

  it('is told about its call', async () => {
    const name = await host.function(
      `export default async (event, { functionName, functionVersion, awsRequestId, invocationId, memoryLimitInMB, attempt,
        idempotencyKey, getRemainingTimeInMillis, signal }) => ({ functionName, functionVersion, awsRequestId, invocationId,
        memoryLimitInMB, attempt, idempotencyKey, remainingMs: getRemainingTimeInMillis(), aborted: signal.aborted, env: { ...process.env } })`,
      { isolation, memoryMb: 64, timeoutMs: 5_000, env: { COLOUR: 'red' } },
    );
    const { result, invocation } = await host.troupe.invokeWithDetails<Record<string, unknown>>(name, null, {
      idempotencyKey: 'key-1',
      timeoutMs: 3_000,
    });
    expect(result).toMatchObject({
      functionName: name,
      functionVersion: '1',
      awsRequestId: invocation.id,
      invocationId: invocation.id,
      memoryLimitInMB: 64,
      attempt: 1,
      idempotencyKey: 'key-1',
      aborted: false,
      env: { COLOUR: 'red' },
    });
    expect(Object.keys(result['env'] as object)).toEqual(['COLOUR']);
    expect(result['remainingMs']).toBeGreaterThan(1_000);
    expect(result['remainingMs']).toBeLessThanOrEqual(3_000);
  });

  it('logs by console and by context.log, each line under the call that wrote it', async () => {
    const name = await host.function(
      `export default async (id, context) => {
        console.log('one', { id });
        await new Promise((resolve) => setTimeout(resolve, 5));
        console.error('two %d', id);
        context.log.warn('three', { id });
      }`,
      { isolation, concurrency: 2 },
    );
    const followed: string[] = [];
    const stop = host.troupe.followLogs(({ message }) => followed.push(message), name);
    const calls = await Promise.all([1, 2].map((id) => host.troupe.invokeWithDetails(name, id)));
    stop();
    for (const [index, { invocation }] of calls.entries()) {
      const id = index + 1;
      const lines = host.troupe.logs({ functionName: name }).filter((line) => line.invocationId === invocation.id);
      expect(lines.map(({ level, message, fields }) => [level, message, fields])).toEqual([
        ['info', `one { id: ${id} }`, undefined],
        ['error', `two ${id}`, undefined],
        ['warn', 'three', { id }],
      ]);
      expect(lines.every((line) => line.functionVersion === 1 && line.functionName === name)).toBe(true);
    }
    expect(followed.length).toBe(6);
  });
});

describe('the options of a function', () => {
  const host = new SharedHost();
  const configOf = async (name: string) => (await host.troupe.describe(name)).versions.at(-1)?.config;

  it('come from its config export, and those given to deploy win', async () => {
    const code = `export const config = { timeoutMs: 1_234, concurrency: 3, memoryMb: 64, env: { A: '1', B: '1' } };
      export default () => process.env.A + process.env.B`;
    const exported = await host.function(code);
    expect(await configOf(exported)).toMatchObject({
      timeoutMs: 1_234,
      concurrency: 3,
      memoryMb: 64,
      isolation: 'thread',
    });
    const given = await host.function(code, { timeoutMs: 4_321, isolation: 'process', env: { B: '2' } });
    expect(await configOf(given)).toMatchObject({ timeoutMs: 4_321, concurrency: 3, isolation: 'process' });
    expect(await host.troupe.invoke(given)).toBe('12');
  });

  it('come from defineFunction as well', async () => {
    const name = await host.function(
      `import { defineFunction } from 'troupe';
      export default defineFunction({ config: { timeoutMs: 77_000 }, handler: () => 1 })`,
    );
    expect(await configOf(name)).toMatchObject({ timeoutMs: 77_000 });
  });

  it('are checked where they come from a config export too, and nothing is deployed', async () => {
    const failure = await failureOf(
      host.deploy('wrong', 'export const config = { timeOutMs: 5 }; export default () => 1'),
    );
    expect(failure).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('timeOutMs') });
    expect((await failureOf(host.troupe.describe('wrong'))).code).toBe('FUNCTION_NOT_FOUND');
  });
});

describe('the source of a function', () => {
  const host = new SharedHost();

  it('may be a file, a directory or a file URL, in TypeScript, with imports of its own', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'lib'));
    await writeFile(join(directory, 'lib', 'double.ts'), 'export const double = (n: number): number => n * 2;\n');
    await writeFile(
      join(directory, 'index.ts'),
      `import { double } from './lib/double.ts';\nimport type { Context } from 'troupe';\nexport default (n: number, context: Context) => [double(n), context.functionName];\n`,
    );
    const file = join(directory, 'index.ts');
    for (const [name, source] of [
      ['by-file', file],
      ['by-directory', directory],
      ['by-url', pathToFileURL(file)],
    ] as const) {
      await host.troupe.deploy({ name, source });
      expect(await host.troupe.invoke(name, 4)).toEqual([8, name]);
    }
  });

  it('may wait at its top level', async () => {
    const name = await host.function('const n = await Promise.resolve(7); export default () => n');
    expect(await host.troupe.invoke(name)).toBe(7);
  });

  it('reaches a guest of troupe that has no host in it', async () => {
    const name = await host.function(
      `import { createTroupe, TroupeError } from 'troupe';
      export default () => { try { createTroupe(); } catch (error) { return [error.code, error instanceof TroupeError]; } }`,
    );
    expect(await host.troupe.invoke(name)).toEqual(['GUEST_ONLY', true]);
  });

  it('is called by typed methods of a proxy', async () => {
    const name = await host.function(
      'const methods = { add: (a, b) => a + b }; export default ({ method, args }) => methods[method](...args)',
    );
    const api = host.troupe.proxy<{ add(a: number, b: number): number }>(name);
    expect(await api.add(1, 2)).toBe(3);
  });
});
