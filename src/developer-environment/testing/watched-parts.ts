/** Parts of a host with their work made known to its clock: workers that start and stop, functions that load, writes. */
import type { Clock } from '../../kernel/clock.ts';
import type { AgentEvent, AgentLink } from '../../resource-orchestration/node-agent/protocol.ts';
import type { KeyValueStore, Store } from '../../store/protocol.ts';
import type { InstanceImage } from '../../transport/instance-control.ts';

type Hold = NonNullable<Clock['hold']>;

export function watchedAgent(agent: AgentLink, hold: Hold): AgentLink {
  const { agentId, kind } = agent;
  const starting = new Map<string, () => void>();
  const stopping = new Map<string, () => void>();
  const workers = new Set<string>();
  const release = (holds: Map<string, () => void>, workerId: string) => {
    holds.get(workerId)?.();
    holds.delete(workerId);
  };
  /** Once others have been told, so that what they do about it is under way. */
  const happened = (event: AgentEvent) => {
    if (event.type !== 'workerStarted' && event.type !== 'workerStopped') return;
    release(starting, event.workerId);
    if (event.type === 'workerStarted') return;
    workers.delete(event.workerId);
    release(stopping, event.workerId);
  };
  return {
    agentId,
    kind,
    onEvent: (listener) =>
      agent.onEvent((event) => {
        listener(event);
        happened(event);
      }),
    startWorker(workerId, spec) {
      workers.add(workerId);
      starting.set(workerId, hold(`a worker for ${spec.group} starts`));
      agent.startWorker(workerId, spec);
    },
    expectWorker: (expected) => agent.expectWorker?.(expected),
    stopWorker(workerId, graceMs) {
      // What is stuck in it may keep it from stopping.
      if (workers.has(workerId) && !stopping.has(workerId))
        stopping.set(workerId, hold(`${workerId} stops`, 'outside'));
      agent.stopWorker(workerId, graceMs);
    },
    channel: (workerId) => agent.channel(workerId),
    control(workerId) {
      const control = agent.control(workerId);
      const specialise = (image: InstanceImage) =>
        control.specialise(image).finally(hold(`"${image.functionName}" loads`));
      return { ...control, specialise };
    },
    shutdown: (graceMs) => agent.shutdown(graceMs),
    kill: () => agent.kill(),
  };
}

export function watchedStore(store: Store, hold: Hold): Store {
  const watched = (database: KeyValueStore): KeyValueStore => ({
    get: (key) => database.get(key),
    range: (options) => database.range(options),
    commit: (operations) => database.commit(operations).finally(hold('the store writes')),
  });
  return {
    database: (name) => watched(store.database(name)),
    events: store.events,
    quarantined: () => store.quarantined(),
    stats: () => store.stats(),
    scan: () => store.scan(),
    backup: (directory) => store.backup(directory).finally(hold('the store is copied')),
    close: () => store.close(),
  };
}
