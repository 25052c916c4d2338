/** One look at every component, for people and for `/metrics`. Asks each once; off the call path. */
import type { DeployerMessages } from '../../function-management/deployer/protocol.ts';
import type { RouterMessages } from '../../function-management/router/protocol.ts';
import type { ActorSystem } from '../../kernel/actor-system.ts';
import type { ActorRef } from '../../kernel/protocol.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { ResourceManagerMessages } from '../../resource-orchestration/resource-manager/protocol.ts';
import type { Store } from '../../store/protocol.ts';
import type { WorkflowEngineMessages } from '../../workflow-composition/engine/protocol.ts';
import type { WorkflowSchedulerMessages } from '../../workflow-composition/scheduler/protocol.ts';
import type { QueueView } from '../event-management/protocol.ts';
import type { LogStore } from './log-store.ts';
import type { HostStats } from './protocol.ts';

export interface HostParts {
  readonly ledger: Ledger;
  readonly router: Pick<ActorRef<RouterMessages>, 'ask'>;
  readonly manager: ActorRef<ResourceManagerMessages>;
  readonly deployer: ActorRef<DeployerMessages>;
  readonly engine: ActorRef<WorkflowEngineMessages>;
  readonly workflowScheduler: ActorRef<WorkflowSchedulerMessages>;
  /** The queues of jobs. */
  readonly jobs: { ask(type: 'queues', body: undefined): Promise<readonly QueueView[]> };
  readonly system: ActorSystem;
  readonly store: Store;
  readonly logs: Pick<LogStore, 'written'>;
}

export async function hostStats({
  ledger,
  router,
  manager,
  deployer,
  engine,
  workflowScheduler,
  jobs,
  system,
  store,
  logs,
}: HostParts): Promise<HostStats> {
  const [routes, resources, instances, executions, scheduler, queues] = await Promise.all([
    router.ask('snapshot', undefined),
    manager.ask('snapshot', undefined),
    deployer.ask('instances', {}),
    engine.ask('stats', undefined),
    workflowScheduler.ask('stats', undefined),
    jobs.ask('queues', undefined),
  ]);
  const functions = [...ledger.totals()].map(([name, totals]) => ({
    name,
    invocations: totals.invocations,
    durationMs: totals.durationMs,
    byStatus: Object.fromEntries(totals.byStatus),
    coldStarts: Object.fromEntries(totals.coldStarts),
    durationBuckets: totals.durationBuckets,
  }));
  return {
    functions,
    routes: routes.functions,
    resources,
    instances,
    workflows: { engine: executions, scheduler },
    jobs: queues,
    actors: system.actors(),
    deadLetters: system.deadLetters.counts(),
    latestDeadLetters: system.deadLetters.latest(),
    store: store.stats(),
    logLines: logs.written,
  };
}
