import { describe, expect, it } from 'vitest';
import { MAX_SPIN_MS, PROBE_EVERY, SpinPolicy } from '../../src/transport/spin-policy.ts';

/** Runs waits that last so long, and says how many of them were spun for and for how long in all. */
function waits(policy: SpinPolicy, count: number, waitMs: number) {
  let spun = 0;
  let won = 0;
  let spunMs = 0;
  for (let wait = 0; wait < count; wait++) {
    const budgetMs = policy.budgetMs();
    if (budgetMs === 0) continue;
    spun++;
    spunMs += Math.min(budgetMs, waitMs);
    if (waitMs <= budgetMs) {
      won++;
      policy.won(waitMs);
    } else policy.lost();
  }
  return { spun, won, spunMs };
}

describe('the spin policy', () => {
  it('spins through every wait that is short', () => {
    expect(waits(new SpinPolicy(), 1_000, 0.005)).toMatchObject({ spun: 1_000, won: 1_000 });
  });

  it('grants nothing, not even a try, where spinning is not allowed', () => {
    expect(waits(new SpinPolicy({ isAllowed: false }), 10 * PROBE_EVERY, 0.005)).toMatchObject({ spun: 0 });
  });

  it('never spins longer than its limit, and not much longer than waits usually are', () => {
    const policy = new SpinPolicy();
    expect(policy.budgetMs()).toBeLessThanOrEqual(MAX_SPIN_MS);
    waits(policy, 100, 0.004);
    expect(policy.budgetMs()).toBeLessThan(MAX_SPIN_MS / 2);
    waits(policy, 100, 0.05);
    expect(policy.budgetMs()).toBeLessThanOrEqual(MAX_SPIN_MS);
  });

  it('spins longer the first two times, and learns nothing from them', () => {
    const policy = new SpinPolicy({ firstSpinMs: 1 });
    expect([policy.budgetMs(), policy.lost(), policy.budgetMs(), policy.won(0.9)]).toEqual([
      1,
      undefined,
      1,
      undefined,
    ]);
    expect(policy.budgetMs()).toBe(new SpinPolicy().budgetMs());
    expect(new SpinPolicy({ firstSpinMs: 1, isAllowed: false }).budgetMs()).toBe(0);
  });

  it('gives up on waits that are long, but for a try now and then', () => {
    const policy = new SpinPolicy();
    waits(policy, 100, 0.005);
    const { spun, won, spunMs } = waits(policy, 64 * PROBE_EVERY, 5);
    expect(won).toBe(0);
    expect(spun).toBeGreaterThanOrEqual(64);
    expect(spun).toBeLessThanOrEqual(150);
    expect(spunMs).toBeLessThan(150 * MAX_SPIN_MS);
  });

  it('finds out when waits become short again', () => {
    const policy = new SpinPolicy();
    waits(policy, 1_000, 5);
    const { spun } = waits(policy, PROBE_EVERY * 3, 0.005);
    expect(spun).toBeGreaterThan(PROBE_EVERY);
    expect(waits(policy, 100, 0.005).spun).toBe(100);
  });

  it('does not spin while it wins only half of the time', () => {
    const policy = new SpinPolicy();
    let spun = 0;
    for (let wait = 0; wait < 1_000; wait++) spun += waits(policy, 1, wait % 2 === 0 ? 0.005 : 5).spun;
    expect(spun).toBeLessThan(100);
  });
});
