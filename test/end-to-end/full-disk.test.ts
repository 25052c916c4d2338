/** A disk that is full, and has room again: a file system of its own in memory, which only some users may mount. */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';

const HOST = fileURLToPath(new URL('full-disk-host.js', import.meta.url));
const TEXT = 'x'.repeat(60_000);
/** More than fits. */
const MOST_JOBS = 2_000;

const disk = mkdtempSync(join(tmpdir(), 'troupe-disk-'));
const mount = (...args: string[]) => execFileSync('mount', args, { stdio: 'ignore' });
const canMount = attempt(() => mount('-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk));

afterAll(() => {
  if (canMount) execFileSync('umount', [disk]);
  rmSync(disk, { recursive: true, force: true });
});

function attempt(act: () => void): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}

interface Answer {
  readonly value?: unknown;
  readonly code?: string;
}

async function startHost() {
  const child = fork(HOST, [join(disk, 'data')], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const answer = async () => (await once(child, 'message'))[0] as Answer;
  await answer();
  const ask = (act: string, argument = ''): Promise<Answer> => {
    child.send({ act, argument });
    return answer();
  };
  return { child, ask };
}

describe.skipIf(!canMount)('a host whose disk is full', () => {
  it('refuses jobs with a typed error, keeps what it has acknowledged, and goes on once there is room', async () => {
    const { child, ask } = await startHost();
    const acknowledged: string[] = [];
    try {
      let refused: Answer | undefined;
      while (!refused && acknowledged.length < MOST_JOBS) {
        const answer = await ask('enqueue', TEXT);
        if (answer.code) refused = answer;
        else acknowledged.push(String(answer.value));
      }
      expect(refused).toEqual({ code: 'STORE_WRITE_FAILED' });
      expect(acknowledged.length).toBeGreaterThan(10);
      expect(await ask('enqueue', TEXT)).toEqual({ code: 'STORE_WRITE_FAILED' });
      mount('-o', 'remount,size=64m', disk);
      const again = await until(async () => (await ask('enqueue', TEXT)).value, { what: 'a job to be taken again' });
      acknowledged.push(String(again));
      for (const id of acknowledged)
        await until(async () => (await ask('status', id)).value === 'succeeded', { what: `job ${id} to be done` });
      const exited = once(child, 'exit');
      await ask('close');
      expect((await exited)[0]).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
    const next = await startHost();
    try {
      for (const id of acknowledged) expect(await next.ask('status', id)).toEqual({ value: 'succeeded' });
    } finally {
      next.child.kill('SIGKILL');
      await once(next.child, 'exit');
    }
  });
});
