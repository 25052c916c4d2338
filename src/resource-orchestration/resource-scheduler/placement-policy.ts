/**
 * Filter, score, bind: on which node each pending worker goes. Pure.
 *
 * Memory is a hard limit: a node takes a worker only when its whole size fits into what is left of the node's budget. CPU is a soft
 * limit: workers share cores, so a busy node gets a low score and is still used when it is the only one with memory.
 */
import type { NodeState, PendingPlacement, Placement } from './protocol.ts';

/** What each part of a score, about 0 to 1 each, is worth. Memory and CPU alike; spread decides between nodes that are alike in both. */
const SCORE_WEIGHTS = { memory: 1, cpu: 1, spread: 0.5 } as const;

export const PRIORITY_RANK = { high: 0, normal: 1, background: 2 } as const;

/** A node during one batch: what earlier placements of the batch took is charged. */
interface Candidate {
  readonly node: NodeState;
  chargedMb: number;
  chargedCpuShares: number;
  /** Workers bound to it in this batch, by group. */
  readonly bound: Map<string, number>;
  /** The best rank of those that wait for room on it; nothing of a worse rank may take that room. */
  reservedForRank: number;
}

/**
 * Binds a batch: by priority, then in the order given (invariant 2 in README.md); each sees what those before it took (1). One
 * placement for each pending worker, in the order of binding. Ties go to the smaller `agentId`, so equal input gives equal output (3).
 *
 * The score is the weighted least-allocated rule of the Kubernetes scheduler (NodeResourcesFit, LeastAllocated), with the larger of
 * promised and measured CPU, plus a spread of the group over nodes. Costs pending x nodes.
 */
export function placeAll(pending: readonly PendingPlacement[], nodes: readonly NodeState[]): Placement[] {
  const largestMb = Math.max(0, ...nodes.map(({ budgetMb }) => budgetMb));
  const candidates = nodes
    .filter(({ schedulable }) => schedulable)
    .map((node) => ({
      node,
      chargedMb: node.chargedMb,
      chargedCpuShares: node.chargedCpuShares,
      bound: new Map<string, number>(),
      reservedForRank: Number.POSITIVE_INFINITY,
    }));
  const siblings = new SiblingCounts();
  return [...pending]
    .sort((a, b) => PRIORITY_RANK[a.spec.priority] - PRIORITY_RANK[b.spec.priority])
    .map((one) => {
      if (nodes.length > 0 && one.spec.memoryMb > largestMb) return { kind: 'impossible', claimId: one.claimId };
      return bindOne(one, candidates, siblings);
    });
}

function bindOne(pending: PendingPlacement, candidates: readonly Candidate[], siblings: SiblingCounts): Placement {
  const { spec, claimId } = pending;
  const rank = PRIORITY_RANK[spec.priority];
  const fitting = candidates.filter(
    (candidate) => freeMb(candidate) >= spec.memoryMb && candidate.reservedForRank >= rank,
  );
  const best = bestBy(fitting, (candidate) => score(candidate, spec, siblings.on(candidate, pending)));
  if (best) {
    best.chargedMb += spec.memoryMb;
    best.chargedCpuShares += spec.cpuShares;
    best.bound.set(spec.group, (best.bound.get(spec.group) ?? 0) + 1);
    return { kind: 'bound', claimId, agentId: best.node.agentId };
  }
  const nearest = bestBy(
    candidates.filter(({ node }) => node.budgetMb >= spec.memoryMb),
    freeMb,
  );
  if (!nearest) return { kind: 'no-room', claimId, shortMb: spec.memoryMb };
  nearest.reservedForRank = Math.min(nearest.reservedForRank, rank);
  return {
    kind: 'no-room',
    claimId,
    // Room that is held back for a higher priority is not short by its size, but it is not there either.
    shortMb: Math.max(0, spec.memoryMb - freeMb(nearest)),
    agentId: nearest.node.agentId,
  };
}

function freeMb({ node, chargedMb }: Candidate): number {
  return node.budgetMb - chargedMb;
}

/** Of the node as it would be with the worker on it. CPU goes below 0 when over-promised, so that the least overloaded node wins. */
function score(candidate: Candidate, spec: PendingPlacement['spec'], siblings: number): number {
  const { node } = candidate;
  const memory = (freeMb(candidate) - spec.memoryMb) / node.budgetMb;
  const usedCpu = Math.max(candidate.chargedCpuShares, node.measuredCpu) + spec.cpuShares;
  const cpu = 1 - usedCpu / Math.max(node.cpuShares, 0.001);
  const spread = 1 / (1 + siblings);
  return SCORE_WEIGHTS.memory * memory + SCORE_WEIGHTS.cpu * cpu + SCORE_WEIGHTS.spread * spread;
}

/** Counts each list of siblings once, since all of a group in one batch may share it: a list is as long as the group is large. */
class SiblingCounts {
  readonly #byList = new Map<readonly string[], ReadonlyMap<string, number>>();

  on({ node: { agentId }, bound }: Candidate, { siblingsOn, spec }: PendingPlacement): number {
    let counts = this.#byList.get(siblingsOn);
    if (!counts) {
      const fresh = new Map<string, number>();
      for (const sibling of siblingsOn) fresh.set(sibling, (fresh.get(sibling) ?? 0) + 1);
      counts = fresh;
      this.#byList.set(siblingsOn, counts);
    }
    return (counts.get(agentId) ?? 0) + (bound.get(spec.group) ?? 0);
  }
}

function bestBy(candidates: readonly Candidate[], value: (candidate: Candidate) => number): Candidate | undefined {
  let best: Candidate | undefined;
  let bestValue = Number.NEGATIVE_INFINITY;
  for (const candidate of candidates) {
    const candidateValue = value(candidate);
    const isBetter =
      !best ||
      candidateValue > bestValue ||
      (candidateValue === bestValue && candidate.node.agentId < best.node.agentId);
    if (!isBetter) continue;
    best = candidate;
    bestValue = candidateValue;
  }
  return best;
}
