import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LeaseTable } from '../../../src/resource-orchestration/naming-service/lease-table.ts';

describe('lease table', () => {
  it('gives out expired names in order of their ends, once', () => {
    const leases = new LeaseTable();
    leases.set('b', 20);
    leases.set('a', 10);
    leases.set('c', 30);
    expect(leases.nextMs).toBe(10);
    expect(leases.takeExpired(25)).toEqual(['a', 'b']);
    expect(leases.takeExpired(25)).toEqual([]);
    expect(leases.size).toBe(1);
  });

  it('follows renewals in both directions, and forgets what becomes unlimited', () => {
    const leases = new LeaseTable();
    for (const name of ['later', 'sooner', 'unlimited']) leases.set(name, 20);
    leases.set('later', 40);
    leases.set('sooner', 5);
    leases.set('unlimited', Number.POSITIVE_INFINITY);
    expect(leases.takeExpired(39)).toEqual(['sooner']);
    expect(leases.takeExpired(40)).toEqual(['later']);
    expect(leases.nextMs).toBeUndefined();
  });

  it('agrees with a plain map for any sequence of changes', () => {
    const change = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      what: fc.constantFrom('set', 'set', 'set', 'delete', 'expire'),
      value: fc.integer({ min: 0, max: 50 }),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const leases = new LeaseTable();
        const model = new Map<string, number>();
        let nowMs = 0;
        for (const { name, what, value } of changes) {
          if (what === 'set') {
            leases.set(name, nowMs + value);
            model.set(name, nowMs + value);
          } else if (what === 'delete') {
            leases.delete(name);
            model.delete(name);
          } else {
            nowMs += value;
            const expired = [...model].filter(([, atMs]) => atMs <= nowMs);
            for (const [gone] of expired) model.delete(gone);
            expired.sort(([a, aMs], [b, bMs]) => aMs - bMs || (a < b ? -1 : 1));
            expect(leases.takeExpired(nowMs)).toEqual(expired.map(([gone]) => gone));
          }
          expect(leases.size).toBe(model.size);
          expect(leases.nextMs ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(Math.min(...model.values()));
        }
      }),
    );
  });
});
