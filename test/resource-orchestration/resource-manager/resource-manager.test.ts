import { describe, expect, it } from 'vitest';
import { AGENT_DRAIN_MS, AGENT_LEASE_MS } from '../../../src/resource-orchestration/resource-manager/agent-pool.ts';
import { NEED_RETRY_MS } from '../../../src/resource-orchestration/resource-manager/room-needs.ts';
import { openMemoryStore } from '../../../src/store/memory-store.ts';
import { ClusterHarness, type HarnessOptions, RecordingOwner } from './cluster-harness.ts';

const SETTLE_MS = 100;

/** A cluster whose agents are ready. */
async function ready(options: HarnessOptions): Promise<ClusterHarness> {
  const cluster = new ClusterHarness(options);
  await cluster.clock.advance(10);
  return cluster;
}

const names = async (cluster: ClusterHarness, prefix = '') =>
  (await cluster.naming.ask('list', { prefix })).map(({ name }) => name);

describe('resource manager: claims', () => {
  it('places a claim, starts its worker on an agent and tells the owner', async () => {
    const cluster = await ready({ budgetsMb: [512] });
    cluster.claim('c1', { group: 'thumbnail@3' });
    await cluster.clock.advance(SETTLE_MS);

    const worker = cluster.owner.running.get('c1');
    expect(worker).toMatchObject({
      workerId: 'thumbnail-3-1',
      agentId: 'a1',
      claimedAtMs: 10,
      placedAtMs: 10,
      startedAtMs: 30,
    });
    const { nodes, claims } = await cluster.snapshot();
    expect(nodes).toEqual([
      { agentId: 'a1', kind: 'process', state: 'ready', budgetMb: 512, chargedMb: 128, restarts: 0, pid: 4242 },
    ]);
    expect(claims).toEqual([
      {
        claimId: 'c1',
        group: 'thumbnail@3',
        state: 'running',
        workerId: 'thumbnail-3-1',
        agentId: 'a1',
        restarts: 0,
      },
    ]);
    expect(await names(cluster)).toEqual(['agents/a1', 'instances/thumbnail-3-1']);
  });

  it('places what was claimed before any agent was ready', async () => {
    const cluster = new ClusterHarness({ budgetsMb: [512], behaviour: { readyMs: 5_000 } });
    cluster.claim('c1');
    await cluster.clock.advance(4_999);
    expect(cluster.owner.starts).toEqual([]);
    await cluster.clock.advance(SETTLE_MS);
    expect([...cluster.owner.running.keys()]).toEqual(['c1']);
  });

  it('stops the worker of a released claim and gives its room back only when it has ended', async () => {
    const cluster = await ready({ budgetsMb: [128], behaviour: { stopMs: 500 } });
    cluster.claim('c1');
    await cluster.clock.advance(SETTLE_MS);
    cluster.release('c1');
    cluster.claim('c2');
    await cluster.clock.advance(499);
    expect(cluster.owner.running.has('c2')).toBe(false);
    expect(cluster.owner.delays).toMatchObject([{ claimId: 'c2', reason: 'no-room' }]);
    expect(cluster.owner.needs).toEqual([]);
    await cluster.clock.advance(SETTLE_MS);
    expect(cluster.owner.running.has('c2')).toBe(true);
    expect(await names(cluster, 'instances/')).toEqual(['instances/hello-1-2']);
  });

  it('releases a claim that starts or waits, and ignores one that it does not know', async () => {
    const cluster = await ready({ budgetsMb: [128] });
    cluster.claim('c1');
    cluster.claim('c2');
    await cluster.clock.advance(5);
    for (const claimId of ['c1', 'c2', 'unknown']) cluster.release(claimId);
    await cluster.clock.advance(SETTLE_MS);
    expect(cluster.owner.starts).toEqual([]);
    expect(await cluster.snapshot()).toMatchObject({ nodes: [{ chargedMb: 0 }], claims: [] });
    expect(cluster.agent('a1').workers.size).toBe(0);
  });

  it('says that a claim is impossible when no agent is large enough, and refuses claims over its limit', async () => {
    const cluster = await ready({ budgetsMb: [128, 256], maxClaims: 1 });
    cluster.claim('large', { memoryMb: 257 });
    cluster.claim('one-too-many');
    await cluster.clock.advance(SETTLE_MS);
    expect(cluster.owner.delays).toMatchObject([
      { claimId: 'one-too-many', reason: 'impossible', error: { code: 'OVERLOADED' } },
      { claimId: 'large', reason: 'impossible' },
    ]);
  });

  it('waits for the agent that is large enough while it is being replaced', async () => {
    const cluster = await ready({ budgetsMb: [128, 512] });
    cluster.agent('a2').die();
    cluster.claim('c1', { memoryMb: 512 });
    await cluster.clock.advance(SETTLE_MS);
    expect(cluster.owner.running.get('c1')).toMatchObject({ agentId: 'a3' });
  });

  it('survives an owner that throws at every call', async () => {
    const cluster = await ready({ budgetsMb: [256] });
    const broken = new Proxy(new RecordingOwner(), {
      get: () => () => {
        throw new Error('broken owner');
      },
    });
    cluster.claim('broken', {}, broken);
    cluster.claim('fine');
    await cluster.clock.advance(SETTLE_MS);
    cluster.agent('a1').die();
    await cluster.clock.advance(SETTLE_MS);
    expect(cluster.owner.losses).toHaveLength(1);
    expect(cluster.owner.running.has('fine')).toBe(true);
    expect(cluster.failures).toEqual([]);
  });

  it('never gives a worker id twice, also after a restart of the host', async () => {
    const store = await openMemoryStore();
    const settings = store.database('settings');
    const ids: (string | undefined)[] = [];
    for (const _run of [1, 2]) {
      const cluster = await ready({ budgetsMb: [512], settings });
      for (const claimId of ['c1', 'c2']) cluster.claim(claimId);
      await cluster.clock.advance(SETTLE_MS);
      ids.push(...cluster.owner.starts.map(({ workerId }) => workerId));
      await cluster.system.shutdown(1_000);
    }
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(4);
  });

  it('gives a worker another id when somebody else holds its name', async () => {
    const cluster = await ready({ budgetsMb: [512] });
    await cluster.naming.ask('register', { name: 'instances/hello-1-1', holder: {} });
    cluster.claim('c1');
    await cluster.clock.advance(SETTLE_MS);
    expect(cluster.owner.starts.map(({ workerId }) => workerId)).toEqual(['hello-1-2']);
    expect(cluster.agent('a1').workers.size).toBe(1);
  });

  it('shows the latest samples', async () => {
    const cluster = await ready({ budgetsMb: [512] });
    cluster.claim('c1');
    await cluster.clock.advance(2_000);
    expect(await cluster.snapshot()).toMatchObject({
      nodes: [{ sample: { residentMb: 50, cpu: 0.1 } }],
      claims: [{ sample: { heapUsedMb: 10, cpu: 0.1 } }],
    });
  });

  it('shuts its agents down when it stops', async () => {
    const cluster = await ready({ budgetsMb: [512, 512] });
    cluster.claim('c1');
    await cluster.clock.advance(SETTLE_MS);
    await cluster.system.shutdown(1_000);
    expect(cluster.liveAgents).toEqual([]);
    expect(cluster.agents.size).toBe(2);
  });
});

