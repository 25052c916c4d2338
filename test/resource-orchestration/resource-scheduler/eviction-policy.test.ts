import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseVictims } from '../../../src/resource-orchestration/resource-scheduler/eviction-policy.ts';
import type { EvictionCandidate } from '../../../src/resource-orchestration/resource-scheduler/protocol.ts';

const candidate = (claimId: string, values: Partial<EvictionCandidate> = {}): EvictionCandidate => ({
  claimId,
  agentId: 'a',
  memoryMb: 100,
  priority: 'normal',
  idleMs: 1_000,
  coldStartMs: 50,
  ...values,
});

describe('eviction policy', () => {
  it('evicts what is cheapest to start again, per MiB', () => {
    const candidates = [
      candidate('dear', { coldStartMs: 500 }),
      candidate('cheap'),
      candidate('large', { memoryMb: 50 }),
    ];
    expect(chooseVictims({ candidates, neededMb: 40, priority: 'normal' })).toEqual(['cheap']);
  });

  it('lets what was used long ago go before what was used just now', () => {
    const candidates = [candidate('fresh', { idleMs: 0 }), candidate('stale', { idleMs: 600_000, coldStartMs: 100 })];
    expect(chooseVictims({ candidates, neededMb: 100, priority: 'normal' })).toEqual(['stale']);
  });

  it('never makes a higher priority give way, and takes the lowest first', () => {
    const candidates = [
      candidate('high', { priority: 'high' }),
      candidate('normal'),
      candidate('background', { priority: 'background', coldStartMs: 5_000 }),
    ];
    expect(chooseVictims({ candidates, neededMb: 100, priority: 'normal' })).toEqual(['background']);
    expect(chooseVictims({ candidates, neededMb: 200, priority: 'normal' })).toEqual(['background', 'normal']);
    expect(chooseVictims({ candidates, neededMb: 300, priority: 'normal' })).toEqual([]);
    expect(chooseVictims({ candidates, neededMb: 101, priority: 'background' })).toEqual([]);
  });

  it('spares the small ones once a large one makes enough room by itself', () => {
    const candidates = [candidate('small', { memoryMb: 10, coldStartMs: 1 }), candidate('large', { coldStartMs: 500 })];
    expect(chooseVictims({ candidates, neededMb: 100, priority: 'normal' })).toEqual(['large']);
  });

  it('frees enough or nothing, and no victim could be left out', () => {
    const candidatesOf = fc
      .array(
        fc.record({
          memoryMb: fc.integer({ min: 1, max: 200 }),
          idleMs: fc.integer({ min: 0, max: 1_000_000 }),
          coldStartMs: fc.integer({ min: 0, max: 5_000 }),
          priority: fc.constantFrom('high', 'normal', 'background'),
        }),
        { maxLength: 12 },
      )
      .map((values) => values.map((value, index) => candidate(`c${index}`, value)));
    fc.assert(
      fc.property(candidatesOf, fc.integer({ min: 1, max: 600 }), (candidates, neededMb) => {
        const allowed = candidates.filter(({ priority }) => priority !== 'high');
        const sumMb = (some: readonly EvictionCandidate[]) => some.reduce((sum, { memoryMb }) => sum + memoryMb, 0);
        const victims = chooseVictims({ candidates, neededMb, priority: 'normal' }).map((claimId) =>
          allowed.find((one) => one.claimId === claimId),
        );
        const chosen = victims.filter((victim) => victim !== undefined);
        expect(chosen).toHaveLength(victims.length);
        const isEnough = sumMb(allowed) >= neededMb;
        expect(sumMb(chosen) >= neededMb).toBe(isEnough);
        if (!isEnough) expect(chosen).toEqual([]);
        for (const victim of chosen) expect(sumMb(chosen) - victim.memoryMb).toBeLessThan(neededMb);
      }),
    );
  });
});
