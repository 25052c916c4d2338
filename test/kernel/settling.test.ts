import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isErrorCode, TroupeError } from '../../src/errors.ts';
import { ActorSystem, later } from '../../src/kernel/actor-system.ts';
import type { ActorContext, ActorDefinition, ActorRef, Supervision } from '../../src/kernel/protocol.ts';
import { type Random, seededRandom } from '../../src/kernel/random.ts';
import { VirtualClock } from '../../src/kernel/virtual-clock.ts';

/** How an asked actor behaves for one message. */
const behaviours = [
  'answer',
  'wait',
  'hang',
  'owe',
  'owe-for-ever',
  'refuse',
  'throw',
  'reject',
  'leave',
  'watch',
  'spawn',
] as const;
type Behaviour = (typeof behaviours)[number];
type Troubled = { ask: { body: Behaviour; reply: string } };

const policies: Supervision[] = [
  { onFailure: 'resume' },
  { onFailure: 'stop' },
  { onFailure: 'escalate' },
  { onFailure: 'restart', maxRestarts: 2, withinMs: 500, backoffMs: 7, maxBackoffMs: 50 },
];

const forever = new Promise<never>(() => undefined);

function troubled(name: string, random: Random, all: ActorRef<Troubled>[]): ActorDefinition<Troubled> {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const start = (context: ActorContext<Troubled>) => {
    const { clock, self } = context;
    const after = (ms: number) => new Promise<string>((resolve) => clock.after(ms, () => resolve('later')));
    context.onStop(() => (random() < 0.1 ? forever : undefined));
    context.after(20, () => {
      if (random() < 0.2) throw new Error('timer');
    });
    if (random() < 0.15) throw new Error('start');
    const ask = (behaviour: Behaviour) => {
      switch (behaviour) {
        case 'wait':
          return after(15);
        case 'hang':
          return forever;
        case 'owe':
          return later(after(25));
        case 'owe-for-ever':
          return later(forever);
        case 'refuse':
          throw new TroupeError('NO_CAPACITY', 'No.');
        case 'throw':
          throw new Error('thrown');
        case 'reject':
          return Promise.reject(new Error('rejected'));
        case 'leave':
          context.stop(self);
          return 'leaving';
        case 'watch':
          context.watch(pick(all), () => undefined);
          return 'watching';
        case 'spawn':
          all.push(context.spawn(troubled(`child-${all.length}`, random, all)));
          return 'spawned';
        default:
          return 'answer';
      }
    };
    return random() < 0.2 ? after(5).then(() => ({ ask })) : { ask };
  };
  return { name, start, supervision: pick(policies), mailboxCapacity: 4, dependsOn: all.length ? [pick(all)] : [] };
}

describe('whatever happens to the actors', () => {
  it('every ask settles exactly once with a reply or a typed error, and shutdown leaves nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = seededRandom(seed);
        const clock = new VirtualClock();
        const system = new ActorSystem({ clock, deliveryOrder: random });
        const all: ActorRef<Troubled>[] = [];
        for (let index = 0; index < 4; index++) all.push(system.spawn(troubled(`root-${index}`, random, all)));
        const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
        let asked = 0;
        const outcomes: string[] = [];
        const stops: Promise<void>[] = [];
        for (let step = 0; step < 60; step++) {
          const dice = random();
          if (dice < 0.75) {
            asked++;
            pick(all)
              .ask('ask', pick(behaviours), { timeoutMs: 400 })
              .then(
                (reply) => outcomes.push(reply),
                (error) => outcomes.push(error.code),
              );
          } else if (dice < 0.8) stops.push(system.stop(pick(all)));
          else if (dice < 0.85) system.kill(pick(all));
          else await clock.advance(Math.floor(random() * 30));
        }
        const down = system.shutdown(10_000);
        await clock.advance(10_000);
        await Promise.all([down, ...stops]);
        expect(outcomes).toHaveLength(asked);
        for (const outcome of outcomes) {
          const isReply = ['answer', 'later', 'leaving', 'watching', 'spawned'].includes(outcome);
          expect(isReply || isErrorCode(outcome), outcome).toBe(true);
        }
        expect(system.actors()).toEqual([]);
        // Only what the handlers themselves armed on the bare clock may be left.
        await clock.advance(100);
        expect(clock.pending).toBe(0);
      }),
      // The second: killed while it cleans up after a failure.
      { numRuns: 60, examples: [[1], [-1972199384]] },
    );
  });
});