describe('resource manager: losses', () => {
  it('replaces a crashed worker at once, under a new id', async () => {
    const cluster = await ready({ budgetsMb: [512] });
    cluster.claim('c1');
    await cluster.clock.advance(SETTLE_MS);
    const error = { name: 'RangeError', message: 'boom' };
    cluster.agent('a1').crash('hello-1-1', 'out-of-memory', error);
    await cluster.clock.advance(25);
    expect(cluster.owner.losses).toEqual([{ claimId: 'c1', workerId: 'hello-1-1', reason: 'out-of-memory', error }]);
    expect(cluster.owner.running.get('c1')).toMatchObject({ workerId: 'hello-1-2', claimedAtMs: 110 });
    expect((await cluster.snapshot()).claims).toMatchObject([{ restarts: 1 }]);
    expect(await names(cluster, 'instances/')).toEqual(['instances/hello-1-2']);
  });

  it('backs off from a group that crashes at start, and not from others', async () => {
    const cluster = await ready({
      budgetsMb: [4_096],
      behaviour: { failsAtStart: ({ group }) => group === 'broken@1' },
    });
    for (let n = 0; n < 10; n++) cluster.claim(`broken-${n}`, { group: 'broken@1' });
    cluster.claim('fine');
    await cluster.clock.advance(60_000);
    const attempts = cluster.agent('a1').started.filter(({ spec }) => spec.group === 'broken@1');
    // Two bursts of all ten, then one at a time with growing waits.
    expect(attempts.length).toBeGreaterThan(21);
    expect(attempts.length).toBeLessThan(35);
    expect(cluster.owner.running.has('fine')).toBe(true);
    expect(cluster.owner.delays.length).toBeGreaterThan(0);
    for (const delay of cluster.owner.delays) {
      expect(delay).toMatchObject({ reason: 'backing-off', error: { message: 'start-failed' } });
      expect(delay.retryInMs).toBeGreaterThan(0);
    }
  });

  it('lets a group in again, all at once, when one of its workers is approved', async () => {
    let isBroken = true;
    const cluster = await ready({ budgetsMb: [4_096], behaviour: { failsAtStart: () => isBroken } });
    for (let n = 0; n < 10; n++) cluster.claim(`c${n}`);
    cluster.owner.onStarted = ({ claimId, workerId }) => cluster.manager.tell('approve', { claimId, workerId });
    await cluster.clock.advance(5_000);
    expect(cluster.owner.running.size).toBe(0);
    isBroken = false;
    await cluster.clock.advance(15_000);
    expect(cluster.owner.running.size).toBe(10);
  });

  it('stops and replaces a rejected worker, with back-off from the second time on', async () => {
    const cluster = await ready({ budgetsMb: [512] });
    const error = { name: 'SyntaxError', message: 'unexpected token' };
    cluster.owner.onStarted = ({ claimId, workerId }) =>
      cluster.manager.tell('reject', { claimId, workerId, reason: 'start-failed', error });
    cluster.claim('c1');
    await cluster.clock.advance(60_000);
    expect(cluster.owner.starts.length).toBeGreaterThan(4);
    expect(cluster.owner.starts.length).toBeLessThan(15);
    expect(cluster.owner.losses).toEqual([]);
    expect(cluster.owner.delays[0]).toMatchObject({ reason: 'backing-off', error });
    const [first] = cluster.owner.starts;
    cluster.manager.tell('reject', { claimId: 'c1', workerId: first?.workerId ?? '', reason: 'crashed' });
    expect(await cluster.snapshot()).toMatchObject({ nodes: [{ chargedMb: 0 }], claims: [{ state: 'backing-off' }] });
  });

  it('does not let the claims of a failing group wait for one that was released', async () => {
    let isBroken = true;
    const cluster = await ready({
      budgetsMb: [512],
      behaviour: { failsAtStart: () => isBroken, startMs: () => (isBroken ? 20 : 25_000) },
    });
    for (const claimId of ['c1', 'c2']) cluster.claim(claimId);
    await cluster.clock.advance(50);
    isBroken = false;
    await cluster.clock.advance(1_000);
    const probe = (await cluster.snapshot()).claims.filter(({ state }) => state === 'starting');
    expect(probe).toHaveLength(1);
    cluster.release(probe[0]?.claimId ?? '');
    await cluster.clock.advance(0);
    expect((await cluster.snapshot()).claims).toMatchObject([{ state: 'starting' }]);
  });
});

