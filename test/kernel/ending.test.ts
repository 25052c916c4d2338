import { describe, expect, it } from 'vitest';
import { TroupeError } from '../../src/errors.ts';
import { ActorSystem, later } from '../../src/kernel/actor-system.ts';
import type { ActorContext, ActorDefinition, ActorRef, MessageMap } from '../../src/kernel/protocol.ts';
import { VirtualClock } from '../../src/kernel/virtual-clock.ts';

type Work = { work: { body: string; reply: string }; note: { body: string }; hang: { body: undefined; reply: null } };

const forever = new Promise<never>(() => undefined);

function world() {
  const clock = new VirtualClock();
  const system = new ActorSystem({ clock });
  const log: string[] = [];
  const worker = (name: string, extra: Partial<ActorDefinition<Work>> = {}): ActorDefinition<Work> => ({
    name,
    start: (context) => {
      context.onStop(() => void log.push(`${name} stops`));
      return workHandlers(log);
    },
    ...extra,
  });
  return { clock, system, log, worker };
}

const workHandlers = (log: string[]) => ({
  work: (text: string) => {
    log.push(text);
    return text;
  },
  note: (text: string) => void log.push(text),
  hang: () => forever,
});

/** A parent that only starts children. */
function parentOf(name: string, spawn: (context: ActorContext<MessageMap>) => void): ActorDefinition<MessageMap> {
  return {
    name,
    start: (context) => {
      spawn(context);
      return {};
    },
  };
}

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'fulfilled',
    (error) => (error instanceof TroupeError ? error.code : `not a TroupeError: ${error}`),
  );

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  await new Promise((resolve) => setImmediate(resolve));
  return (await Promise.race([promise, pending])) !== pending;
}

