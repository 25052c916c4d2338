import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallTable } from '../../src/transport/call-table.ts';

interface Item {
  channelNumber?: number;
}

describe('call table', () => {
  it('behaves as a map whose numbers are never given twice while they are in use', () => {
    const step = fc.oneof({ weight: 3, arbitrary: fc.constant('add' as const) }, { weight: 2, arbitrary: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const table = new CallTable<Item>();
        const model = new Map<number, Item>();
        for (const one of steps) {
          if (one === 'add') {
            const number = table.nextNumber();
            expect(number).toBeGreaterThan(0);
            expect(model.has(number)).toBe(false);
            const item: Item = {};
            table.add(number, item);
            model.set(number, item);
          } else if (model.size > 0) {
            const number = [...model.keys()][one % model.size] ?? 0;
            table.delete(number);
            model.delete(number);
            expect(table.get(number)).toBeUndefined();
          }
          expect(table.size).toBe(model.size);
          for (const [number, item] of model) expect(table.get(number)).toBe(item);
        }
        expect(new Set(table.clear())).toEqual(new Set(model.values()));
        expect(table.size).toBe(0);
      }),
    );
  });

  it('skips the number of a call that has been inside for a whole round', () => {
    const table = new CallTable<Item>();
    const longRunning: Item = {};
    const number = table.nextNumber();
    table.add(number, longRunning);
    for (let call = 0; call < 1_000; call++) {
      const next = table.nextNumber();
      table.add(next, {});
      table.delete(next);
    }
    expect(table.get(number)).toBe(longRunning);
    expect(table.size).toBe(1);
  });

  it('does not take a number for another that has the same place', () => {
    const table = new CallTable<Item>();
    const number = table.nextNumber();
    table.add(number, {});
    expect(table.get(number + 16)).toBeUndefined();
    table.delete(number + 16);
    expect(table.size).toBe(1);
  });

  it('takes any numbers that the other end of a channel chooses', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 100_000 }), { maxLength: 100 }), (numbers) => {
        const table = new CallTable<Item>();
        const items = numbers.map((number) => {
          const item: Item = {};
          table.add(number, item);
          return item;
        });
        expect(numbers.map((number) => table.get(number))).toEqual(items);
        expect(table.size).toBe(numbers.length);
        for (const number of numbers) table.delete(number);
        expect(table.size).toBe(0);
      }),
    );
  });
});