describe('resource manager: agents', () => {
  it('replaces a lost agent under a new id, and what ran on it without back-off', async () => {
    const cluster = await ready({ budgetsMb: [512] });
    for (const claimId of ['c1', 'c2']) cluster.claim(claimId);
    await cluster.clock.advance(SETTLE_MS);
    cluster.agent('a1').die();
    await cluster.clock.advance(SETTLE_MS);
    expect(cluster.owner.losses.map(({ reason }) => reason)).toEqual(['agent-lost', 'agent-lost']);
    expect([...cluster.owner.running.values()]).toMatchObject([{ agentId: 'a2' }, { agentId: 'a2' }]);
    expect(await cluster.snapshot()).toMatchObject({ nodes: [{ agentId: 'a2', chargedMb: 256, restarts: 1 }] });
    expect(await names(cluster)).toEqual(['agents/a2', 'instances/hello-1-3', 'instances/hello-1-4']);
  });

  it('backs off from an agent that keeps going down', async () => {
    const cluster = await ready({ budgetsMb: [512] });
    for (let second = 0; second < 600; second++) {
      for (const agent of cluster.liveAgents) agent.die();
      await cluster.clock.advance(100);
    }
    expect(cluster.agents.size).toBeGreaterThan(5);
    expect(cluster.agents.size).toBeLessThan(16);
  });

  it('replaces at once an agent that goes down again and again after its workers did their work', async () => {
    const cluster = await ready({ budgetsMb: [512] });
    cluster.owner.onStarted = ({ claimId, workerId }) => cluster.manager.tell('approve', { claimId, workerId });
    cluster.claim('c1');
    for (let loss = 0; loss < 10; loss++) {
      await cluster.clock.advance(SETTLE_MS);
      expect(cluster.owner.running.has('c1')).toBe(true);
      for (const agent of cluster.liveAgents) agent.die();
    }
    expect(cluster.agents.size).toBeGreaterThanOrEqual(10);
  });

  it('ends an agent whose lease expires, and tells the watchers of its name', async () => {
    const cluster = await ready({ budgetsMb: [512] });
    cluster.claim('c1');
    await cluster.clock.advance(2_500);
    cluster.agent('a1').isSilent = true;
    await cluster.clock.advance(AGENT_LEASE_MS + 2_000);
    expect(cluster.agent('a1').wasKilled).toBe(true);
    expect(cluster.nameEvents).toContainEqual({
      type: 'expired',
      record: expect.objectContaining({ name: 'agents/a1' }),
    });
    await cluster.clock.advance(SETTLE_MS);
    expect(cluster.owner.losses).toMatchObject([{ claimId: 'c1', reason: 'agent-lost' }]);
    expect(cluster.owner.running.get('c1')).toMatchObject({ agentId: 'a2' });
  });

  it('keeps an idle agent, which sends no heartbeats, and one that was only late', async () => {
    const cluster = await ready({ budgetsMb: [512] });
    await cluster.clock.advance(600_000);
    cluster.claim('c1');
    await cluster.clock.advance(2_500);
    const agent = cluster.agent('a1');
    agent.isSilent = true;
    await cluster.clock.advance(AGENT_LEASE_MS);
    agent.isSilent = false;
    await cluster.clock.advance(60_000);
    expect(agent.wasKilled).toBe(false);
    expect(await names(cluster, 'agents/')).toEqual(['agents/a1']);
  });

  it('drains an impaired agent: owners move their claims, those that start move by themselves, and it ends empty', async () => {
    const cluster = await ready({ budgetsMb: [512], behaviour: { startMs: () => 50 } });
    cluster.claim('running');
    await cluster.clock.advance(SETTLE_MS);
    cluster.claim('starting');
    await cluster.clock.advance(5);
    cluster.agent('a1').impair();
    await cluster.clock.advance(SETTLE_MS);
    expect(cluster.owner.evictions).toEqual(['running']);
    expect(cluster.owner.running.get('starting')).toMatchObject({ agentId: 'a2' });
    expect(await cluster.snapshot()).toMatchObject({
      nodes: [
        { agentId: 'a1', state: 'draining', chargedMb: 128 },
        { agentId: 'a2', state: 'ready', chargedMb: 128 },
      ],
    });
    cluster.release('running');
    cluster.claim('moved');
    await cluster.clock.advance(SETTLE_MS);
    expect(cluster.agent('a1').isGone).toBe(true);
    expect(cluster.owner.running.get('moved')).toMatchObject({ agentId: 'a2' });
    expect(cluster.owner.losses).toEqual([]);
    expect(await names(cluster, 'agents/')).toEqual(['agents/a2']);
  });

  it('charges an abandoned worker until its agent is gone, and takes the agent down when draining takes too long', async () => {
    const cluster = await ready({ budgetsMb: [384] });
    for (const claimId of ['stuck', 'slow']) cluster.claim(claimId);
    await cluster.clock.advance(SETTLE_MS);
    const stuck = cluster.owner.running.get('stuck')?.workerId ?? '';
    cluster.agent('a1').crash(stuck, 'abandoned');
    cluster.agent('a1').impair();
    await cluster.clock.advance(SETTLE_MS);
    // The replacement takes the last 128 MiB: the slot has one budget, however many agents share it.
    expect(cluster.owner.running.get('stuck')).toMatchObject({ agentId: 'a2' });
    cluster.claim('waiting');
    await cluster.clock.advance(SETTLE_MS);
    expect(cluster.owner.running.has('waiting')).toBe(false);
    await cluster.clock.advance(AGENT_DRAIN_MS);
    expect(cluster.agent('a1').wasKilled).toBe(true);
    expect(cluster.owner.losses.map(({ claimId, reason }) => [claimId, reason])).toEqual([
      ['stuck', 'abandoned'],
      ['slow', 'agent-lost'],
    ]);
    expect([...cluster.owner.running.values()].map(({ agentId }) => agentId)).toEqual(['a2', 'a2', 'a2']);
  });
});

