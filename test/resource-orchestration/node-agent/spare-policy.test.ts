import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isAffordable,
  isInBurst,
  noteStart,
  restOfBurst,
  type SpareClass,
  type SpareDemand,
  spareTargets,
} from '../../../src/resource-orchestration/node-agent/spare-policy.ts';

const SMALL: SpareClass = { kind: 'thread', memoryMb: 128 };
const LARGE: SpareClass = { kind: 'thread', memoryMb: 512 };
const PROCESS: SpareClass = { kind: 'process', memoryMb: 128 };
const AMPLE = { maxSpares: 8, memoryMb: 1_000 };

function demandsAfter(...starts: readonly (readonly [SpareClass, number])[]): readonly SpareDemand[] {
  return starts.reduce<readonly SpareDemand[]>((demands, [start, atMs]) => noteStart(demands, start, atMs), []);
}

describe('An agent', () => {
  it('that has started nothing keeps no spares', () => {
    expect(spareTargets([], AMPLE)).toEqual([]);
  });

  it('keeps two threads or one process of each size that was asked for, the latest first', () => {
    expect(spareTargets(demandsAfter([PROCESS, 0], [LARGE, 1_000], [SMALL, 2_000]), AMPLE)).toEqual([
      { ...SMALL, count: 2 },
      { ...LARGE, count: 2 },
      { ...PROCESS, count: 1 },
    ]);
  });

  it('keeps more of what was asked for in a burst', () => {
    const burst = demandsAfter(...Array.from({ length: 5 }, (_, index) => [SMALL, index * 10] as const));
    expect(spareTargets(burst, AMPLE)).toEqual([{ ...SMALL, count: 5 }]);
  });

  it('keeps as many for the next burst, and half of it for each one that is smaller', () => {
    const burst = (atMs: number) => Array.from({ length: 8 }, (_, index) => [SMALL, atMs + index * 10] as const);
    const alone = (atMs: number) => [SMALL, atMs] as const;
    const countAfter = (...starts: readonly (readonly [SpareClass, number])[]) =>
      spareTargets(demandsAfter(...starts), AMPLE)[0]?.count;
    expect(countAfter(...burst(0), alone(10_000))).toBe(8);
    expect(countAfter(...burst(0), ...burst(10_000), alone(20_000))).toBe(8);
    expect(countAfter(...burst(0), alone(10_000), alone(20_000))).toBe(4);
    expect(countAfter(...burst(0), alone(10_000), alone(20_000), alone(30_000), alone(40_000))).toBe(2);
  });

  it('starts no more in the middle of a burst than the rest of it is likely to need', () => {
    const burst = (atMs: number, count: number) =>
      Array.from({ length: count }, (_, index) => [SMALL, atMs + index * 10] as const);
    const demands = demandsAfter(...burst(0, 8), ...burst(10_000, 3));
    expect([isInBurst(demands, 10_200), isInBurst(demands, 10_300), isInBurst([], 0)]).toEqual([true, false, false]);
    expect(spareTargets(restOfBurst(demands), AMPLE)).toEqual([{ ...SMALL, count: 5 }]);
    expect(spareTargets(restOfBurst(demandsAfter(...burst(0, 30))), AMPLE)).toEqual([{ ...SMALL, count: 2 }]);
  });

  it('gives the earlier size up before the latest one', () => {
    const demands = demandsAfter([PROCESS, 0], [SMALL, 1_000]);
    expect(spareTargets(demands, { maxSpares: 2, memoryMb: 1_000 })).toEqual([
      { ...SMALL, count: 2 },
      { ...PROCESS, count: 0 },
    ]);
    expect(spareTargets(demands, { maxSpares: 8, memoryMb: 40 })).toEqual([
      { ...SMALL, count: 2 },
      { ...PROCESS, count: 0 },
    ]);
  });

  it('never keeps more than its limits, whatever was started', () => {
    const start = fc.record({
      kind: fc.constantFrom('thread', 'process'),
      memoryMb: fc.constantFrom(64, 128, 256, 512),
    });
    const limits = fc.record({ maxSpares: fc.nat(10), memoryMb: fc.nat(300) });
    fc.assert(
      fc.property(fc.array(fc.tuple(start, fc.nat(1_000))), limits, (starts, limit) => {
        const targets = spareTargets(demandsAfter(...starts), limit);
        const costMb = targets.reduce((sum, { kind, count }) => sum + count * (kind === 'thread' ? 8 : 45), 0);
        expect(targets.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(limit.maxSpares);
        expect(costMb).toBeLessThanOrEqual(limit.memoryMb);
      }),
    );
  });

  it('starts no spare where the machine has little memory left', () => {
    expect(isAffordable(PROCESS, 290)).toBe(false);
    expect(isAffordable(SMALL, 290)).toBe(true);
  });
});
