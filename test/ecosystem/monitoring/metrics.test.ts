import { describe, expect, it } from 'vitest';
import { renderMetrics } from '../../../src/ecosystem/monitoring/metrics.ts';
import type { HostStats } from '../../../src/ecosystem/monitoring/protocol.ts';
import { DURATION_BUCKETS_MS } from '../../../src/ledger/ledger.ts';
import { parsePrometheus } from './prometheus-text.ts';

const MIB = 1_048_576;

const workflows = (count: number): HostStats['workflows'] => ({
  engine: {
    resident: count,
    waiting: 2 * count,
    started: 9 * count,
    succeeded: 3 * count,
    failed: count,
    cancelled: 2 * count,
    steps: 8 * count,
  },
  scheduler: { policy: 'just-in-time', prewarmed: 5 * count, hits: 4 * count, planningMs: count, plans: count },
});

const EMPTY: HostStats = {
  functions: [],
  routes: [],
  resources: { nodes: [], claims: [] },
  instances: [],
  workflows: workflows(0),
  jobs: [],
  actors: [],
  deadLetters: { 'mailbox-full': 0, stopped: 0, killed: 0, 'failed-start': 0 },
  latestDeadLetters: [],
  store: { driver: 'memory', outstandingWrites: 0, commits: 0, conflicts: 0, failedCommits: 0, quarantined: 0 },
  logLines: 0,
};

const instance = {
  claimId: 'c',
  agentId: 'a',
  functionName: 'hello',
  functionVersion: 2,
  startedBecause: 'first',
} as const;

const BUSY: HostStats = {
  functions: [
    {
      name: 'hello',
      invocations: 6,
      durationMs: 1_234.5,
      byStatus: { succeeded: 4, TIMEOUT: 2 },
      coldStarts: { first: 1, burst: 2 },
      durationBuckets: DURATION_BUCKETS_MS.map((bound): number => (bound === 0.5 ? 3 : bound === 1_000 ? 2 : 0)).concat(
        1,
      ),
    },
  ],
  routes: [{ name: 'hello', version: 2, ready: 3, queued: 4, inFlight: 5, leased: 0 }],
  resources: {
    nodes: [
      {
        agentId: 'agent-1',
        kind: 'process',
        state: 'ready',
        budgetMb: 512,
        chargedMb: 128,
        restarts: 2,
        sample: { residentMb: 64.5, cpu: 0.25, eventLoopUtilization: 0.5, workers: [] },
      },
      { agentId: 'agent-2', kind: 'process', state: 'lost', budgetMb: 512, chargedMb: 0, restarts: 0 },
    ],
    claims: [
      {
        claimId: 'c1',
        group: 'hello@2',
        state: 'running',
        workerId: 'hello-2-1',
        agentId: 'agent-1',
        restarts: 0,
        sample: { workerId: 'hello-2-1', heapUsedMb: 10, externalMb: 1.5, cpu: 0.75, eventLoopUtilization: 0.8 },
      },
      { claimId: 'c2', group: 'hello@2', state: 'waiting', restarts: 0 },
    ],
  },
  instances: [
    { ...instance, instanceId: 'i1', state: 'busy' },
    { ...instance, instanceId: 'i2', state: 'busy' },
    { ...instance, instanceId: 'i3', state: 'draining' },
  ],
  workflows: workflows(10),
  jobs: [
    {
      function: 'hello',
      isPaused: true,
      counts: { waiting: 5, delayed: 1, running: 2, retrying: 3, succeeded: 7, failed: 4, cancelled: 0 },
      ended: { succeeded: 9, failed: 4, cancelled: 0 },
    },
  ],
  actors: [
    {
      path: '/router',
      state: 'running',
      mailboxDepth: 7,
      handled: 1_000,
      handlingMs: 250,
      longestHandlingMs: 12,
      restarts: 1,
      failures: 2,
    },
  ],
  deadLetters: { 'mailbox-full': 3, stopped: 1, killed: 0, 'failed-start': 0 },
  latestDeadLetters: [],
  store: { driver: 'lmdb', outstandingWrites: 9, commits: 100, conflicts: 4, failedCommits: 1, quarantined: 2 },
  logLines: 42,
};

async function scrape(stats: HostStats) {
  const metrics = parsePrometheus(await renderMetrics(stats));
  return { metrics, samples: new Map([...metrics.values()].flatMap(({ samples }) => [...samples])) };
}

