/** Which idle workers give way to one that needs room. Pure. */
import { PRIORITY_RANK } from './placement-policy.ts';
import type { EvictionCandidate } from './protocol.ts';

/** After this long without a call a worker is worth half of what it was worth at its last one. */
const IDLE_HALF_LIFE_MS = 60_000;

export interface EvictionNeed {
  readonly candidates: readonly EvictionCandidate[];
  readonly neededMb: number;
  /** Of the worker that needs the room; higher priorities never give way to it. */
  readonly priority: EvictionCandidate['priority'];
}

/**
 * What keeping a worker is worth: the cold start it saves per MiB, fading with the time it has been idle. The greedy-dual keep-alive of
 * Fuerst and Sharma, "FaasCache" (ASPLOS 2021), with the idle time in place of their logical clock and call frequency.
 */
function keepValue({ coldStartMs, memoryMb, idleMs }: EvictionCandidate): number {
  return coldStartMs / Math.max(memoryMb, 1) / (1 + Math.max(idleMs, 0) / IDLE_HALF_LIFE_MS);
}

/**
 * The claims to evict: lowest priority first, then least worth keeping, until there is enough room; then those that the later ones
 * made superfluous are spared again, so no victim can be left out (invariant 4 in README.md). Empty when all together are not enough.
 * Ties go to the smaller `claimId`.
 */
export function chooseVictims({ candidates, neededMb, priority }: EvictionNeed): readonly string[] {
  if (neededMb <= 0) return [];
  const inOrder = candidates
    .filter((candidate) => PRIORITY_RANK[candidate.priority] >= PRIORITY_RANK[priority])
    .sort(
      (a, b) =>
        PRIORITY_RANK[b.priority] - PRIORITY_RANK[a.priority] ||
        keepValue(a) - keepValue(b) ||
        (a.claimId < b.claimId ? -1 : 1),
    );
  const victims: EvictionCandidate[] = [];
  let freedMb = 0;
  for (const candidate of inOrder) {
    if (freedMb >= neededMb) break;
    victims.push(candidate);
    freedMb += candidate.memoryMb;
  }
  if (freedMb < neededMb) return [];
  // The most valuable is spared first.
  for (const victim of [...victims].reverse()) {
    if (freedMb - victim.memoryMb < neededMb) continue;
    freedMb -= victim.memoryMb;
    victims.splice(victims.indexOf(victim), 1);
  }
  return victims.map(({ claimId }) => claimId);
}
