import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { deploy, HOUR, testHost } from './test-host.ts';

const run = promisify(execFile);

it('works with the test runner of Node, which waits for every handle that is left', async () => {
  const file = fileURLToPath(new URL('fixtures/node-test.js', import.meta.url));
  const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap', file], { timeout: 25_000 });
  expect(stdout).toContain('# fail 0');
});

it('several hosts at a time have times of their own', async () => {
  const hosts = await Promise.all([1, 2, 3, 4].map((seed) => testHost({ seed })));
  await Promise.all(
    hosts.map(async (troupe, index) => {
      await deploy(troupe, 'work', 'return event;');
      const { id } = await troupe.enqueue('work', index, { delayMs: index * HOUR });
      await troupe.clock.advance(index * HOUR);
      expect((await troupe.job(id)).result).toBe(index);
    }),
  );
});
