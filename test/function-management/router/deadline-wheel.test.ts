import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeadlineWheel, SLOT_MS, type Timed } from '../../../src/function-management/router/deadline-wheel.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';

describe('deadline wheel', () => {
  it('notices every deadline, never early and at most one slot late, and none that was removed', async () => {
    const entry = fc.record({ inMs: fc.integer({ min: 0, max: 500 }), removed: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 40 }), async (entries) => {
        const clock = new VirtualClock();
        const expired = new Map<Timed, number>();
        const wheel = new DeadlineWheel<Timed>(clock, (item) => void expired.set(item, clock.nowMs()));
        const items = entries.map(({ inMs, removed }) => ({ deadlineMs: inMs, removed }));
        for (const item of items) wheel.add(item);
        for (const item of items) if (item.removed) wheel.remove(item);
        await clock.advance(1_000);
        for (const item of items) {
          const atMs = expired.get(item);
          if (item.removed) expect(atMs).toBeUndefined();
          else {
            expect(atMs).toBeGreaterThanOrEqual(item.deadlineMs);
            expect(atMs).toBeLessThanOrEqual(item.deadlineMs + SLOT_MS);
          }
        }
        expect(wheel.size).toBe(0);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it('has one timer, however many deadlines it holds, and re-arms it for an earlier one', async () => {
    const clock = new VirtualClock();
    const expired: Timed[] = [];
    const wheel = new DeadlineWheel<Timed>(clock, (item) => void expired.push(item));
    for (let item = 0; item < 1_000; item++) wheel.add({ deadlineMs: 1_000 + item });
    expect(clock.pending).toBe(1);
    const soon = { deadlineMs: 10 };
    wheel.add(soon);
    expect(clock.pending).toBe(1);
    await clock.advance(20);
    expect(expired).toEqual([soon]);
  });
});
