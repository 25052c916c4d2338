import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReadyIndex } from '../../../src/function-management/router/ready-index.ts';
import { fakeHandle } from '../../support/fake-instance.ts';

describe('ready index', () => {
  it('chooses the instance with the fewest calls inside', () => {
    const index = new ReadyIndex();
    index.add(fakeHandle({ instanceId: 'a', concurrency: 3 }), 0);
    index.add(fakeHandle({ instanceId: 'b', concurrency: 3 }), 0);
    const first = index.take(1)?.handle.instanceId;
    const second = index.take(2)?.handle.instanceId;
    expect(new Set([first, second])).toEqual(new Set(['a', 'b']));
  });

  it('prefers, among equally loaded instances, the one used last, so that the others fall idle', () => {
    const index = new ReadyIndex();
    for (const instanceId of ['a', 'b', 'c']) index.add(fakeHandle({ instanceId, concurrency: 1 }), 0);
    const used = index.take(1)?.handle.instanceId ?? '';
    index.giveBack(used, 2);
    expect(index.take(3)?.handle.instanceId).toBe(used);
  });

  it('never puts more calls into an instance than its concurrency, whatever happens in between', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('take' as const) }),
      fc.record({
        kind: fc.constantFrom('add' as const, 'remove' as const, 'giveBack' as const),
        id: fc.integer({ min: 0, max: 5 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const index = new ReadyIndex();
        const model = new Map<string, number>();
        const concurrency = 2;
        for (const one of steps) {
          const id = 'id' in one ? `i${one.id}` : '';
          if (one.kind === 'take') {
            const taken = index.take(0);
            const room = [...model.values()].filter((inFlight) => inFlight < concurrency);
            if (room.length === 0) expect(taken).toBeUndefined();
            else {
              const chosen = taken?.handle.instanceId ?? '';
              expect(model.get(chosen)).toBe(Math.min(...room));
              model.set(chosen, (model.get(chosen) ?? 0) + 1);
            }
          } else if (one.kind === 'add' && !model.has(id)) {
            index.add(fakeHandle({ instanceId: id, concurrency }), 0);
            model.set(id, 0);
          } else if (one.kind === 'remove') {
            index.remove(id);
            model.delete(id);
          } else if (one.kind === 'giveBack' && (model.get(id) ?? 0) > 0) {
            index.giveBack(id, 0);
            model.set(id, (model.get(id) ?? 0) - 1);
          }
          expect(index.size).toBe(model.size);
          expect(index.inFlight).toBe([...model.values()].reduce((sum, inFlight) => sum + inFlight, 0));
        }
      }),
    );
  });
});
