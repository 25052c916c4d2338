/**
 * A whole function layer on a virtual clock: registry, router, deployer and autoscaler over a real resource layer, and agents whose workers
 * answer calls as their payload tells them to.
 */
import { type FunctionConfig, resolveFunctionConfig } from '../../src/config.ts';
import { TroupeError } from '../../src/errors.ts';
import { autoscalerActor } from '../../src/function-management/autoscaler/autoscaler.ts';
import type { AutoscalerMessages } from '../../src/function-management/autoscaler/protocol.ts';
import { reactivePolicy } from '../../src/function-management/autoscaler/reactive-policy.ts';
import type { BuilderMessages } from '../../src/function-management/builder/protocol.ts';
import { deployerActor } from '../../src/function-management/deployer/deployer.ts';
import type { DeployerMessages } from '../../src/function-management/deployer/protocol.ts';
import { instanceActor } from '../../src/function-management/instance/instance.ts';
import type { InstanceOptions } from '../../src/function-management/instance/protocol.ts';
import type { RegistryMessages } from '../../src/function-management/registry/protocol.ts';
import { registryActor } from '../../src/function-management/registry/registry.ts';
import type { Call } from '../../src/function-management/router/call.ts';
import { Caller, observerFor } from '../../src/function-management/router/caller.ts';
import type { InvokeOptions, RouterMessages } from '../../src/function-management/router/protocol.ts';
import { routerActor } from '../../src/function-management/router/router.ts';
import { ActorSystem } from '../../src/kernel/actor-system.ts';
import { ProcessHold } from '../../src/kernel/process-hold.ts';
import type { ActorRef } from '../../src/kernel/protocol.ts';
import { seededRandom } from '../../src/kernel/random.ts';
import { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { namingServiceActor } from '../../src/resource-orchestration/naming-service/naming-service.ts';
import type { WorkerStopReason } from '../../src/resource-orchestration/node-agent/protocol.ts';
import type { ResourceManagerMessages } from '../../src/resource-orchestration/resource-manager/protocol.ts';
import { resourceManagerActor } from '../../src/resource-orchestration/resource-manager/resource-manager.ts';
import { resourceSchedulerActor } from '../../src/resource-orchestration/resource-scheduler/resource-scheduler.ts';
import { openMemoryStore } from '../../src/store/memory-store.ts';
import { type LayerAgentBehaviour, WorkingAgent } from './working-agent.ts';

export interface FunctionLayerOptions {
  readonly budgetsMb?: readonly number[];
  readonly behaviour?: LayerAgentBehaviour;
  readonly seed?: number;
  readonly startTimeoutMs?: number;
  readonly mapError?: InstanceOptions['mapError'];
}

export interface Settled {
  /** 'succeeded', or the code of the error; absent while the call is on its way. */
  status?: string;
  result?: unknown;
  error?: TroupeError;
}

export class FunctionLayer {
  readonly clock: VirtualClock;
  readonly system: ActorSystem;
  readonly ledger = new Ledger(1_000);
  readonly agents: WorkingAgent[] = [];
  readonly actorErrors: string[] = [];
  readonly router: ActorRef<RouterMessages<Call>>;
  readonly registry: ActorRef<RegistryMessages>;
  readonly deployer: ActorRef<DeployerMessages>;
  readonly manager: ActorRef<ResourceManagerMessages>;
  readonly autoscaler: ActorRef<AutoscalerMessages>;
  readonly caller: Caller;
  #holders = 0;
  #artifacts = 0;

  static async start(options: FunctionLayerOptions = {}): Promise<FunctionLayer> {
    const clock = new VirtualClock();
    const store = await openMemoryStore({ clock });
    const layer = new FunctionLayer(clock, store, options);
    await clock.advance(100);
    return layer;
  }

  private constructor(
    clock: VirtualClock,
    store: Awaited<ReturnType<typeof openMemoryStore>>,
    {
      budgetsMb = [1_024],
      behaviour = {},
      seed = 1,
      startTimeoutMs = 30_000,
      mapError = (error) => error,
    }: FunctionLayerOptions,
  ) {
    this.clock = clock;
    const { ledger } = this;
    const random = seededRandom(seed);
    const system = new ActorSystem({
      clock,
      onActorError: (path, error) => this.actorErrors.push(`${path}: ${error.stack}`),
    });
    this.system = system;
    const naming = system.spawn(namingServiceActor({ clock, settings: store.database('settings') }));
    const scheduler = system.spawn(resourceSchedulerActor());
    const startAgent = (agentId: string) => {
      const agent = new WorkingAgent(agentId, clock, behaviour);
      this.agents.push(agent);
      return agent;
    };
    this.manager = system.spawn(
      resourceManagerActor({ budgetsMb, cpuShares: 64, naming, scheduler, clock, random, startAgent }),
    );
    this.router = system.spawn(
      routerActor({
        random,
        maxCallDepth: 4,
        cancelGraceMs: 100,
        demandArrived: (name, version) => this.autoscaler.tell('demandArrived', { name, version }),
      }),
    );
    const { router } = this;
    this.caller = new Caller({
      router,
      ledger,
      clock,
      hold: this.#countingHold(),
      payloadLimitBytes: 1_000_000,
      isClosing: () => false,
    });
    this.registry = system.spawn(
      registryActor({
        store: store.database('functions'),
        artifactsDirectory: '/nowhere',
        clock,
        listeners: [
          {
            functionChanged: (description) => {
              router.tell('functionChanged', description);
              this.deployer.tell('functionChanged', description);
              this.autoscaler.tell('functionChanged', description);
            },
            functionRemoved: (name) => {
              router.tell('functionRemoved', name);
              this.deployer.tell('functionRemoved', name);
              this.autoscaler.tell('functionRemoved', name);
            },
          },
        ],
      }),
    );
    const builder = system.spawn<BuilderMessages>({
      name: 'builder',
      start: () => ({
        build: () => {
          throw new TroupeError('BUILD_FAILED', 'Nothing is built here.');
        },
        collectGarbage: () => ({ removed: 0 }),
      }),
    });
    this.deployer = system.spawn(
      deployerActor({
        builder,
        registry: this.registry,
        manager: this.manager,
        router,
        defineInstance: instanceActor,
        observer: observerFor(router, this.caller, { log: () => {} }),
        errorMapper: () => mapError,
        startTimeoutMs,
        payloadLimitBytes: 1_000_000,
      }),
    );
    this.autoscaler = system.spawn(
      autoscalerActor({
        policy: reactivePolicy(),
        observe: (query) => router.ask('observe', query),
        apply: (target) => void this.deployer.tell('scale', target),
      }),
    );
  }

  /** Calls that have not settled. */
  get holders(): number {
    return this.#holders;
  }

  /** Makes a new version the current one; resolves with its number. */
  async deploy(name: string, config: FunctionConfig = {}): Promise<number> {
    const hash = `artifact-${++this.#artifacts}`;
    const artifact = { hash, directory: '/', format: 'script', entry: '/f.cjs', bytes: 1 } as const;
    const { version } = await this.run(
      this.registry.ask('register', { name, artifact, shape: 'value', config: resolveFunctionConfig(config) }),
    );
    return version.version;
  }

  remove(name: string): Promise<unknown> {
    return this.run(this.registry.ask('remove', { name }));
  }

  call(name: string, payload: unknown = {}, options: InvokeOptions = {}): Settled {
    const settled: Settled = {};
    this.caller.invoke(name, payload, options).then(
      ({ result }) => Object.assign(settled, { status: 'succeeded', result }),
      (error: TroupeError) => Object.assign(settled, { status: error.code ?? String(error), error }),
    );
    return settled;
  }

  /** Moves time until the promise settles. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    promise.then(settled, settled);
    for (let turn = 0; !isSettled && turn < 5_000; turn++) await this.clock.advance(1);
    if (!isSettled) throw new Error('The promise did not settle in 5 s.');
    return promise;
  }

  /** Ids of the workers that live on agents that do. */
  workers(): string[] {
    return this.agents.filter(({ isGone }) => !isGone).flatMap(({ workers }) => [...workers.keys()]);
  }

  crash(workerId: string | undefined, reason: WorkerStopReason = 'crashed'): void {
    for (const agent of this.agents) if (workerId !== undefined) agent.crash(workerId, reason);
  }

  async claims() {
    return (await this.run(this.manager.ask('snapshot', undefined))).claims;
  }

  async routes() {
    return (await this.run(this.router.ask('snapshot', undefined))).functions;
  }

  instances(name?: string) {
    return this.run(this.deployer.ask('instances', name === undefined ? {} : { name }));
  }

  #countingHold(): ProcessHold {
    const hold = new ProcessHold();
    hold.begin = () => void this.#holders++;
    hold.end = () => void this.#holders--;
    return hold;
  }
}
