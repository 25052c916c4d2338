import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTroupe, type DeployOptions } from '../../src/troupe.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { failureOf, SharedHost } from './shared-host.ts';

const FINE = { code: 'export default () => 1', language: 'js' } as const;

describe('what deploy refuses', () => {
  const host = new SharedHost();

  async function refused(options: Record<string, unknown>): Promise<{ code: string; message: string }> {
    const failure = await failureOf(host.troupe.deploy({ name: 'fine', source: FINE, ...options } as DeployOptions));
    expect(await host.troupe.list()).toEqual([]);
    return failure;
  }

  it.each([
    '',
    '../up',
    'a/b',
    '/etc/passwd',
    'Upper',
    'under_score',
    '-a',
    'a-',
    'a'.repeat(64),
    'a b',
    7,
    null,
    undefined,
  ])('the name %j', async (name) => {
    expect((await refused({ name })).code).toBe('INVALID_NAME');
  });

  it.each([
    ['a negative timeout', { timeoutMs: -1 }, 'timeoutMs'],
    ['a timeout of nothing', { timeoutMs: 0 }, 'timeoutMs'],
    ['a timeout that is text', { timeoutMs: '5s' }, 'timeoutMs'],
    ['a concurrency of half a call', { concurrency: 0.5 }, 'concurrency'],
    ['an unknown isolation', { isolation: 'planet' }, 'isolation'],
    ['an unknown option', { timeOut: 5 }, 'timeOut'],
    ['more instances at least than at most', { minInstances: 3, maxInstances: 2 }, 'minInstances'],
    ['a variable with an odd name', { env: { 'A=B': '1' } }, 'env'],
    ['a variable that is no text', { env: { A: 1 } }, 'env'],
    ['too little memory', { memoryMb: 1 }, 'memoryMb'],
    ['a source that is a number', { source: 42 }, 'source'],
    ['a source that is nothing', { source: undefined }, 'source'],
    ['a source that is empty', { source: '' }, 'source'],
    ['a source on the web', { source: new URL('http://localhost/a.js') }, 'http:'],
    ['a language that it does not know', { source: { code: 'print(1)', language: 'py' } }, 'language'],
    ['code that is no text', { source: { code: 1, language: 'js' } }, 'source'],
  ])('%s', async (_, options, named) => {
    const failure = await refused(options);
    expect(failure.code).toBe('INVALID_ARGUMENT');
    expect(failure.message).toContain(named);
  });

  it('a source that is not there, or reaches out of its directory, or is no script', async () => {
    const directory = await temporaryDirectory();
    expect((await refused({ source: join(directory, 'none.ts') })).code).toBe('SOURCE_NOT_FOUND');
    const outside = join(directory, 'outside.ts');
    await writeFile(outside, 'export const secret = 1;\n');
    await mkdir(join(directory, 'inside'));
    await symlink(outside, join(directory, 'inside', 'link.ts'));
    await writeFile(
      join(directory, 'inside', 'index.ts'),
      `import { secret } from './link.ts';\nexport default () => secret;\n`,
    );
    expect((await refused({ source: join(directory, 'inside') })).code).toBe('SOURCE_OUTSIDE_ROOT');
    await writeFile(join(directory, 'notes.txt'), 'hello');
    expect((await refused({ source: join(directory, 'notes.txt') })).code).toBe('BUILD_FAILED');
  });

  it('a package with dependencies and no lock file', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'package.json'), '{"dependencies":{"left-pad":"1.3.0"}}');
    await writeFile(join(directory, 'index.js'), `import pad from 'left-pad';\nexport default () => pad;\n`);
    expect((await refused({ source: directory })).code).toBe('LOCKFILE_REQUIRED');
  });
});

describe('what a call refuses', () => {
  const host = new SharedHost();

  it('options that make no sense, each by name', async () => {
    const name = await host.function('export default () => 1');
    for (const [options, named] of [
      [{ timeoutMs: -1 }, 'timeoutMs'],
      [{ timeoutMs: 0 }, 'timeoutMs'],
      [{ timeoutMs: Number.NaN }, 'timeoutMs'],
      [{ timeoutMs: '5' }, 'timeoutMs'],
      [{ version: 0 }, 'version'],
      [{ version: 1.5 }, 'version'],
      [{ version: 1, alias: 'current' }, 'version or an alias'],
      [{ alias: 7 }, 'alias'],
      [{ idempotencyKey: 'x'.repeat(257) }, 'idempotencyKey'],
      [{ signal: 'stop' }, 'signal'],
    ] as const) {
      const failure = await failureOf(host.troupe.invoke(name, null, options as object));
      expect([JSON.stringify(options), failure.code]).toEqual([JSON.stringify(options), 'INVALID_ARGUMENT']);
      expect(failure.message).toContain(named);
    }
    expect(await host.troupe.invoke(name)).toBe(1);
  });

  it('names of nobody, and says which names are known to be close', async () => {
    await host.deploy('thumbnail', 'export default () => 1');
    for (const name of ['thumbnial', '', '../up', '__proto__', 'constructor']) {
      expect((await failureOf(host.troupe.invoke(name))).code).toBe('FUNCTION_NOT_FOUND');
    }
    expect((await failureOf(host.troupe.invoke(undefined as unknown as string))).code).toBe('INVALID_ARGUMENT');
    expect((await failureOf(host.troupe.describe('thumbnial'))).code).toBe('FUNCTION_NOT_FOUND');
    expect((await failureOf(host.troupe.invoke('thumbnail', null, { alias: 'nope' }))).code).toBe('ALIAS_NOT_FOUND');
  });

  it('streams and requests in the same way, when they are read', async () => {
    const read = async (name: string, options = {}) => {
      for await (const _ of host.troupe.stream(name, null, options));
    };
    expect((await failureOf(read('nobody'))).code).toBe('FUNCTION_NOT_FOUND');
    expect((await failureOf(read('thumbnail', { timeoutMs: -1 }))).code).toBe('INVALID_ARGUMENT');
    const fetched = host.troupe.fetch('thumbnail', new Request('http://localhost/'), { version: 9 });
    expect((await failureOf(fetched)).code).toBe('VERSION_NOT_FOUND');
  });
});

describe('what createTroupe refuses', () => {
  it.each([
    ['an unknown option', { dataDirectory: '/tmp/x' }, 'dataDirectory'],
    ['an unknown agent', { agent: 'cloud' }, 'agent'],
    ['no agents', { agents: 0 }, 'agents'],
    ['a budget that is text', { memoryBudgetMb: 'all' }, 'memoryBudgetMb'],
    ['an empty data directory', { dataDir: '' }, 'dataDir'],
  ])('%s', async (_, options, named) => {
    const failure = await failureOf(createTroupe(options as object));
    expect(failure).toMatchObject({ code: 'CONFIG_INVALID', exitCode: 3, message: expect.stringContaining(named) });
  });
});
