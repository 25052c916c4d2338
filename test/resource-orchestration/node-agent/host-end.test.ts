import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { image, isAlive } from './agent-harness.ts';

const HOST = fileURLToPath(new URL('./fixtures/host.mjs', import.meta.url));
const DIST = new URL('../../../dist/', import.meta.url).href;

async function startHost(kind: 'inline' | 'process', then: 'stay' | 'leave') {
  const host = spawn(process.execPath, [HOST, kind, then, JSON.stringify(image()), DIST], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(host, 'exit');
  const [line] = await once(host.stdout, 'data');
  const pids: number[] = JSON.parse(String(line));
  return { host, exit, pids };
}

describe.each(['inline', 'process'] as const)('A host with an agent that is %s', (kind) => {
  it('leaves nothing behind when it is killed', async () => {
    const { host, pids } = await startHost(kind, 'stay');
    expect(pids.every(isAlive)).toBe(true);
    host.kill('SIGKILL');
    await until(() => !pids.some(isAlive), { what: 'the end of all its processes' });
  });

  it('can end by itself while workers are there, and leaves nothing behind', async () => {
    const { exit, pids } = await startHost(kind, 'leave');
    expect(await exit).toEqual([0, null]);
    await until(() => !pids.some(isAlive), { what: 'the end of all its processes' });
  });
});
