import { afterEach, describe, expect, it } from 'vitest';
import { createChildAgent } from '../../../src/resource-orchestration/node-agent/child-agent.ts';
import { until } from '../../support/until.ts';
import { AgentHarness, childrenOf, isAlive, LOADS_FOR_EVER, spec } from './agent-harness.ts';
import { describeNodeAgent } from './describe-node-agent.ts';

describeNodeAgent('An agent in a child process', (agentId) => createChildAgent({ agentId }));

it('A child agent whose threads hold more than its budget, while each keeps to its limit, is impaired', async () => {
  const agent = new AgentHarness(createChildAgent({ agentId: 'a1', memoryBudgetMb: 32 }));
  const ids = ['w1', 'w2', 'w3'];
  await Promise.all(ids.map((id) => agent.startReady(id, spec('thread', { memoryMb: 128 }))));
  void Promise.all(ids.map((id) => agent.call(id, 'holdSome', { megabytes: 90 })));
  expect((await agent.event('agentImpaired')).reason).toContain('budget is 32 MiB');
  expect(agent.events.some(({ type }) => type === 'workerStopped')).toBe(false);
  await agent.link.shutdown(0);
});

it('A child agent that does not come up is lost, and says what it printed', async () => {
  const agent = new AgentHarness(createChildAgent({ agentId: 'a1', entry: '/nowhere/agent-process.js' }));
  agent.link.startWorker('w1', spec('thread'));
  const answer = agent.call('w1', 'echo');
  const { error } = await agent.event('agentLost');
  expect(error).toMatchObject({
    code: 'AGENT_LOST',
    details: { stderr: expect.stringContaining('Cannot find module') },
  });
  expect(await answer).toMatchObject({ kind: 'closed', error: { code: 'AGENT_LOST' } });
  expect(agent.events).toHaveLength(1);
});

describe('The loss of a child agent', () => {
  let agent: AgentHarness;
  const start = () => {
    agent = new AgentHarness(createChildAgent({ agentId: 'a1' }));
    return agent.event('agentReady');
  };
  const losses = () => agent.events.filter(({ type }) => type === 'agentLost');
  afterEach(() => agent.link.shutdown(0));

  it('ends every call and load with AGENT_LOST and is told once, last', async () => {
    const { pid } = await start();
    await agent.startReady('w1', spec('thread'));
    await agent.startReady('w2', spec('process'));
    await agent.start('w3', spec('thread'));
    const answers = [agent.call('w1', 'wait', { forMs: 60_000 }), agent.call('w2', 'wait', { forMs: 60_000 })];
    const load = agent.specialise('w3', LOADS_FOR_EVER);
    process.kill(pid, 'SIGKILL');
    for (const answer of answers) expect(await answer).toMatchObject({ kind: 'closed', error: { code: 'AGENT_LOST' } });
    expect(await load).toMatchObject({ kind: 'failed', error: { code: 'AGENT_LOST' } });
    expect(await agent.event('agentLost')).toMatchObject({ error: { code: 'AGENT_LOST' } });
    expect(losses()).toHaveLength(1);
    expect(agent.events.at(-1)?.type).toBe('agentLost');
    expect(agent.events.some(({ type }) => type === 'workerStopped')).toBe(false);
    expect(await agent.specialise('w3')).toMatchObject({ kind: 'failed' });
  });

  it.each(['wait', 'loop'])('leaves no process behind, not even one that is in a %s', async (deed) => {
    const { pid } = await start();
    await agent.startReady('w1', spec('process'));
    const worker = Number(await agent.value('w1', 'pid'));
    const grandchild = Number(await agent.value('w1', 'startGrandchild'));
    void agent.call('w1', deed, { forMs: 60_000 });
    process.kill(pid, 'SIGKILL');
    await agent.event('agentLost');
    await until(() => !isAlive(worker) && !isAlive(grandchild), { what: 'the end of both processes' });
  });

  it('ends what a stuck thread has started', async () => {
    const { pid } = await start();
    await agent.startReady('w1', spec('thread'));
    void agent.call('w1', 'sleepInChild', { seconds: 300 });
    const [child] = await until(
      () => {
        const found = childrenOf(pid);
        return found.length > 0 ? found : undefined;
      },
      { what: 'the child of the thread' },
    );
    agent.link.kill();
    await agent.event('agentLost');
    await until(() => !isAlive(Number(child)), { what: 'the end of what the thread had started' });
  });

  it('is what a heap that V8 cannot limit comes to, and says so', async () => {
    await start();
    await agent.startReady('w1', spec('thread', { memoryMb: 16 }));
    const answer = agent.call('w1', 'fillArray');
    expect(await answer).toMatchObject({
      kind: 'closed',
      error: { code: expect.stringMatching(/AGENT_LOST|OUT_OF_MEMORY/) },
    });
  });

  it('is noticed when the process stands still', async () => {
    const { pid } = await start();
    await agent.startReady('w1', spec('thread'));
    process.kill(pid, 'SIGSTOP');
    const { error } = await agent.event('agentLost');
    expect(error.message).toContain('silent');
    expect(isAlive(pid)).toBe(false);
  });

  it('does not follow a shutdown, which ends the process', async () => {
    const { pid } = await start();
    await agent.startReady('w1', spec('thread'));
    await agent.link.shutdown(100);
    expect(agent.events.at(-1)).toMatchObject({ type: 'workerStopped', workerId: 'w1', reason: 'requested' });
    expect(losses()).toHaveLength(0);
    await until(() => !isAlive(pid));
  });
});
