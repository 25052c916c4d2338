/** Spares of an agent, with real threads and processes. Needs `dist/`: workers run compiled code. */
import { afterEach, describe, expect, it } from 'vitest';
import { createChildAgent } from '../../../src/resource-orchestration/node-agent/child-agent.ts';
import { findEntryPoints } from '../../../src/resource-orchestration/node-agent/entry-points.ts';
import { createInlineAgent } from '../../../src/resource-orchestration/node-agent/inline-agent.ts';
import { until } from '../../support/until.ts';
import { AgentHarness, childrenOf, DOES_NOT_LOAD, ENDS_AT_START, isAlive, spec } from './agent-harness.ts';

const SPARES = { maxSpares: 2, memoryMb: 200 };
/** A fresh thread takes 20 ms and a process 80 at the very least. */
const AT_ONCE_MS = 5;

const harnesses: AgentHarness[] = [];
afterEach(() => Promise.all(harnesses.splice(0).map(({ link }) => link.shutdown(0))));

function inline(options: Partial<Parameters<typeof createInlineAgent>[0]> = {}): AgentHarness {
  const agent = new AgentHarness(createInlineAgent({ agentId: 'a1', spares: SPARES, ...options }));
  harnesses.push(agent);
  return agent;
}

function child(): AgentHarness {
  const agent = new AgentHarness(createChildAgent({ agentId: 'a1', spares: SPARES }));
  harnesses.push(agent);
  return agent;
}

/** Starts workers of this kind, each used once, until one took no time. */
async function startFromSpare(agent: AgentHarness, kind: 'thread' | 'process'): Promise<string> {
  let count = 0;
  return until(
    async () => {
      const workerId = `probe-${++count}`;
      agent.link.startWorker(workerId, spec(kind));
      const { startMs } = await agent.event('workerStarted', (event) => event.workerId === workerId);
      if (startMs < AT_ONCE_MS) return workerId;
      agent.link.stopWorker(workerId, 0);
      await agent.stopped(workerId);
      return undefined;
    },
    // Longer than a spare takes to come up: one that is not yet up is handed out all the same.
    { timeoutMs: 20_000, intervalMs: 400, what: 'a start from a spare' },
  );
}

describe.each([
  ['An inline agent', inline],
  ['A child agent', child],
])('%s with spares', (_, makeAgent) => {
  it.each(['thread', 'process'] as const)('starts a %s at once, and it works as any other', async (kind) => {
    const agent = makeAgent();
    const workerId = await startFromSpare(agent, kind);
    expect(await agent.specialise(workerId)).toMatchObject({ kind: 'ready', manifest: { shape: 'value' } });
    expect(await agent.value(workerId, 'echo', { value: 'hello' })).toBe('hello');
    agent.link.stopWorker(workerId, 1_000);
    expect(await agent.stopped(workerId)).toMatchObject({ reason: 'requested' });
  });

  it('tells of a worker that was a spare what it tells of any: its load that fails, its crash', async () => {
    const agent = makeAgent();
    const first = await startFromSpare(agent, 'thread');
    expect(await agent.specialise(first, DOES_NOT_LOAD)).toMatchObject({ kind: 'failed' });
    await agent.startReady('w2', spec('thread'));
    void agent.call('w2', 'throwLater');
    expect(await agent.stopped('w2')).toMatchObject({ reason: 'crashed', error: { name: 'RangeError' } });
  });
});

it('An agent starts nothing before it is asked for a worker', async () => {
  const agent = inline();
  await agent.event('agentReady');
  expect(childrenOf(process.pid)).toEqual([]);
});

it('An agent that keeps none starts each worker afresh', async () => {
  const agent = inline({ spares: { maxSpares: 0, memoryMb: 0 } });
  await agent.start('w1', spec('process'));
  const own = childrenOf(process.pid);
  agent.link.stopWorker('w1', 0);
  await agent.stopped('w1');
  expect(own).toHaveLength(1);
});

it('A spare is no worker: neither its end nor what it uses is told', async () => {
  const agent = inline();
  await agent.startReady('w1', spec('process'));
  const workerPid = Number(await agent.value('w1', 'pid'));
  const spare = await until(() => childrenOf(process.pid).find((pid) => pid !== workerPid), { what: 'a spare' });
  const { sample } = await agent.event('heartbeat');
  expect(sample.workers.map(({ workerId }) => workerId)).toEqual(['w1']);
  process.kill(spare, 'SIGKILL');
  // Dead is not enough: until it is reaped, nobody can know.
  await until(() => !childrenOf(process.pid).includes(spare));
  await agent.start('w2', spec('process'));
  expect(await agent.specialise('w2')).toMatchObject({ kind: 'ready' });
  expect(agent.events.some(({ type }) => type === 'workerStopped')).toBe(false);
});

it('Other sizes than those of the spares start afresh, with their own limit', async () => {
  const agent = inline();
  await startFromSpare(agent, 'thread');
  await agent.startReady('large', spec('thread', { memoryMb: 48 }));
  const answer = agent.call('large', 'growHeap');
  expect(await agent.stopped('large')).toMatchObject({ reason: 'out-of-memory' });
  expect(await answer).toMatchObject({ kind: 'closed', error: { code: 'OUT_OF_MEMORY' } });
});

it('The memory limit holds for a thread that was a spare', async () => {
  const agent = inline();
  const workerId = await startFromSpare(agent, 'thread');
  await agent.specialise(workerId);
  void agent.call(workerId, 'growHeap');
  expect(await agent.stopped(workerId)).toMatchObject({ reason: 'out-of-memory' });
});

it('A spare that does not come up is given up silently, and the worker after it is told of as ever', async () => {
  const agent = inline({ entryPoints: { ...findEntryPoints(), process: ENDS_AT_START } });
  await agent.start('w1', spec('thread'));
  agent.link.startWorker('w2', spec('process'));
  expect(await agent.stopped('w2')).toMatchObject({ reason: 'start-failed' });
  await until(() => childrenOf(process.pid).length === 0);
  expect(agent.events.filter(({ type }) => type === 'workerStopped')).toHaveLength(1);
});

it('No spare outlives its agent', async () => {
  const agent = inline();
  await agent.start('w1', spec('process'));
  await until(() => childrenOf(process.pid).length === 2, { what: 'a spare beside the worker' });
  const pids = childrenOf(process.pid);
  await agent.link.shutdown(0);
  await until(() => !pids.some(isAlive), { what: 'the end of both' });
});
