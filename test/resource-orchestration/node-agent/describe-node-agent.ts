/** What holds for every agent, inline or in a child process. Needs `dist/`: workers run compiled code. */
import { afterEach, describe, expect, it } from 'vitest';
import type { AgentLink, WorkerKind } from '../../../src/resource-orchestration/node-agent/protocol.ts';
import { until } from '../../support/until.ts';
import { AgentHarness, DOES_NOT_LOAD, isAlive, LOADS_FOR_EVER, spec } from './agent-harness.ts';

export function describeNodeAgent(name: string, makeLink: (agentId: string) => AgentLink): void {
  describe(name, () => {
    const harnesses: AgentHarness[] = [];
    const startAgent = (agentId = 'a1') => {
      const harness = new AgentHarness(makeLink(agentId));
      harnesses.push(harness);
      return harness;
    };
    afterEach(async () => {
      await Promise.all(harnesses.splice(0).map(({ link }) => link.shutdown(0)));
    });

    describe.each<WorkerKind>(['thread', 'process'])('with a %s', (kind) => {
      it('starts it, loads a function into it, calls it and stops it, and tells so in this order', async () => {
        const agent = startAgent();
        await agent.start('w1', spec(kind));
        expect(await agent.specialise('w1')).toMatchObject({ kind: 'ready', manifest: { shape: 'value' } });
        expect(await agent.value('w1', 'echo', { value: [1, 'two'] })).toEqual([1, 'two']);
        agent.link.stopWorker('w1', 5_000);
        expect(await agent.stopped('w1')).toEqual({ type: 'workerStopped', workerId: 'w1', reason: 'requested' });
        const order = agent.events.filter(({ type }) => type !== 'heartbeat').map(({ type }) => type);
        expect(order).toEqual(['agentReady', 'workerStarted', 'workerStopped']);
      });

      it('lets the calls inside finish when it is stopped with grace', async () => {
        const agent = startAgent();
        await agent.startReady('w1', spec(kind));
        const answer = agent.call('w1', 'wait', { forMs: 150 });
        agent.link.stopWorker('w1', 10_000);
        expect(await answer).toEqual({ kind: 'value', value: 'waited' });
        expect(await agent.stopped('w1')).toMatchObject({ reason: 'requested' });
      });

      it('ends by force a worker that does not end within its grace', async () => {
        const agent = startAgent();
        await agent.startReady('w1', spec(kind));
        const answer = agent.call('w1', 'loop');
        agent.link.stopWorker('w1', 50);
        expect(await agent.stopped('w1')).toMatchObject({ reason: 'requested' });
        expect(await answer).toMatchObject({ kind: 'closed', error: { code: 'CHANNEL_CLOSED' } });
      });

      it('reports what a function throws while it loads, and keeps the worker', async () => {
        const agent = startAgent();
        await agent.start('w1', spec(kind));
        expect(await agent.specialise('w1', DOES_NOT_LOAD)).toMatchObject({
          kind: 'failed',
          error: { message: expect.stringContaining('no such luck') },
        });
        expect(agent.events.some(({ type }) => type === 'workerStopped')).toBe(false);
      });

      it.each([
        ['throwLater', 'thrown from a timer'],
        ['rejectUnhandled', 'nobody handles me'],
      ])('tells a crash with its error, and ends the call inside with it: %s', async (deed, message) => {
        const agent = startAgent();
        await agent.startReady('w1', spec(kind));
        const answer = agent.call('w1', deed);
        expect(await agent.stopped('w1')).toMatchObject({ reason: 'crashed', error: { name: 'RangeError', message } });
        expect(await answer).toMatchObject({ kind: 'closed', error: { code: 'INSTANCE_CRASHED' } });
      });

      it('delivers what it has answered before it ended, and only then tells its end', async () => {
        const agent = startAgent();
        await agent.startReady('w1', spec(kind));
        const values = Array.from({ length: 200 }, (_, index) => agent.call('w1', 'echo', { value: index }));
        const last = agent.call('w1', 'exit', { code: 0 });
        expect(await agent.stopped('w1')).toMatchObject({ reason: 'exited' });
        expect(await Promise.all(values)).toEqual(values.map((_, value) => ({ kind: 'value', value })));
        expect(await last).toMatchObject({ kind: 'closed', error: { code: 'INSTANCE_CRASHED' } });
      });

      it('tells process.exit from a crash, and only the instance ends', async () => {
        const agent = startAgent();
        await agent.startReady('w1', spec(kind));
        await agent.startReady('w2', spec(kind));
        const answer = agent.call('w1', 'exit', { code: 3 });
        expect(await agent.stopped('w1')).toMatchObject({ reason: 'exited', error: { details: { exitCode: 3 } } });
        expect(await answer).toMatchObject({ kind: 'closed', error: { code: 'INSTANCE_CRASHED' } });
        expect(await agent.value('w2', 'echo', { value: 1 })).toBe(1);
      });

      it.each(['growHeap', 'holdBuffersAtOnce', 'holdBuffersSlowly'])(
        'ends a worker over its memory limit as out of memory, and only that one: %s',
        async (deed) => {
          const agent = startAgent();
          await agent.startReady('w1', spec(kind, { memoryMb: 32 }));
          await agent.startReady('w2', spec(kind, { memoryMb: 32 }));
          const answer = agent.call('w1', deed);
          const neighbour = agent.call('w2', 'wait', { forMs: 300 });
          expect(await agent.stopped('w1')).toMatchObject({ reason: 'out-of-memory' });
          expect(await answer).toMatchObject({ kind: 'closed', error: { code: 'OUT_OF_MEMORY' } });
          expect(await neighbour).toEqual({ kind: 'value', value: 'waited' });
          expect(agent.events.some(({ type }) => type === 'agentLost' || type === 'agentImpaired')).toBe(false);
        },
      );

      it('settles a load whose instance dies meanwhile', async () => {
        const agent = startAgent();
        await agent.start('w1', spec(kind));
        const outcome = agent.specialise('w1', LOADS_FOR_EVER);
        agent.link.stopWorker('w1', 50);
        expect(await outcome).toMatchObject({ kind: 'failed', error: { code: 'INSTANCE_CRASHED' } });
        expect(await agent.specialise('w1')).toMatchObject({ kind: 'failed', error: { code: 'INSTANCE_CRASHED' } });
      });

      it('sends heartbeats with what it uses while it has workers', async () => {
        const agent = startAgent();
        await agent.startReady('w1', spec(kind));
        const working = agent.call('w1', 'wait', { forMs: 2_500 });
        const [first, second] = await until(() => {
          const beats = agent.events.filter((event) => event.type === 'heartbeat');
          return beats.length >= 2 ? beats : undefined;
        });
        expect(first?.sample.residentMb).toBeGreaterThan(5);
        expect(second?.sample.eventLoopUtilization).toBeGreaterThanOrEqual(0);
        const [worker] = second?.sample.workers ?? [];
        expect(worker).toMatchObject({
          workerId: 'w1',
          heapUsedMb: expect.any(Number),
          externalMb: expect.any(Number),
        });
        expect(worker?.heapUsedMb).toBeGreaterThan(1);
        expect(worker?.cpu).toBeGreaterThanOrEqual(0);
        expect(worker?.residentMb === undefined).toBe(kind === 'thread');
        await working;
      });
    });

    it('kills the whole process group of a worker, grandchildren included', async () => {
      const agent = startAgent();
      await agent.startReady('w1', spec('process'));
      const grandchild = Number(await agent.value('w1', 'startGrandchild'));
      expect(isAlive(grandchild)).toBe(true);
      agent.link.stopWorker('w1', 0);
      await agent.stopped('w1');
      await until(() => !isAlive(grandchild), { what: 'the end of the grandchild' });
    });

    it('kills what a process worker has left when that ends by itself', async () => {
      const agent = startAgent();
      await agent.startReady('w1', spec('process'));
      const grandchild = Number(await agent.value('w1', 'startGrandchild'));
      void agent.call('w1', 'exit', { code: 0 });
      expect(await agent.stopped('w1')).toMatchObject({ reason: 'exited' });
      await until(() => !isAlive(grandchild), { what: 'the end of the grandchild' });
    });

    it.each(['abort', 'kill'])('survives a process worker that is ended by a signal: %s', async (deed) => {
      const agent = startAgent();
      await agent.startReady('w1', spec('process'));
      const answer = agent.call('w1', deed);
      expect(await agent.stopped('w1')).toMatchObject({ reason: 'crashed' });
      expect(await answer).toMatchObject({ kind: 'closed', error: { code: 'INSTANCE_CRASHED' } });
    });

    it('abandons a thread that is stuck where nothing can interrupt it, and is impaired from then on', async () => {
      const agent = startAgent();
      await agent.startReady('w1', spec('thread'));
      const answer = agent.call('w1', 'sleepInChild', { seconds: 4 });
      agent.link.stopWorker('w1', 500);
      expect(await agent.stopped('w1')).toMatchObject({ reason: 'abandoned' });
      expect(await answer).toMatchObject({ kind: 'closed', error: { code: 'INSTANCE_CRASHED' } });
      await agent.event('agentImpaired');
    });

    it('keeps two agents apart', async () => {
      const [one, two] = [startAgent('a1'), startAgent('a2')];
      await Promise.all([one.startReady('w1', spec('thread')), two.startReady('w1', spec('thread'))]);
      one.link.kill();
      await until(() => one.events.some(({ type }) => type === 'workerStopped' || type === 'agentLost'));
      expect(await two.value('w1', 'echo', { value: 'here' })).toBe('here');
      expect(two.events.some(({ type }) => type === 'workerStopped' || type === 'agentLost')).toBe(false);
    });

    it('leaves no process behind when it is shut down', async () => {
      const agent = startAgent();
      await agent.startReady('w1', spec('process'));
      const pid = Number(await agent.value('w1', 'pid'));
      const grandchild = Number(await agent.value('w1', 'startGrandchild'));
      void agent.call('w1', 'loop');
      await agent.link.shutdown(50);
      expect(await agent.stopped('w1')).toMatchObject({ reason: 'requested' });
      await until(() => !isAlive(pid) && !isAlive(grandchild), { what: 'the end of both processes' });
    });
  });
}
