import { describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { CORNERS, failureOf, SharedHost } from './shared-host.ts';

/** Answers once `together` calls are inside its instance, and says how many there were at most; alone, after `waitMs`. */
const MEET = `let inside = 0, most = 0; const waiting = [];
  export default async ({ together, waitMs = 20_000 }) => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => {
      waiting.push(resolve);
      setTimeout(resolve, waitMs);
      if (inside >= together) for (const wake of waiting.splice(0)) wake();
    });
    inside--;
    return most;
  }`;

describe.each(CORNERS)('in a $isolation of an agent $agent', ({ agent, isolation }) => {
  const host = new SharedHost({ agent });

  it('one instance of concurrency 5 holds five calls at once', async () => {
    const name = await host.function(MEET, { isolation, concurrency: 5, maxInstances: 1 });
    const calls = Array.from({ length: 5 }, () => host.troupe.invoke(name, { together: 5 }));
    expect(await Promise.all(calls)).toEqual([5, 5, 5, 5, 5]);
    expect(new Set(host.troupe.invocations(5, name).map(({ instanceId }) => instanceId)).size).toBe(1);
  });

  it('one instance of concurrency 1 never holds two, and there are never more than maxInstances', async () => {
    const name = await host.function(MEET, { isolation, concurrency: 1, maxInstances: 2 });
    const calls = Array.from({ length: 12 }, () => host.troupe.invoke<number>(name, { together: 2, waitMs: 10 }));
    expect(new Set(await Promise.all(calls))).toEqual(new Set([1]));
    const instances = new Set(host.troupe.invocations(12, name).map(({ instanceId }) => instanceId));
    expect(instances.size).toBeLessThanOrEqual(2);
    expect(await host.ready(name)).toBeLessThanOrEqual(2);
  });
});

describe('calls that come while no instance is ready', () => {
  const host = new SharedHost();

  it('all wait for one, and none is refused', async () => {
    const name = await host.function('export default (n) => n * n', { maxInstances: 3 });
    const results = await Promise.all(Array.from({ length: 50 }, (_, n) => host.troupe.invoke(name, n)));
    expect(results).toEqual(Array.from({ length: 50 }, (_, n) => n * n));
    const records = host.troupe.invocations(50, name);
    expect(records.length).toBe(50);
    // Whichever of the instances is up first may answer all of them.
    expect(records.filter(({ coldStart }) => coldStart !== undefined).length).toBeGreaterThan(0);
  });

  it('are answered in the order in which they came', async () => {
    const name = await host.function('let count = 0; export default () => count++', { maxInstances: 1 });
    const results = await Promise.all(Array.from({ length: 20 }, () => host.troupe.invoke(name)));
    expect(results).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  it('are refused as OVERLOADED when maxQueued of them wait already, and those that wait are answered', async () => {
    const name = await host.function('export default (n) => n', { maxInstances: 1, maxQueued: 3 });
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        host.troupe.invoke(name, n).catch(({ code, details }) => ({ code, details })),
      ),
    );
    const overloaded = { code: 'OVERLOADED', details: { functionName: name, queued: 3 } };
    expect(outcomes).toEqual([0, 1, 2, overloaded, overloaded, overloaded, overloaded, overloaded]);
    expect(await host.troupe.invoke(name, 9)).toBe(9);
  });
});

describe('instances', () => {
  const host = new SharedHost({ memoryBudgetMb: 128 });

  it('make room for another function when the memory budget is full', async () => {
    const first = await host.function('export default () => 1', { memoryMb: 96 });
    const second = await host.function('export default () => 2', { memoryMb: 96 });
    for (const [name, result] of [
      [first, 1],
      [second, 2],
      [first, 1],
    ] as const)
      expect(await host.troupe.invoke(name)).toBe(result);
    await until(async () => (await host.ready(second)) === 0);
  });

  it('are refused as NO_CAPACITY when no budget could ever hold one', async () => {
    const name = await host.function('export default () => 1', { memoryMb: 256 });
    expect(await failureOf(host.troupe.invoke(name))).toMatchObject({
      code: 'NO_CAPACITY',
      details: { memoryMb: 256 },
    });
  });

  it('are kept ready where minInstances says so', async () => {
    const name = await host.function('export default () => 1', { minInstances: 1, memoryMb: 16 });
    await until(async () => (await host.ready(name)) === 1);
    const { invocation } = await host.troupe.invokeWithDetails(name);
    expect(invocation.coldStart).toBeUndefined();
  });
});
