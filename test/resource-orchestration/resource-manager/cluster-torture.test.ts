import { expect, it } from 'vitest';
import { type Random, seededRandom } from '../../../src/kernel/random.ts';
import type { FakeAgent } from '../../support/fake-agent.ts';
import { forEachSeed } from '../../support/seeds.ts';
import { ClusterHarness } from './cluster-harness.ts';

const BUDGETS_MB = [1_024, 2_048, 512];
const BROKEN = 'broken@1';

/** A cluster whose every start is checked against the budgets, at the moment of the start. */
class TorturedCluster {
  readonly cluster: ClusterHarness;
  readonly faults: string[] = [];
  readonly wanted = new Set<string>();
  readonly #random: Random;
  readonly #workerIds = new Set<string>();
  readonly #impaired = new Set<FakeAgent>();
  #placed = 0;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#random = random;
    this.cluster = new ClusterHarness({
      budgetsMb: BUDGETS_MB,
      behaviour: {
        startMs: () => 1 + random() * 40,
        failsAtStart: ({ group }) => group === BROKEN,
        onStart: (agent) => this.#check(agent),
      },
    });
    this.cluster.owner.onStarted = ({ claimId, workerId }) => {
      this.cluster.manager.tell('approve', { claimId, workerId });
    };
  }

  get placed(): number {
    return this.#placed;
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }

  claimOne(): void {
    const claimId = `c${this.#placed++}`;
    this.wanted.add(claimId);
    const group = `f${this.#placed % 5}@1`;
    this.cluster.claim(claimId, { group, memoryMb: this.pick([16, 64, 128, 256]) ?? 16 });
  }

  releaseOne(claimId = this.pick([...this.wanted])): void {
    if (claimId === undefined) return;
    this.wanted.delete(claimId);
    this.cluster.release(claimId);
  }

  /** One random thing: mostly a claim, at times a loss. */
  async step(): Promise<void> {
    const { cluster } = this;
    const dice = this.#random();
    const agent = this.pick(cluster.liveAgents);
    if (dice < 0.6) this.claimOne();
    else if (dice < 0.97) this.releaseOne();
    else if (dice < 0.98) agent?.crash(this.pick([...agent.workers.keys()]) ?? '');
    else if (dice < 0.985 && agent) {
      agent.impair();
      this.#impaired.add(agent);
    } else if (dice < 0.99) agent?.die();
    // An impaired agent may be stopped for that before its lease expires.
    else if (dice < 0.993 && agent && !this.#impaired.has(agent)) agent.isSilent = true;
    await cluster.clock.advance(this.#random() * 20);
  }

  async checkSnapshot(): Promise<void> {
    for (const { agentId, chargedMb, budgetMb } of (await this.cluster.snapshot()).nodes) {
      expect(chargedMb).toBeLessThanOrEqual(budgetMb);
      expect(this.cluster.agent(agentId).usedMb).toBeLessThanOrEqual(chargedMb);
    }
  }

  /** The agents of one slot share its budget; which slot an agent fills stands in its name's holder. */
  #check(agent: FakeAgent): void {
    const holders = new Map(
      this.cluster.nameEvents
        .filter(({ type }) => type === 'registered')
        .map(({ record }) => [record.name, record.holder] as const),
    );
    const slot = holders.get(`agents/${agent.agentId}`)?.['slot'];
    const usedMb = this.cluster.liveAgents
      .filter(({ agentId }) => holders.get(`agents/${agentId}`)?.['slot'] === slot)
      .reduce((sum, each) => sum + each.usedMb, 0);
    const budgetMb = BUDGETS_MB[Number(slot)] ?? 0;
    if (usedMb > budgetMb) this.faults.push(`slot ${slot} uses ${usedMb} of ${budgetMb} MiB`);
    const workerId = agent.started.at(-1)?.workerId ?? '';
    if (this.#workerIds.has(workerId)) this.faults.push(`${workerId} was started twice`);
    this.#workerIds.add(workerId);
  }
}

it('keeps 1,000 placements within three budgets, and places what is lost again, while agents die and workers crash', async () => {
  await forEachSeed(2, async (seed) => {
    const tortured = new TorturedCluster(seed);
    const { cluster, wanted } = tortured;
    const { clock, owner, nameEvents } = cluster;
    for (let n = 0; n < 20; n++) cluster.claim(`broken-${n}`, { group: BROKEN, memoryMb: 16 });
    while (tortured.placed < 1_000) {
      await tortured.step();
      if (tortured.placed % 50 === 0) await tortured.checkSnapshot();
    }

    // What was wanted to the end gets its place as the others leave, however often it was lost.
    for (let second = 0; second < 120 && wanted.size > 0; second++) {
      await clock.advance(1_000);
      for (const claimId of [...wanted]) if (owner.running.has(claimId)) tortured.releaseOne(claimId);
    }
    expect([...wanted]).toEqual([]);
    expect(owner.losses.filter(({ reason }) => reason === 'agent-lost').length).toBeGreaterThan(0);
    expect(tortured.faults).toEqual([]);

    const sinceMs = clock.nowMs();
    await clock.advance(60_000);
    const attempts = [...cluster.agents.values()]
      .flatMap(({ started }) => started)
      .filter(({ spec, atMs }) => spec.group === BROKEN && atMs > sinceMs);
    expect(attempts.length).toBeGreaterThan(0);
    expect(attempts.length).toBeLessThan(6);

    await tortured.checkSnapshot();
    const { nodes, claims } = await cluster.snapshot();
    expect(nodes.map(({ budgetMb, state }) => `${budgetMb} ${state}`).sort()).toEqual([
      '1024 ready',
      '2048 ready',
      '512 ready',
    ]);
    expect(claims).toHaveLength(20);
    // Every name had one holder at a time, and the expiry of a silent agent's lease was heard.
    const held = new Set<string>();
    for (const { type, record } of nameEvents) {
      expect(held.has(record.name)).toBe(type !== 'registered');
      if (type === 'registered') held.add(record.name);
      else held.delete(record.name);
    }
    expect([...held].filter((name) => name.startsWith('agents/'))).toHaveLength(3);
    const silent = [...cluster.agents.values()].filter(({ isSilent, wasKilled }) => isSilent && wasKilled);
    const expired = nameEvents.filter(({ type }) => type === 'expired').map(({ record }) => record.name);
    for (const { agentId } of silent) expect(expired).toContain(`agents/${agentId}`);
    expect(cluster.failures).toEqual([]);
  });
});
