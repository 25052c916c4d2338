import { describe, expect, it } from 'vitest';
import {
  agentBackoffMs,
  BACKOFF_MAX_MS,
  backoffMs,
  GroupBackoff,
  HEALTHY_AFTER_MS,
} from '../../../src/resource-orchestration/resource-manager/backoff-policy.ts';

const longest = () => 1;
const admit = (backoff: GroupBackoff, nowMs: number, claimId = 'c') => backoff.admit('g', { claimId, nowMs });

/** Fails `times` in a row, each time as soon as the group is let in. Returns the time of the last failure. */
function failRepeatedly(backoff: GroupBackoff, times: number): number {
  let nowMs = 0;
  for (let n = 0; n < times; n++) {
    nowMs = Math.max(nowMs, backoff.retryAtMs('g'));
    admit(backoff, nowMs);
    backoff.failed('g', { atMs: nowMs + 1, placedAtMs: nowMs }, longest);
    nowMs++;
  }
  return nowMs;
}

describe('back-off', () => {
  it('doubles from 100 to 200 ms up to 15 to 30 s', () => {
    const range = (retry: number) => [backoffMs(retry, () => 0), backoffMs(retry, longest)];
    expect(range(0)).toEqual([100, 200]);
    expect(range(1)).toEqual([200, 400]);
    expect(range(20)).toEqual([15_000, 30_000]);
  });

  it('restarts an agent at once twice, then waits', () => {
    expect([0, 1, 2, 3, 4].map((lives) => agentBackoffMs(lives, longest))).toEqual([0, 0, 0, 200, 400]);
  });

  it('replaces at once after the first failure and waits longer after each further one', () => {
    const waits = [1, 2, 3, 4].map((times) => {
      const backoff = new GroupBackoff();
      const nowMs = failRepeatedly(backoff, times);
      return backoff.retryAtMs('g') - nowMs;
    });
    expect(waits).toEqual([0, 200, 400, 800]);
  });

  it('tells how long to wait and what the last failure was', () => {
    const backoff = new GroupBackoff();
    const error = { name: 'Error', message: 'no such module' };
    for (const atMs of [0, 10]) backoff.failed('g', { atMs, placedAtMs: atMs, error }, longest);
    expect(admit(backoff, 60)).toEqual({ admitted: false, retryInMs: 150, error });
  });

  it('counts workers that die together as one failure', () => {
    const backoff = new GroupBackoff();
    for (let n = 0; n < 10; n++) backoff.failed('g', { atMs: 100, placedAtMs: 50 }, longest);
    expect(admit(backoff, 100)).toEqual({ admitted: true });
  });

  it('lets a failing group in one worker at a time, until one is approved', () => {
    const backoff = new GroupBackoff();
    failRepeatedly(backoff, 3);
    const nowMs = backoff.retryAtMs('g');
    expect(admit(backoff, nowMs, 'c1').admitted).toBe(true);
    expect(admit(backoff, nowMs, 'c2')).toEqual({ admitted: false, retryInMs: BACKOFF_MAX_MS });
    expect(backoff.withdrawn('g', 'c2')).toBe(false);
    expect(backoff.withdrawn('g', 'c1')).toBe(true);
    expect(admit(backoff, nowMs, 'c2').admitted).toBe(true);
    expect(backoff.approved('g')).toBe(true);
    expect(admit(backoff, nowMs, 'c3').admitted).toBe(true);
    expect(admit(backoff, nowMs, 'c4').admitted).toBe(true);
  });

  it('takes the failure of a worker that ran well for a while as a first one', () => {
    const backoff = new GroupBackoff();
    const nowMs = failRepeatedly(backoff, 4);
    const atMs = nowMs + HEALTHY_AFTER_MS;
    backoff.failed('g', { atMs, placedAtMs: nowMs, startedAtMs: nowMs }, longest);
    expect(admit(backoff, atMs).admitted).toBe(true);
  });
});
