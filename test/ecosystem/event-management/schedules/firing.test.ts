import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cadence } from '../../../../src/ecosystem/event-management/schedules/cadence.ts';
import { decide, GRACE_MS, windowMs } from '../../../../src/ecosystem/event-management/schedules/firing.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const hourly: Cadence = { kind: 'every', everyMs: HOUR_MS, anchorMs: 0 };

describe('what a schedule does when the clock says so', () => {
  const at = (handledMs: number, wallMs: number, missed: 'once' | 'skip' = 'once') =>
    decide({ cadence: hourly, handledMs, missed }, wallMs);

  it('is to wait until its next time has come', () => {
    expect(at(0, HOUR_MS - 1)).toEqual({ kind: 'wait', untilMs: HOUR_MS });
    expect(at(5 * HOUR_MS, HOUR_MS)).toEqual({ kind: 'wait', untilMs: 6 * HOUR_MS });
    expect(decide({ cadence: { kind: 'once', atMs: 1 }, handledMs: 1, missed: 'once' }, 2)).toEqual({
      kind: 'wait',
      untilMs: undefined,
    });
  });

  it('is to fire what is a little late, whatever it does about what it missed', () => {
    expect(at(0, HOUR_MS, 'skip')).toEqual({ kind: 'fire', atMs: HOUR_MS, missed: 0 });
    expect(at(0, HOUR_MS + GRACE_MS, 'skip')).toEqual({ kind: 'fire', atMs: HOUR_MS, missed: 0 });
    expect(at(0, HOUR_MS + GRACE_MS + 1, 'skip')).toEqual({ kind: 'pass', atMs: HOUR_MS, missed: 1 });
  });

  it('is to fire once for all that it missed, or not at all', () => {
    expect(at(0, 5.5 * HOUR_MS)).toEqual({ kind: 'fire', atMs: 5 * HOUR_MS, missed: 4 });
    expect(at(0, 5.5 * HOUR_MS, 'skip')).toEqual({ kind: 'pass', atMs: 5 * HOUR_MS, missed: 5 });
  });

  it('is to let a time that is due now stand for those that it missed', () => {
    expect(at(0, 5 * HOUR_MS + 1)).toEqual({ kind: 'fire', atMs: 5 * HOUR_MS, missed: 4 });
    expect(at(0, 5 * HOUR_MS + 1, 'skip')).toEqual({ kind: 'fire', atMs: 5 * HOUR_MS, missed: 4 });
  });

  it('never is to fire a time twice, or one that has not come, however the clock is set', () => {
    const cadence = fc.record({
      kind: fc.constant('every' as const),
      everyMs: fc.integer({ min: 100, max: 20_000 }),
      anchorMs: fc.nat(10_000),
    });
    const walls = fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(cadence, walls, fc.constantFrom('once' as const, 'skip' as const), (each, clock, missed) => {
        let handledMs = 0;
        const fired: number[] = [];
        for (const wallMs of clock) {
          for (let round = 0; round < 100; round++) {
            const decision = decide({ cadence: each, handledMs, missed }, wallMs);
            if (decision.kind === 'wait') break;
            expect(decision.atMs).toBeGreaterThan(handledMs);
            expect(decision.atMs).toBeLessThanOrEqual(wallMs);
            if (decision.kind === 'fire') fired.push(decision.atMs);
            handledMs = decision.atMs;
          }
        }
        expect(fired).toEqual([...new Set(fired)].sort((one, other) => one - other));
      }),
    );
  });
});

describe('the key of a firing', () => {
  it('is kept for 10,000 firings, between a day and 400 days, and always until after the next one', () => {
    const every = (everyMs: number) => windowMs({ kind: 'every', everyMs, anchorMs: 0 }, 0);
    expect(every(1_000)).toBe(DAY_MS + 1_000);
    expect(every(60_000)).toBe(600_000_000);
    expect(every(DAY_MS)).toBe(400 * DAY_MS);
    expect(every(1_000 * DAY_MS)).toBe(1_001 * DAY_MS);
    expect(windowMs({ kind: 'once', atMs: 5 }, 5)).toBe(400 * DAY_MS);
  });
});
