import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InvocationRow } from '../../src/ledger/invocation-row.ts';
import { Ledger, UNROUTED } from '../../src/ledger/ledger.ts';
import { phasesUs } from '../../src/ledger/phases.ts';
import { PHASES, STAMPS, type Stamp } from '../../src/ledger/protocol.ts';

type Facts = Partial<
  Pick<InvocationRow, 'functionName' | 'functionVersion' | 'status' | 'coldStart' | 'attempt' | 'instanceId'>
> & { readonly timesMs?: readonly number[] };

function record(ledger: Ledger, { timesMs = [0, 1, 2, 3, 4, 5, 6, 7, 8], ...facts }: Facts = {}): InvocationRow {
  const row = ledger.open(timesMs[0] ?? 0, 0);
  for (const stamp of STAMPS.keys()) row.stamp(stamp as Stamp, timesMs[stamp] ?? 0);
  Object.assign(row, { functionName: 'f', functionVersion: 1, status: 'succeeded', ...facts });
  ledger.close(row);
  return row;
}

describe('phases', () => {
  it('are the differences of neighbouring stamps', () => {
    expect(phasesUs([0, 1, 3, 6, 10, 15, 21, 28, 36])).toEqual({
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
        const received = Math.min(...times);
        const replied = Math.max(...times);
        const phases = phasesUs([received, ...times.slice(1, -1), replied]);
        const sum = PHASES.reduce((total, phase) => total + phases[phase], 0);
        expect(Math.min(...Object.values(phases))).toBeGreaterThanOrEqual(0);
        expect(Math.abs(sum - (replied - received) * 1_000)).toBeLessThan(0.01);
      }),
    );
  });
});

describe('ledger', () => {
  it('keeps the latest invocations, newest first, and forgets the oldest', () => {
    const ledger = new Ledger(3);
    for (let call = 1; call <= 5; call++) record(ledger);
    expect(ledger.latest(10).map(({ id }) => id)).toEqual(['i-5', 'i-4', 'i-3']);
    expect(ledger.find('i-4')?.id).toBe('i-4');
    expect(ledger.find('i-1')).toBeUndefined();
  });

  it('sums over all invocations, by status, cold start and duration', () => {
    const ledger = new Ledger(1);
    record(ledger);
    record(ledger, { status: 'TIMEOUT', coldStart: 'burst', timesMs: [0, 0, 0, 0, 0, 0, 0, 0, 90_000] });
    record(ledger, { functionName: 'g' });
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
      record(ledger, { functionName: `made-up-${call}`, functionVersion: undefined, status: 'FUNCTION_NOT_FOUND' });
    }
    expect([...ledger.totals().keys()]).toEqual([UNROUTED]);
    expect(ledger.latest(1)[0]?.functionName).toBe('made-up-4');
  });

  it('keeps nothing but sums when it may keep no invocations', () => {
    const ledger = new Ledger(0);
    record(ledger);
    expect(ledger.latest(10)).toEqual([]);
    expect(ledger.totals().get('f')?.invocations).toBe(1);
  });

  it('gives a call that begins nothing of the one that had its place before', () => {
    const ledger = new Ledger(1);
    for (let call = 0; call < 200; call++) {
      record(ledger, { coldStart: 'burst', attempt: 3, instanceId: 'f-1-1', status: 'TIMEOUT' });
    }
    const row = ledger.open(50, 1_000);
    row.functionName = 'g';
    row.status = 'FUNCTION_NOT_FOUND';
    row.stamp(8, 51);
    ledger.close(row);
    expect(ledger.latest(1)[0]).toEqual({
      id: 'i-5l',
      functionName: 'g',
      status: 'FUNCTION_NOT_FOUND',
      attempt: 1,
      depth: 0,
      receivedAtMs: 1_000,
      phasesUs: { route: 0, queue: 0, place: 0, start: 0, specialise: 0, deliver: 0, run: 0, reply: 1_000 },
      totalUs: 1_000,
    });
  });

  it('leaves a row alone while its call is inside, however many others come and go', () => {
    const ledger = new Ledger(2);
    const inside = ledger.open(7, 0);
    for (let call = 0; call < 500; call++) expect(record(ledger)).not.toBe(inside);
    expect(inside.at(0)).toBe(7);
    expect(inside.id).toBe('i-1');
  });
});
