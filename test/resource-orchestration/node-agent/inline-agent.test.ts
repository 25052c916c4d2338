import { afterEach, expect, it } from 'vitest';
import { findEntryPoints } from '../../../src/resource-orchestration/node-agent/entry-points.ts';
import { createInlineAgent } from '../../../src/resource-orchestration/node-agent/inline-agent.ts';
import { AgentHarness, ENDS_AT_START, spec } from './agent-harness.ts';
import { describeNodeAgent } from './describe-node-agent.ts';

describeNodeAgent('An inline agent', (agentId) => createInlineAgent({ agentId }));

let agent: AgentHarness | undefined;
afterEach(() => agent?.link.shutdown(0));

it.each(['thread', 'process'] as const)('tells that a %s never came up: it ended', async (kind) => {
  const entryPoints = { ...findEntryPoints(), [kind]: ENDS_AT_START };
  agent = new AgentHarness(createInlineAgent({ agentId: 'a1', entryPoints }));
  agent.link.startWorker('w1', spec(kind));
  expect(await agent.stopped('w1')).toMatchObject({ reason: 'start-failed', error: { details: { exitCode: 9 } } });
  expect(agent.events.some(({ type }) => type === 'workerStarted')).toBe(false);
});

it('tells that a worker never came up: there is nothing to start', async () => {
  const entryPoints = { ...findEntryPoints(), thread: '/nowhere/thread.js' };
  agent = new AgentHarness(createInlineAgent({ agentId: 'a1', entryPoints }));
  agent.link.startWorker('w1', spec('thread'));
  expect(await agent.stopped('w1')).toMatchObject({ reason: 'start-failed' });
});

it('gives up on a worker that takes too long to come up', async () => {
  agent = new AgentHarness(createInlineAgent({ agentId: 'a1', startTimeoutMs: 1 }));
  agent.link.startWorker('w1', spec('thread'));
  expect(await agent.stopped('w1')).toMatchObject({
    reason: 'start-failed',
    error: { code: 'INSTANCE_START_FAILED' },
  });
});