describe('The metrics', () => {
  it('give every number of the host, in base units', async () => {
    const { samples } = await scrape(BUSY);
    const expected: Record<string, number> = {
      'troupe_invocations_total{function="hello",status="succeeded"}': 4,
      'troupe_invocations_total{function="hello",status="TIMEOUT"}': 2,
      'troupe_cold_starts_total{function="hello",reason="burst"}': 2,
      'troupe_ready_instances{function="hello",version="2"}': 3,
      'troupe_queued_invocations{function="hello",version="2"}': 4,
      'troupe_in_flight_invocations{function="hello",version="2"}': 5,
      'troupe_instances{function="hello",version="2",state="busy"}': 2,
      'troupe_instances{function="hello",version="2",state="draining"}': 1,
      'troupe_executions_total{status="succeeded"}': 30,
      'troupe_executions_total{status="failed"}': 10,
      'troupe_executions{place="memory"}': 10,
      'troupe_executions{place="disk"}': 20,
      troupe_workflow_steps_total: 80,
      troupe_prewarmed_instances_total: 50,
      troupe_prewarm_hits_total: 40,
      'troupe_agent_state{agent="agent-1",state="ready"}': 1,
      'troupe_agent_state{agent="agent-1",state="lost"}': 0,
      'troupe_agent_state{agent="agent-2",state="lost"}': 1,
      'troupe_agent_budget_bytes{agent="agent-1"}': 512 * MIB,
      'troupe_agent_charged_bytes{agent="agent-1"}': 128 * MIB,
      'troupe_agent_resident_bytes{agent="agent-1"}': 64.5 * MIB,
      'troupe_agent_cpu_cores{agent="agent-1"}': 0.25,
      'troupe_agent_event_loop_utilization_ratio{agent="agent-1"}': 0.5,
      'troupe_agent_restarts_total{agent="agent-1"}': 2,
      'troupe_claims{state="running"}': 1,
      'troupe_claims{state="waiting"}': 1,
      'troupe_worker_heap_used_bytes{worker="hello-2-1",group="hello@2",agent="agent-1"}': 10 * MIB,
      'troupe_worker_external_bytes{worker="hello-2-1",group="hello@2",agent="agent-1"}': 1.5 * MIB,
      'troupe_worker_cpu_cores{worker="hello-2-1",group="hello@2",agent="agent-1"}': 0.75,
      'troupe_worker_event_loop_utilization_ratio{worker="hello-2-1",group="hello@2",agent="agent-1"}': 0.8,
      'troupe_actor_mailbox_depth{actor="/router"}': 7,
      'troupe_actor_handled_total{actor="/router"}': 1_000,
      'troupe_actor_handling_seconds_total{actor="/router"}': 0.25,
      'troupe_actor_longest_handling_seconds{actor="/router"}': 0.012,
      'troupe_actor_restarts_total{actor="/router"}': 1,
      'troupe_actor_failures_total{actor="/router"}': 2,
      'troupe_dead_letters_total{reason="mailbox-full"}': 3,
      'troupe_store_commits_total{driver="lmdb"}': 100,
      'troupe_store_conflicts_total{driver="lmdb"}': 4,
      'troupe_store_failed_commits_total{driver="lmdb"}': 1,
      'troupe_store_outstanding_writes{driver="lmdb"}': 9,
      'troupe_store_quarantined_records{driver="lmdb"}': 2,
      'troupe_jobs{function="hello",status="retrying"}': 3,
      'troupe_jobs_ended_total{function="hello",status="succeeded"}': 9,
      'troupe_queue_paused{function="hello"}': 1,
      troupe_log_lines_total: 42,
    };
    for (const [name, value] of Object.entries(expected)) expect([name, samples.get(name)]).toEqual([name, value]);
  });

  it('have a histogram of durations whose buckets add up', async () => {
    const { metrics, samples } = await scrape(BUSY);
    expect(metrics.get('troupe_invocation_duration_seconds')?.type).toBe('histogram');
    const bucket = (le: string) =>
      samples.get(`troupe_invocation_duration_seconds_bucket{function="hello",le="${le}"}`);
    expect([bucket('0.00025'), bucket('0.0005'), bucket('0.5'), bucket('1'), bucket('60'), bucket('+Inf')]).toEqual([
      0, 3, 3, 5, 5, 6,
    ]);
    expect(samples.get('troupe_invocation_duration_seconds_count{function="hello"}')).toBe(6);
    expect(samples.get('troupe_invocation_duration_seconds_sum{function="hello"}')).toBe(1.2345);
  });

  it('leave out what is not known', async () => {
    const { samples } = await scrape(BUSY);
    const names = [...samples.keys()];
    expect(names.filter((name) => /worker_resident|_resident_bytes\{agent="agent-2"/.test(name))).toEqual([]);
  });

  it('keep nothing from one scrape to the next', async () => {
    await scrape(BUSY);
    const { metrics, samples } = await scrape(EMPTY);
    expect(metrics.has('troupe_invocations_total')).toBe(false);
    expect([...samples.keys()].filter((name) => name.includes('hello'))).toEqual([]);
    expect(samples.get('troupe_log_lines_total')).toBe(0);
  });

  it('of the process have the names that all Prometheus clients use, and all others begin with troupe_', async () => {
    const { metrics, samples } = await scrape(EMPTY);
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(10 * MIB);
    expect(samples.get('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(samples.get('process_start_time_seconds')).toBeGreaterThan(1.6e9);
    expect([...metrics.keys()].filter((name) => !/^(troupe|process|nodejs)_/.test(name))).toEqual([]);
  });

  it('escape what a label may hold', async () => {
    const [actor] = BUSY.actors;
    if (!actor) throw new Error('no actor');
    const { samples } = await scrape({ ...EMPTY, actors: [{ ...actor, path: '/a"b\\c\nd' }] });
    expect(samples.get('troupe_actor_mailbox_depth{actor="/a\\"b\\\\c\\nd"}')).toBe(7);
  });
});