describe('a graceful stop', () => {
  it('handles what is in the mailbox first and refuses what comes later', async () => {
    const { system, log, worker } = world();
    const actor = system.spawn(worker('actor'));
    const early = actor.ask('work', 'early');
    const stopped = system.stop(actor);
    expect(actor.tell('note', 'late')).toBe(false);
    expect(await code(actor.ask('work', 'late too'))).toBe('ACTOR_STOPPED');
    await stopped;
    expect(await early).toBe('early');
    expect(log).toEqual(['early', 'actor stops']);
    expect(system.deadLetters.counts().stopped).toBe(2);
    expect(system.actors()).toEqual([]);
  });

  it('loses nothing of a mailbox that is full', async () => {
    const { system, log, worker } = world();
    const actor = system.spawn(worker('actor', { mailboxCapacity: 2 }));
    actor.tell('note', '1');
    actor.tell('note', '2');
    await system.stop(actor);
    expect(log).toEqual(['1', '2', 'actor stops']);
  });

  it('stops children before the stop callbacks, and those in reverse order', async () => {
    const { system, log, worker } = world();
    const parent = system.spawn(
      parentOf('parent', (context) => {
        context.onStop(() => void log.push('first registered'));
        context.onStop(async () => {
          await Promise.resolve();
          log.push('second registered');
        });
        context.onStop(() => {
          throw new Error('a stop callback that throws keeps none of the others from running');
        });
        context.spawn(worker('child'));
      }),
    );
    await system.stop(parent);
    expect(log).toEqual(['child stops', 'second registered', 'first registered']);
  });

  it('lets a stop callback settle later replies, and rejects those that it does not', async () => {
    const { system } = world();
    let settle: (value: string) => void = () => undefined;
    const promise = new Promise<string>((resolve) => {
      settle = resolve;
    });
    const actor = system.spawn<{ ask: { body: Promise<string>; reply: string } }>({
      name: 'later',
      start: ({ onStop }) => {
        onStop(() => settle('in time'));
        return { ask: (answer) => later(answer) };
      },
    });
    const answered = actor.ask('ask', promise);
    const forgotten = code(actor.ask('ask', forever));
    await system.stop(actor);
    expect(await answered).toBe('in time');
    expect(await forgotten).toBe('ACTOR_STOPPED');
  });

  it('can be asked for by the actor itself', async () => {
    const { system, clock } = world();
    const actor = system.spawn<{ leave: { body: undefined; reply: string } }>({
      name: 'leaver',
      start: ({ self, stop }) => ({
        leave: () => {
          stop(self);
          return 'bye';
        },
      }),
    });
    expect(await actor.ask('leave', undefined)).toBe('bye');
    await clock.advance(0);
    expect(system.actors()).toEqual([]);
  });

  it('ends at once while the actor waits to be restarted', async () => {
    const { system, clock, log } = world();
    const actor = system.spawn<{ note: { body: string }; fail: { body: undefined } }>({
      name: 'failing',
      supervision: { onFailure: 'restart', maxRestarts: 3, withinMs: 60_000, backoffMs: 1_000, maxBackoffMs: 1_000 },
      start: () => ({
        note: (text) => void log.push(text),
        fail: () => {
          throw new Error('no');
        },
      }),
    });
    actor.tell('fail', undefined);
    await clock.advance(1);
    actor.tell('note', 'nobody there');
    expect(system.actors()[0]).toMatchObject({ state: 'restarting' });
    await system.stop(actor);
    expect(log).toEqual([]);
    expect(system.deadLetters.counts().stopped).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('ends when a start that was under way fails', async () => {
    const { system } = world();
    let fail: (error: Error) => void = () => undefined;
    const actor = system.spawn<Work>({
      name: 'starting',
      start: () =>
        new Promise((_resolve, reject) => {
          fail = reject;
        }),
    });
    const asked = code(actor.ask('work', 'x'));
    const stopped = system.stop(actor);
    fail(new Error('no'));
    await stopped;
    expect(await asked).toBe('ACTOR_STOPPED');
    expect(system.deadLetters.counts()['failed-start']).toBe(1);
  });
});

describe('a kill', () => {
  it('settles the ask inside, the asks that wait and the replies owed, at once', async () => {
    const { system, log, worker } = world();
    const owing = system.spawn<{ ask: { body: undefined; reply: null } }>({
      name: 'owing',
      start: () => ({ ask: () => later(forever) }),
    });
    const owed = code(owing.ask('ask', undefined));
    const actor = system.spawn(worker('actor'));
    const inside = code(actor.ask('hang', undefined));
    const waiting = code(actor.ask('work', 'never'));
    await new Promise((resolve) => setImmediate(resolve));
    system.kill(actor);
    system.kill(owing);
    expect(await Promise.all([inside, waiting, owed])).toEqual(['ACTOR_STOPPED', 'ACTOR_STOPPED', 'ACTOR_STOPPED']);
    expect(log).toEqual([]);
    expect(system.deadLetters.counts().killed).toBe(1);
    expect(system.actors()).toEqual([]);
  });

  it('cuts short a stop that waits for a handler, for a stop callback or for a child', async () => {
    const { system, worker } = world();
    const handling = system.spawn(worker('handling'));
    void code(handling.ask('hang', undefined));
    const closing = system.spawn(parentOf('closing', ({ onStop }) => onStop(() => forever)));
    const parent = system.spawn(
      parentOf('parent', ({ spawn }) => void code(spawn(worker('child')).ask('hang', undefined))),
    );
    const stops = [handling, closing, parent].map((actor) => system.stop(actor));
    expect(await Promise.all(stops.map(isSettled))).toEqual([false, false, false]);
    for (const actor of [handling, closing, parent]) system.kill(actor);
    await Promise.all(stops);
    expect(system.actors()).toEqual([]);
  });

  it('keeps the stop callbacks that have not begun from running', async () => {
    const { system, clock, log } = world();
    const actor = system.spawn(
      parentOf('actor', ({ onStop }) => {
        onStop(() => void log.push('second'));
        onStop(() => new Promise<void>((resolve) => clock.after(10, resolve)));
      }),
    );
    const stopped = system.stop(actor);
    await clock.advance(5);
    system.kill(actor);
    await stopped;
    await clock.advance(10);
    expect(log).toEqual([]);
  });

  it('leaves no timer of an actor that cleans up after a failure', async () => {
    const { clock, system } = world();
    const actor = system.spawn<Work>({
      name: 'failing',
      supervision: { onFailure: 'restart', maxRestarts: 1, withinMs: 1_000, backoffMs: 10, maxBackoffMs: 10 },
      start: (context) => {
        context.onStop(() => forever);
        return {
          ...workHandlers([]),
          note: () => {
            throw new Error('failed');
          },
        };
      },
    });
    actor.tell('note', 'fail');
    await clock.advance(0);
    expect(clock.pending).toBe(1);
    system.kill(actor);
    await clock.advance(0);
    expect(clock.pending).toBe(0);
  });

  it('leaves code of the killed actor nothing to start', async () => {
    const { system, clock, log, worker } = world();
    let context: ActorContext<MessageMap> | undefined;
    const actor = system.spawn(
      parentOf('actor', (given) => {
        context = given;
      }),
    );
    system.kill(actor);
    expect(() => context?.spawn(worker('orphan'))).toThrow(expect.objectContaining({ code: 'ACTOR_STOPPED' }));
    context?.after(1, () => void log.push('timer'));
    context?.watch({ path: '/nobody' }, () => void log.push('watch'));
    context?.onStop(() => void log.push('freed at once'));
    await clock.advance(10);
    expect(log).toEqual(['freed at once']);
    expect(clock.pending).toBe(0);
  });
});

describe('shutdown', () => {
  const note =
    (log: string[]) =>
    (name: string, dependsOn: { path: string }[] = []) => ({
      name,
      dependsOn,
      start: ({ onStop }: ActorContext<MessageMap>) => {
        onStop(async () => {
          await Promise.resolve();
          log.push(name);
        });
        return {};
      },
    });

  it('stops dependants first', async () => {
    const { system, log } = world();
    const actor = note(log);
    const store = system.spawn(actor('store'));
    const registry = system.spawn(actor('registry', [store]));
    system.spawn(actor('router', [registry, store]));
    await system.shutdown(1_000);
    expect(log).toEqual(['router', 'registry', 'store']);
  });

  it('stops dependants first when the dependency is between children of different parents', async () => {
    const { system, log } = world();
    const actor = note(log);
    let table: { path: string } = { path: '' };
    system.spawn(
      parentOf('storage', (context) => {
        table = context.spawn(actor('table'));
      }),
    );
    system.spawn(parentOf('users', (context) => void context.spawn(actor('reader', [table]))));
    await system.shutdown(1_000);
    expect(log).toEqual(['reader', 'table']);
  });

  it('ends when dependencies go in a circle', async () => {
    const { system, log } = world();
    const actor = note(log);
    system.spawn(actor('a', [{ path: '/c' }]));
    system.spawn(actor('b', [{ path: '/a' }]));
    system.spawn(actor('c', [{ path: '/b' }, { path: '/c' }]));
    system.spawn(actor('d', [{ path: '/a' }]));
    await system.shutdown(1_000);
    expect(log.toSorted()).toEqual(['a', 'b', 'c', 'd']);
    expect(log.indexOf('d')).toBeLessThan(log.indexOf('a'));
  });

  it('kills at its timeout what will not stop, and takes no new actor', async () => {
    const { system, clock, log, worker } = world();
    const needed = system.spawn(worker('needed'));
    const hanging: ActorRef<Work> = system.spawn(worker('hanging', { dependsOn: [needed] }));
    const asked = code(hanging.ask('hang', undefined));
    system.spawn({ name: 'never-started', start: () => forever });
    const down = system.shutdown(500);
    expect(() => system.spawn(worker('late'))).toThrow(expect.objectContaining({ code: 'SHUTTING_DOWN' }));
    await clock.advance(499);
    expect(await isSettled(down)).toBe(false);
    await clock.advance(1);
    await down;
    expect(await asked).toBe('ACTOR_STOPPED');
    expect(system.actors()).toEqual([]);
    expect(log).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
