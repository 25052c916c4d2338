/**
 * The numbers of every component as Prometheus metrics: names begin with `troupe_`, units are seconds and bytes. Pure but for the
 * numbers of this process, which have the names that Prometheus clients agree on.
 */
import { DURATION_BUCKETS_MS } from '../../ledger/ledger.ts';
import { Exposition, type Sample } from './exposition.ts';
import type { HostStats } from './protocol.ts';

const MIB = 1_048_576;
const NODE_STATES = ['starting', 'ready', 'draining', 'lost'] as const;
const BUCKETS_SECONDS = DURATION_BUCKETS_MS.map(seconds);

/** One scrape, in the text format of Prometheus, version 0.0.4. */
export function renderMetrics(stats: HostStats): Promise<string> {
  const exposition = new Exposition();
  addFunctions(exposition, stats);
  addInstances(exposition, stats);
  addAgents(exposition, stats);
  addWorkers(exposition, stats);
  addActors(exposition, stats);
  addWorkflows(exposition, stats);
  addJobs(exposition, stats);
  addStore(exposition, stats);
  addProcess(exposition);
  return exposition.text();
}

function addFunctions(exposition: Exposition, { functions, routes }: HostStats): void {
  exposition.counter(
    'troupe_invocations_total',
    'Invocations that have ended, by what they came to.',
    functions.flatMap(({ name, byStatus }) =>
      Object.entries(byStatus).map(([status, value]) => ({ labels: { function: name, status }, value })),
    ),
  );
  exposition.histogram(
    'troupe_invocation_duration_seconds',
    'From the arrival of a call to its answer.',
    BUCKETS_SECONDS,
    functions.map(({ name, durationBuckets, durationMs }) => ({
      labels: { function: name },
      counts: durationBuckets,
      sum: seconds(durationMs),
    })),
  );
  exposition.counter(
    'troupe_cold_starts_total',
    'Invocations that waited for their instance to start, by why there was none.',
    functions.flatMap(({ name, coldStarts }) =>
      Object.entries(coldStarts).map(([reason, value]) => ({ labels: { function: name, reason }, value })),
    ),
  );
  const perVersion = (read: (route: HostStats['routes'][number]) => number): Sample[] =>
    routes.map((route) => ({ labels: { function: route.name, version: route.version }, value: read(route) }));
  exposition.gauge(
    'troupe_ready_instances',
    'Instances that the router may send calls to.',
    perVersion(({ ready }) => ready),
  );
  exposition.gauge(
    'troupe_queued_invocations',
    'Calls that wait for an instance.',
    perVersion(({ queued }) => queued),
  );
  exposition.gauge(
    'troupe_in_flight_invocations',
    'Calls inside instances.',
    perVersion(({ inFlight }) => inFlight),
  );
}

function addInstances(exposition: Exposition, { instances }: HostStats): void {
  const counts = new Map<string, { labels: Record<string, string | number>; value: number }>();
  for (const { functionName, functionVersion, state } of instances) {
    const key = `${functionName}@${functionVersion} ${state}`;
    const count = counts.get(key);
    if (count) count.value++;
    else counts.set(key, { labels: { function: functionName, version: functionVersion, state }, value: 1 });
  }
  exposition.gauge('troupe_instances', 'Instances by state.', [...counts.values()]);
}

