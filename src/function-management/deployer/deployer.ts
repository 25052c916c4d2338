/**
 * The function deployer: makes versions of sources, and instances of versions.
 *
 * Boundary: decides how an instance is deployed (isolation, memory, which artifact) and claims a worker for it; it never starts a thread
 * or a process itself. How many instances there should be, the autoscaler says; which call goes where, the router.
 * Invariants (numbers as in README.md):
 * 1. A version has at most as many live claims as its target.
 * 2. Every claim is released exactly once: when its instance has ended, or when it is given up before it had one.
 */
import { deserializeError, type SerializedError, TroupeError } from '../../errors.ts';
import { later } from '../../kernel/actor-system.ts';
import type { ActorContext, ActorDefinition, ActorRef } from '../../kernel/protocol.ts';
import type {
  ResourceManagerMessages,
  Worker,
  WorkerLoss,
} from '../../resource-orchestration/resource-manager/protocol.ts';
import type { ScalingTarget } from '../autoscaler/protocol.ts';
import type { BuilderMessages } from '../builder/protocol.ts';
import type {
  DefineInstance,
  InstanceDescription,
  InstanceLoss,
  InstanceMessages,
  InstanceObserver,
} from '../instance/protocol.ts';
import type { FunctionDescription, FunctionVersion, RegistryMessages } from '../registry/protocol.ts';
import type { IdleInstance, RouterMessages } from '../router/protocol.ts';
import { type ClaimEntry, Deployment } from './deployment.ts';
import type { DeployerMessages } from './protocol.ts';
import { Publisher } from './publisher.ts';
import { claimListener, claimOf, imageOf } from './version-claim.ts';

export interface DeployerOptions {
  readonly builder: ActorRef<BuilderMessages>;
  readonly registry: ActorRef<RegistryMessages>;
  readonly manager: ActorRef<ResourceManagerMessages>;
  readonly router: ActorRef<RouterMessages>;
  readonly defineInstance: DefineInstance;
  /** What every instance tells of its calls. */
  readonly observer: InstanceObserver;
  /** Maps the stacks of a version's errors back to its source. */
  readonly errorMapper: (version: FunctionVersion) => (error: SerializedError) => SerializedError;
  readonly startTimeoutMs: number;
  readonly payloadLimitBytes: number;
}

/** A worker whose instance has drained has nothing left to finish. */
const RELEASE_GRACE_MS = 0;

export function deployerActor(options: DeployerOptions): ActorDefinition<DeployerMessages> {
  return {
    name: 'deployer',
    controlMessages: ['workerStarted', 'workerLost', 'instanceReady', 'instanceFailed', 'instanceEnded', 'evict'],
    supervision: { onFailure: 'resume' },
    dependsOn: [options.builder, options.registry, options.manager, options.router],
    start: (context) => {
      const deployer = new Deployer(options, context);
      const publisher = new Publisher(options);
      return {
        deploy: (request) => later(publisher.deploy(request)),
        remove: ({ name }) => later(publisher.remove(name)),
        scale: (target) => deployer.scale(target),
        instances: ({ name }) => later(deployer.instances(name)),
        functionChanged: (description) => deployer.functionChanged(description),
        functionRemoved: (name) => deployer.functionRemoved(name),
        workerStarted: (worker) => deployer.workerStarted(worker),
        workerLost: (loss) => deployer.workerLost(loss),
        claimDelayed: (delayed) => deployer.claimDelayed(delayed),
        roomNeeded: (need) => void deployer.roomNeeded(need),
        evict: (claimId) => deployer.evict(claimId),
        instanceReady: ({ claimId, instanceId }) => deployer.instanceReady(claimId, instanceId),
        instanceFailed: ({ claimId, instanceId, error }) => deployer.instanceFailed(claimId, instanceId, error),
        instanceEnded: ({ claimId, loss }) => deployer.instanceEnded(claimId, loss),
      };
    },
  };
}

class Deployer {
  readonly #options: DeployerOptions;
  readonly #context: ActorContext<DeployerMessages>;
  readonly #deployments = new Map<string, Deployment>();
  readonly #byClaim = new Map<string, Deployment>();
  readonly #instances = new Map<string, ActorRef<InstanceMessages>>();

  constructor(options: DeployerOptions, context: ActorContext<DeployerMessages>) {
    this.#options = options;
    this.#context = context;
  }

  scale({ name, version, instances, demanded }: ScalingTarget): void {
    const deployment = this.#deployments.get(`${name}@${version}`);
    if (!deployment) return;
    deployment.retarget(instances, demanded);
    this.#reconcile(deployment);
  }

