import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { expect, it } from 'vitest';
import { readCodeCache, writeCodeCache } from '../../src/instance-runtime/code-cache.ts';
import { loadHandler } from '../../src/instance-runtime/handler-loading.ts';
import { cacheFileFor } from '../../src/transport/code-cache-file.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const CODE = 'module.exports = function answer() { return 42; };';

async function artifactWithCache(code: string = CODE) {
  const entry = join(await temporaryDirectory(), 'function.cjs');
  await writeFile(entry, code);
  const source = Buffer.from(code);
  const named = { entry, filename: entry, source };
  writeCodeCache(named, { data: new Script(code).createCachedData(), stage: 'used' });
  return { ...named, file: cacheFileFor(entry) };
}

function imageOf(entry: string) {
  return {
    functionName: 'sample',
    functionVersion: 1,
    format: 'script',
    entry,
    env: {},
    codeCache: 'use',
    memoryMb: 128,
    payloadLimitBytes: 1_024,
  } as const;
}

it('A code cache is found again, with what it was made from', async () => {
  const made = await artifactWithCache();
  expect(readCodeCache(made)).toMatchObject({ stage: 'used', data: expect.any(Buffer) });
});

it('A code cache is no cache of another source, though that is as long, nor of a script by another name', async () => {
  const made = await artifactWithCache();
  expect(readCodeCache({ ...made, source: Buffer.from(CODE.replace('42', '43')) })).toBeUndefined();
  expect(readCodeCache({ ...made, filename: '/elsewhere/function.cjs' })).toBeUndefined();
});

it('A code cache with any bit flipped, or cut anywhere, is none', async () => {
  const made = await artifactWithCache();
  const { file } = made;
  const whole = await readFile(file);
  for (let at = 0; at < whole.length; at += 7) {
    const damaged = Buffer.from(whole);
    damaged.writeUInt8((damaged[at] ?? 0) ^ 4, at);
    await writeFile(file, at % 2 ? damaged : whole.subarray(0, at));
    expect(readCodeCache(made), `damaged at ${at}`).toBeUndefined();
  }
});

it.each<[string, (made: Awaited<ReturnType<typeof artifactWithCache>>) => unknown]>([
  ['missing', ({ file }) => rm(file)],
  ['damaged', ({ file }) => writeFile(file, 'damaged')],
  [
    'refused by V8',
    (made) => writeCodeCache(made, { data: new Script('"another"').createCachedData(), stage: 'used' }),
  ],
])('A script whose code cache is %s is loaded all the same, and gets a new one', async (how, spoil) => {
  // V8 remembers what it compiled: each case needs a source of its own.
  const made = await artifactWithCache(`${CODE} // ${how}`);
  await spoil(made);
  const { loaded, uncached } = await loadHandler(imageOf(made.entry));
  expect(loaded.call({}, {} as never)).toBe(42);
  expect(uncached).toBeDefined();
});
