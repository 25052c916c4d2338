import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Cadence,
  countTimes,
  latestTime,
  nextTime,
  nextTimes,
} from '../../../../src/ecosystem/event-management/schedules/cadence.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.UTC(2026, 0, 1);

const zurich = (cron: string): Cadence => ({ kind: 'cron', cron, timeZone: 'Europe/Zurich' });

function isoTimes(cadence: Cadence, after: string, count: number): string[] {
  return nextTimes(cadence, Date.parse(after), count).map((each) => new Date(each).toISOString().slice(5, 16));
}

describe('a day on which clocks change', () => {
  it('has a job at 02:30 run once in spring, when there is no 02:30: at the first moment after the gap', () => {
    expect(isoTimes(zurich('30 2 * * *'), '2026-03-27T12:00Z', 4)).toEqual([
      '03-28T01:30',
      '03-29T01:00',
      '03-30T00:30',
      '03-31T00:30',
    ]);
  });

  it('has a job at 02:30 run once in autumn, when there are two: at the first', () => {
    expect(isoTimes(zurich('30 2 * * *'), '2026-10-23T12:00Z', 4)).toEqual([
      '10-24T00:30',
      '10-25T00:30',
      '10-26T01:30',
      '10-27T01:30',
    ]);
  });

  it('has a job at several times of day run once at each', () => {
    expect(isoTimes(zurich('30 2,14 * * *'), '2026-10-24T13:00Z', 3)).toEqual([
      '10-25T00:30',
      '10-25T13:30',
      '10-26T01:30',
    ]);
  });

  it('has an hourly job run once in each hour that passes', () => {
    expect(isoTimes(zurich('0 * * * *'), '2026-03-28T23:30Z', 4)).toEqual([
      '03-29T00:00',
      '03-29T01:00',
      '03-29T02:00',
      '03-29T03:00',
    ]);
    expect(isoTimes(zurich('0 * * * *'), '2026-10-24T22:30Z', 4)).toEqual([
      '10-24T23:00',
      '10-25T00:00',
      '10-25T01:00',
      '10-25T02:00',
    ]);
  });
});

describe('a cadence', () => {
  it('of every so many ms goes on from its anchor, whenever it is asked', () => {
    const cadence: Cadence = { kind: 'every', everyMs: 250, anchorMs: START_MS + 100 };
    expect(nextTimes(cadence, START_MS, 3)).toEqual([START_MS + 100, START_MS + 350, START_MS + 600]);
    expect(nextTime(cadence, START_MS + 350)).toBe(START_MS + 600);
  });

  it('with a start and an end has its times between, both included', () => {
    const between = { startAtMs: START_MS, endAtMs: START_MS + 2 * HOUR_MS };
    const cadence: Cadence = { ...zurich('0 * * * *'), ...between };
    expect(nextTimes(cadence, 0, 10)).toEqual([START_MS, START_MS + HOUR_MS, START_MS + 2 * HOUR_MS]);
    expect(countTimes(cadence, 0, START_MS + 10 * DAY_MS)).toBe(3);
    expect(latestTime(cadence, 0, START_MS + 10 * DAY_MS)).toBe(START_MS + 2 * HOUR_MS);
  });

  it('counts many times of a cron without going through them', () => {
    const count = countTimes(zurich('* * * * *'), START_MS, START_MS + 365 * DAY_MS);
    expect(count).toBe(365 * 24 * 60);
    expect(countTimes({ kind: 'every', everyMs: 100, anchorMs: 50 }, START_MS, START_MS + DAY_MS)).toBe(864_000);
  });

  const crons = [
    '* * * * *',
    '*/7 * * * * *',
    '0 3 * * *',
    '30 2 * * *',
    '30 2,14 * * *',
    '*/20 1-3 * * *',
    '0 0 L * *',
    '15 3 * MAR,OCT SUN#L',
    '0 12 1 * +MON',
    '0 0 15W * *',
    '0 0 29 2 *',
  ];
  const anyZone = fc.constantFrom(
    'Europe/Zurich',
    'America/New_York',
    'Australia/Lord_Howe',
    'UTC',
    'Africa/Casablanca',
  );
  const anyTime = fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2030, 0, 1) });
  // Half of all times lie near a change of the clocks somewhere.
  const nearChange = fc
    .tuple(
      fc.constantFrom('2026-03-08', '2026-03-29', '2026-04-04', '2026-10-03', '2026-10-25', '2026-11-01'),
      fc.integer({ min: -2 * DAY_MS, max: 2 * DAY_MS }),
    )
    .map(([day, offsetMs]) => Date.parse(day) + offsetMs);
  const anyCadence: fc.Arbitrary<Cadence> = fc.oneof(
    fc.record({ kind: fc.constant('cron' as const), cron: fc.constantFrom(...crons), timeZone: anyZone }),
    fc.record({
      kind: fc.constant('every' as const),
      everyMs: fc.integer({ min: 100, max: 10 * DAY_MS }),
      anchorMs: anyTime,
    }),
    fc.record({ kind: fc.constant('once' as const), atMs: anyTime }),
  );
  const moment = fc.oneof(anyTime, nearChange);

  it('has a next time that is strictly later, and none between', () => {
    fc.assert(
      fc.property(anyCadence, moment, fc.double({ min: 0, max: 1, noNaN: true }), (cadence, afterMs, part) => {
        const next = nextTime(cadence, afterMs);
        if (next === undefined) return;
        expect(next).toBeGreaterThan(afterMs);
        const between = afterMs + Math.floor((next - 1 - afterMs) * part);
        expect(nextTime(cadence, between)).toBe(next);
      }),
      { numRuns: 500 },
    );
  });

  it('has a latest time after which none comes before the end', () => {
    fc.assert(
      fc.property(anyCadence, moment, fc.integer({ min: 0, max: 40 * DAY_MS }), (cadence, afterMs, spanMs) => {
        const untilMs = afterMs + spanMs;
        const latest = latestTime(cadence, afterMs, untilMs);
        const next = nextTime(cadence, latest ?? afterMs);
        expect(next === undefined || next > untilMs).toBe(true);
        if (latest === undefined) return;
        expect(latest).toBeGreaterThan(afterMs);
        expect(latest).toBeLessThanOrEqual(untilMs);
        expect(nextTime(cadence, latest - 1)).toBe(latest);
      }),
      { numRuns: 500 },
    );
  });
});
