import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { acquireEsbuild } from '../../../src/function-management/builder/esbuild-service.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';

/** How many esbuild processes this one has started that still run. */
function services(): number {
  const children = readdirSync('/proc/self/task').flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
  );
  return children.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--service=');
    } catch {
      return false;
    }
  }).length;
}

const build = (service: ReturnType<typeof acquireEsbuild>) =>
  service.use(async (esbuild) => (await esbuild.transform('let a: number = 1', { loader: 'ts' })).code);

describe.runIf(process.platform === 'linux')('the esbuild service', () => {
  it('ends when nobody has built for a while, and starts again for the next build', async () => {
    const clock = new VirtualClock();
    const service = acquireEsbuild(clock);
    expect(await build(service)).toBe('let a = 1;\n');
    expect(services()).toBe(1);
    await clock.advance(9_000);
    expect(await build(service)).toBe('let a = 1;\n');
    await clock.advance(9_000);
    expect(services()).toBe(1);
    await clock.advance(1_001);
    await vi.waitFor(() => expect(services()).toBe(0));
    expect(await build(service)).toBe('let a = 1;\n');
    expect(services()).toBe(1);
    await service.release();
    await vi.waitFor(() => expect(services()).toBe(0));
  });

  it('runs while one of its users has not let go', async () => {
    const clock = new VirtualClock();
    const [one, other] = [acquireEsbuild(clock), acquireEsbuild(clock)];
    await build(one);
    await one.release();
    await one.release();
    expect(services()).toBe(1);
    await other.release();
    await vi.waitFor(() => expect(services()).toBe(0));
  });
});
