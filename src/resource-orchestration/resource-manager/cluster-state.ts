/**
 * What was claimed, what runs where, and what each node is charged: the state of the resource manager. No I/O, no clock, no chance;
 * times are arguments.
 *
 * Nodes live in slots. A slot has the budget; its node changes when an agent is lost or replaced, and while one drains, two share it.
 *
 * Invariants (numbers as in README.md):
 * 1. The charges of a slot's nodes never exceed the slot's budget: `bind` is the only way to add one, and it checks.
 * 2. A charge is given back only when its worker has stopped, or its node is gone. An abandoned worker has not stopped.
 * 3. A claim has at most one worker; a worker without a claim is on its way out.
 */
import type { AgentSample, WorkerSpec } from '../node-agent/protocol.ts';
import type { NodeState, PendingPlacement } from '../resource-scheduler/protocol.ts';
import type { Claim, NodeSnapshot, ResourceSnapshot } from './protocol.ts';

export interface NodeRecord {
  readonly agentId: string;
  readonly slot: number;
  readonly kind: NodeSnapshot['kind'];
  readonly budgetMb: number;
  readonly cpuShares: number;
  /** How many agents the slot had before this one. */
  readonly restarts: number;
  state: 'starting' | 'ready' | 'draining';
  pid?: number;
  sample?: AgentSample;
  chargedMb: number;
  chargedCpuShares: number;
  readonly workers: Map<string, WorkerRecord>;
}

export interface WorkerRecord {
  readonly workerId: string;
  readonly agentId: string;
  readonly spec: WorkerSpec;
  /** Absent once the claim was released, or has let go of this worker. */
  claimId?: string;
  state: 'starting' | 'running' | 'stopping' | 'abandoned';
  readonly placedAtMs: number;
  startedAtMs?: number;
}

export interface ClaimRecord {
  readonly claim: Claim;
  /** Of arrival: what waits is placed in this order within its priority. */
  readonly order: number;
  state: 'waiting' | 'backing-off' | 'starting' | 'running';
  /** Since when it waits for its present worker. */
  claimedAtMs: number;
  worker?: WorkerRecord;
  restarts: number;
  /** What its owner was told about its waiting. */
  told?: 'no-room' | 'backing-off' | 'impossible';
}

export class ClusterState {
  readonly #nodes = new Map<string, NodeRecord>();
  readonly #claims = new Map<string, ClaimRecord>();
  readonly #waiting = new Set<ClaimRecord>();
  /** Workers that have a claim, by group. */
  readonly #siblings = new Map<string, Set<WorkerRecord>>();
  #lastOrder = 0;

  get nodes(): ReadonlyMap<string, NodeRecord> {
    return this.#nodes;
  }

  get claims(): ReadonlyMap<string, ClaimRecord> {
    return this.#claims;
  }

