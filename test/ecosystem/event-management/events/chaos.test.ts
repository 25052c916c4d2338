/** Events and triggers under whatever may happen to a host, in random order: what was promised holds whatever the seed. */
import { describe, expect, it } from 'vitest';
import type { Published } from '../../../../src/ecosystem/event-management/protocol.ts';
import { TroupeError } from '../../../../src/errors.ts';
import { type Random, seededRandom } from '../../../../src/kernel/random.ts';
import { anEvent, askEvents, eventFaults, publishMany, setTrigger, trigger } from '../../../support/event-world.ts';
import { JobWorld } from '../../../support/job-world.ts';
import { forEachSeed } from '../../../support/seeds.ts';

const TRIGGERS = ['orders', 'audit', 'mail'];
const FUNCTIONS = ['f-one', 'f-two'];
const FULL = new TroupeError('STORE_WRITE_FAILED', 'the disk is full');
const OPTIONS = { maxJobs: 20, answer: () => 'done' };
/** A crash is an attempt. */
const JOB = { maxAttempts: 1_000 };

class Chaos {
  world: JobWorld;
  readonly #random: Random;
  /** Of acknowledged events, by id. */
  readonly acknowledged = new Map<string, Published>();
  readonly asked = new Set<string>();
  readonly removed = new Set<string>();
  #ids = 0;

  constructor(world: JobWorld, random: Random) {
    this.world = world;
    this.#random = random;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#below(values.length)] as T;
  }

  async step(): Promise<void> {
    const { world } = this;
    const kind = this.#below(10);
    if (kind < 4) return this.#publish();
    if (kind === 4) await this.#set();
    else if (kind === 5) await world.clock.advance(this.#below(3_000));
    else if (kind === 6) world.undeployed.add(this.#pick(FUNCTIONS));
    else if (kind === 7) this.deployAll();
    else if (kind === 8) world.diskError = this.#random() < 0.5 ? FULL : undefined;
    else if (this.#random() < 0.3) await this.#remove();
    else await this.#crash();
  }

  deployAll(): void {
    this.world.undeployed.clear();
    this.world.diskError = undefined;
    for (const name of FUNCTIONS) this.world.events.tell('deployed', { function: name });
  }

  async #publish(): Promise<void> {
    const events = Array.from({ length: 1 + this.#below(3) }, () => {
      // Some for the second time.
      const id = String(this.#random() < 0.2 ? this.#below(this.#ids + 1) : this.#ids++);
      this.asked.add(id);
      return anEvent({ id, type: this.#pick(['order.placed', 'order.paid', 'cart']) });
    });
    const publishing = publishMany(this.world, events).then(
      (all) => {
        for (const published of all)
          if (published.isNew) {
            expect(this.acknowledged.has(published.id)).toBe(false);
            this.acknowledged.set(published.id, published);
          }
      },
      (thrown: { code?: string }) => expect(['STORE_WRITE_FAILED', 'ACTOR_STOPPED']).toContain(thrown.code),
    );
    // One that a crash has cut off never settles.
    await Promise.race([publishing, this.world.clock.advance(this.#below(5))]);
  }

  async #set(): Promise<void> {
    const filters = this.#pick([[], [{ prefix: { type: 'order.' } }], [{ exact: { type: 'order.placed' } }]]);
    await this.#attempt(
      setTrigger(this.world, this.#pick(TRIGGERS), { function: this.#pick(FUNCTIONS), filters, job: JOB }),
    );
  }

  async #remove(): Promise<void> {
    const name = this.#pick(TRIGGERS);
    this.removed.add(name);
    await this.#attempt(askEvents(this.world, 'removeTrigger', { name }));
  }

  async #attempt(doing: Promise<unknown>): Promise<void> {
    await Promise.race([doing.catch(() => undefined), this.world.clock.advance(1)]);
  }

  async #crash(): Promise<void> {
    const { undeployed } = this.world;
    this.world.commitsLeft = this.#below(4);
    await this.#publish();
    this.world = await this.world.crash({ ...OPTIONS, undeployed: [...undeployed] });
  }

  /** All that hindered is over. */
  async calm(): Promise<void> {
    this.deployAll();
    await this.world.clock.advance(600_000);
    this.world = await this.world.crash(OPTIONS);
    await this.world.clock.advance(600_000);
  }
}

async function check(seed: number): Promise<void> {
  const world = await JobWorld.start(OPTIONS);
  for (const name of TRIGGERS) await setTrigger(world, name, { function: 'f-one', job: JOB });
  const chaos = new Chaos(world, seededRandom(seed));
  for (let step = 0; step < 60; step++) await chaos.step();
  await chaos.calm();
  const after = chaos.world;
  const jobs = await after.ask('list', { limit: 1_000 });
  const started = jobs.map(({ payload, idempotencyKey = '' }) => {
    const { id } = payload as { id: string };
    return `${idempotencyKey.split(' ')[0]} ${id}`;
  });
  const startedWith = jobs.map((job, index) => `${started[index]} ${job.function}`);
  expect(jobs.filter(({ status }) => status !== 'succeeded')).toEqual([]);
  expect([...new Set(started)].sort(), 'no job twice').toEqual([...started].sort());
  for (const { id, deliveries } of chaos.acknowledged.values())
    for (const { trigger: name, function: functionName } of deliveries)
      if (!chaos.removed.has(name))
        expect(startedWith, 'nothing acknowledged is lost').toContain(`${name} ${id} ${functionName}`);
  const kept = new Map(
    (await askEvents(after, 'list', { limit: 1_000 })).map(({ event, deliveries }) => [event.id, deliveries]),
  );
  for (const id of chaos.acknowledged.keys()) expect(kept.has(id)).toBe(true);
  for (const each of started) {
    const [name, id = ''] = each.split(' ');
    expect(
      kept.get(id)?.map((delivery) => delivery.trigger),
      'nothing is started without an event',
    ).toContain(name);
  }
  for (const { name } of await askEvents(after, 'triggers', undefined)) {
    const { pending, matched, started: count, failed } = await trigger(after, name);
    expect([pending, failed]).toEqual([0, 0]);
    if (!chaos.removed.has(name)) expect(count).toBe(matched);
  }
  expect(eventFaults(after)).toEqual([]);
  expect(after.listFaults()).toEqual([]);
}

describe('events and triggers, whatever happens to their host', () => {
  it('start everything once that was acknowledged, and nothing else', async () => {
    await forEachSeed(60, check);
  }, 120_000);
});
