import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { TroupeError } from '../../src/errors.ts';
import { ActorSystem, later } from '../../src/kernel/actor-system.ts';
import type { ActorDefinition } from '../../src/kernel/protocol.ts';
import { VirtualClock } from '../../src/kernel/virtual-clock.ts';

type Log = { note: { body: string }; urgent: { body: string }; read: { body: undefined; reply: string[] } };

function logActor(extra: Partial<ActorDefinition<Log>> = {}): ActorDefinition<Log> {
  return {
    name: 'log',
    controlMessages: ['urgent'],
    start() {
      const seen: string[] = [];
      return {
        note: (text) => void seen.push(text),
        urgent: (text) => void seen.push(text),
        read: () => seen,
      };
    },
    ...extra,
  };
}

/** A promise and the means to settle it. */
function gate<T = void>() {
  let open: (value: T) => void = () => undefined;
  let fail: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'fulfilled',
    (error) => (error instanceof TroupeError ? error.code : `not a TroupeError: ${error}`),
  );

describe('delivery', () => {
  it('keeps the order of one sender, and takes control messages ahead of all that wait', async () => {
    const system = new ActorSystem();
    const log = system.spawn(logActor());
    log.tell('note', 'a');
    log.tell('note', 'b');
    log.tell('urgent', 'first');
    log.tell('urgent', 'second');
    expect(await log.ask('read', undefined)).toEqual(['first', 'second', 'a', 'b']);
  });

  it('handles one message at a time, also while a handler waits', async () => {
    const door = gate();
    const steps: string[] = [];
    const system = new ActorSystem();
    const actor = system.spawn<{ slow: { body: undefined }; fast: { body: undefined; reply: null } }>({
      name: 'one-at-a-time',
      start: () => ({
        async slow() {
          steps.push('slow begins');
          await door.promise;
          steps.push('slow ends');
        },
        fast() {
          steps.push('fast');
          return null;
        },
      }),
    });
    actor.tell('slow', undefined);
    const answer = actor.ask('fast', undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(steps).toEqual(['slow begins']);
    door.open();
    await answer;
    expect(steps).toEqual(['slow begins', 'slow ends', 'fast']);
  });

  it('lets the next message in while a later reply is outstanding', async () => {
    const door = gate<string>();
    const system = new ActorSystem();
    const actor = system.spawn<{
      slow: { body: undefined; reply: string };
      fast: { body: undefined; reply: string };
    }>({ name: 'later', start: () => ({ slow: () => later(door.promise), fast: () => 'fast' }) });
    const slow = actor.ask('slow', undefined);
    expect(await actor.ask('fast', undefined)).toBe('fast');
    door.open('slow');
    expect(await slow).toBe('slow');
  });

  it('passes on the rejection of a later reply without failing the actor', async () => {
    const system = new ActorSystem();
    const actor = system.spawn<{ ask: { body: unknown; reply: null } }>({
      name: 'later',
      start: () => ({ ask: (thrown) => later(Promise.reject(thrown)) }),
    });
    expect(await code(actor.ask('ask', new TroupeError('NO_CAPACITY', 'full')))).toBe('NO_CAPACITY');
    expect(await code(actor.ask('ask', new Error('oops')))).toBe('INTERNAL');
    expect(system.actors()[0]).toMatchObject({ restarts: 0, failures: 0 });
  });

  it('delivers what an actor sends to itself, after what waits already', async () => {
    const system = new ActorSystem();
    const seen: number[] = [];
    const counter = system.spawn<{ count: { body: number }; done: { body: undefined; reply: null } }>({
      name: 'counter',
      start: ({ self }) => ({
        count(left) {
          seen.push(left);
          if (left > 0) self.tell('count', left - 1);
        },
        done: () => null,
      }),
    });
    counter.tell('count', 2);
    counter.tell('count', 0);
    for (let asks = 0; asks < 3; asks++) await counter.ask('done', undefined);
    expect(seen).toEqual([2, 0, 1, 0]);
  });

  it('waits for an asynchronous start before the first message', async () => {
    const door = gate();
    const system = new ActorSystem();
    const log = system.spawn(
      logActor({
        start: async () => {
          await door.promise;
          return { note: () => undefined, urgent: () => undefined, read: () => ['started'] };
        },
      }),
    );
    const answer = log.ask('read', undefined);
    expect(system.actors()[0]).toMatchObject({ state: 'starting', mailboxDepth: 1 });
    door.open();
    expect(await answer).toEqual(['started']);
  });
});

describe('bounds and dead letters', () => {
  it('refuses what is over the mailbox capacity, and never a control message', async () => {
    const system = new ActorSystem();
    const log = system.spawn(logActor({ mailboxCapacity: 2 }));
    expect([log.tell('note', '1'), log.tell('note', '2'), log.tell('note', '3')]).toEqual([true, true, false]);
    expect(log.tell('urgent', 'u')).toBe(true);
    expect(await code(log.ask('read', undefined))).toBe('MAILBOX_FULL');
    expect(system.deadLetters.counts()).toMatchObject({ 'mailbox-full': 2 });
    expect(system.deadLetters.latest()).toMatchObject([
      { path: '/log', type: 'note', reason: 'mailbox-full' },
      { path: '/log', type: 'read', reason: 'mailbox-full' },
    ]);
    expect(await log.ask('read', undefined)).toEqual(['u', '1', '2']);
  });

  it('counts every dead letter and keeps the latest 256, oldest first', async () => {
    const clock = new VirtualClock();
    const system = new ActorSystem({ clock });
    const log = system.spawn(logActor());
    await system.stop(log);
    for (let sent = 0; sent < 600; sent++) {
      expect(log.tell('note', String(sent))).toBe(false);
      await clock.advance(1);
    }
    expect(system.deadLetters.counts().stopped).toBe(600);
    const kept = system.deadLetters.latest().map(({ atMs }) => atMs);
    expect(kept).toEqual(Array.from({ length: 256 }, (_, index) => 344 + index));
  });
});

describe('asks', () => {
  it('rejects with ASK_TIMEOUT at its time, and once', async () => {
    const clock = new VirtualClock();
    const door = gate<string[]>();
    const log = new ActorSystem({ clock }).spawn(
      logActor({
        start: () => ({ note: () => undefined, urgent: () => undefined, read: () => door.promise }),
      }),
    );
    const settled: string[] = [];
    void code(log.ask('read', undefined, { timeoutMs: 100 })).then((outcome) => settled.push(outcome));
    await clock.advance(99);
    expect(settled).toEqual([]);
    await clock.advance(1);
    expect(settled).toEqual(['ASK_TIMEOUT']);
    door.open([]);
    await clock.advance(1_000);
    expect(settled).toEqual(['ASK_TIMEOUT']);
  });

  it('leaves no timer behind once it is answered', async () => {
    const clock = new VirtualClock();
    const log = new ActorSystem({ clock }).spawn(logActor());
    await log.ask('read', undefined);
    expect(clock.pending).toBe(0);
  });

  it('hands a refusal to the asker and keeps the state of the actor', async () => {
    const system = new ActorSystem();
    const actor = system.spawn<{ add: { body: number; reply: number } }>({
      name: 'sum',
      start() {
        let sum = 0;
        return {
          add(amount) {
            if (amount < 0) throw new TroupeError('INVALID_ARGUMENT', 'Only upwards.');
            sum += amount;
            return sum;
          },
        };
      },
    });
    await actor.ask('add', 5);
    expect(await code(actor.ask('add', -1))).toBe('INVALID_ARGUMENT');
    expect(await actor.ask('add', 1)).toBe(6);
    expect(system.actors()[0]).toMatchObject({ restarts: 0, failures: 0, handled: 3 });
  });

  it('rejects with INTERNAL, and the cause, when the handler fails', async () => {
    const cause = new Error('broken');
    const actor = new ActorSystem().spawn<{ break: { body: undefined; reply: null } }>({
      name: 'fragile',
      start: () => ({
        break: () => {
          throw cause;
        },
      }),
    });
    await expect(actor.ask('break', undefined)).rejects.toMatchObject({ code: 'INTERNAL', cause });
  });

  it('takes the promises of another realm for promises', async () => {
    const actor = new ActorSystem().spawn<{ ask: { body: undefined; reply: string } }>({
      name: 'realm',
      start: () => ({ ask: () => runInNewContext('Promise.resolve("waited for")') as Promise<string> }),
    });
    expect(await actor.ask('ask', undefined)).toBe('waited for');
  });
});

describe('names', () => {
  it('refuses a name that is empty, holds a slash or is taken', () => {
    const system = new ActorSystem();
    const spawn = (name: string) => () => system.spawn(logActor({ name }));
    expect(spawn('')).toThrow(expect.objectContaining({ code: 'INVALID_NAME' }));
    expect(spawn('a/b')).toThrow(expect.objectContaining({ code: 'INVALID_NAME' }));
    spawn('log')();
    expect(spawn('log')).toThrow(expect.objectContaining({ code: 'NAME_TAKEN' }));
  });

  it('does not take a new actor for the ended one whose name it has', async () => {
    const system = new ActorSystem();
    const before = system.spawn(logActor());
    await system.stop(before);
    const after = system.spawn(logActor());
    await system.stop(before);
    expect(before.tell('note', 'lost')).toBe(false);
    expect(after.tell('note', 'kept')).toBe(true);
    expect(await after.ask('read', undefined)).toEqual(['kept']);
  });
});

describe('statistics', () => {
  it('count what was handled, how long it took, what waits, and what failed', async () => {
    const clock = new VirtualClock();
    const system = new ActorSystem({ clock });
    const actor = system.spawn<{ work: { body: number }; fail: { body: undefined } }>({
      name: 'worker',
      supervision: { onFailure: 'resume' },
      start: ({ clock: time }) => ({
        work: (durationMs) => new Promise<void>((resolve) => time.after(durationMs, resolve)),
        fail: () => {
          throw new Error('no');
        },
      }),
    });
    actor.tell('work', 10);
    actor.tell('fail', undefined);
    actor.tell('work', 30);
    actor.tell('work', 1);
    await clock.advance(10);
    expect(system.actors()[0]).toMatchObject({ handled: 2, failures: 1, mailboxDepth: 1, handlingMs: 10 });
    await clock.advance(31);
    expect(system.actors()).toEqual([
      {
        path: '/worker',
        state: 'running',
        mailboxDepth: 0,
        handled: 4,
        handlingMs: 41,
        longestHandlingMs: 30,
        restarts: 0,
        failures: 1,
      },
    ]);
  });
});
