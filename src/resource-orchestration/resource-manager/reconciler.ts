/**
 * Makes what runs agree with what was claimed: turns each message of the resource manager into transitions of `ClusterState`, and these
 * into calls of agents and listeners. It acts on events only; its timers are back-offs, leases and patience, and none runs while nothing
 * is amiss. Every method runs in the manager's turn.
 *
 * Invariants (numbers as in README.md):
 * 1-3. as in cluster-state.ts.
 * 4. A decision that was asked for is checked again when it arrives: the state may have moved on.
 * 5. Owners are told after the state has changed, and what they throw stays with them.
 */
import { CPU_SHARES } from '../../config.ts';
import { type SerializedError, serializeError, TroupeError } from '../../errors.ts';
import type { ActorContext } from '../../kernel/protocol.ts';
import type { AgentEvent, WorkerStopped, WorkerStopReason } from '../node-agent/protocol.ts';
import type { Placement } from '../resource-scheduler/protocol.ts';
import { AgentPool } from './agent-pool.ts';
import { ClaimGate, type Delay } from './claim-gate.ts';
import { type ClaimRecord, ClusterState, type WorkerRecord } from './cluster-state.ts';
import type { AllMessages, ResourceManagerOptions } from './manager-options.ts';
import { NameHolder } from './name-holder.ts';
import type { Claim, ClaimListener, WorkerLoss } from './protocol.ts';
import { NEED_RETRY_MS, RoomNeeds } from './room-needs.ts';
import { WorkerIds } from './worker-ids.ts';

/** After the scheduler failed to answer. */
const PLACE_RETRY_MS = 100;
const INSTANCE_NAMES = 'instances/';

export class Reconciler {
  readonly cluster = new ClusterState();
  readonly agents: AgentPool;
  readonly needs: RoomNeeds;
  readonly #options: ResourceManagerOptions;
  readonly #context: ActorContext<AllMessages>;
  readonly #names: NameHolder;
  readonly #ids: WorkerIds;
  readonly #gate: ClaimGate;
  readonly #largestMb: number;
  #isPlacing = false;
  #placeAgain = false;
  #isAwaitingIds = false;

