import { describe, expect, it } from 'vitest';
import { TroupeError } from '../../src/errors.ts';
import { ActorSystem, later } from '../../src/kernel/actor-system.ts';
import type { ActorDefinition, RestartPolicy, Supervision } from '../../src/kernel/protocol.ts';
import { decideSupervision } from '../../src/kernel/supervision.ts';
import { VirtualClock } from '../../src/kernel/virtual-clock.ts';

type Counter = {
  add: { body: undefined; reply: number };
  fail: { body: undefined };
  owe: { body: undefined; reply: null };
};

const policy: RestartPolicy = {
  onFailure: 'restart',
  maxRestarts: 3,
  withinMs: 1_000,
  backoffMs: 10,
  maxBackoffMs: 25,
};

const boom = () => {
  throw new Error('boom');
};

function counter(supervision: Supervision, extra: Partial<ActorDefinition<Counter>> = {}): ActorDefinition<Counter> {
  return {
    name: 'counter',
    supervision,
    start: () => {
      let count = 0;
      return { add: () => ++count, fail: boom, owe: () => later(new Promise<null>(() => undefined)) };
    },
    ...extra,
  };
}

function world() {
  const clock = new VirtualClock();
  const failures: string[] = [];
  const errors: string[] = [];
  const system = new ActorSystem({
    clock,
    onFailure: (path, error) => failures.push(`${path}: ${error.message}`),
    onActorError: (path, _error, action) => errors.push(`${path} ${action}`),
  });
  return { clock, failures, errors, system };
}

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'fulfilled',
    (error) => (error instanceof TroupeError ? error.code : `not a TroupeError: ${error}`),
  );

describe('after a failure', () => {
  it('resume keeps the state', async () => {
    const { system, failures, errors } = world();
    const actor = system.spawn(counter({ onFailure: 'resume' }));
    await actor.ask('add', undefined);
    actor.tell('fail', undefined);
    expect(await actor.ask('add', undefined)).toBe(2);
    expect(system.actors()[0]).toMatchObject({ restarts: 0, failures: 1 });
    expect([failures, errors]).toEqual([[], ['/counter resume']]);
  });

  it('restart rebuilds the state, keeps the mailbox, and rejects the replies that the failed life owed', async () => {
    const { system, clock } = world();
    const actor = system.spawn(counter(policy));
    await actor.ask('add', undefined);
    const owed = code(actor.ask('owe', undefined));
    actor.tell('fail', undefined);
    const kept = actor.ask('add', undefined);
    await clock.advance(0);
    expect(await owed).toBe('ACTOR_STOPPED');
    expect(system.actors()[0]).toMatchObject({ state: 'restarting', mailboxDepth: 1, restarts: 1 });
    await clock.advance(10);
    expect(await kept).toBe(1);
  });

  it('stop ends the actor, with its error for the watchers and its mailbox as dead letters', async () => {
    const { system, clock, failures } = world();
    const actor = system.spawn(counter({ onFailure: 'stop' }));
    const ends: unknown[] = [];
    system.spawn({
      name: 'watcher',
      start: ({ watch }) => {
        watch(actor, (end) => void ends.push(end));
        return {};
      },
    });
    actor.tell('fail', undefined);
    const waiting = code(actor.ask('add', undefined));
    await clock.advance(0);
    expect(await waiting).toBe('ACTOR_STOPPED');
    expect(ends).toMatchObject([{ path: '/counter', reason: 'failed', error: { code: 'INTERNAL' } }]);
    expect(system.deadLetters.counts().stopped).toBe(1);
    expect(failures).toEqual([]);
  });

  it('stop rejects what the actor owes at once, however long its end takes', async () => {
    const { system, clock } = world();
    const actor = system.spawn(
      counter(
        { onFailure: 'stop' },
        {
          start: ({ onStop }) => {
            onStop(() => new Promise<void>((resolve) => clock.after(1_000, resolve)));
            return { add: () => 0, fail: boom, owe: () => later(new Promise<null>(() => undefined)) };
          },
        },
      ),
    );
    const settled: string[] = [];
    void code(actor.ask('owe', undefined)).then((outcome) => settled.push(outcome));
    actor.tell('fail', undefined);
    await clock.advance(0);
    expect(settled).toEqual(['ACTOR_STOPPED']);
    expect(system.actors()).toHaveLength(1);
    await clock.advance(1_000);
    expect(system.actors()).toEqual([]);
  });

  it('escalate makes the failure that of the parent, and of the system where there is none', async () => {
    const { system, clock, failures, errors } = world();
    let starts = 0;
    system.spawn({
      name: 'parent',
      supervision: { onFailure: 'escalate' },
      start: ({ spawn }) => {
        starts++;
        spawn(counter({ onFailure: 'escalate' })).tell('fail', undefined);
        spawn(counter({ onFailure: 'resume' }, { name: 'sibling' }));
        return {};
      },
    });
    await clock.advance(0);
    expect(system.actors()).toEqual([]);
    expect(starts).toBe(1);
    expect(failures).toEqual(['/parent: Error: boom']);
    expect(errors).toEqual(['/parent/counter escalate', '/parent escalate']);
  });

  it('an escalated failure restarts a parent that restarts, with fresh children', async () => {
    const { system, clock, failures } = world();
    let starts = 0;
    system.spawn({
      name: 'parent',
      supervision: policy,
      start: ({ spawn }) => {
        const child = spawn(counter({ onFailure: 'escalate' }));
        if (starts++ === 0) child.tell('fail', undefined);
        return {};
      },
    });
    await clock.advance(10);
    expect(starts).toBe(2);
    expect(system.actors().map(({ path, state, restarts }) => [path, state, restarts])).toEqual([
      ['/parent', 'running', 1],
      ['/parent/counter', 'running', 0],
    ]);
    expect(failures).toEqual([]);
  });

  it('a failure while stopping ends the actor instead of restarting it', async () => {
    const { system, failures } = world();
    const actor = system.spawn(counter(policy));
    actor.tell('fail', undefined);
    const waiting = code(actor.ask('add', undefined));
    await system.stop(actor);
    expect(await waiting).toBe('ACTOR_STOPPED');
    expect([system.actors(), failures]).toEqual([[], []]);
  });
});