function addAgents(exposition: Exposition, { resources: { nodes } }: HostStats): void {
  const perAgent = (read: (node: (typeof nodes)[number]) => number | undefined): Sample[] =>
    nodes.map((node) => ({ labels: { agent: node.agentId }, value: read(node) }));
  exposition.gauge(
    'troupe_agent_state',
    '1 for the state in which the node agent is, 0 for the others.',
    nodes.flatMap(({ agentId, state }) =>
      NODE_STATES.map((each) => ({ labels: { agent: agentId, state: each }, value: each === state ? 1 : 0 })),
    ),
  );
  exposition.gauge(
    'troupe_agent_budget_bytes',
    'Memory that the instances of the agent may be promised.',
    perAgent(({ budgetMb }) => bytes(budgetMb)),
  );
  exposition.gauge(
    'troupe_agent_charged_bytes',
    'Memory that its instances have been promised.',
    perAgent(({ chargedMb }) => bytes(chargedMb)),
  );
  exposition.gauge(
    'troupe_agent_resident_bytes',
    'Resident memory of the process of the agent.',
    perAgent(({ sample }) => bytes(sample?.residentMb)),
  );
  exposition.gauge(
    'troupe_agent_cpu_cores',
    'Busy cores, since the sample before.',
    perAgent(({ sample }) => sample?.cpu),
  );
  exposition.gauge(
    'troupe_agent_event_loop_utilization_ratio',
    'Part of the time in which the event loop of the agent was busy.',
    perAgent(({ sample }) => sample?.eventLoopUtilization),
  );
  exposition.counter(
    'troupe_agent_restarts_total',
    'Times that the agent was started again.',
    perAgent(({ restarts }) => restarts),
  );
}

function addWorkers(exposition: Exposition, { resources: { claims } }: HostStats): void {
  const states = new Map<string, number>();
  for (const { state } of claims) states.set(state, (states.get(state) ?? 0) + 1);
  exposition.gauge(
    'troupe_claims',
    'Claims for a worker, by state.',
    [...states].map(([state, value]) => ({ labels: { state }, value })),
  );
  type Claim = (typeof claims)[number];
  const perWorker = (read: (sample: NonNullable<Claim['sample']>) => number | undefined): Sample[] =>
    claims.flatMap(({ group, workerId, agentId = '', sample }) =>
      workerId === undefined || !sample
        ? []
        : [{ labels: { worker: workerId, group, agent: agentId }, value: read(sample) }],
    );
  exposition.gauge(
    'troupe_worker_resident_bytes',
    'Resident memory of a worker process.',
    perWorker(({ residentMb }) => bytes(residentMb)),
  );
  exposition.gauge(
    'troupe_worker_heap_used_bytes',
    'Used JavaScript heap of a worker.',
    perWorker(({ heapUsedMb }) => bytes(heapUsedMb)),
  );
  exposition.gauge(
    'troupe_worker_external_bytes',
    'Memory of a worker outside of its heap: buffers.',
    perWorker(({ externalMb }) => bytes(externalMb)),
  );
  exposition.gauge(
    'troupe_worker_cpu_cores',
    'Busy cores, since the sample before.',
    perWorker(({ cpu }) => cpu),
  );
  exposition.gauge(
    'troupe_worker_event_loop_utilization_ratio',
    'Part of the time in which the event loop of the worker was busy.',
    perWorker(({ eventLoopUtilization }) => eventLoopUtilization),
  );
}

function addActors(exposition: Exposition, { actors, deadLetters }: HostStats): void {
  const perActor = (read: (actor: (typeof actors)[number]) => number): Sample[] =>
    actors.map((actor) => ({ labels: { actor: actor.path }, value: read(actor) }));
  exposition.gauge(
    'troupe_actor_mailbox_depth',
    'Messages that wait in the mailbox.',
    perActor(({ mailboxDepth }) => mailboxDepth),
  );
  exposition.counter(
    'troupe_actor_handled_total',
    'Messages handled, failures included.',
    perActor(({ handled }) => handled),
  );
  exposition.counter(
    'troupe_actor_handling_seconds_total',
    'Time spent on handling them, waiting included.',
    perActor(({ handlingMs }) => seconds(handlingMs)),
  );
  exposition.gauge(
    'troupe_actor_longest_handling_seconds',
    'The longest time that one message took.',
    perActor(({ longestHandlingMs }) => seconds(longestHandlingMs)),
  );
  exposition.counter(
    'troupe_actor_restarts_total',
    'Times that the actor was started again.',
    perActor(({ restarts }) => restarts),
  );
  exposition.counter(
    'troupe_actor_failures_total',
    'Messages whose handling threw.',
    perActor(({ failures }) => failures),
  );
  exposition.counter(
    'troupe_dead_letters_total',
    'Messages that reached nobody, by why.',
    Object.entries(deadLetters).map(([reason, value]) => ({ labels: { reason }, value })),
  );
}

