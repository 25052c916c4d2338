import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { expect, it } from 'vitest';
import { CodeMemory } from '../../../src/resource-orchestration/node-agent/code-memory.ts';
import { type CacheStage, cacheFileFor, encodeCacheFile } from '../../../src/transport/code-cache-file.ts';
import type { InstanceImage } from '../../../src/transport/instance-control.ts';
import { scriptText, wrapScript } from '../../../src/transport/wrapped-script.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

async function artifact(stage: CacheStage = 'used', code = 'module.exports = () => 42;'): Promise<InstanceImage> {
  const entry = join(await temporaryDirectory(), 'function.cjs');
  const source = Buffer.from(code);
  await writeFile(entry, source);
  const data = new Script(scriptText(wrapScript(source))).createCachedData();
  await writeFile(cacheFileFor(entry), encodeCacheFile({ data, stage }, { entry, filename: entry, source }));
  const facts = { functionName: 'sample', functionVersion: 1, env: {}, memoryMb: 128, payloadLimitBytes: 1_024 };
  return { ...facts, format: 'script', entry, codeCache: 'use' };
}

it('Code that was remembered is handed over, in memory that threads share, also when its files are gone', async () => {
  const memory = new CodeMemory();
  const image = await artifact();
  expect(memory.complete(image)).toBe(image);
  await memory.remember(image);
  await rm(image.entry);
  const { code } = memory.complete(image);
  expect(code && scriptText(code)).toContain('module.exports = () => 42;');
  expect(code?.cache.buffer).toBeInstanceOf(SharedArrayBuffer);
});

it.each<[string, (image: InstanceImage) => unknown]>([
  ['has no cache', ({ entry }) => rm(cacheFileFor(entry))],
  ['has a damaged cache', ({ entry }) => writeFile(cacheFileFor(entry), 'damaged'.repeat(20))],
  ['is not what its cache was made from', ({ entry }) => writeFile(entry, 'module.exports = () => 43;')],
  ['is gone', ({ entry }) => rm(entry)],
])('Code that %s is not handed over', async (_, spoil) => {
  const memory = new CodeMemory();
  const image = await artifact();
  await spoil(image);
  await memory.remember(image);
  expect(memory.complete(image)).toBe(image);
});

it('Code whose cache can still be made better is left to the instance, which makes it better', async () => {
  const memory = new CodeMemory();
  const image = await artifact('loaded');
  await memory.remember(image);
  expect(memory.complete(image)).toBe(image);
});

it('What was used longest ago makes room', async () => {
  const memory = new CodeMemory(24_000);
  const images = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => artifact('used', `${n} //${'-'.repeat(4_000)}`)));
  for (const image of images) {
    await memory.remember(image);
    memory.complete(images[0] ?? image);
  }
  const isKept = images.map((image) => memory.complete(image).code !== undefined);
  expect([isKept[0], isKept[1], isKept[5]]).toEqual([true, false, true]);
});