describe('restarts', () => {
  it('back off twice as long each time, up to the maximum, and escalate when used up', async () => {
    const { system, clock, failures } = world();
    const startsMs: number[] = [];
    const actor = system.spawn(
      counter(policy, {
        start: () => {
          startsMs.push(clock.nowMs());
          return { add: () => 0, fail: boom, owe: () => null };
        },
      }),
    );
    for (let times = 0; times < 4; times++) actor.tell('fail', undefined);
    await clock.advance(1_000);
    expect(startsMs).toEqual([0, 10, 30, 55]);
    expect(failures).toEqual(['/counter: Error: boom']);
    expect(system.actors()).toEqual([]);
  });

  it('count only within the window', async () => {
    const { system, clock, failures } = world();
    const actor = system.spawn(counter(policy));
    for (let times = 0; times < 12; times++) {
      actor.tell('fail', undefined);
      await clock.advance(400);
    }
    expect(failures).toEqual([]);
    expect(system.actors()[0]).toMatchObject({ state: 'running', restarts: 12 });
  });

  it('are limited also where the limit is high, and their back-off is always a number', () => {
    const generous: RestartPolicy = { ...policy, maxRestarts: 2_000, withinMs: 1e9, backoffMs: 0 };
    let restartsMs: readonly number[] = [];
    let restarts = 0;
    for (;;) {
      const decision = decideSupervision(generous, restartsMs, restarts);
      if (decision.action !== 'restart') break;
      expect(decision.delayMs).toBe(0);
      restartsMs = decision.restartsMs;
      restarts++;
    }
    expect(restarts).toBe(2_000);
  });

  it('follow a start that throws or rejects, until it succeeds', async () => {
    const { system, clock } = world();
    let starts = 0;
    const actor = system.spawn(
      counter(policy, {
        start: () => {
          starts++;
          if (starts === 1) throw new Error('threw');
          if (starts === 2) return Promise.reject(new Error('rejected'));
          return { add: () => starts, fail: boom, owe: () => null };
        },
      }),
    );
    const answer = actor.ask('add', undefined);
    await clock.advance(30);
    expect(await answer).toBe(3);
  });

  it.each(['restart', 'resume', 'stop', 'escalate'] as const)(
    'leave no actor behind when its start never succeeds under %s',
    async (onFailure) => {
      const { system, clock, failures } = world();
      const supervision: Supervision = onFailure === 'restart' ? policy : { onFailure };
      const actor = system.spawn(counter(supervision, { start: boom }));
      const waiting = code(actor.ask('add', undefined));
      await clock.advance(1_000);
      expect(system.actors()).toEqual([]);
      expect(await waiting).toBe('ACTOR_STOPPED');
      expect(failures).toHaveLength(onFailure === 'stop' ? 0 : 1);
    },
  );

  it('that cannot start again leave their messages as dead letters of a failed start', async () => {
    const { system, clock } = world();
    let starts = 0;
    const actor = system.spawn(
      counter(policy, {
        start: () => {
          if (starts++ > 0) throw new Error('not again');
          return { add: () => 0, fail: boom, owe: () => null };
        },
      }),
    );
    actor.tell('fail', undefined);
    const waiting = code(actor.ask('add', undefined));
    await clock.advance(1_000);
    expect([starts, await waiting]).toEqual([4, 'ACTOR_STOPPED']);
    expect(system.deadLetters.counts()).toMatchObject({ 'failed-start': 1, stopped: 0 });
  });

  it('stop the children first, then run the stop callbacks, then start', async () => {
    const { system, clock } = world();
    const log: string[] = [];
    const actor = system.spawn(
      counter(policy, {
        start: ({ spawn, onStop }) => {
          log.push('starts');
          onStop(() => void log.push('stops'));
          spawn({
            name: 'child',
            start: (child) => {
              child.onStop(() => void log.push('child stops'));
              return {};
            },
          });
          return { add: () => 0, fail: boom, owe: () => null };
        },
      }),
    );
    actor.tell('fail', undefined);
    await clock.advance(10);
    expect(log).toEqual(['starts', 'child stops', 'stops', 'starts']);
  });

  it('do not wait for ever for a child or a stop callback that hangs', async () => {
    const { system, clock } = world();
    const forever = new Promise<never>(() => undefined);
    const actor = system.spawn(
      counter(policy, {
        start: ({ spawn, onStop }) => {
          onStop(() => forever);
          const child = spawn<{ hang: { body: undefined } }>({ name: 'child', start: () => ({ hang: () => forever }) });
          child.tell('hang', undefined);
          return { add: () => 1, fail: boom, owe: () => null };
        },
      }),
    );
    actor.tell('fail', undefined);
    const answer = actor.ask('add', undefined);
    await clock.advance(5_010);
    expect(await answer).toBe(1);
  });

  it('are not the end of the actor for its watchers, nor of its reference', async () => {
    const { system, clock } = world();
    const ends: string[] = [];
    const actor = system.spawn(counter(policy));
    system.spawn({
      name: 'watcher',
      start: ({ watch }) => {
        watch(actor, ({ reason }) => void ends.push(reason));
        return {};
      },
    });
    actor.tell('fail', undefined);
    await clock.advance(10);
    expect([ends, await actor.ask('add', undefined)]).toEqual([[], 1]);
    await system.stop(actor);
    await clock.advance(0);
    expect(ends).toEqual(['stopped']);
  });

  it('do not come after a kill during the back-off', async () => {
    const { system, clock } = world();
    let starts = 0;
    const actor = system.spawn(
      counter(policy, {
        start: () => {
          starts++;
          return { add: () => 0, fail: boom, owe: () => null };
        },
      }),
    );
    actor.tell('fail', undefined);
    await clock.advance(5);
    system.kill(actor);
    await clock.advance(1_000);
    expect([starts, clock.pending]).toEqual([1, 0]);
  });

  it('survive an observer that throws', async () => {
    const clock = new VirtualClock();
    const thrown: unknown[] = [];
    const listener = (error: unknown) => void thrown.push(error);
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', listener);
    try {
      const system = new ActorSystem({ clock, onActorError: boom });
      const actor = system.spawn(counter({ onFailure: 'resume' }));
      actor.tell('fail', undefined);
      expect(await actor.ask('add', undefined)).toBe(1);
      await clock.advance(0);
      expect(thrown).toHaveLength(1);
    } finally {
      process.off('uncaughtException', listener);
      for (const other of others) process.on('uncaughtException', other);
    }
  });
});
