/** A whole resource layer on a virtual clock: naming service, scheduler, manager, and agents that are made of nothing. */
import { ActorSystem } from '../../../src/kernel/actor-system.ts';
import type { ActorRef } from '../../../src/kernel/protocol.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { namingServiceActor } from '../../../src/resource-orchestration/naming-service/naming-service.ts';
import type { NameEvent, NamingServiceMessages } from '../../../src/resource-orchestration/naming-service/protocol.ts';
import type { WorkerSpec } from '../../../src/resource-orchestration/node-agent/protocol.ts';
import type {
  ClaimListener,
  ResourceManagerMessages,
  Worker,
  WorkerLoss,
} from '../../../src/resource-orchestration/resource-manager/protocol.ts';
import { resourceManagerActor } from '../../../src/resource-orchestration/resource-manager/resource-manager.ts';
import type { EvictionCandidate } from '../../../src/resource-orchestration/resource-scheduler/protocol.ts';
import { resourceSchedulerActor } from '../../../src/resource-orchestration/resource-scheduler/resource-scheduler.ts';
import type { KeyValueStore } from '../../../src/store/protocol.ts';
import { FakeAgent, type FakeAgentBehaviour } from '../../support/fake-agent.ts';

export const specOf = (spec: Partial<WorkerSpec> = {}): WorkerSpec => ({
  group: 'hello@1',
  kind: 'thread',
  memoryMb: 128,
  cpuShares: 0.1,
  priority: 'normal',
  ...spec,
});

type Delayed = Parameters<ClaimListener['claimDelayed']>[0];
type Need = Parameters<ClaimListener['roomNeeded']>[0];

/** An owner of claims that remembers what it was told. */
export class RecordingOwner implements ClaimListener {
  readonly running = new Map<string, Worker>();
  readonly starts: Worker[] = [];
  readonly losses: WorkerLoss[] = [];
  readonly delays: Delayed[] = [];
  readonly needs: Need[] = [];
  readonly evictions: string[] = [];
  onStarted: (worker: Worker) => void = () => {};
  onEvict: (claimId: string) => void = () => {};
  onNeed: (need: Need) => void = () => {};

  workerStarted(worker: Worker): void {
    this.starts.push(worker);
    this.running.set(worker.claimId, worker);
    this.onStarted(worker);
  }

  workerLost(loss: WorkerLoss): void {
    this.losses.push(loss);
    this.running.delete(loss.claimId);
  }

  claimDelayed(delayed: Delayed): void {
    this.delays.push(delayed);
  }

  roomNeeded(need: Need): void {
    this.needs.push(need);
    this.onNeed(need);
  }

  evict(claimId: string): void {
    this.evictions.push(claimId);
    this.onEvict(claimId);
  }
}

export interface HarnessOptions {
  readonly budgetsMb: readonly number[];
  readonly behaviour?: FakeAgentBehaviour | ((agentId: string) => FakeAgentBehaviour);
  readonly settings?: KeyValueStore;
  readonly maxClaims?: number;
}

export class ClusterHarness {
  readonly clock = new VirtualClock();
  readonly system: ActorSystem;
  readonly naming: ActorRef<NamingServiceMessages>;
  readonly manager: ActorRef<ResourceManagerMessages>;
  readonly agents = new Map<string, FakeAgent>();
  readonly owner = new RecordingOwner();
  readonly nameEvents: NameEvent[] = [];
  readonly failures: string[] = [];

  constructor({ budgetsMb, behaviour = {}, settings, maxClaims }: HarnessOptions) {
    const { clock } = this;
    this.system = new ActorSystem({ clock, onFailure: (path) => this.failures.push(path) });
    this.naming = this.system.spawn(namingServiceActor({ clock, ...(settings && { settings }) }));
    const scheduler = this.system.spawn(resourceSchedulerActor());
    this.naming.tell('watch', { watcher: 'test', prefix: '', notify: (event) => this.nameEvents.push(event) });
    this.manager = this.system.spawn(
      resourceManagerActor({
        budgetsMb,
        cpuShares: 2,
        naming: this.naming,
        scheduler,
        clock,
        random: seededRandom(1),
        ...(maxClaims !== undefined && { maxClaims }),
        startAgent: (agentId) => {
          const agent = new FakeAgent(agentId, clock, typeof behaviour === 'function' ? behaviour(agentId) : behaviour);
          this.agents.set(agentId, agent);
          return agent;
        },
      }),
    );
  }

  claim(claimId: string, spec: Partial<WorkerSpec> = {}, listener: ClaimListener = this.owner): void {
    this.manager.tell('claim', { claimId, spec: specOf(spec), listener });
  }

  release(claimId: string, graceMs = 0): void {
    this.owner.running.delete(claimId);
    this.manager.tell('release', { claimId, graceMs });
  }

  offer(needId: number, candidates: readonly Partial<EvictionCandidate>[]): void {
    const filled = candidates.map((candidate) => ({
      claimId: '',
      agentId: '',
      memoryMb: 0,
      priority: 'normal' as const,
      idleMs: 1_000,
      coldStartMs: 20,
      ...candidate,
    }));
    this.manager.tell('offerVictims', { needId, candidates: filled });
  }

  /** The agent that exists under this id. */
  agent(agentId: string): FakeAgent {
    const agent = this.agents.get(agentId);
    if (!agent) throw new Error(`There is no agent ${agentId}.`);
    return agent;
  }

  get liveAgents(): FakeAgent[] {
    return [...this.agents.values()].filter(({ isGone }) => !isGone);
  }

  snapshot() {
    return this.manager.ask('snapshot', undefined);
  }
}
