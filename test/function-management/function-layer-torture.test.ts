/** Seeded chaos on the function layer: whatever happens, every call settles once and nothing is left behind. */
import { expect, it } from 'vitest';
import type { FunctionConfig } from '../../src/config.ts';
import { type Random, seededRandom } from '../../src/kernel/random.ts';
import { FunctionLayer, type Settled } from '../support/function-layer.ts';
import { forEachSeed } from '../support/seeds.ts';
import type { Script } from '../support/working-agent.ts';

const NAMES = ['a', 'b', 'c'];
const STEPS = 150;

function pick<T>(random: Random, from: readonly T[]): T {
  const picked = from[Math.floor(random() * from.length)];
  if (picked === undefined) throw new Error('nothing to pick from');
  return picked;
}

function randomConfig(random: Random): FunctionConfig {
  return {
    timeoutMs: pick(random, [200, 1_000, 3_000]),
    concurrency: pick(random, [1, 1, 4]),
    memoryMb: pick(random, [64, 128, 300]),
    minInstances: pick(random, [0, 0, 1, 2]),
    maxInstances: pick(random, [2, 4]),
    keepAliveMs: pick(random, [100, 5_000]),
    maxQueued: pick(random, [2, 100]),
    idempotent: random() < 0.5,
  };
}

function randomScript(random: Random, depth = 0): Script {
  const ms = Math.floor(random() * 300);
  if (depth < 3 && random() < 0.2)
    return { nested: { name: pick(random, NAMES), script: randomScript(random, depth + 1) } };
  const end = pick(random, ['answer', 'answer', 'answer', 'answer', 'throw', 'crash', 'hang', 'deaf'] as const);
  return { ms, end, chunks: Math.floor(random() * 4) };
}

class Torture {
  readonly calls: Settled[] = [];
  readonly streams: { isOver: boolean }[] = [];
  readonly #layer: FunctionLayer;
  readonly #random: Random;

  constructor(layer: FunctionLayer, random: Random) {
    this.#layer = layer;
    this.#random = random;
  }

  async step(): Promise<void> {
    const random = this.#random;
    const layer = this.#layer;
    const chance = random();
    const name = pick(random, NAMES);
    if (chance < 0.6) this.#call(name);
    else if (chance < 0.7) this.#stream(name);
    else if (chance < 0.77) await layer.deploy(name, randomConfig(random));
    else if (chance < 0.78) await layer.remove(name).catch(() => undefined);
    else if (chance < 0.84) await this.#split(name);
    else if (chance < 0.9) layer.crash(this.#anyWorker(), pick(random, ['crashed', 'exited', 'out-of-memory']));
    else if (chance < 0.92) this.#anyAgent()?.die();
    else if (chance < 0.94) this.#anyAgent()?.impair();
    else if (chance < 0.96) this.#closeChannel();
    if (random() < 0.6) await layer.clock.advance(Math.floor(random() * 200));
  }

  #call(name: string): void {
    const random = this.#random;
    const controller = new AbortController();
    const { signal } = controller;
    const burst = random() < 0.1 ? 20 : 1;
    for (let index = 0; index < burst; index++) {
      this.calls.push(
        this.#layer.call(name, randomScript(random), {
          signal,
          ...(random() < 0.2 ? { timeoutMs: 1 + Math.floor(random() * 100) } : {}),
          ...(random() < 0.2 ? { version: 1 + Math.floor(random() * 4) } : {}),
        }),
      );
    }
    if (random() < 0.15) this.#layer.clock.after(random() * 200, () => controller.abort());
  }

  #stream(name: string): void {
    const stream = this.#layer.caller.stream(name, randomScript(this.#random));
    const state = { isOver: false };
    this.streams.push(state);
    const most = this.#random() * 5;
    const read = async () => {
      let taken = 0;
      for await (const _ of stream) if (++taken > most) break;
    };
    const over = () => {
      state.isOver = true;
    };
    read().then(over, over);
  }

  async #split(name: string): Promise<void> {
    const { registry } = this.#layer;
    const versions = [1, 2, 3].filter(() => this.#random() < 0.6);
    const targets = versions.map((version) => ({ version, weight: 1 + this.#random() }));
    await this.#layer.run(registry.ask('setAlias', { name, alias: 'current', targets })).catch(() => undefined);
  }

  #closeChannel(): void {
    for (const agent of this.#layer.agents) {
      const [workerId] = agent.isGone
        ? []
        : [...agent.workers].filter(([, { isStarted }]) => isStarted).map(([id]) => id);
      if (workerId !== undefined) return agent.farEnd(workerId).close();
    }
  }

  #anyWorker(): string | undefined {
    const workers = this.#layer.workers();
    return workers.length > 0 ? pick(this.#random, workers) : undefined;
  }

  #anyAgent() {
    return pick(
      this.#random,
      this.#layer.agents.filter(({ isGone }) => !isGone),
    );
  }
}

async function torture(seed: number): Promise<void> {
  const random = seededRandom(seed);
  let isCalm = false;
  const layer = await FunctionLayer.start({
    seed,
    budgetsMb: [512, 512],
    startTimeoutMs: 1_000,
    behaviour: {
      startMs: () => random() * 50,
      load: () => {
        const chance = isCalm ? 1 : random();
        if (chance < 0.03) return undefined;
        return { ms: chance * 20, fails: chance < 0.1 };
      },
    },
  });
  const chaos = new Torture(layer, random);
  for (const name of NAMES) await layer.deploy(name, randomConfig(random));
  for (let step = 0; step < STEPS; step++) await chaos.step();

  // The longest call takes 3 s, and what it calls no longer.
  await layer.clock.advance(10_000);
  expect(chaos.calls.filter(({ status }) => status === undefined)).toEqual([]);
  expect(chaos.streams.filter(({ isOver }) => !isOver)).toEqual([]);
  expect(layer.holders).toBe(0);
  for (const { name, version, queued, inFlight } of await layer.routes()) {
    expect({ name, version, queued, inFlight }).toEqual({ name, version, queued: 0, inFlight: 0 });
  }

  // Longer than any back-off, loss notice and grace: what is there now is there to work.
  isCalm = true;
  await layer.clock.advance(60_000);
  const claims = new Set((await layer.claims()).map(({ claimId }) => claimId));
  for (const { claimId, state } of await layer.instances()) {
    expect(claims).toContain(claimId);
    expect(state).toBe('ready');
  }
  await layer.deploy('a', { memoryMb: 64, concurrency: 2, maxInstances: 2 });
  const last = Array.from({ length: 8 }, () => layer.call('a', { ms: 50 }));
  await layer.clock.advance(5_000);
  expect(last.map(({ status }) => status)).toEqual(last.map(() => 'succeeded'));

  for (const name of NAMES) await layer.remove(name).catch(() => undefined);
  await layer.clock.advance(60_000);
  expect(await layer.claims()).toEqual([]);
  expect(await layer.instances()).toEqual([]);
  expect(await layer.routes()).toEqual([]);
  expect(layer.workers()).toEqual([]);
  expect(layer.actorErrors).toEqual([]);
}

it('settles every call and leaves nothing behind, whatever fails in whatever order', { timeout: 120_000 }, async () => {
  await forEachSeed(8, torture);
});
