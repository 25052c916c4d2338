import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClusterState } from '../../../src/resource-orchestration/resource-manager/cluster-state.ts';
import { RecordingOwner, specOf } from './cluster-harness.ts';

const BUDGETS_MB = [256, 512];

/** Applies a random change to a cluster; numbers stand for whatever exists at that moment. */
class Driver {
  readonly cluster = new ClusterState();
  #nowMs = 0;
  #claims = 0;
  #workers = 0;
  #nodes = 0;

  constructor() {
    for (const slot of BUDGETS_MB.keys()) this.addNode(slot);
  }

  addNode(slot: number): void {
    const agentId = `a${++this.#nodes}`;
    const budgetMb = BUDGETS_MB[slot] ?? 0;
    this.cluster.addNode({ agentId, slot, kind: 'process', budgetMb, cpuShares: 2, restarts: 0 });
    const node = this.cluster.nodes.get(agentId);
    if (node) node.state = 'ready';
  }

  apply(what: string, which: number, memoryMb: number): void {
    const { cluster } = this;
    this.#nowMs++;
    const of = <T>(items: Iterable<T>): T | undefined => {
      const all = [...items];
      return all[which % Math.max(1, all.length)];
    };
    const node = of(cluster.nodes.values());
    const record = of(cluster.claims.values());
    const worker = node && of(node.workers.values());
    if (what === 'claim') {
      const claim = { claimId: `c${++this.#claims}`, spec: specOf({ memoryMb }), listener: new RecordingOwner() };
      const added = cluster.addClaim(claim, this.#nowMs);
      if (added) cluster.wait(added);
    } else if (what === 'bind' && node && record) {
      const on = { agentId: node.agentId, workerId: `w${++this.#workers}`, nowMs: this.#nowMs };
      cluster.bind(record.claim.claimId, on);
    } else if (what === 'started' && worker) cluster.started(worker.agentId, worker.workerId, this.#nowMs);
    else if (what === 'release' && record) cluster.removeClaim(record.claim.claimId);
    else if (what === 'drain' && node?.state === 'ready') {
      node.state = 'draining';
      this.addNode(node.slot);
    } else if (what === 'lost' && node) {
      for (const { claim } of cluster.removeNode(node.agentId)) if (claim) cluster.wait(claim);
      if (node.state === 'ready') this.addNode(node.slot);
    } else if (worker && (what === 'stopped' || what === 'abandoned')) {
      const ended = cluster[what](worker.agentId, worker.workerId);
      if (ended?.claim) cluster.wait(ended.claim);
    } else if (what === 'detach' && worker) {
      const parted = cluster.detach(worker);
      if (parted) cluster.wait(parted);
    }
  }
}

function check(cluster: ClusterState): void {
  for (const [slot, budgetMb] of BUDGETS_MB.entries()) {
    const nodes = [...cluster.nodes.values()].filter((node) => node.slot === slot);
    const workers = nodes.flatMap((node) => [...node.workers.values()]);
    const usedMb = workers.reduce((sum, { spec }) => sum + spec.memoryMb, 0);
    expect(nodes.reduce((sum, { chargedMb }) => sum + chargedMb, 0)).toBe(usedMb);
    expect(usedMb).toBeLessThanOrEqual(budgetMb);
    for (const { claimId, workerId } of workers) {
      if (claimId !== undefined) expect(cluster.claims.get(claimId)?.worker?.workerId).toBe(workerId);
    }
  }
  const pending = new Set(cluster.pending().map(({ claimId }) => claimId));
  for (const [claimId, { state, worker }] of cluster.claims) {
    expect(pending.has(claimId)).toBe(state === 'waiting');
    expect(worker !== undefined).toBe(state === 'starting' || state === 'running');
    if (worker) expect(cluster.nodes.get(worker.agentId)?.workers.get(worker.workerId)).toBe(worker);
  }
}

describe('cluster state', () => {
  it('keeps charges, claims and workers in agreement and within the budgets, whatever happens', () => {
    const whats = ['claim', 'bind', 'bind', 'started', 'release', 'stopped', 'abandoned', 'detach', 'drain', 'lost'];
    const change = fc.tuple(fc.constantFrom(...whats), fc.nat(50), fc.integer({ min: 16, max: 300 }));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 120 }), (changes) => {
        const driver = new Driver();
        for (const [what, which, memoryMb] of changes) {
          driver.apply(what, which, memoryMb);
          check(driver.cluster);
        }
      }),
    );
  });

  it('forgets nothing and remembers nothing once every claim is released and every worker has stopped', () => {
    const { cluster } = new Driver();
    for (const claimId of ['c1', 'c2']) {
      const record = cluster.addClaim({ claimId, spec: specOf(), listener: new RecordingOwner() }, 0);
      if (record) cluster.wait(record);
      expect(cluster.addClaim({ claimId, spec: specOf(), listener: new RecordingOwner() }, 0)).toBeUndefined();
      cluster.bind(claimId, { agentId: 'a1', workerId: `w-${claimId}`, nowMs: 1 });
    }
    expect(cluster.nodeStates()[0]).toMatchObject({ agentId: 'a1', chargedMb: 256, chargedCpuShares: 0.2 });
    for (const claimId of ['c1', 'c2']) {
      cluster.removeClaim(claimId);
      cluster.stopped('a1', `w-${claimId}`);
    }
    expect(cluster.nodeStates()[0]).toMatchObject({ chargedMb: 0 });
    expect(cluster.pending()).toEqual([]);
    expect(cluster.snapshot().claims).toEqual([]);
  });
});
