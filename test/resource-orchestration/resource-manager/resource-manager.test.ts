import { describe, expect, it } from 'vitest';
import { ClusterHarness } from './cluster-harness.ts';

describe('resource manager', () => {
  it('places a claim, starts its worker on an agent and tells the owner', async () => {
    const cluster = new ClusterHarness({ budgetsMb: [512] });
    await cluster.clock.advance(10);
    cluster.claim('c1', { group: 'thumbnail@3' });
    await cluster.clock.advance(100);

    const worker = cluster.owner.running.get('c1');
    expect(worker).toMatchObject({ workerId: 'thumbnail-3-1', agentId: 'a1', claimedAtMs: 10, startedAtMs: 30 });
    const { nodes, claims } = await cluster.snapshot();
    expect(nodes).toEqual([
      expect.objectContaining({ agentId: 'a1', state: 'ready', budgetMb: 512, chargedMb: 128, restarts: 0, pid: 4242 }),
    ]);
    expect(claims).toEqual([expect.objectContaining({ claimId: 'c1', state: 'running', workerId: 'thumbnail-3-1' })]);
    const names = await cluster.naming.ask('list', { prefix: '' });
    expect(names.map(({ name }) => name)).toEqual(['agents/a1', 'instances/thumbnail-3-1']);
  });
});
