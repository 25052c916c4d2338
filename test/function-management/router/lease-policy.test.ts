import { describe, expect, it } from 'vitest';
import {
  FIRST_PAUSE_MS,
  HABIT_MS,
  LeasePolicy,
  LONGEST_PAUSE_MS,
} from '../../../src/function-management/router/lease-policy.ts';

describe('lease policy', () => {
  it('sees a habit in a caller that calls the same function again soon', () => {
    const policy = new LeasePolicy();
    expect(policy.calls('a', 'f', 0)).toBe(false);
    expect(policy.calls('a', 'g', 1)).toBe(false);
    expect(policy.calls('b', 'f', 2)).toBe(false);
    expect(policy.calls('a', 'f', HABIT_MS)).toBe(true);
    expect(policy.calls('a', 'f', 3 * HABIT_MS)).toBe(false);
    policy.forgetCaller('b');
    expect(policy.calls('b', 'f', 3)).toBe(false);
  });

  it('remembers the latest names of a caller, and forgets the oldest', () => {
    const policy = new LeasePolicy();
    for (let name = 0; name < 100; name++) policy.calls('a', `f${name}`, name / 100);
    expect(policy.calls('a', 'f0', 1)).toBe(false);
    expect(policy.calls('a', 'f99', 1)).toBe(true);
  });

  it('leases a contested version no more for a while, each time for longer up to a bound', () => {
    const policy = new LeasePolicy();
    let nowMs = 1_000;
    const pauses: number[] = [];
    for (let time = 0; time < 8; time++) {
      policy.contested('f@1', nowMs);
      // Told again meanwhile, it pauses no longer.
      policy.contested('f@1', nowMs + 1);
      const startMs = nowMs;
      while (policy.isPaused('f@1', nowMs)) nowMs += 50;
      pauses.push(nowMs - startMs);
    }
    expect(pauses.slice(0, 3)).toEqual([FIRST_PAUSE_MS, 2 * FIRST_PAUSE_MS, 4 * FIRST_PAUSE_MS]);
    expect(Math.max(...pauses)).toBe(LONGEST_PAUSE_MS);
    expect(policy.isPaused('f@2', 1_000)).toBe(false);
  });

  it('begins with a short pause again after a quiet time', () => {
    const policy = new LeasePolicy();
    policy.contested('f@1', 0);
    policy.contested('f@1', FIRST_PAUSE_MS);
    expect(policy.isPaused('f@1', 3 * FIRST_PAUSE_MS - 1)).toBe(true);
    policy.contested('f@1', 10_000);
    expect(policy.isPaused('f@1', 10_000 + FIRST_PAUSE_MS)).toBe(false);
  });

  it('remembers no version for long after it was contested', () => {
    const policy = new LeasePolicy();
    for (let version = 0; version < 1_000; version++) policy.contested(`f@${version}`, version * FIRST_PAUSE_MS);
    expect(policy.contestedVersions).toBeLessThanOrEqual(2);
  });
});