describe('resource manager: agents of the host itself', () => {
  it('leaves an inline agent in its place when it is impaired, with what it abandoned charged', async () => {
    const cluster = await ready({ budgetsMb: [384], behaviour: { kind: 'inline' } });
    for (const claimId of ['stuck', 'other']) cluster.claim(claimId);
    await cluster.clock.advance(SETTLE_MS);
    const stuck = cluster.owner.running.get('stuck')?.workerId ?? '';
    cluster.agent('a1').crash(stuck, 'abandoned');
    cluster.agent('a1').impair();
    await cluster.clock.advance(2 * AGENT_DRAIN_MS);
    expect(cluster.owner.evictions).toEqual([]);
    expect(cluster.owner.running.get('stuck')).toMatchObject({ agentId: 'a1' });
    expect(await cluster.snapshot()).toMatchObject({ nodes: [{ agentId: 'a1', state: 'ready', chargedMb: 384 }] });
  });

  it('takes an agent that cannot start a worker for a worker that did not start', async () => {
    let isFull = true;
    const onStart = () => {
      if (isFull) throw new Error('no more threads');
    };
    const cluster = await ready({ budgetsMb: [512], behaviour: { onStart } });
    cluster.claim('c1');
    await cluster.clock.advance(SETTLE_MS);
    expect(cluster.owner.losses[0]).toMatchObject({ reason: 'start-failed', error: { message: 'no more threads' } });
    isFull = false;
    await cluster.clock.advance(1_000);
    expect(cluster.owner.running.has('c1')).toBe(true);
  });
});

