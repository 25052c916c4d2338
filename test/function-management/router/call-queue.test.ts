import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallQueue } from '../../../src/function-management/router/call-queue.ts';

class Item {
  queue: CallQueue<Item> | undefined;
  before: Item | undefined;
  after: Item | undefined;
}

describe('call queue', () => {
  it('keeps the order of arrival, whoever leaves from wherever', () => {
    const step = fc.oneof(fc.constant('push' as const), fc.nat());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new CallQueue<Item>();
        const model: Item[] = [];
        for (const one of steps) {
          if (one === 'push') {
            const item = new Item();
            queue.push(item);
            model.push(item);
          } else if (model.length > 0) {
            const [item] = model.splice(one % model.length, 1);
            if (item) expect(queue.remove(item)).toBe(true);
            expect(item).toEqual(new Item());
          }
          expect([...queue]).toEqual(model);
          expect(queue.first).toBe(model[0]);
          expect(queue.size).toBe(model.length);
        }
      }),
    );
  });

  it('leaves alone what stands in another queue, or in none', () => {
    const one = new CallQueue<Item>();
    const other = new CallQueue<Item>();
    const item = new Item();
    one.push(item);
    expect(other.remove(item)).toBe(false);
    expect(other.remove(new Item())).toBe(false);
    expect([one.size, other.size]).toEqual([1, 0]);
    expect(one.remove(item)).toBe(true);
    expect(one.remove(item)).toBe(false);
  });
});
