import { describe, expect, it } from 'vitest';
import { checkData } from '../../../src/ecosystem/data-management/check.ts';
import type { FaultSource } from '../../../src/ecosystem/data-management/protocol.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import type { DamagedRecord, QuarantinedRecord, ScannedPage } from '../../../src/store/protocol.ts';

const damaged: DamagedRecord = { database: 'jobs', key: ['job', 'j1'], reason: 'its checksum does not match' };
const quarantined = (record: DamagedRecord): QuarantinedRecord => ({
  ...record,
  bytes: new Uint8Array(),
  detectedAtMs: 7,
});

function check(parts: {
  readonly pages?: Iterable<ScannedPage>;
  readonly quarantined?: readonly QuarantinedRecord[];
  readonly sources?: readonly FaultSource[];
}) {
  const store = { scan: () => parts.pages ?? [], quarantined: () => parts.quarantined ?? [] };
  return checkData({ store, sources: parts.sources ?? [], clock: new VirtualClock() });
}

describe('A check', () => {
  it('counts records by database, and names what is damaged by its key', async () => {
    const page = { database: 'jobs', records: 500, damaged: [] };
    expect(await check({ pages: [page, { ...page, records: 20, damaged: [damaged] }] })).toEqual({
      isSound: false,
      records: { jobs: 520 },
      faults: [{ database: 'jobs', key: 'job/j1', reason: 'its checksum does not match' }],
      furtherFaults: 0,
      quarantined: [],
      tookMs: 0,
    });
  });

  it('lists what was damaged once and is there no more, which is no fault', async () => {
    const gone = { ...damaged, key: ['job', 'j0'] };
    const { faults, quarantined: past } = await check({
      pages: [{ database: 'jobs', records: 1, damaged: [damaged] }],
      quarantined: [quarantined(gone), quarantined(damaged)],
    });
    expect(faults.length).toBe(1);
    expect(past).toEqual([{ database: 'jobs', key: 'job/j0', reason: damaged.reason, detectedAtMs: 7 }]);
    expect((await check({ quarantined: [quarantined(gone)] })).isSound).toBe(true);
  });

  it('asks everybody who knows more, one after the other, and lets others have a turn where they say so', async () => {
    const order: string[] = [];
    const { faults, isSound } = await check({
      sources: [
        {
          name: 'lists',
          *faults() {
            setImmediate(() => order.push('a turn of another'));
            order.push('before');
            yield undefined;
            order.push('after');
            yield 'it is in no list';
          },
        },
        {
          name: 'files',
          async *faults() {
            order.push('files');
            yield 'it is gone';
          },
        },
      ],
    });
    expect(order).toEqual(['before', 'a turn of another', 'after', 'files']);
    expect(faults).toEqual([
      { database: 'lists', reason: 'it is in no list' },
      { database: 'files', reason: 'it is gone' },
    ]);
    expect(isSound).toBe(false);
  });

  it('keeps a thousand faults, and counts the others', async () => {
    const faults = () => Array.from({ length: 2_500 }, (_, n) => `fault ${n}`);
    const report = await check({ sources: [{ name: 'many', faults }] });
    expect([report.faults.length, report.furtherFaults]).toEqual([1_000, 1_500]);
  });
});
