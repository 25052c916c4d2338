import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ActorSystem } from '../../src/kernel/actor-system.ts';
import type { ActorRef } from '../../src/kernel/protocol.ts';
import { seededRandom } from '../../src/kernel/random.ts';
import { VirtualClock } from '../../src/kernel/virtual-clock.ts';

interface Hop {
  readonly from: number;
  readonly sequence: number;
  readonly hopsLeft: number;
}
type Node = { hop: { body: Hop } };

interface Topology {
  /** `links[i]` are the actors that actor i passes every message on to. */
  readonly links: readonly (readonly number[])[];
  readonly messages: number;
}

const topologies: fc.Arbitrary<Topology> = fc.integer({ min: 2, max: 6 }).chain((size) =>
  fc.record({
    links: fc.array(fc.uniqueArray(fc.nat({ max: size - 1 }), { maxLength: 3 }), { minLength: size, maxLength: size }),
    messages: fc.integer({ min: 1, max: 8 }),
  }),
);

/** Sends numbered messages into every actor, lets them spread two hops further, and returns who received what in which order. */
async function run({ links, messages }: Topology, seed: number | undefined): Promise<string[]> {
  const clock = new VirtualClock();
  const system = new ActorSystem(seed === undefined ? { clock } : { clock, deliveryOrder: seededRandom(seed) });
  const received: string[] = [];
  const sent = links.map(() => 0);
  const nodes: ActorRef<Node>[] = [];
  const send = (from: number, to: number, hopsLeft: number) => {
    const sequence = (sent[from] ?? 0) + 1;
    sent[from] = sequence;
    nodes[to]?.tell('hop', { from, sequence, hopsLeft });
  };
  links.forEach((targets, index) => {
    nodes.push(
      system.spawn<Node>({
        name: `node-${index}`,
        start: () => ({
          hop: ({ from, sequence, hopsLeft }) => {
            received.push(`${from}>${index}:${sequence}`);
            if (hopsLeft > 0) for (const target of targets) send(index, target, hopsLeft - 1);
          },
        }),
      }),
    );
  });
  for (let round = 0; round < messages; round++) for (const index of links.keys()) send(index, index, 2);
  await clock.advance(0);
  return received;
}

describe('a seeded delivery order', () => {
  it('is the same for the same seed, and keeps the order from each sender to each receiver', async () => {
    await fc.assert(
      fc.asyncProperty(topologies, fc.integer(), async (topology, seed) => {
        const received = await run(topology, seed);
        expect(await run(topology, seed)).toEqual(received);
        const last = new Map<string, number>();
        for (const entry of received) {
          const [lane = '', sequence] = entry.split(':');
          expect(Number(sequence)).toBeGreaterThan(last.get(lane) ?? 0);
          last.set(lane, Number(sequence));
        }
        // Every order delivers the same set of hops; only the numbers that senders give depend on the order.
        const lanes = (entries: string[]) => entries.map((entry) => entry.split(':')[0]).toSorted();
        expect(lanes(received)).toEqual(lanes(await run(topology, undefined)));
      }),
      { numRuns: 60 },
    );
  });

  it('differs between seeds', async () => {
    const topology: Topology = { links: [[1], [2], [3], [0]], messages: 5 };
    const orders = new Set<string>();
    for (let seed = 0; seed < 20; seed++) orders.add((await run(topology, seed)).join(' '));
    expect(orders.size).toBe(20);
  });

  it('is round robin without a seed', async () => {
    const received = await run({ links: [[], [], []], messages: 2 }, undefined);
    expect(received.map((entry) => entry[0]).join('')).toBe('012012');
  });
});

describe('fairness', () => {
  type Ball = { hit: { body: undefined }; partner: { body: ActorRef<Ball> } };

  it('gives the event loop its turns while two actors send each other messages for ever', async () => {
    const system = new ActorSystem();
    let hits = 0;
    const player = (name: string) =>
      system.spawn<Ball>({
        name,
        start: () => {
          let partner: ActorRef<Ball> | undefined;
          return {
            partner: (other) => {
              partner = other;
            },
            hit: () => {
              hits++;
              partner?.tell('hit', undefined);
            },
          };
        },
      });
    const [ping, pong] = [player('ping'), player('pong')];
    ping.tell('partner', pong);
    pong.tell('partner', ping);
    ping.tell('hit', undefined);
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(hits).toBeGreaterThan(0);
    system.kill(ping);
    system.kill(pong);
  });

  it('gives the event loop its turns under a loop of awaited asks', async () => {
    const actor = new ActorSystem().spawn<{ ask: { body: undefined; reply: null } }>({
      name: 'quick',
      start: () => ({ ask: () => null }),
    });
    let fired = false;
    setTimeout(() => {
      fired = true;
    }, 1);
    let asks = 0;
    while (!fired && asks < 5_000_000) {
      await actor.ask('ask', undefined);
      asks++;
    }
    expect(fired).toBe(true);
  });

  it('gives a quiet actor its turn beside one with a full mailbox', async () => {
    const clock = new VirtualClock();
    const system = new ActorSystem({ clock });
    const order: string[] = [];
    const [busy, quiet] = ['busy', 'quiet'].map((name) =>
      system.spawn<{ note: { body: undefined } }>({ name, start: () => ({ note: () => void order.push(name) }) }),
    );
    for (let sent = 0; sent < 5_000; sent++) busy?.tell('note', undefined);
    quiet?.tell('note', undefined);
    await clock.advance(0);
    expect(order.indexOf('quiet')).toBe(1);
    expect(order).toHaveLength(5_001);
  });
});
