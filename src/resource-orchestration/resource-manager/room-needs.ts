/**
 * Makes room when the budget is full: asks the owner of a waiting claim which of its idle workers could go, has the scheduler choose,
 * and asks for those claims to be evicted. At most one need is open for an agent and for a claim, so a full cluster is asked one question
 * at a time, not one for every claim that waits.
 */
import type { CancelTimer } from '../../kernel/clock.ts';
import type { ActorRef } from '../../kernel/protocol.ts';
import type { EvictionCandidate, Placement, ResourceSchedulerMessages } from '../resource-scheduler/protocol.ts';
import type { ClaimRecord, ClusterState, NodeRecord } from './cluster-state.ts';
import type { ClaimListener } from './protocol.ts';

/** A need that nobody answered, or for which nobody could give way, is asked again after this. */
export const NEED_RETRY_MS = 1_000;
/** Victims that have not left after this no longer count as room to come. */
const EVICTION_MS = 10_000;

interface Need {
  readonly needId: number;
  readonly claimId: string;
  readonly agentId: string;
  cancel: CancelTimer;
}

export interface RoomNeedsHost {
  readonly cluster: ClusterState;
  readonly scheduler: ActorRef<ResourceSchedulerMessages>;
  after(delayMs: number, callback: () => void): CancelTimer;
  notify(record: ClaimRecord, call: (listener: ClaimListener) => void): void;
  /** Brings the choice into the manager's turn; there it goes to `chosen`. */
  deliver(choice: { readonly needId: number; readonly victims: readonly string[] }): void;
  placeAgain(): void;
}

export class RoomNeeds {
  readonly #host: RoomNeedsHost;
  readonly #byAgent = new Map<string, Need>();
  /** The agents on which nobody gave way to a claim. */
  readonly #tried = new Map<string, Set<string>>();
  #cancelRetry: CancelTimer | undefined;
  #lastNeedId = 0;

  constructor(host: RoomNeedsHost) {
    this.#host = host;
  }

  /** The claims that found no room, most important first. */
  consider(noRoom: readonly Extract<Placement, { kind: 'no-room' }>[]): void {
    for (const { claimId, agentId } of noRoom) {
      const record = this.#host.cluster.claims.get(claimId);
      if (record?.state !== 'waiting' || this.#ofClaim(claimId)) continue;
      const node = this.#nodeFor(record, agentId);
      if (node) this.#open(record, node);
      else this.#armRetry();
    }
  }

  offered(needId: number, candidates: readonly EvictionCandidate[]): void {
    const need = this.#byId(needId);
    const record = need && this.#host.cluster.claims.get(need.claimId);
    const node = need && this.#host.cluster.nodes.get(need.agentId);
    if (!need || !record || !node) return;
    const { cluster, scheduler, deliver } = this.#host;
    // Only what is really there, with the sizes that are really charged.
    const onNode = candidates.flatMap((candidate) => {
      const { claim, state, worker } = cluster.claims.get(candidate.claimId) ?? {};
      if (!claim || state !== 'running' || worker?.agentId !== need.agentId) return [];
      return [{ ...candidate, agentId: need.agentId, memoryMb: claim.spec.memoryMb, priority: claim.spec.priority }];
    });
    const { memoryMb, priority } = record.claim.spec;
    const neededMb = memoryMb - cluster.freeMb(node) - cluster.comingMb(node);
    scheduler.ask('chooseVictims', { candidates: onNode, neededMb, priority }).then(
      ({ victims }) => deliver({ needId, victims }),
      () => deliver({ needId, victims: [] }),
    );
  }

  chosen(needId: number, victims: readonly string[]): void {
    const need = this.#byId(needId);
    if (!need) return;
    if (victims.length === 0) return this.#gaveNothing(need);
    need.cancel();
    need.cancel = this.#host.after(EVICTION_MS, () => {
      this.#close(need);
      this.#host.placeAgain();
    });
    for (const claimId of victims) {
      const victim = this.#host.cluster.claims.get(claimId);
      if (victim) this.#host.notify(victim, (listener) => listener.evict(claimId));
    }
  }

  /** The claim has a place, or is no more. */
  settled(claimId: string): void {
    this.#tried.delete(claimId);
    const need = this.#ofClaim(claimId);
    if (need) this.#close(need);
  }

  agentGone(agentId: string): void {
    const need = this.#byAgent.get(agentId);
    if (need) this.#close(need);
  }

  #open(record: ClaimRecord, node: NodeRecord): void {
    const { cluster, notify } = this.#host;
    const { claimId, spec } = record.claim;
    const { agentId } = node;
    const shortMb = spec.memoryMb - cluster.freeMb(node) - cluster.comingMb(node);
    const need: Need = { needId: ++this.#lastNeedId, claimId, agentId, cancel: () => {} };
    need.cancel = this.#host.after(NEED_RETRY_MS, () => this.#gaveNothing(need));
    this.#byAgent.set(agentId, need);
    notify(record, (listener) => listener.roomNeeded({ needId: need.needId, agentId, shortMb }));
  }

  /** The node to ask: the scheduler's first choice, else the one with most room. None when room is on its way, or all were asked. */
  #nodeFor({ claim: { claimId, spec } }: ClaimRecord, preferred: string | undefined): NodeRecord | undefined {
    const { cluster } = this.#host;
    const nodes = [...cluster.nodes.values()].filter(({ budgetMb }) => budgetMb >= spec.memoryMb);
    const roomMb = (node: NodeRecord) => cluster.freeMb(node) + cluster.comingMb(node);
    if (nodes.some((node) => node.state === 'starting' && roomMb(node) >= spec.memoryMb)) return undefined;
    const ready = nodes.filter(({ state }) => state === 'ready');
    if (ready.some((node) => cluster.comingMb(node) > 0 && roomMb(node) >= spec.memoryMb)) return undefined;
    const tried = this.#tried.get(claimId);
    return ready
      .filter(({ agentId }) => !tried?.has(agentId) && !this.#byAgent.has(agentId))
      .sort(
        (a, b) =>
          Number(b.agentId === preferred) - Number(a.agentId === preferred) ||
          roomMb(b) - roomMb(a) ||
          (a.agentId < b.agentId ? -1 : 1),
      )[0];
  }

  #gaveNothing(need: Need): void {
    this.#close(need);
    const tried = this.#tried.get(need.claimId) ?? new Set();
    this.#tried.set(need.claimId, tried.add(need.agentId));
    this.#host.placeAgain();
  }

  #close(need: Need): void {
    need.cancel();
    if (this.#byAgent.get(need.agentId) === need) this.#byAgent.delete(need.agentId);
  }

  /** Workers that were busy may be idle by then. The only clock-driven retry; it runs while a claim waits for room and for nothing else. */
  #armRetry(): void {
    this.#cancelRetry ??= this.#host.after(NEED_RETRY_MS, () => {
      this.#cancelRetry = undefined;
      this.#tried.clear();
      this.#host.placeAgain();
    });
  }

  #byId(needId: number): Need | undefined {
    return [...this.#byAgent.values()].find((need) => need.needId === needId);
  }

  #ofClaim(claimId: string): Need | undefined {
    return [...this.#byAgent.values()].find((need) => need.claimId === claimId);
  }
}
