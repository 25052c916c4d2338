import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type InvocationEntry, Ledger, UNROUTED } from '../../src/ledger/ledger.ts';
import { newStamps, phasesUs } from '../../src/ledger/phases.ts';
import { PHASES, STAMPS, type Stamps } from '../../src/ledger/protocol.ts';

const stampsAt = (times: readonly number[]): Stamps => {
  const stamps = newStamps(times[0] ?? 0);
  for (const [index, name] of STAMPS.entries()) stamps[name] = times[index] ?? 0;
  return stamps;
};

function entry(facts: Partial<InvocationEntry> = {}): InvocationEntry {
  return {
    id: 'i',
    functionName: 'f',
    functionVersion: 1,
    instanceId: 'f-1-1',
    status: 'succeeded',
    coldStart: undefined,
    attempt: 1,
    depth: 0,
    receivedAtMs: 0,
    stamps: stampsAt([0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ...facts,
  };
}

describe('phases', () => {
  it('are the differences of neighbouring stamps', () => {
    expect(phasesUs(stampsAt([0, 1, 3, 6, 10, 15, 21, 28, 36]))).toEqual({
      route: 1_000,
      queue: 2_000,
      place: 3_000,
      start: 4_000,
      specialise: 5_000,
      deliver: 6_000,
      run: 7_000,
      reply: 8_000,
    });
  });

  it('add up to the whole and are never negative, whatever was stamped', () => {
    const time = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(time, { minLength: 9, maxLength: 9 }), (times) => {
        const stamps = stampsAt(times);
        stamps.replied = Math.max(...times);
        stamps.received = Math.min(...times);
        const phases = phasesUs(stamps);
        const sum = PHASES.reduce((total, phase) => total + phases[phase], 0);
        expect(Math.min(...Object.values(phases))).toBeGreaterThanOrEqual(0);
        expect(Math.abs(sum - (stamps.replied - stamps.received) * 1_000)).toBeLessThan(0.01);
      }),
    );
  });
});

describe('ledger', () => {
  it('keeps the latest invocations, newest first, and forgets the oldest', () => {
    const ledger = new Ledger(3);
    for (let call = 1; call <= 5; call++) ledger.record(entry({ id: `i${call}` }));
    expect(ledger.latest(10).map(({ id }) => id)).toEqual(['i5', 'i4', 'i3']);
    expect(ledger.find('i4')?.id).toBe('i4');
    expect(ledger.find('i1')).toBeUndefined();
  });

  it('sums over all invocations, by status, cold start and duration', () => {
    const ledger = new Ledger(1);
    ledger.record(entry());
    ledger.record(entry({ status: 'TIMEOUT', coldStart: 'burst', stamps: stampsAt([0, 0, 0, 0, 0, 0, 0, 0, 90_000]) }));
    ledger.record(entry({ functionName: 'g' }));
    const totals = ledger.totals().get('f');
    expect(totals?.invocations).toBe(2);
    expect(totals?.durationMs).toBe(90_008);
    expect(totals?.byStatus).toEqual(
      new Map([
        ['succeeded', 1],
        ['TIMEOUT', 1],
      ]),
    );
    expect(totals?.coldStarts).toEqual(new Map([['burst', 1]]));
    expect(totals?.durationBuckets.at(-1)).toBe(1);
    expect(totals?.durationBuckets.reduce((sum, count) => sum + count, 0)).toBe(2);
  });

  it('counts calls of functions that do not exist together, whatever their names', () => {
    const ledger = new Ledger(10);
    for (let call = 0; call < 5; call++) {
      ledger.record(
        entry({ functionName: `made-up-${call}`, functionVersion: undefined, status: 'FUNCTION_NOT_FOUND' }),
      );
    }
    expect([...ledger.totals().keys()]).toEqual([UNROUTED]);
    expect(ledger.latest(1)[0]?.functionName).toBe('made-up-4');
  });

  it('keeps nothing but sums when it may keep no invocations', () => {
    const ledger = new Ledger(0);
    ledger.record(entry());
    expect(ledger.latest(10)).toEqual([]);
    expect(ledger.totals().get('f')?.invocations).toBe(1);
  });
});