  constructor(options: ResourceManagerOptions, context: ActorContext<AllMessages>) {
    this.#options = options;
    this.#context = context;
    const { naming, scheduler, clock, random, startAgent, budgetsMb } = options;
    const { cluster } = this;
    const { self, after } = context;
    const cpuShares = options.cpuShares ?? CPU_SHARES / Math.max(1, budgetsMb.length);
    this.#names = new NameHolder(naming, (name) => self.tell('nameTaken', { name }));
    this.#ids = new WorkerIds(naming, () => clock.wallMs());
    this.#largestMb = Math.max(...budgetsMb);
    this.#gate = new ClaimGate({
      clock,
      random,
      after,
      cluster,
      admitted: () => this.place(),
      delayed: (record, delay) => this.#tellDelayed(record, delay),
    });
    this.agents = new AgentPool(
      { startAgent, budgetsMb, cpuShares, clock, random },
      {
        cluster,
        after,
        names: this.#names,
        deliver: (agentId, event) => self.tell('agentEvent', { agentId, event }),
        ready: () => this.place(),
        draining: (agentId) => this.#moveAway(agentId),
        gone: (agentId, error) => this.#agentGone(agentId, error),
      },
    );
    this.needs = new RoomNeeds({
      cluster,
      after,
      scheduler,
      notify: (record, call) => this.#notify(record.claim.listener, call),
      deliver: (choice) => self.tell('victimsChosen', choice),
      placeAgain: () => this.place(),
    });
  }

  async start(): Promise<void> {
    const { naming } = this.#options;
    const { self, onStop } = this.#context;
    const watcher = self.path;
    naming.tell('watch', {
      watcher,
      prefix: 'agents/',
      notify: ({ type, record }) => {
        if (type === 'expired') self.tell('nameExpired', { name: record.name });
      },
    });
    onStop(() => {
      naming.tell('unwatch', { watcher });
      return this.agents.shutdown(this.#options.shutdownGraceMs ?? 1_000);
    });
    this.agents.startAll();
    await this.#ids.reserve();
  }

  claim(claim: Claim): void {
    const maxClaims = this.#options.maxClaims ?? 10_000;
    if (this.cluster.claims.size >= maxClaims) {
      const error = serializeError(new TroupeError('OVERLOADED', `There are ${maxClaims} claims already, the limit.`));
      const { claimId } = claim;
      this.#notify(claim.listener, (listener) =>
        listener.claimDelayed({ claimId, reason: 'impossible', retryInMs: Number.POSITIVE_INFINITY, error }),
      );
      return;
    }
    const record = this.cluster.addClaim(claim, this.#nowMs());
    if (record) this.#gate.enter(record);
  }

  release(claimId: string, graceMs: number): void {
    const record = this.cluster.claims.get(claimId);
    if (!record) return;
    this.#gate.leave(record);
    this.needs.settled(claimId);
    const worker = this.cluster.removeClaim(claimId);
    if (worker) this.#stop(worker, graceMs);
    // A claim that waited may have kept room from those behind it.
    else this.place();
  }

  reject({ claimId, workerId, error }: WorkerLoss): void {
    const worker = this.#workerOf(claimId, workerId);
    if (!worker) return;
    const record = this.cluster.detach(worker);
    this.#stop(worker, 0);
    this.#gate.failed(worker, error);
    if (record) this.#replace(record);
  }

  approve(claimId: string, workerId: string): void {
    const worker = this.#workerOf(claimId, workerId);
    if (!worker) return;
    this.agents.approved(worker.agentId);
    this.#gate.approved(worker.spec.group);
  }

  agentEvent(agentId: string, event: AgentEvent): void {
    this.agents.handle(agentId, event);
    if (event.type === 'workerStarted') this.#workerStarted(agentId, event.workerId);
    else if (event.type === 'workerStopped') this.#workerStopped(agentId, event);
  }

  /** Asks for places for everything that waits. While an answer is on its way, what comes in is gathered for the next question. */
  place(): void {
    if (this.#isPlacing) {
      this.#placeAgain = true;
      return;
    }
    const nodes = this.cluster.nodeStates();
    const pending = this.cluster.pending();
    if (pending.length === 0 || !nodes.some(({ schedulable }) => schedulable)) return;
    this.#isPlacing = true;
    const { self } = this.#context;
    this.#options.scheduler.ask('place', { pending, nodes }).then(
      (placements) => self.tell('placed', { placements }),
      () => this.#context.after(PLACE_RETRY_MS, () => this.#placeNow()),
    );
  }

  placed(placements: readonly Placement[]): void {
    this.#isPlacing = false;
    const noRoom: Extract<Placement, { kind: 'no-room' }>[] = [];
    for (const placement of placements) {
      const record = this.cluster.claims.get(placement.claimId);
      if (record?.state !== 'waiting') continue;
      if (placement.kind === 'bound') this.#start(record, placement.agentId);
      // The scheduler knows only the agents that are there; a slot whose agent is being replaced may be large enough.
      else if (record.claim.spec.memoryMb > this.#largestMb) {
        this.#tellDelayed(record, { reason: 'impossible', retryInMs: Number.POSITIVE_INFINITY });
      } else {
        if (placement.kind === 'no-room') noRoom.push(placement);
        this.#tellDelayed(record, { reason: 'no-room', retryInMs: NEED_RETRY_MS });
      }
    }
    this.needs.consider(noRoom);
    if (this.#placeAgain) this.#placeNow();
  }

  #placeNow(): void {
    this.#isPlacing = false;
    this.#placeAgain = false;
    this.place();
  }

  /** Somebody else holds the name of a worker, so the worker is not what its name says: it is replaced under another. */
  nameTaken(name: string): void {
    const workerId = name.slice(INSTANCE_NAMES.length);
    for (const node of name.startsWith(INSTANCE_NAMES) ? this.cluster.nodes.values() : []) {
      const worker = node.workers.get(workerId);
      const record = worker?.state === 'starting' ? this.cluster.detach(worker) : undefined;
      if (!worker || !record) continue;
      this.#stop(worker, 0);
      this.#replace(record);
    }
  }

  #start(record: ClaimRecord, agentId: string): void {
    const { claimId, spec } = record.claim;
    const workerId = this.#ids.next(spec.group);
    if (workerId === undefined) return this.#awaitIds();
    const worker = this.cluster.bind(claimId, { agentId, workerId, nowMs: this.#nowMs() });
    if (!worker) {
      this.#placeAgain = true;
      return;
    }
    this.needs.settled(claimId);
    this.#names.hold(instanceName(workerId), { agentId, group: spec.group });
    this.agents.refreshLease(agentId);
    try {
      this.agents.link(agentId)?.startWorker(workerId, spec);
    } catch (thrown) {
      const event = { type: 'workerStopped', workerId, reason: 'start-failed', error: serializeError(thrown) } as const;
      this.#context.self.tell('agentEvent', { agentId, event });
    }
  }

  idsReserved(): void {
    this.#isAwaitingIds = false;
    this.place();
  }

  #awaitIds(): void {
    if (this.#isAwaitingIds) return;
    this.#isAwaitingIds = true;
    void this.#ids.reserve().then(() => this.#context.self.tell('idsReserved', undefined));
  }

  #workerStarted(agentId: string, workerId: string): void {
    const record = this.cluster.started(agentId, workerId, this.#nowMs());
    const link = this.agents.link(agentId);
    const { worker } = record ?? {};
    if (!record || !link || !worker) return;
    const { placedAtMs, startedAtMs = placedAtMs } = worker;
    this.#notify(record.claim.listener, (listener) =>
      listener.workerStarted({
        claimId: record.claim.claimId,
        workerId,
        agentId,
        channel: link.channel(workerId),
        control: link.control(workerId),
        claimedAtMs: record.claimedAtMs,
        placedAtMs,
        startedAtMs,
      }),
    );
  }

  #workerStopped(agentId: string, { workerId, reason, error }: WorkerStopped): void {
    const ended =
      reason === 'abandoned' ? this.cluster.abandoned(agentId, workerId) : this.cluster.stopped(agentId, workerId);
    if (!ended) return;
    // What was released may end as it likes; only a worker that was wanted can fail its group.
    if (ended.claim && reason !== 'requested') this.#gate.failed(ended.worker, error);
    this.#lost(ended, reason, error);
    this.agents.refreshLease(agentId);
    this.place();
  }

  /** Not the group's fault: its workers are replaced without back-off. */
  #agentGone(agentId: string, error: SerializedError): void {
    this.needs.agentGone(agentId);
    for (const ended of this.cluster.removeNode(agentId)) this.#lost(ended, 'agent-lost', error);
    this.place();
  }

  /** Workers that are up leave when their owner has drained them; those that are not yet up have nothing to lose. */
  #moveAway(agentId: string): void {
    for (const worker of [...(this.cluster.nodes.get(agentId)?.workers.values() ?? [])]) {
      const record = worker.claimId === undefined ? undefined : this.cluster.claims.get(worker.claimId);
      if (!record) continue;
      if (worker.state === 'running') {
        this.#notify(record.claim.listener, (listener) => listener.evict(record.claim.claimId));
        continue;
      }
      this.cluster.detach(worker);
      this.#stop(worker, 0);
      this.#replace(record);
    }
  }

  #lost(
    { worker, claim }: { readonly worker: WorkerRecord; readonly claim: ClaimRecord | undefined },
    reason: WorkerStopReason,
    error: SerializedError | undefined,
  ): void {
    const { workerId } = worker;
    this.#names.drop(instanceName(workerId));
    if (!claim) return;
    const { claimId, listener } = claim.claim;
    this.#notify(listener, () => listener.workerLost({ claimId, workerId, reason, ...(error && { error }) }));
    this.#replace(claim);
  }

  #replace(record: ClaimRecord): void {
    record.restarts++;
    record.claimedAtMs = this.#nowMs();
    this.#gate.enterAgain(record);
  }

  #stop({ agentId, workerId }: WorkerRecord, graceMs: number): void {
    this.agents.link(agentId)?.stopWorker(workerId, graceMs);
  }

  #workerOf(claimId: string, workerId: string): WorkerRecord | undefined {
    const worker = this.cluster.claims.get(claimId)?.worker;
    return worker?.workerId === workerId ? worker : undefined;
  }

  /** Once for each time that it waits for this reason. */
  #tellDelayed(record: ClaimRecord, delay: Delay): void {
    if (record.told === delay.reason) return;
    record.told = delay.reason;
    const { claimId, listener } = record.claim;
    this.#notify(listener, () => listener.claimDelayed({ claimId, ...delay }));
  }

  #notify(listener: ClaimListener, call: (listener: ClaimListener) => void): void {
    try {
      call(listener);
    } catch {
      // Invariant 5: an owner that throws has broken its contract; other owners' claims do not suffer for it.
    }
  }

  #nowMs(): number {
    return this.#options.clock.nowMs();
  }
}

function instanceName(workerId: string): string {
  return `${INSTANCE_NAMES}${workerId}`;
}
