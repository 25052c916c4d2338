import { describe, expect, it } from 'vitest';
import { type InvocationRecord, PHASES } from '../../src/ledger/protocol.ts';

import { until } from '../support/until.ts';
import { PLACES, SharedHost } from './shared-host.ts';

/** Works for 40 ms of wall time: noise of a few tenths of a millisecond is then far below 5 %. */
const WORKER = `export default async (ms = 40) => {
  const end = performance.now() + ms;
  while (performance.now() < end) await new Promise((done) => setTimeout(done, end - performance.now()));
}`;

const sum = ({ phasesUs }: InvocationRecord) => PHASES.reduce((total, phase) => total + phasesUs[phase], 0);

describe.each(PLACES)('the ledger of a call in a $isolation of an agent $agent', ({ agent, isolation }) => {
  const host = new SharedHost({ agent });

  it('adds up to the wall time of the caller, cold and warm, within 5 %', async () => {
    const call = async (name: string) => {
      const startedMs = performance.now();
      const { invocation } = await host.troupe.invokeWithDetails(name);
      const wallUs = (performance.now() - startedMs) * 1_000;
      return { invocation, wallUs, difference: Math.abs(sum(invocation) - wallUs) / wallUs };
    };
    // The machine may do something else between the last stamp and the caller: the best of a few counts, of either kind.
    const colds: Awaited<ReturnType<typeof call>>[] = [];
    for (let attempt = 0; attempt < 3; attempt++) colds.push(await call(await host.function(WORKER, { isolation })));
    for (const { invocation } of colds) {
      expect(invocation.coldStart).toBe('first');
      expect(invocation.phasesUs.start).toBeGreaterThan(1_000);
      expect(invocation.phasesUs.specialise).toBeGreaterThan(0);
      expect(invocation.phasesUs.run).toBeGreaterThanOrEqual(39_000);
    }
    expect(Math.min(...colds.map(({ difference }) => difference))).toBeLessThan(0.05);
    expect(Math.min(...colds.map(({ invocation, wallUs }) => invocation.phasesUs.reply / wallUs))).toBeLessThan(0.05);

    const name = await host.function(WORKER, { isolation });
    await call(name);
    const differences: number[] = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      const { invocation, difference } = await call(name);
      const { place, start, specialise, run } = invocation.phasesUs;
      expect(invocation.coldStart).toBeUndefined();
      expect([place, start, specialise]).toEqual([0, 0, 0]);
      expect(run).toBeGreaterThanOrEqual(39_000);
      differences.push(difference);
    }
    expect(differences.toSorted((a, b) => a - b)[2]).toBeLessThan(0.05);
  });
});

describe('the reason of a cold start', () => {
  const host = new SharedHost();
  const reasonOf = async (name: string, payload: unknown = 1) =>
    (await host.troupe.invokeWithDetails(name, payload)).invocation.coldStart;

  it('is first, then none, then new-version', async () => {
    await host.deploy('growing', WORKER);
    expect(await reasonOf('growing')).toBe('first');
    expect(await reasonOf('growing')).toBeUndefined();
    await host.deploy('growing', `${WORKER} // changed`);
    expect(await reasonOf('growing')).toBe('new-version');
    expect(await reasonOf('growing')).toBeUndefined();
  });

  it('is scaled-to-zero once the keep-alive is over', async () => {
    await host.deploy('sleeper', WORKER, { keepAliveMs: 1 });
    expect(await reasonOf('sleeper')).toBe('first');
    await until(async () => (await host.troupe.describe('sleeper')).instances.length === 0, { what: 'no instance' });
    expect(await reasonOf('sleeper')).toBe('scaled-to-zero');
  });

  it('is burst when all instances are busy', async () => {
    await host.deploy('crowd', WORKER, { maxInstances: 4 });
    await host.troupe.invoke('crowd', 1);
    const calls = Array.from({ length: 4 }, () => reasonOf('crowd', 400));
    const reasons = await Promise.all(calls);
    expect(reasons).toContain('burst');
    expect(reasons.filter((reason) => reason !== undefined && reason !== 'burst')).toEqual([]);
  });

  it('is replaced after an instance was lost', async () => {
    await host.deploy('mortal', 'export default (ms) => ms < 0 ? process.exit(1) : ms');
    await host.troupe.invoke('mortal', 1);
    await host.troupe.invoke('mortal', -1).catch(() => {});
    expect(await reasonOf('mortal')).toBe('replaced');
  });
});

describe('the records of a host', () => {
  const host = new SharedHost({ keptInvocations: 5, keptLogLines: 3 });

  it('name every call, newest first, whatever became of it, and no more than are kept', async () => {
    const name = await host.function(
      `export default async (what) => { if (what === 'fail') throw new Error('no'); if (what === 'slow') await new Promise(() => {}) }`,
    );
    const before = Date.now();
    await host.troupe.invoke(name);
    await host.troupe.invoke(name, 'fail').catch(() => {});
    await host.troupe.invoke(name, 'slow', { timeoutMs: 20 }).catch(() => {});
    await host.troupe.invoke('nobody').catch(() => {});
    const records = host.troupe.invocations();
    expect(records.map(({ functionName, status }) => [functionName, status])).toEqual([
      ['nobody', 'FUNCTION_NOT_FOUND'],
      [name, 'TIMEOUT'],
      [name, 'FUNCTION_ERROR'],
      [name, 'succeeded'],
    ]);
    expect(records.every(({ receivedAtMs }) => receivedAtMs >= before && receivedAtMs <= Date.now())).toBe(true);
    expect(records[1]?.totalUs).toBeGreaterThanOrEqual(20_000);
    for (let call = 0; call < 10; call++) await host.troupe.invoke(name);
    expect(host.troupe.invocations(100).length).toBe(5);
    const stats = (await host.troupe.stats()).functions.find((one) => one.name === name);
    expect(stats).toMatchObject({ invocations: 13, byStatus: { succeeded: 11, FUNCTION_ERROR: 1, TIMEOUT: 1 } });
    expect(stats?.durationBuckets.reduce((total, count) => total + count, 0)).toBe(13);
    expect(await host.troupe.metrics()).toContain(name);
  });

  it('hold the newest log lines only', async () => {
    const name = await host.function('export default () => { for (let at = 0; at < 6; at++) console.log(at) }');
    await host.troupe.invoke(name);
    await until(() => host.troupe.logs().at(-1)?.message === '5');
    expect(host.troupe.logs().map(({ message }) => message)).toEqual(['3', '4', '5']);
    expect(host.troupe.logs({ limit: 1 }).map(({ message }) => message)).toEqual(['5']);
  });
});
