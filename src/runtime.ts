/**
 * The composition root: spawns the actors and hands each its references. No logic.
 */
import { randomBytes } from 'node:crypto';
import { CPU_SHARES, type HostConfig } from './config.ts';
import { codeKeeper, DataCare } from './data-care.ts';
import { composeEventManagement, type EventManagement } from './ecosystem/event-management/composition.ts';
import { LogStore } from './ecosystem/monitoring/log-store.ts';
import { autoscalerActor } from './function-management/autoscaler/autoscaler.ts';
import { ForecastMemory } from './function-management/autoscaler/forecast-memory.ts';
import { HistoryMemory } from './function-management/autoscaler/history-memory.ts';
import { scalingPolicy } from './function-management/autoscaler/policies.ts';
import type { AutoscalerMessages } from './function-management/autoscaler/protocol.ts';
import { builderActor } from './function-management/builder/builder.ts';
import type { BuilderMessages } from './function-management/builder/protocol.ts';
import { deployerActor } from './function-management/deployer/deployer.ts';
import { makeInspect } from './function-management/deployer/inspector.ts';
import type { DeployerMessages } from './function-management/deployer/protocol.ts';
import { errorMapper } from './function-management/instance/error-mapping.ts';
import { instanceActor } from './function-management/instance/instance.ts';
import { mapStack } from './function-management/instance/stack-mapping.ts';
import {
  CURRENT_ALIAS,
  type FunctionDescription,
  type RegistryListener,
  type RegistryMessages,
} from './function-management/registry/protocol.ts';
import { registryActor } from './function-management/registry/registry.ts';
import type { Call, CallWatcher } from './function-management/router/call.ts';
import { Caller, observerFor } from './function-management/router/caller.ts';
import type { RouterMessages, WorkflowDoor } from './function-management/router/protocol.ts';
import { routerActor } from './function-management/router/router.ts';
import { ActorSystem } from './kernel/actor-system.ts';
import { type Clock, systemClock } from './kernel/clock.ts';
import { ProcessHold } from './kernel/process-hold.ts';
import type { ActorRef } from './kernel/protocol.ts';
import { Ledger } from './ledger/ledger.ts';
import { openPlace } from './place.ts';
import { namingServiceActor } from './resource-orchestration/naming-service/naming-service.ts';
import { createChildAgent } from './resource-orchestration/node-agent/child-agent.ts';
import { createInlineAgent } from './resource-orchestration/node-agent/inline-agent.ts';
import type { AgentLink } from './resource-orchestration/node-agent/protocol.ts';
import type { ResourceManagerMessages } from './resource-orchestration/resource-manager/protocol.ts';
import { resourceManagerActor } from './resource-orchestration/resource-manager/resource-manager.ts';
import { resourceSchedulerActor } from './resource-orchestration/resource-scheduler/resource-scheduler.ts';
import type { Store } from './store/protocol.ts';
import { decodePayload } from './transport/codec.ts';
import { type Composition, composeWorkflows } from './workflow-composition/composition.ts';

export interface Runtime
  extends Pick<Composition, 'engine' | 'workflowRegistry' | 'workflowScheduler'>,
    Pick<EventManagement, 'jobs' | 'queues' | 'schedules' | 'events' | 'newEventId'> {
  readonly config: HostConfig;
  readonly clock: Clock;
  readonly hold: ProcessHold;
  readonly system: ActorSystem;
  readonly store: Store;
  readonly data: DataCare;
  readonly ledger: Ledger;
  readonly logs: LogStore;
  readonly caller: Caller;
  readonly registry: ActorRef<RegistryMessages>;
  readonly builder: ActorRef<BuilderMessages>;
  readonly deployer: ActorRef<DeployerMessages>;
  readonly router: ActorRef<RouterMessages<Call>>;
  readonly autoscaler: ActorRef<AutoscalerMessages>;
  readonly manager: ActorRef<ResourceManagerMessages>;
  /** A function or a workflow of that name is deployed. */
  readonly isDeployed: (name: string) => boolean;
  readonly isClosing: boolean;
  /** Drains the calls inside, then stops every actor and closes the store. */
  close(): Promise<void>;
}

/** What a host for tests does its own way. */
export interface RuntimeVariations {
  /** Node agents, builds and the sandbox of expressions keep to the real one: they deal with threads and processes. */
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly callWatcher?: CallWatcher;
  readonly aroundStore?: (store: Store) => Store;
  readonly aroundAgent?: (agent: AgentLink) => AgentLink;
  /** Before the workflows, and before the functions: it may take any call. */
  readonly aroundDoor?: (door: WorkflowDoor) => WorkflowDoor;
}

/** Actors that do not end by then, once calls have drained, are killed. */
const SHUTDOWN_TIMEOUT_MS = 10_000;
/** What instances get to end by themselves at close. Calls have drained by then, so only one that is stuck takes it. */
const LONGEST_STOP_MS = 1_000;
/** Of the memory budget, what may be kept for calls to come: the rest is for those that come without notice. */
const IDLE_PART = 3 / 4;
/** 1 GiB, however few events that are. */
const KEPT_EVENT_BYTES = 1_073_741_824;
/** While one waits for the disk, another computes. */
const STARTS_PER_CPU = 2;
/** What spares may cost beside the memory budget, as a part of it. */
const SPARES_PART = 1 / 8;

