import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { failureOf, SharedHost } from './shared-host.ts';

const says = (what: unknown) => `export default () => ${JSON.stringify(what)}`;

describe.each(['inline', 'process'] as const)('deploying, under an agent %s', (agent) => {
  const host = new SharedHost({ agent });

  it('the same source twice builds once and makes one version', async () => {
    const first = await host.deploy('same', says('same'));
    expect(first).toMatchObject({ name: 'same', version: 1, isNew: true, reused: false });
    expect(await host.deploy('same', says('same'))).toMatchObject({ version: 1, isNew: false, reused: true });
    expect(await host.deploy('another', says('same'))).toMatchObject({ version: 1, isNew: true, reused: true });
    expect(await host.deploy('same', says('same'), { timeoutMs: 5_000 })).toMatchObject({ version: 2, reused: true });
  });

  it('makes the new version current at once, and a call inside the old one finishes', async () => {
    const wait = `export default async (ms) => { await new Promise((done) => setTimeout(done, ms)); return`;
    await host.deploy('moving', `${wait} 1 }`);
    expect(await host.troupe.invoke('moving', 0)).toBe(1);
    const inside = host.troupe.invoke('moving', 500);
    await until(async () =>
      (await host.troupe.stats()).routes.some(({ name, inFlight }) => name === 'moving' && inFlight === 1),
    );
    expect((await host.deploy('moving', `${wait} 2 }`)).version).toBe(2);
    expect(await host.troupe.invoke('moving', 0)).toBe(2);
    expect(await inside).toBe(1);
    await until(async () =>
      (await host.troupe.describe('moving')).instances.every(({ functionVersion }) => functionVersion === 2),
    );
  });

  it('leaves older versions callable by number, and current can go back to one', async () => {
    for (const what of ['one', 'two', 'three']) await host.deploy('numbered', says(what));
    expect(await host.troupe.invoke('numbered')).toBe('three');
    expect(await host.troupe.invoke('numbered', null, { version: 1 })).toBe('one');
    await host.troupe.setAlias('numbered', 'current', 1);
    expect(await host.troupe.invoke('numbered')).toBe('one');
    expect(await host.troupe.invoke('numbered', null, { version: 3 })).toBe('three');
    expect((await host.deploy('numbered', says('four'))).version).toBe(4);
    expect(await host.troupe.invoke('numbered')).toBe('four');
  });

  it('a source that was current before makes it current again', async () => {
    for (const what of ['a', 'b', 'a']) await host.deploy('back', says(what));
    expect(await host.troupe.invoke('back')).toBe('a');
  });

  it('something broken changes nothing, says file and line, and the version before still answers', async () => {
    const file = join(await temporaryDirectory(), 'broken.ts');
    await host.deploy('steady', says('steady'));
    const before = await host.troupe.describe('steady');
    const attempt = async (text: string) => {
      await writeFile(file, text);
      return failureOf(host.troupe.deploy({ name: 'steady', source: file }));
    };
    const syntax = await attempt('export const fine = 1;\nexport default () => {\n  return 1 +;\n};\n');
    expect(syntax).toMatchObject({ code: 'BUILD_FAILED', details: { file, line: 3 } });
    expect(syntax.message).toMatch(/broken\.ts:3:\d+: /);
    expect(syntax.message).toContain('return 1 +;');
    expect((await attempt(`import './missing.ts';\nexport default () => 1;\n`)).message).toMatch(/broken\.ts:1:/);
    expect(await attempt('export default 42;\n')).toMatchObject({
      code: 'HANDLER_INVALID',
      message: expect.stringContaining('default'),
    });
    expect((await attempt('export const helper = () => 1;\n')).code).toBe('HANDLER_INVALID');
    const thrown = await attempt(`const n: number = 1;\n\nthrow new Error('at the top ' + n);\n`);
    expect(thrown.message).toContain('at the top 1');
    expect(`${thrown.message}${thrown.stack}${(thrown.cause as Error)?.stack}`).toContain('broken.ts:3');
    const { latest: _, targets: __, instances: ___, ...after } = await host.troupe.describe('steady');
    expect(after.versions).toEqual(before.versions);
    expect(after.aliases).toEqual(before.aliases);
    expect(await host.troupe.invoke('steady')).toBe('steady');
  });

  it('a source that ends its process, or never ends to load, is refused', async () => {
    expect((await failureOf(host.deploy('suicidal', 'process.exit(0); export default () => 1'))).kind).not.toBe(
      'unavailable',
    );
    expect((await failureOf(host.troupe.invoke('suicidal'))).code).toBe('FUNCTION_NOT_FOUND');
  });
});

