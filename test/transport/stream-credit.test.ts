import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkQueue, CreditGate, INITIAL_CREDIT } from '../../src/transport/stream-credit.ts';

/** A consumer and a producer whose frames arrive at once; counts what is made and not yet consumed. */
function joined(total: number, initialCredit = INITIAL_CREDIT) {
  const gate = new CreditGate(initialCredit);
  const state = { made: 0, cancels: 0 };
  const queue = new ChunkQueue<number>({
    initialCredit,
    grant: (chunks) => gate.grant(chunks),
    onCancel: () => {
      state.cancels++;
      gate.cancel();
    },
  });
  const produced = (async () => {
    for (let chunk = 0; chunk < total; chunk++) {
      if (!(await gate.take())) return;
      state.made++;
      if (!queue.push(chunk)) return;
    }
    queue.end();
  })();
  return { gate, queue, state, produced };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a stream with credit', () => {
  it('delivers everything in order, and never makes more than the credit ahead of the consumer', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(200), fc.integer({ min: 1, max: 20 }), async (total, credit) => {
        const { queue, state } = joined(total, credit);
        const taken: number[] = [];
        for await (const chunk of queue) {
          taken.push(chunk);
          expect(state.made - taken.length).toBeLessThanOrEqual(credit);
        }
        expect(taken).toEqual(Array.from({ length: total }, (_, index) => index));
      }),
      { numRuns: 50 },
    );
  });

  it('does not pull the producer at zero credit', async () => {
    const { state, queue } = joined(1_000);
    await turn();
    expect(state.made).toBe(INITIAL_CREDIT);
    await queue.next();
    await turn();
    // One chunk does not make a grant yet: they go out for half of the credit at a time.
    expect(state.made).toBe(INITIAL_CREDIT);
    for (let taken = 1; taken < INITIAL_CREDIT / 2; taken++) await queue.next();
    await turn();
    expect(state.made).toBe(INITIAL_CREDIT * 1.5);
  });

  it('tells the producer once when the consumer leaves early, and releases it', async () => {
    const { queue, state, gate, produced } = joined(1_000);
    for await (const chunk of queue) if (chunk === 3) break;
    await queue.return();
    await produced;
    expect(state.cancels).toBe(1);
    expect(gate.signal.aborted).toBe(true);
    expect(await queue.next()).toEqual({ done: true, value: undefined });
    expect(queue.push(1)).toBe(false);
  });

  it('does not tell a producer that has ended already', async () => {
    const { queue, state, produced } = joined(2);
    await produced;
    await queue.return();
    expect(state.cancels).toBe(0);
  });

  it('gives what had come before a failure, then the failure once', async () => {
    const queue = new ChunkQueue<string>({ grant: () => undefined });
    queue.push('a');
    queue.fail(new Error('lost'));
    queue.push('b');
    expect(await queue.next()).toEqual({ done: false, value: 'a' });
    await expect(queue.next()).rejects.toThrow('lost');
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });

  it('gives a failure to the one who waits, and releases the others', async () => {
    const queue = new ChunkQueue<string>({ grant: () => undefined });
    const waiting = [queue.next(), queue.next(), queue.next()];
    queue.push('a');
    queue.fail(new Error('lost'));
    const settled = await Promise.allSettled(waiting);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('fails when the producer sends more than it was granted', async () => {
    let cancels = 0;
    const queue = new ChunkQueue<number>({ grant: () => undefined, onCancel: () => cancels++, initialCredit: 2 });
    expect([queue.push(1), queue.push(2), queue.push(3)]).toEqual([true, true, false]);
    await queue.next();
    await queue.next();
    await expect(queue.next()).rejects.toMatchObject({ code: 'FRAME_INVALID' });
    expect(cancels).toBe(1);
  });

  it('ignores grants that are no positive whole number', () => {
    const gate = new CreditGate(0);
    for (const chunks of [Number.NaN, -1, 0, 0.5, Number.POSITIVE_INFINITY]) gate.grant(chunks);
    expect(gate.tryTake()).toBe(false);
    gate.grant(1);
    expect([gate.tryTake(), gate.tryTake()]).toEqual([true, false]);
  });

  it('serves those who wait for credit in their order, and cancels with the reason', async () => {
    const gate = new CreditGate(0);
    const order: string[] = [];
    const first = gate.take().then((granted) => order.push(`first ${granted}`));
    const second = gate.take().then((granted) => order.push(`second ${granted}`));
    gate.grant(1);
    await first;
    const { signal } = gate;
    gate.cancel('gone');
    await second;
    expect(order).toEqual(['first true', 'second false']);
    expect(signal.reason).toBe('gone');
    expect(await gate.take()).toBe(false);
  });
});