export async function startRuntime(config: HostConfig, variations: RuntimeVariations = {}): Promise<Runtime> {
  const { clock = systemClock, random = Math.random, callWatcher: watcher } = variations;
  const { aroundStore = same, aroundAgent = same, aroundDoor = same } = variations;
  const place = await openPlace(config.dataDir, { clock, warn });
  const store = aroundStore(place.store);
  const code = codeKeeper();
  const hold = new ProcessHold();
  const system = new ActorSystem({
    clock,
    onActorError: (path, error, action) => warn(`${path} failed (${action}): ${error.message}`),
  });
  const ledger = new Ledger(config.keptInvocations, randomBytes(6).toString('hex'));
  const logs = new LogStore(config.keptLogLines);

  const naming = system.spawn(namingServiceActor({ settings: store.database('settings'), clock }));
  const scheduler = system.spawn(resourceSchedulerActor());
  const manager = system.spawn(
    resourceManagerActor({
      startAgent: (agentId) => aroundAgent(startAgent(config, agentId)),
      budgetsMb: new Array<number>(config.agents).fill(agentBudgetMb(config)),
      naming,
      scheduler,
      clock,
      random,
      // Whoever gives calls no time gives their instances none either.
      shutdownGraceMs: Math.min(LONGEST_STOP_MS, config.drainTimeoutMs),
    }),
  );

  const { payloadLimitBytes, startTimeoutMs, maxCallDepth, cancelGraceMs } = config;
  // The autoscaler and the deployer are told by actors that start before them; by the first message both are there.
  const later: {
    autoscaler?: ActorRef<AutoscalerMessages>;
    deployer?: ActorRef<DeployerMessages>;
    workflows?: Composition;
    events?: EventManagement;
  } = {};
  const router = system.spawn(
    routerActor({
      random,
      maxCallDepth,
      cancelGraceMs,
      coldStartAhead: ({ config: { isolation: kind, memoryMb } }) => void manager.tell('expect', { kind, memoryMb }),
      demandArrived: (name, version) => later.autoscaler?.tell('demandArrived', { name, version }),
    }),
  );
  let closing: Promise<void> | undefined;
  const isClosing = () => closing !== undefined;
  const door = aroundDoor({
    has: (name) => later.workflows?.door.has(name) ?? false,
    invoke: (call) => later.workflows?.door.invoke(call) ?? false,
    abandon: (call) => later.workflows?.door.abandon(call),
  });
  const caller = new Caller({
    router,
    ledger,
    clock,
    hold,
    payloadLimitBytes,
    isClosing,
    workflows: door,
    watcher,
  });
  const builder = system.spawn({
    ...builderActor({
      artifactsDirectory: place.artifactsDirectory,
      inspect: makeInspect({
        manager,
        clock: systemClock,
        timeoutMs: startTimeoutMs,
        payloadLimitBytes,
        agentBudgetMb: agentBudgetMb(config),
        roomNeeded: (need) => void later.deployer?.tell('roomNeeded', need),
      }),
      clock: systemClock,
      isGarbageKept: code.isKept,
      mapStack,
    }),
    // A build that is under way at the stop still loads its artifact, in a worker.
    dependsOn: [manager],
  });
  const deployed = new Map<string, FunctionDescription>();
  const listener: RegistryListener = {
    functionChanged(description) {
      deployed.set(description.name, description);
      // The registry announces what it has loaded while it is being spawned, and the deployer is spawned after it.
      queueMicrotask(() => {
        router.tell('functionChanged', description);
        later.deployer?.tell('functionChanged', description);
        later.autoscaler?.tell('functionChanged', description);
        later.events?.functionChanged(description);
      });
    },
    functionRemoved(name) {
      deployed.delete(name);
      queueMicrotask(() => {
        router.tell('functionRemoved', name);
        later.deployer?.tell('functionRemoved', name);
        later.autoscaler?.tell('functionRemoved', name);
      });
      ledger.forget(name);
    },
  };
  const registry = system.spawn(
    registryActor({
      store: store.database('functions'),
      artifactsDirectory: place.artifactsDirectory,
      listeners: [listener],
      clock,
      onFault: warn,
      isTaken: (name) => (later.workflows?.door.has(name) ? 'a workflow' : undefined),
    }),
  );
  const deployer = system.spawn(
    deployerActor({
      builder,
      registry,
      manager,
      router,
      defineInstance: instanceActor,
      observer: observerFor(router, caller, {
        log: (origin, line) => logs.append(origin, line),
        started: (functionName, tookMs) =>
          void later.workflows?.workflowScheduler.tell('instanceStarted', { functionName, tookMs }),
      }),
      errorMapper,
      startTimeoutMs,
      payloadLimitBytes,
    }),
  );
  later.deployer = deployer;
  const autoscaler = system.spawn({
    ...autoscalerActor({
      policy: scalingPolicy(config.scaling, {
        intervalMs: config.forecastIntervalMs,
        idleBudgetMb: config.memoryBudgetMb * IDLE_PART,
        startsAtOnce: Math.max(STARTS_PER_CPU * CPU_SHARES, config.spares),
      }),
      idleBudgetMb: config.memoryBudgetMb * IDLE_PART,
      memory: new ForecastMemory(store.database('forecasts'), clock),
      history: new HistoryMemory(store.database('history'), clock),
      observe: (query) => router.ask('observe', query),
      apply: (target) => void deployer.tell('scale', target),
    }),
    // At the stop it counts the last calls.
    dependsOn: [router],
  });
  later.autoscaler = autoscaler;

  const composition = composeWorkflows({
    config,
    system,
    store,
    random,
    encode: (value) => caller.encode(value),
    send: (request) => caller.send(request),
    autoscaler,
    functionNames: () => deployed.keys(),
    functionExists: (name) => deployed.has(name) || (door.has(name) && !isWorkflow(name)),
    concurrencyOf: (name) => concurrencyOf(deployed.get(name)),
    newId: executionIds(randomBytes(6).toString('hex')),
    dependsOn: [router, autoscaler],
    onFault: warn,
  });
  later.workflows = composition;
  const isWorkflow = (name: string) => composition.door.has(name);
  const events = composeEventManagement({
    system,
    store,
    random,
    encode: (value) => caller.encode(value),
    decode: decodePayload,
    send: (request) => caller.send(request),
    isWorkflow,
    describe: (name) => deployed.get(name),
    retention: { keepMs: config.keepEventsMs, maxEvents: config.keptEvents, maxBytes: KEPT_EVENT_BYTES },
    salt: randomBytes(3).toString('hex'),
    dependsOn: [router, composition.engine],
    onFault: warn,
  });
  later.events = events;
  // Before that a job would call a function that nobody knows yet.
  await Promise.all([registry.ask('list', undefined), composition.workflowRegistry.ask('list', undefined)]);
  events.jobs.tell('begin', undefined);
  events.schedules.tell('begin', undefined);
  events.events.tell('begin', undefined);

  const close = async () => {
    const { engine } = composition;
    const untilMs = clock.nowMs() + config.drainTimeoutMs;
    const drain = () => ({ timeoutMs: Math.max(0, untilMs - clock.nowMs()) });
    const patience = { timeoutMs: config.drainTimeoutMs + SHUTDOWN_TIMEOUT_MS };
    events.schedules.tell('drain', undefined);
    events.events.tell('drain', undefined);
    events.jobs.tell('drain', undefined);
    // Workflows that were called go on to call functions. Neither may keep the rest from being stopped, nor the store from being closed.
    await engine.ask('drain', drain(), patience).catch(() => undefined);
    await router.ask('drain', drain(), patience).catch(() => undefined);
    await system.shutdown(SHUTDOWN_TIMEOUT_MS);
    await composition.close();
    await place.close();
  };
  return {
    config,
    clock,
    hold,
    system,
    store,
    data: new DataCare({ ...place, clock, keepCode: code.keep }),
    ledger,
    logs,
    caller,
    registry,
    builder,
    deployer,
    router,
    autoscaler,
    manager,
    engine: composition.engine,
    workflowRegistry: composition.workflowRegistry,
    workflowScheduler: composition.workflowScheduler,
    jobs: events.jobs,
    queues: events.queues,
    schedules: events.schedules,
    events: events.events,
    newEventId: events.newEventId,
    isDeployed: (name) => deployed.has(name) || door.has(name),
    get isClosing() {
      return isClosing();
    },
    close() {
      closing ??= hold.while(close());
      return closing;
    },
  };
}