describe('an alias', () => {
  const host = new SharedHost();

  it('leads to its version, or splits calls between several by weight', async () => {
    for (const what of [1, 2]) await host.deploy('split', says(what));
    await host.troupe.setAlias('split', 'canary', [
      { version: 1, weight: 1 },
      { version: 2, weight: 3 },
    ]);
    const results: unknown[] = [];
    for (let call = 0; call < 200; call++) results.push(await host.troupe.invoke('split', null, { alias: 'canary' }));
    const first = results.filter((result) => result === 1).length;
    // Of 200 calls, 50 are expected, with a deviation of 6.1: six of these off, something is wrong.
    expect(first).toBeGreaterThan(13);
    expect(first).toBeLessThan(87);
    await host.troupe.setAlias('split', 'canary', 2);
    expect(await host.troupe.invoke('split', null, { alias: 'canary' })).toBe(2);
    await host.troupe.removeAlias('split', 'canary');
    expect((await failureOf(host.troupe.invoke('split', null, { alias: 'canary' }))).code).toBe('ALIAS_NOT_FOUND');
  });

  it('keeps the instances of its version when current moves on', async () => {
    await host.deploy('kept', 'let calls = 0; export default () => ++calls');
    await host.troupe.setAlias('kept', 'stable', 1);
    expect(await host.troupe.invoke('kept', null, { alias: 'stable' })).toBe(1);
    await host.deploy('kept', says('new'));
    expect(await host.troupe.invoke('kept', null, { alias: 'stable' })).toBe(2);
    expect(await host.troupe.invoke('kept')).toBe('new');
  });

  it('is refused for a version or a name that does not exist, and current stays', async () => {
    await host.deploy('guarded', says(1));
    expect((await failureOf(host.troupe.setAlias('guarded', 'stable', 7))).code).toBe('VERSION_NOT_FOUND');
    expect((await failureOf(host.troupe.setAlias('guarded', '../up', 1))).code).toBe('INVALID_NAME');
    expect((await failureOf(host.troupe.setAlias('nobody', 'stable', 1))).code).toBe('FUNCTION_NOT_FOUND');
    expect((await failureOf(host.troupe.removeAlias('guarded', 'current'))).code).toBe('CONFLICT');
    expect((await failureOf(host.troupe.invoke('guarded', null, { version: 9 }))).code).toBe('VERSION_NOT_FOUND');
    expect(await host.troupe.invoke('guarded')).toBe(1);
  });
});

describe('removing a function', () => {
  const host = new SharedHost();

  it('lets calls inside finish, refuses new ones, and a later deploy goes on counting', async () => {
    const name = await host.function(
      'export default (ms) => new Promise((done) => setTimeout(() => done("finished"), ms))',
    );
    await host.troupe.invoke(name, 0);
    const inside = host.troupe.invoke(name, 300);
    await until(async () =>
      (await host.troupe.stats()).routes.some((route) => route.name === name && route.inFlight === 1),
    );
    await host.troupe.remove(name);
    expect((await failureOf(host.troupe.invoke(name))).code).toBe('FUNCTION_NOT_FOUND');
    expect((await host.troupe.list()).map((description) => description.name)).not.toContain(name);
    expect(await inside).toBe('finished');
    await until(async () => (await host.troupe.stats()).instances.length === 0);
    expect((await host.deploy(name, says('again'))).version).toBe(2);
    expect(await host.troupe.invoke(name)).toBe('again');
    expect((await failureOf(host.troupe.remove('nobody'))).code).toBe('FUNCTION_NOT_FOUND');
  });
});