function addWorkflows(exposition: Exposition, { workflows: { engine, scheduler } }: HostStats): void {
  const { succeeded, failed, cancelled } = engine;
  exposition.counter(
    'troupe_executions_total',
    'Executions of workflows that have ended, by what they came to.',
    Object.entries({ succeeded, failed, cancelled }).map(([status, value]) => ({ labels: { status }, value })),
  );
  exposition.gauge('troupe_executions', 'Executions that have not ended, by where they are.', [
    { labels: { place: 'memory' }, value: engine.resident },
    { labels: { place: 'disk' }, value: engine.waiting },
  ]);
  exposition.counter('troupe_workflow_steps_total', 'Steps of the executions that have ended.', [
    { labels: {}, value: engine.steps },
  ]);
  exposition.counter('troupe_prewarmed_instances_total', 'Instances ordered for steps to come.', [
    { labels: {}, value: scheduler.prewarmed },
  ]);
  exposition.counter('troupe_prewarm_hits_total', 'Steps that found an instance which was ordered for them.', [
    { labels: {}, value: scheduler.hits },
  ]);
}

function addJobs(exposition: Exposition, { jobs }: HostStats): void {
  exposition.gauge(
    'troupe_jobs',
    'Jobs by status; those that have ended for as long as they are kept.',
    jobs.flatMap(({ function: name, counts }) =>
      Object.entries(counts).map(([status, value]) => ({ labels: { function: name, status }, value })),
    ),
  );
  exposition.counter(
    'troupe_jobs_ended_total',
    'Jobs that have ended, by how.',
    jobs.flatMap(({ function: name, ended }) =>
      Object.entries(ended).map(([status, value]) => ({ labels: { function: name, status }, value })),
    ),
  );
  exposition.gauge(
    'troupe_queue_paused',
    '1 where no job of the function begins until it is resumed.',
    jobs.map(({ function: name, isPaused }) => ({ labels: { function: name }, value: isPaused ? 1 : 0 })),
  );
}

function addStore(exposition: Exposition, { store, logLines }: HostStats): void {
  const one = (value: number): Sample[] => [{ labels: { driver: store.driver }, value }];
  exposition.counter('troupe_store_commits_total', 'Commits that are on disk.', one(store.commits));
  exposition.counter(
    'troupe_store_conflicts_total',
    'Commits that an expectation did not allow.',
    one(store.conflicts),
  );
  exposition.counter(
    'troupe_store_failed_commits_total',
    'Commits that could not be made durable.',
    one(store.failedCommits),
  );
  exposition.gauge(
    'troupe_store_outstanding_writes',
    'Operations that wait for the disk.',
    one(store.outstandingWrites),
  );
  exposition.gauge('troupe_store_quarantined_records', 'Records that fail their checksum.', one(store.quarantined));
  exposition.counter('troupe_log_lines_total', 'Lines that functions wrote.', [{ value: logLines }]);
}

/** Read when asked for. The collectors that come with prom-client keep a timer and an observer running between scrapes. */
function addProcess(exposition: Exposition): void {
  const { user, system } = process.cpuUsage();
  const memory = process.memoryUsage();
  exposition.counter('process_cpu_seconds_total', 'CPU time of the control process.', [
    { value: (user + system) / 1e6 },
  ]);
  exposition.gauge('process_resident_memory_bytes', 'Resident memory of the control process.', [{ value: memory.rss }]);
  exposition.gauge('process_start_time_seconds', 'Start of the control process, since the Unix epoch.', [
    { value: seconds(performance.timeOrigin) },
  ]);
  exposition.gauge('nodejs_heap_size_used_bytes', 'Used JavaScript heap of the control process.', [
    { value: memory.heapUsed },
  ]);
  exposition.gauge('nodejs_external_memory_bytes', 'Its memory outside of the heap: buffers.', [
    { value: memory.external },
  ]);
}

function seconds(milliseconds: number): number {
  return milliseconds / 1_000;
}

function bytes(mebibytes: number | undefined): number | undefined {
  return mebibytes === undefined ? undefined : Math.round(mebibytes * MIB);
}