  async instances(name: string | undefined): Promise<readonly InstanceDescription[]> {
    const asked = [...this.#instances.values()].map((instance) =>
      instance.ask('describe', undefined).catch(() => undefined),
    );
    const described = await Promise.all(asked);
    return described
      .filter((instance) => instance !== undefined)
      .filter((instance) => !name || instance.functionName === name);
  }

  functionChanged({ name, versions, aliases }: FunctionDescription): void {
    const known = new Set(versions.map(({ version }) => version));
    this.#forget((version) => version.name === name && !known.has(version.version));
    const aliased = new Set(aliases.flatMap(({ targets }) => targets.map(({ version }) => version)));
    for (const version of versions) {
      const key = `${version.name}@${version.version}`;
      const deployment = this.#deployments.get(key) ?? new Deployment(version);
      this.#deployments.set(key, deployment);
      if (!aliased.has(version.version)) this.#drain(deployment);
    }
  }

  functionRemoved(name: string): void {
    this.#forget((version) => version.name === name);
  }

  /** Claims are known until their instances have ended; a target that comes late finds nothing to start. */
  #forget(isGone: (version: FunctionVersion) => boolean): void {
    for (const [key, deployment] of this.#deployments) {
      if (!isGone(deployment.version)) continue;
      this.#drain(deployment);
      this.#deployments.delete(key);
    }
  }

  workerStarted(worker: Worker): void {
    const deployment = this.#byClaim.get(worker.claimId);
    const entry = deployment?.claims.get(worker.claimId);
    if (!deployment || !entry || entry.state === 'retiring') return this.#release(worker.claimId);
    deployment.started(entry, worker.workerId);
    const { claimId } = entry;
    const { version } = deployment;
    const self = this.#context.self;
    const instance = this.#context.spawn(
      this.#options.defineInstance({
        worker,
        image: imageOf(version, this.#options.payloadLimitBytes),
        concurrency: version.config.concurrency,
        startedBecause: entry.reason,
        startTimeoutMs: this.#options.startTimeoutMs,
        observer: this.#options.observer,
        mapError: this.#options.errorMapper(version),
        listener: {
          ready: (instanceId) => void self.tell('instanceReady', { claimId, instanceId }),
          failed: (instanceId, error) => void self.tell('instanceFailed', { claimId, instanceId, error }),
          ended: (loss) => void self.tell('instanceEnded', { claimId, loss }),
        },
      }),
    );
    this.#instances.set(worker.workerId, instance);
  }

  workerLost(loss: WorkerLoss): void {
    this.#instances.get(loss.workerId)?.tell('workerLost', loss);
  }

  instanceReady(claimId: string, instanceId: string): void {
    const deployment = this.#byClaim.get(claimId);
    const entry = deployment?.claims.get(claimId);
    if (!deployment || !entry) return;
    deployment.ready(entry);
    this.#options.manager.tell('approve', { claimId, workerId: instanceId });
  }

  /** The version does not start: whoever waits for it is told why, and it is not tried again before somebody asks. */
  instanceFailed(claimId: string, instanceId: string, error: SerializedError): void {
    this.#instances.delete(instanceId);
    const deployment = this.#byClaim.get(claimId);
    const entry = deployment?.claims.get(claimId);
    if (!deployment || !entry) return;
    this.#options.manager.tell('reject', { claimId, workerId: instanceId, reason: 'start-failed', error });
    deployment.lost(entry);
    this.#failStart(deployment, error);
    deployment.standDown();
    this.#reconcile(deployment);
  }

  instanceEnded(claimId: string, { instanceId, reason, error }: InstanceLoss): void {
    this.#instances.delete(instanceId);
    const deployment = this.#byClaim.get(claimId);
    const entry = deployment?.claims.get(claimId);
    // The claim may have another worker by now.
    if (!deployment || entry?.instanceId !== instanceId) return;
    if (reason === 'requested' || reason === 'replaced' || entry.state === 'retiring') {
      if (reason === 'replaced' && entry.state !== 'retiring') deployment.discard(entry);
      else deployment.claims.delete(claimId);
      this.#release(claimId);
    } else {
      // An instance that only lost its channel has left a worker behind; of one that is gone the manager knows, and ignores this.
      this.#options.manager.tell('reject', { claimId, workerId: instanceId, reason, ...(error ? { error } : {}) });
      deployment.lost(entry);
    }
    this.#reconcile(deployment);
  }

  claimDelayed({ claimId, reason, retryInMs, error }: DeployerMessages['claimDelayed']['body']): void {
    const deployment = this.#byClaim.get(claimId);
    if (!deployment) return;
    if (reason === 'impossible') this.#tellImpossible(deployment);
    else if (reason === 'backing-off' && error) this.#failStart(deployment, error, retryInMs);
    else return;
    // A claim is told once why it waits. It goes, so that the next call makes another and is told as well.
    deployment.standDown();
    this.#reconcile(deployment);
  }

  /** Offers every idle instance that is over its function's minimum. */
  async roomNeeded({ needId }: DeployerMessages['roomNeeded']['body']): Promise<void> {
    const idle = await this.#idleInstances({});
    const spare = new Map<Deployment, number>();
    const candidates = idle.filter(({ claimId }) => {
      const deployment = this.#byClaim.get(claimId);
      if (!deployment) return false;
      const left = spare.get(deployment) ?? deployment.live - deployment.version.config.minInstances;
      spare.set(deployment, left - 1);
      return left > 0;
    });
    this.#options.manager.tell('offerVictims', { needId, candidates });
  }

  evict(claimId: string): void {
    const deployment = this.#byClaim.get(claimId);
    const entry = deployment?.claims.get(claimId);
    if (!deployment || !entry) return;
    deployment.evicted();
    this.#retire(deployment, entry);
    this.#reconcile(deployment);
  }

  #reconcile(deployment: Deployment): void {
    for (const entry of deployment.surplusWithoutInstance()) {
      deployment.claims.delete(entry.claimId);
      this.#release(entry.claimId);
    }
    for (const entry of deployment.claimMissing(this.#functionHadInstances(deployment.version.name))) {
      this.#byClaim.set(entry.claimId, deployment);
      this.#options.manager.tell('claim', claimOf(deployment, entry.claimId, claimListener(this.#context.self)));
    }
    if (deployment.live > deployment.target) void this.#retireIdle(deployment);
  }

  /** Busy instances are left: they are idle, or wanted again, at the autoscaler's next tick. */
  async #retireIdle(deployment: Deployment): Promise<void> {
    const { name, version } = deployment.version;
    const idle = await this.#idleInstances({ name, version });
    for (const { claimId } of idle) {
      const entry = deployment.claims.get(claimId);
      if (entry && deployment.live > deployment.target) this.#retire(deployment, entry);
    }
  }

  /** None when the router cannot say: whoever wanted to know asks again before long. */
  async #idleInstances(filter: RouterMessages['idleInstances']['body']): Promise<readonly IdleInstance[]> {
    try {
      return await this.#options.router.ask('idleInstances', filter);
    } catch {
      return [];
    }
  }

  #drain(deployment: Deployment): void {
    deployment.retarget(0, false);
    for (const entry of [...deployment.claims.values()]) this.#retire(deployment, entry);
  }

  #retire(deployment: Deployment, entry: ClaimEntry): void {
    if (entry.state === 'retiring') return;
    const { instanceId } = entry;
    const graceMs = deployment.version.config.timeoutMs;
    if (instanceId === undefined) {
      deployment.claims.delete(entry.claimId);
      return this.#release(entry.claimId);
    }
    if (entry.state === 'ready') this.#options.router.tell('retireInstances', { instanceIds: [instanceId], graceMs });
    else this.#instances.get(instanceId)?.tell('retire', { graceMs, reason: 'requested' });
    entry.state = 'retiring';
  }

  #release(claimId: string): void {
    this.#byClaim.delete(claimId);
    this.#options.manager.tell('release', { claimId, graceMs: RELEASE_GRACE_MS });
  }

  #tellImpossible({ version: { name, version, config } }: Deployment): void {
    const error = new TroupeError(
      'NO_CAPACITY',
      `An instance of "${name}" needs ${config.memoryMb} MiB, more than any node agent has. Lower memoryMb or raise memoryBudgetMb.`,
      { details: { functionName: name, memoryMb: config.memoryMb } },
    );
    this.#options.router.tell('startFailed', { name, version, error });
  }

  /** Where other instances of the version work, the calls wait for those. */
  #failStart({ version, hasReady }: Deployment, error: SerializedError, retryInMs?: number): void {
    if (hasReady) return;
    const cause = deserializeError(error);
    const retry = retryInMs === undefined ? '' : ` The next try is in ${Math.ceil(retryInMs)} ms.`;
    this.#options.router.tell('startFailed', {
      name: version.name,
      version: version.version,
      error: new TroupeError('INSTANCE_START_FAILED', `"${version.name}" does not start: ${cause.message}${retry}`, {
        cause,
        details: {
          functionName: version.name,
          functionVersion: version.version,
          ...(retryInMs === undefined ? {} : { retryInMs }),
        },
      }),
    });
  }

  #functionHadInstances(name: string): boolean {
    return [...this.#deployments.values()].some(({ version, hadInstances }) => version.name === name && hadInstances);
  }
}