describe('resource manager: room', () => {
  it('asks for victims once, evicts the chosen ones, and places the claim in their room', async () => {
    const cluster = await ready({ budgetsMb: [512] });
    for (const claimId of ['c1', 'c2', 'c3', 'c4']) cluster.claim(claimId);
    await cluster.clock.advance(SETTLE_MS);
    cluster.owner.onNeed = ({ needId }) =>
      cluster.offer(needId, [{ claimId: 'c2' }, { claimId: 'c3', coldStartMs: 1 }]);
    cluster.owner.onEvict = (claimId) => cluster.release(claimId);
    cluster.claim('c5');
    await cluster.clock.advance(SETTLE_MS);
    expect(cluster.owner.needs).toEqual([{ needId: 1, agentId: 'a1', shortMb: 128 }]);
    expect(cluster.owner.evictions).toEqual(['c3']);
    expect([...cluster.owner.running.keys()]).toEqual(['c1', 'c2', 'c4', 'c5']);
  });

  it('has one need open at a time for an agent, however many claims wait', async () => {
    const cluster = await ready({ budgetsMb: [256] });
    for (let n = 0; n < 50; n++) cluster.claim(`c${n}`);
    await cluster.clock.advance(NEED_RETRY_MS / 2);
    expect(cluster.owner.needs).toHaveLength(1);
    await cluster.clock.advance(10 * NEED_RETRY_MS);
    expect(cluster.owner.needs.length).toBeLessThan(60);
    expect(cluster.owner.evictions).toEqual([]);
  });

  it('asks on the next agent when nobody gives way on the first', async () => {
    const cluster = await ready({ budgetsMb: [256, 256] });
    for (let n = 0; n < 4; n++) cluster.claim(`c${n}`);
    await cluster.clock.advance(SETTLE_MS);
    const idle = [...cluster.owner.running.values()].find(({ agentId }) => agentId === 'a2')?.claimId ?? '';
    cluster.owner.onNeed = ({ needId }) => cluster.offer(needId, [{ claimId: idle }]);
    cluster.owner.onEvict = (claimId) => cluster.release(claimId);
    cluster.claim('late');
    await cluster.clock.advance(SETTLE_MS);
    expect(cluster.owner.needs.map(({ agentId }) => agentId)).toEqual(['a1', 'a2']);
    expect(cluster.owner.running.get('late')).toMatchObject({ agentId: 'a2' });
  });

  it('asks again later while everybody is busy', async () => {
    const cluster = await ready({ budgetsMb: [128] });
    cluster.claim('busy');
    await cluster.clock.advance(SETTLE_MS);
    let isIdle = false;
    cluster.owner.onNeed = ({ needId }) => cluster.offer(needId, isIdle ? [{ claimId: 'busy' }] : []);
    cluster.owner.onEvict = (claimId) => cluster.release(claimId);
    cluster.claim('waiting');
    await cluster.clock.advance(3 * NEED_RETRY_MS);
    expect(cluster.owner.running.has('waiting')).toBe(false);
    isIdle = true;
    await cluster.clock.advance(2 * NEED_RETRY_MS);
    expect(cluster.owner.running.has('waiting')).toBe(true);
  });

  it('gives room that appears to the most important claim, then to the earliest', async () => {
    const cluster = await ready({ budgetsMb: [128], behaviour: { startMs: () => 1, stopMs: 1 } });
    cluster.claim('first');
    await cluster.clock.advance(10);
    cluster.claim('background', { priority: 'background' });
    cluster.claim('normal-1');
    cluster.claim('normal-2');
    cluster.claim('high', { priority: 'high' });
    await cluster.clock.advance(10);
    const order: string[] = [];
    cluster.owner.onStarted = ({ claimId }) => {
      order.push(claimId);
      cluster.release(claimId);
    };
    cluster.release('first');
    await cluster.clock.advance(SETTLE_MS);
    expect(order).toEqual(['high', 'normal-1', 'normal-2', 'background']);
  });
});