  addNode(node: Pick<NodeRecord, 'agentId' | 'slot' | 'kind' | 'budgetMb' | 'cpuShares' | 'restarts'>): void {
    this.#nodes.set(node.agentId, {
      ...node,
      state: 'starting',
      chargedMb: 0,
      chargedCpuShares: 0,
      workers: new Map(),
    });
  }

  /** Forgets a node that is gone, with its charges. Returns the workers that were on it, parted from their claims. */
  removeNode(agentId: string): { readonly worker: WorkerRecord; readonly claim: ClaimRecord | undefined }[] {
    const node = this.#nodes.get(agentId);
    this.#nodes.delete(agentId);
    return [...(node?.workers.values() ?? [])].map((worker) => ({ worker, claim: this.detach(worker) }));
  }

  /** Undefined when there is such a claim already. */
  addClaim(claim: Claim, nowMs: number): ClaimRecord | undefined {
    if (this.#claims.has(claim.claimId)) return undefined;
    const record: ClaimRecord = {
      claim,
      order: ++this.#lastOrder,
      state: 'backing-off',
      claimedAtMs: nowMs,
      restarts: 0,
    };
    this.#claims.set(claim.claimId, record);
    return record;
  }

  /** Returns the worker to stop, if it has one. */
  removeClaim(claimId: string): WorkerRecord | undefined {
    const record = this.#claims.get(claimId);
    if (!record) return undefined;
    this.#claims.delete(claimId);
    this.#waiting.delete(record);
    const { worker } = record;
    if (worker) this.detach(worker);
    return worker;
  }

  /** The claim is to be placed: from now on it is among `pending`. */
  wait(record: ClaimRecord): void {
    record.state = 'waiting';
    this.#waiting.add(record);
  }

  holdBack(record: ClaimRecord): void {
    record.state = 'backing-off';
    this.#waiting.delete(record);
  }

  /** Charges a node (invariant 1). Undefined when the claim no longer waits, or the node no longer takes it. */
  bind(claimId: string, on: { agentId: string; workerId: string; nowMs: number }): WorkerRecord | undefined {
    const record = this.#claims.get(claimId);
    const node = this.#nodes.get(on.agentId);
    if (record?.state !== 'waiting' || node?.state !== 'ready') return undefined;
    const { spec } = record.claim;
    if (this.freeMb(node) < spec.memoryMb) return undefined;
    const { agentId, workerId, nowMs } = on;
    const worker: WorkerRecord = { workerId, agentId, spec, claimId, state: 'starting', placedAtMs: nowMs };
    node.workers.set(workerId, worker);
    node.chargedMb += spec.memoryMb;
    node.chargedCpuShares += spec.cpuShares;
    this.#waiting.delete(record);
    record.state = 'starting';
    record.worker = worker;
    delete record.told;
    const siblings = this.#siblings.get(spec.group);
    if (siblings) siblings.add(worker);
    else this.#siblings.set(spec.group, new Set([worker]));
    return worker;
  }

  /** The claim that has its worker now; undefined when nobody waits for this worker any more. */
  started(agentId: string, workerId: string, nowMs: number): ClaimRecord | undefined {
    const worker = this.#nodes.get(agentId)?.workers.get(workerId);
    if (worker?.state !== 'starting') return undefined;
    worker.state = 'running';
    worker.startedAtMs = nowMs;
    const record = this.#claimOf(worker);
    if (record) record.state = 'running';
    return record;
  }

  /** The worker has ended: its charge is given back (invariant 2) and its claim, if it had one, is let go of. */
  stopped(agentId: string, workerId: string): { worker: WorkerRecord; claim: ClaimRecord | undefined } | undefined {
    const node = this.#nodes.get(agentId);
    const worker = node?.workers.get(workerId);
    if (!node || !worker) return undefined;
    node.workers.delete(workerId);
    node.chargedMb -= worker.spec.memoryMb;
    node.chargedCpuShares -= worker.spec.cpuShares;
    return { worker, claim: this.detach(worker) };
  }

  /** The worker could not be ended: its claim is let go of, its charge stays until its node is gone. */
  abandoned(agentId: string, workerId: string): { worker: WorkerRecord; claim: ClaimRecord | undefined } | undefined {
    const worker = this.#nodes.get(agentId)?.workers.get(workerId);
    if (!worker) return undefined;
    const claim = this.detach(worker);
    worker.state = 'abandoned';
    return { worker, claim };
  }

  /** Parts a worker from its claim, which the caller then sends to `wait` or `holdBack`. The worker stays charged. */
  detach(worker: WorkerRecord): ClaimRecord | undefined {
    const record = this.#claimOf(worker);
    delete worker.claimId;
    if (worker.state !== 'abandoned') worker.state = 'stopping';
    const siblings = this.#siblings.get(worker.spec.group);
    siblings?.delete(worker);
    if (siblings?.size === 0) this.#siblings.delete(worker.spec.group);
    if (!record) return undefined;
    delete record.worker;
    record.state = 'backing-off';
    return record;
  }

  /** What is left of the budget of the node's slot. */
  freeMb(node: NodeRecord): number {
    return node.budgetMb - this.#slotNodes(node.slot).reduce((sum, { chargedMb }) => sum + chargedMb, 0);
  }

  /** What is about to be given back on the node's slot. */
  comingMb(node: NodeRecord): number {
    return this.#slotNodes(node.slot)
      .flatMap(({ workers }) => [...workers.values()])
      .filter(({ state }) => state === 'stopping')
      .reduce((sum, { spec }) => sum + spec.memoryMb, 0);
  }

  /** The claims that wait for a place, in order of arrival; not those that fit nowhere. Claims of one group share one list of siblings. */
  pending(): PendingPlacement[] {
    const siblings = new Map<string, readonly string[]>();
    const siblingsOf = (group: string): readonly string[] => {
      const known = siblings.get(group) ?? [...(this.#siblings.get(group) ?? [])].map(({ agentId }) => agentId);
      siblings.set(group, known);
      return known;
    };
    return [...this.#waiting]
      .filter(({ told }) => told !== 'impossible')
      .sort((a, b) => a.order - b.order)
      .map(({ claim: { claimId, spec } }) => ({ claimId, spec, siblingsOn: siblingsOf(spec.group) }));
  }

  nodeStates(): NodeState[] {
    return [...this.#nodes.values()].map((node) => ({
      agentId: node.agentId,
      budgetMb: node.budgetMb,
      chargedMb: node.budgetMb - this.freeMb(node),
      cpuShares: node.cpuShares,
      chargedCpuShares: node.chargedCpuShares,
      measuredCpu: node.sample?.cpu ?? 0,
      schedulable: node.state === 'ready',
    }));
  }

  snapshot(): ResourceSnapshot {
    const samples = new Map(
      [...this.#nodes.values()].flatMap(({ sample }) =>
        (sample?.workers ?? []).map((worker) => [worker.workerId, worker] as const),
      ),
    );
    return {
      nodes: [...this.#nodes.values()].map(({ agentId, kind, state, pid, budgetMb, chargedMb, restarts, sample }) => ({
        agentId,
        kind,
        state,
        budgetMb,
        chargedMb,
        restarts,
        ...(pid !== undefined && { pid }),
        ...(sample && { sample }),
      })),
      claims: [...this.#claims.values()].map(({ claim, state, worker, restarts }) => {
        const sample = worker && samples.get(worker.workerId);
        return {
          claimId: claim.claimId,
          group: claim.spec.group,
          state,
          ...(worker && { workerId: worker.workerId, agentId: worker.agentId }),
          restarts,
          ...(sample && { sample }),
        };
      }),
    };
  }

  #claimOf({ claimId, workerId }: WorkerRecord): ClaimRecord | undefined {
    const record = claimId === undefined ? undefined : this.#claims.get(claimId);
    return record?.worker?.workerId === workerId ? record : undefined;
  }

  #slotNodes(slot: number): NodeRecord[] {
    return [...this.#nodes.values()].filter((node) => node.slot === slot);
  }
}
