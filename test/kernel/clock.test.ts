import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ActorSystem } from '../../src/kernel/actor-system.ts';
import { delay, systemClock } from '../../src/kernel/clock.ts';
import { FifoQueue } from '../../src/kernel/fifo-queue.ts';
import { seededRandom } from '../../src/kernel/random.ts';
import { VirtualClock } from '../../src/kernel/virtual-clock.ts';

describe('the virtual clock', () => {
  it('fires timers in order of time, then of arming, none before its time and none that was cancelled', async () => {
    const timers = fc.array(fc.record({ atMs: fc.nat({ max: 20 }), isCancelled: fc.boolean() }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(timers, fc.nat({ max: 20 }), async (list, untilMs) => {
        const clock = new VirtualClock();
        const fired: number[] = [];
        const cancels = list.map(({ atMs }, index) =>
          clock.after(atMs, () => {
            expect(clock.nowMs()).toBe(atMs);
            fired.push(index);
          }),
        );
        list.forEach(({ isCancelled }, index) => {
          if (isCancelled) cancels[index]?.();
        });
        const kept = list.map((timer, index) => ({ ...timer, index })).filter(({ isCancelled }) => !isCancelled);
        expect(clock.pending).toBe(kept.length);
        await clock.advance(untilMs);
        const due = kept.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs || a.index - b.index);
        expect(fired).toEqual(due.map(({ index }) => index));
        expect([clock.nowMs(), clock.pending]).toEqual([untilMs, kept.length - due.length]);
      }),
      { numRuns: 40 },
    );
  });

  it('waits for a long cascade of messages before it moves on to the next timer', async () => {
    const clock = new VirtualClock();
    const system = new ActorSystem({ clock });
    let handledAtMs = -1;
    const actor = system.spawn<{ count: { body: number } }>({
      name: 'cascade',
      start: ({ self }) => ({
        count: (left) => {
          if (left > 0) self.tell('count', left - 1);
          else handledAtMs = clock.nowMs();
        },
      }),
    });
    clock.after(10, () => actor.tell('count', 20_000));
    clock.after(11, () => undefined);
    await clock.advance(100);
    expect(handledAtMs).toBe(10);
  });

  it('fires timers that a fired timer arms, and serves delays', async () => {
    const clock = new VirtualClock();
    const atMs: number[] = [];
    void (async () => {
      for (let times = 0; times < 3; times++) {
        await delay(clock, 100);
        atMs.push(clock.nowMs());
      }
    })();
    await clock.advance(250);
    expect([atMs, clock.nextMs]).toEqual([[100, 200], 300]);
    expect(clock.wallMs() - new VirtualClock().wallMs()).toBe(250);
  });
});

describe('the system clock', () => {
  it('fires a timer not before its time, and none that is cancelled', async () => {
    const startedMs = systemClock.nowMs();
    let isCancelledFired = false;
    const cancel = systemClock.after(1, () => {
      isCancelledFired = true;
    });
    cancel();
    await new Promise<void>((resolve) => {
      const keepAlive = setInterval(() => undefined, 1_000);
      systemClock.after(5, () => {
        clearInterval(keepAlive);
        resolve();
      });
    });
    expect(systemClock.nowMs() - startedMs).toBeGreaterThanOrEqual(4);
    expect(isCancelledFired).toBe(false);
  });

  it('does not fire at once what is further away than a 32-bit timer can be', async () => {
    let isFired = false;
    const cancel = systemClock.after(3_000_000_000, () => {
      isFired = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(isFired).toBe(false);
    cancel();
  });
});

describe('the queue', () => {
  it('behaves as an array that is pushed to and shifted from', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(), fc.constant('shift' as const)), { maxLength: 500 }), (steps) => {
        const queue = new FifoQueue<number>();
        const model: number[] = [];
        for (const step of steps) {
          if (step === 'shift') expect(queue.shift()).toBe(model.shift());
          else {
            queue.push(step);
            model.push(step);
          }
          expect(queue.size).toBe(model.length);
        }
      }),
    );
  });

  it('gives back all that a burst put in', () => {
    const queue = new FifoQueue<number>();
    for (let burst = 0; burst < 3; burst++) {
      for (let item = 0; item < 5_000; item++) queue.push(item);
      for (let item = 0; item < 5_000; item++) expect(queue.shift()).toBe(item);
      expect(queue.shift()).toBeUndefined();
    }
  });
});

describe('seeded chance', () => {
  it('repeats for a seed and spreads evenly over [0, 1)', () => {
    const draw = (seed: number) => Array.from({ length: 10_000 }, seededRandom(seed));
    expect(draw(7)).toEqual(draw(7));
    expect(draw(8)).not.toEqual(draw(7));
    const tenths = new Array<number>(10).fill(0);
    for (const value of draw(7)) tenths[Math.floor(value * 10)] = (tenths[Math.floor(value * 10)] ?? 0) + 1;
    for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});
