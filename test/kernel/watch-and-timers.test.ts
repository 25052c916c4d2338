import { describe, expect, it } from 'vitest';
import { ActorSystem } from '../../src/kernel/actor-system.ts';
import { delay } from '../../src/kernel/clock.ts';
import type { ActorContext, ActorDefinition, Terminated } from '../../src/kernel/protocol.ts';
import { VirtualClock } from '../../src/kernel/virtual-clock.ts';

type Plain = { note: { body: string }; fail: { body: undefined } };

function world() {
  const clock = new VirtualClock();
  const system = new ActorSystem({ clock });
  const log: string[] = [];
  /** An actor that notes what it is sent and fails on request. */
  const plain = (name: string, started?: (context: ActorContext<Plain>) => void): ActorDefinition<Plain> => ({
    name,
    start: (context) => {
      started?.(context);
      return {
        note: (text) => void log.push(text),
        fail: () => {
          throw new Error('no');
        },
      };
    },
  });
  const noteEnd = ({ path, reason }: Terminated) => void log.push(`${path} ${reason}`);
  return { clock, system, log, plain, noteEnd };
}

describe('watch', () => {
  it('tells how the other ended, in a turn of its own ahead of the messages that wait', async () => {
    const { system, clock, log, plain, noteEnd } = world();
    const stopped = system.spawn(plain('a'));
    const killed = system.spawn(plain('b'));
    const watcher = system.spawn(
      plain('watcher', ({ watch }) => {
        watch(stopped, noteEnd);
        watch(killed, noteEnd);
      }),
    );
    await system.stop(stopped);
    system.kill(killed);
    watcher.tell('note', 'waiting');
    expect(log).not.toContain('/b killed');
    await clock.advance(0);
    expect(log).toEqual(['/a stopped', '/b killed', 'waiting']);
  });

  it('tells at once of an actor that has ended, and how when its reference is known', async () => {
    const { system, clock, log, plain, noteEnd } = world();
    const ended = system.spawn(plain('ended'));
    system.kill(ended);
    const successor = system.spawn(plain('ended'));
    system.spawn(
      plain('watcher', ({ watch }) => {
        watch({ path: '/never-was' }, noteEnd);
        watch(ended, noteEnd);
        watch(successor, noteEnd);
      }),
    );
    await clock.advance(0);
    expect(log).toEqual(['/never-was stopped', '/ended killed']);
  });

  it('ends with the life that asked for it', async () => {
    const { system, clock, log, plain, noteEnd } = world();
    const other = system.spawn(plain('other'));
    let lives = 0;
    const restarted = system.spawn(
      plain('restarted', ({ watch }) => {
        if (lives++ === 0) watch(other, noteEnd);
      }),
    );
    const stopped = system.spawn(plain('stopped', ({ watch }) => watch(other, noteEnd)));
    await system.stop(stopped);
    restarted.tell('fail', undefined);
    await clock.advance(10);
    expect(lives).toBe(2);
    await system.stop(other);
    await clock.advance(0);
    expect(log).toEqual([]);
  });

  it('keeps nothing of a watcher that has ended, nor of an actor or a child that has', async () => {
    const { system, clock, plain, noteEnd } = world();
    const held: WeakRef<object>[] = [];
    const hold = () => {
      const state = { large: new Array(1_000).fill(0) };
      held.push(new WeakRef(state));
      return state;
    };
    const context = await new Promise<ActorContext<Plain>>((resolve) => void system.spawn(plain('parent', resolve)));
    const other = system.spawn(plain('other'));
    for (let times = 0; times < 20; times++) {
      const [ofWatcher, ofWatched, ofChild] = [hold(), hold(), hold()];
      const watcher = system.spawn(
        plain('watcher', ({ watch }) => watch(other, (end) => noteEnd({ ...end, path: String(ofWatcher) }))),
      );
      const watched = system.spawn(plain('watched'));
      context.watch(watched, (end) => noteEnd({ ...end, path: String(ofWatched) }));
      const child = context.spawn(plain('child', ({ onStop }) => onStop(() => void String(ofChild))));
      await Promise.all([watcher, watched, child].map((actor) => system.stop(actor)));
      await clock.advance(0);
    }
    await collectGarbage();
    expect(held.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(6);
  });
});

describe('timers', () => {
  it('call back in a turn of the actor, ahead of the messages that wait', async () => {
    const { system, clock, log, plain } = world();
    const actor = system.spawn(plain('actor', (context) => void context.after(5, () => void log.push('timer'))));
    clock.after(5, () => actor.tell('note', 'message'));
    await clock.advance(4);
    expect(log).toEqual([]);
    await clock.advance(1);
    expect(log).toEqual(['timer', 'message']);
  });

  it('do not call back once cancelled, even when they were due and waited for their turn', async () => {
    const { system, clock, log } = world();
    const actor = system.spawn<{ work: { body: number } }>({
      name: 'actor',
      start: (context) => {
        context.after(5, () => cancel());
        const cancel = context.after(5, () => void log.push('cancelled'));
        context.after(5, () => void log.push('kept'));
        return { work: (durationMs) => delay(clock, durationMs) };
      },
    });
    actor.tell('work', 10);
    await clock.advance(9);
    expect(system.actors()[0]?.mailboxDepth).toBe(3);
    await clock.advance(1);
    expect(log).toEqual(['kept']);
  });

  it('end with the life that armed them, and fail it when their callback throws', async () => {
    const { system, clock, log, plain } = world();
    let lives = 0;
    system.spawn(
      plain('actor', (context) => {
        const life = ++lives;
        context.after(20, () => void log.push(`timer of life ${life}`));
        if (life === 1) {
          context.after(10, async () => {
            throw new Error('no');
          });
        }
      }),
    );
    await clock.advance(100);
    expect(log).toEqual(['timer of life 2']);
    expect(system.actors()[0]).toMatchObject({ restarts: 1, failures: 1 });
    await system.shutdown(1);
    expect(clock.pending).toBe(0);
  });

  it('that were due while the handler ran which then failed do not call back in the next life', async () => {
    const { system, clock, log } = world();
    let lives = 0;
    const actor = system.spawn<{ workAndFail: { body: number } }>({
      name: 'actor',
      start: (context) => {
        if (++lives === 1) context.after(5, () => void log.push('belongs to the life that failed'));
        return {
          workAndFail: async (durationMs) => {
            await delay(clock, durationMs);
            throw new Error('no');
          },
        };
      },
    });
    actor.tell('workAndFail', 10);
    await clock.advance(100);
    expect([lives, log]).toEqual([2, []]);
  });
});

/** A full collection, between turns of the event loop: what a promise still holds is let go only there. */
async function collectGarbage(): Promise<void> {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let times = 0; times < 3; times++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
}
