import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { deploy, HOUR, MINUTE, testHost } from './test-host.ts';

const HANGS = 'await new Promise((done) => setTimeout(done, 600_000));';

describe('a function that hangs', () => {
  it('is waited for, and then its timeout comes in virtual time', async () => {
    const troupe = await testHost({ callPatienceMs: 100 });
    await deploy(troupe, 'hangs', HANGS, { timeoutMs: 10 * MINUTE });
    const beganMs = troupe.clock.now();
    const call = expect(troupe.invoke('hangs')).rejects.toMatchObject({ code: 'TIMEOUT' });
    const startedMs = performance.now();
    await troupe.clock.advance('1h');
    await call;
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    expect(troupe.clock.now() - beganMs).toBe(HOUR);
  });

  it('costs its job an attempt at a time, and the test nothing but patience', async () => {
    const troupe = await testHost({ callPatienceMs: 50 });
    await deploy(troupe, 'hangs', HANGS, { timeoutMs: MINUTE });
    const { id, enqueuedAtMs } = await troupe.job((await troupe.enqueue('hangs', null, { backoff: MINUTE })).id);
    await troupe.clock.runUntil(troupe.jobs.result(id).catch(() => undefined));
    const { errors } = await troupe.job(id);
    expect(errors.map(({ atMs, error }) => [atMs - enqueuedAtMs, error.code])).toEqual([
      [1 * MINUTE, 'TIMEOUT'],
      [3 * MINUTE, 'TIMEOUT'],
      [5 * MINUTE, 'TIMEOUT'],
    ]);
  });

  it('gets to hear of its timeout, and its instance lives on where it stops', async () => {
    const troupe = await testHost({ callPatienceMs: 50, cancelGraceMs: 2_000 });
    const body = "await new Promise((done) => context.signal.addEventListener('abort', done)); return 1;";
    await deploy(
      troupe,
      'polite',
      `if (event === 'wait') { ${body} } return (globalThis.calls = (globalThis.calls ?? 0) + 1);`,
      { minInstances: 1 },
    );
    expect(await troupe.invoke('polite')).toBe(1);
    const call = expect(troupe.invoke('polite', 'wait')).rejects.toMatchObject({ code: 'TIMEOUT' });
    await troupe.clock.advance('1m');
    await call;
    expect(await troupe.invoke('polite')).toBe(2);
  });

  it('does not keep a call behind it waiting for the test', async () => {
    const troupe = await testHost({ callPatienceMs: 50 });
    const body = `if (event === 'quick') return 'answered'; ${HANGS}`;
    await deploy(troupe, 'hangs', body, { maxInstances: 1, timeoutMs: HOUR });
    const call = expect(troupe.invoke('hangs', null, { timeoutMs: MINUTE })).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(await troupe.invoke('hangs', 'quick')).toBe('answered');
    await call;
  });

  it('does not keep the host from closing', async () => {
    const troupe = await testHost({ drainTimeoutMs: 50 });
    await deploy(troupe, 'hangs', HANGS);
    const call = expect(troupe.invoke('hangs')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    const startedMs = performance.now();
    await troupe.close();
    await call;
    expect(performance.now() - startedMs).toBeLessThan(3_000);
  });
});

describe('a function that takes real time', () => {
  it('is waited for: no virtual time passes while it works', async () => {
    const troupe = await testHost();
    await deploy(troupe, 'slow', 'await new Promise((done) => setTimeout(done, 300)); return event;', {
      timeoutMs: 1_000,
    });
    const { id } = await troupe.enqueue('slow', 'done');
    await troupe.clock.advance('1h');
    const { status, result, startedAtMs, endedAtMs } = await troupe.job(id);
    expect({ status, result, tookMs: Number(endedAtMs) - Number(startedAtMs) }).toEqual({
      status: 'succeeded',
      result: 'done',
      tookMs: 0,
    });
  });
});