/** Of the version that calls without a version go to. */
function concurrencyOf(description: FunctionDescription | undefined): number {
  const target = description?.aliases.find(({ alias }) => alias === CURRENT_ALIAS)?.targets[0]?.version;
  return description?.versions.find(({ version }) => version === target)?.config.concurrency ?? 1;
}

function executionIds(prefix: string): () => string {
  let count = 0;
  return () => `x${prefix}-${(count++).toString(36)}`;
}

function agentBudgetMb({ memoryBudgetMb, agents }: HostConfig): number {
  return Math.floor(memoryBudgetMb / agents);
}

function startAgent(config: HostConfig, agentId: string): AgentLink {
  const memoryBudgetMb = agentBudgetMb(config);
  const { startTimeoutMs, spin } = config;
  const spares = { maxSpares: config.spares, memoryMb: memoryBudgetMb * SPARES_PART };
  return config.agent === 'inline'
    ? createInlineAgent({ agentId, startTimeoutMs, spares, spin })
    : createChildAgent({ agentId, memoryBudgetMb, startTimeoutMs, spares, spin });
}

const same = <T>(part: T): T => part;

/** What an operator should see although nobody waits for it. Node prints it, or hands it to the program's own listener. */
function warn(message: string): void {
  process.emitWarning(message, 'TroupeWarning');
}
