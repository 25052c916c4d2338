/** The function layer as a whole, on a virtual clock: what its parts agree on, and what they leave behind when things go wrong. */
import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { EMPTY, FRAME_KINDS } from '../../src/transport/protocol.ts';
import { FunctionLayer, type FunctionLayerOptions } from '../support/function-layer.ts';

async function layerWith(options: FunctionLayerOptions = {}): Promise<FunctionLayer> {
  return FunctionLayer.start(options);
}

function agentOf(layer: FunctionLayer) {
  const [agent] = layer.agents;
  if (!agent) throw new Error('no agent');
  return agent;
}

describe('the function layer', () => {
  it('answers a cold call and a warm one, and holds nothing once the function is removed', async () => {
    const layer = await layerWith();
    await layer.deploy('f');
    const cold = layer.call('f');
    await layer.clock.advance(100);
    expect(cold).toMatchObject({ status: 'succeeded', result: 'done' });
    const warm = layer.call('f');
    await layer.clock.advance(10);
    expect(warm.status).toBe('succeeded');
    await layer.remove('f');
    await layer.clock.advance(1_000);
    expect(layer.workers()).toEqual([]);
    expect(await layer.claims()).toEqual([]);
    expect(await layer.routes()).toEqual([]);
    expect(layer.actorErrors).toEqual([]);
  });

  it('settles a call whose function was removed before its instance crashed', async () => {
    const layer = await layerWith();
    await layer.deploy('f', { idempotent: true });
    const inside = layer.call('f', { ms: 500, end: 'crash' });
    await layer.clock.advance(100);
    await layer.remove('f');
    await layer.clock.advance(1_000);
    expect(inside.status).toBe('INSTANCE_CRASHED');
    expect(await layer.claims()).toEqual([]);
  });

  it('takes a retried call to the version that is current by then', async () => {
    const layer = await layerWith();
    await layer.deploy('f', { idempotent: true });
    const retried = layer.call('f', { ms: 500, end: 'crash' });
    await layer.clock.advance(100);
    await layer.deploy('f', { idempotent: true, maxAttempts: 1 });
    await layer.clock.advance(3_000);
    expect(agentOf(layer).taken.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(agentOf(layer).loaded[1]?.functionVersion).toBe(2);
    expect(retried.status).toBe('INSTANCE_CRASHED');
  });

  it('does not run a stream again once a chunk of it went out', async () => {
    const layer = await layerWith();
    await layer.deploy('f', { idempotent: true });
    const stream = layer.caller.stream('f', { chunks: 3, ms: 50, end: 'crash' });
    const got: unknown[] = [];
    const read = (async () => {
      for await (const chunk of stream) got.push(chunk);
    })();
    await expect(layer.run(read)).rejects.toMatchObject({ code: 'INSTANCE_CRASHED' });
    expect(got).toEqual([0, 1, 2]);
    expect(agentOf(layer).taken).toHaveLength(1);
  });

  it('rejects a call whose result cannot be read', async () => {
    const layer = await layerWith();
    await layer.deploy('f');
    const call = layer.call('f', { end: 'hang' });
    await layer.clock.advance(100);
    const [workerId = ''] = layer.workers();
    const payload = Uint8Array.of(0xc1);
    agentOf(layer)
      .farEnd(workerId)
      .send({ kind: FRAME_KINDS.result, port: 0, call: 1, argument: 1, meta: EMPTY, payload });
    await layer.clock.advance(10);
    expect(call.status).toBe('RESULT_NOT_ENCODABLE');
  });

  it('fails a stream of which a chunk cannot be read, and stops the function', async () => {
    const layer = await layerWith();
    await layer.deploy('f');
    const next = layer.caller.stream('f', { end: 'hang' }).next();
    await layer.clock.advance(100);
    const [workerId = ''] = layer.workers();
    const payload = Uint8Array.of(0xc1);
    agentOf(layer)
      .farEnd(workerId)
      .send({ kind: FRAME_KINDS.chunk, port: 0, call: 1, argument: 0, meta: EMPTY, payload });
    await expect(layer.run(next)).rejects.toMatchObject({ code: 'RESULT_NOT_ENCODABLE' });
    await layer.clock.advance(10);
    expect((await layer.routes())[0]).toMatchObject({ inFlight: 0, ready: 1 });
  });

  it('fails the head of a response that ended without one', async () => {
    const layer = await layerWith();
    await layer.deploy('f');
    const { head } = layer.caller.http('f', { method: 'GET', url: 'http://x/', headers: [], body: EMPTY });
    await expect(layer.run(head)).rejects.toMatchObject({ code: 'FUNCTION_ERROR' });
  });

  it('replaces an instance that sends what is no frame, with its worker', async () => {
    const layer = await layerWith();
    await layer.deploy('f', { minInstances: 1 });
    const call = layer.call('f', { end: 'hang' });
    await layer.clock.advance(100);
    const [workerId = ''] = layer.workers();
    const meta = Uint8Array.of(0xc1);
    agentOf(layer)
      .farEnd(workerId)
      .send({ kind: FRAME_KINDS.failure, port: 0, call: 1, argument: 0, meta, payload: EMPTY });
    await layer.clock.advance(5_000);
    expect(call.status).toBe('INSTANCE_CRASHED');
    expect(layer.workers()).not.toContain(workerId);
    const instances = await layer.instances('f');
    expect(instances.map(({ instanceId }) => instanceId).sort()).toEqual(layer.workers().sort());
    expect(instances[0]?.state).toBe('ready');
  });

  it('replaces an instance whose channel closes while its worker lives on', async () => {
    const layer = await layerWith();
    await layer.deploy('f', { minInstances: 1 });
    await layer.clock.advance(100);
    const [workerId = ''] = layer.workers();
    agentOf(layer).farEnd(workerId).close();
    await layer.clock.advance(5_000);
    expect(layer.workers()).toHaveLength(1);
    expect(layer.workers()).not.toContain(workerId);
    const call = layer.call('f');
    await layer.clock.advance(50);
    expect(call.status).toBe('succeeded');
  });

  it('starts nothing for a function that is removed, whatever it was last told of it', async () => {
    const layer = await layerWith();
    await layer.deploy('f');
    await layer.remove('f');
    layer.deployer.tell('scale', { name: 'f', version: 1, instances: 2, demanded: true, reason: 'an old observation' });
    await layer.clock.advance(5_000);
    expect(await layer.claims()).toEqual([]);
    expect(layer.workers()).toEqual([]);
  });

  it('keeps the minimum of instances when an agent has to be emptied', async () => {
    const layer = await layerWith({ budgetsMb: [1_024, 1_024] });
    await layer.deploy('f', { minInstances: 2 });
    await layer.clock.advance(5_000);
    for (const agent of layer.agents) if (agent.workers.size > 0) agent.impair();
    await layer.clock.advance(20_000);
    expect(await layer.instances('f')).toHaveLength(2);
  });

  it('leaves instances that work, and the calls that wait for them, alone when one more does not start', async () => {
    let loads = 0;
    const layer = await layerWith({ behaviour: { load: () => ({ ms: 2, fails: ++loads > 1 }) } });
    await layer.deploy('f', { maxInstances: 5 });
    const first = layer.call('f', { ms: 200 });
    await layer.clock.advance(50);
    const others = [layer.call('f', { ms: 10 }), layer.call('f', { ms: 10 })];
    await layer.clock.advance(3_000);
    expect(loads).toBeGreaterThan(1);
    expect([first, ...others].map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(await layer.instances('f')).toMatchObject([{ state: 'ready' }]);
  });

  it('tells every call at once that a version with a minimum fits nowhere', async () => {
    const layer = await layerWith({ budgetsMb: [256] });
    await layer.deploy('f', { memoryMb: 512, minInstances: 1 });
    await layer.clock.advance(1_000);
    const call = layer.call('f');
    await layer.clock.advance(100);
    expect(call.status).toBe('NO_CAPACITY');
  });

  it('tells every call at once that a version does not start for now', async () => {
    const layer = await layerWith({ behaviour: { load: () => ({ ms: 2, fails: true }) } });
    await layer.deploy('f', { minInstances: 1 });
    await layer.clock.advance(60_000);
    for (let round = 0; round < 3; round++) {
      const call = layer.call('f');
      await layer.clock.advance(100);
      expect(call.status).toBe('INSTANCE_START_FAILED');
    }
    expect((await layer.claims()).length).toBeLessThanOrEqual(1);
  });

  it('lets the calls inside call others while it drains, and takes none from outside', async () => {
    const layer = await layerWith();
    await layer.deploy('outer');
    await layer.deploy('inner');
    const outer = layer.call('outer', { nested: { name: 'inner', script: { ms: 5 } } });
    // Cold: the nested call is made while the host drains.
    await layer.clock.advance(15);
    const drained = layer.router.ask('drain', { timeoutMs: 5_000 });
    await layer.clock.advance(1);
    const late = layer.call('outer');
    await layer.run(drained);
    await layer.clock.advance(1);
    expect(late.status).toBe('SHUTTING_DOWN');
    expect(outer).toMatchObject({ status: 'succeeded', result: 'done' });
  });

  it('gives up a draining instance whose only call was cancelled and does not stop', async () => {
    const layer = await layerWith();
    await layer.deploy('f', { timeoutMs: 3_600_000 });
    const controller = new AbortController();
    const call = layer.call('f', { end: 'deaf' }, { signal: controller.signal });
    await layer.clock.advance(100);
    await layer.deploy('f');
    controller.abort();
    await layer.clock.advance(5_000);
    expect(call.status).toBe('CANCELLED');
    expect(layer.workers()).toEqual([]);
    expect(await layer.claims()).toEqual([]);
  });

  it('gives up an instance that fails at its own work, with its worker, and answers the calls that wait', async () => {
    let loads = 0;
    const layer = await layerWith({
      behaviour: { load: () => ({ ms: 2, fails: ++loads === 1 }) },
      mapError: () => {
        throw new Error('no map');
      },
    });
    await layer.deploy('f');
    const call = layer.call('f');
    await layer.clock.advance(1_000);
    expect(layer.actorErrors[0]).toContain('no map');
    expect(call.status).toBe('INSTANCE_START_FAILED');
    expect(layer.workers()).toEqual([]);
    expect(await layer.claims()).toEqual([]);
    const next = layer.call('f');
    await layer.clock.advance(100);
    expect(next.status).toBe('succeeded');
  });

  it('survives a router that answers no more', async () => {
    const layer = await layerWith();
    await layer.deploy('f', { minInstances: 2 });
    await layer.clock.advance(5_000);
    layer.system.kill(layer.router);
    layer.deployer.tell('scale', { name: 'f', version: 1, instances: 0, demanded: false, reason: 'idle' });
    layer.deployer.tell('roomNeeded', { needId: 1, agentId: 'a1', shortMb: 64 });
    await layer.clock.advance(1_000);
    expect(await layer.instances('f')).toHaveLength(2);
    expect(layer.actorErrors).toEqual([]);
  });

  it('cancels every call under one signal, listens to it once, and to none that is done with', async () => {
    const layer = await layerWith();
    await layer.deploy('f', { concurrency: 100 });
    const controller = new AbortController();
    const { signal } = controller;
    const listeners = () => getEventListeners(signal, 'abort').length;
    const done = layer.call('f', {}, { signal });
    await layer.clock.advance(100);
    expect([done.status, listeners()]).toEqual(['succeeded', 1]);
    await layer.clock.advance(100);
    expect(listeners()).toBe(0);
    const calls = Array.from({ length: 20 }, () => layer.call('f', { end: 'hang' }, { signal }));
    await layer.clock.advance(10);
    expect(listeners()).toBe(1);
    controller.abort();
    await layer.clock.advance(10);
    expect(new Set(calls.map(({ status }) => status))).toEqual(new Set(['CANCELLED']));
  });

  it('observes only versions in which something is, however many there were', async () => {
    const layer = await layerWith();
    for (let version = 0; version < 50; version++) {
      await layer.deploy('f');
      layer.call('f');
      await layer.clock.advance(100);
    }
    await layer.clock.advance(100_000);
    await layer.run(layer.router.ask('observe', { leaders: new Set() }));
    expect(await layer.run(layer.router.ask('observe', { leaders: new Set() }))).toMatchObject([{ version: 50 }]);
    const pinned = layer.call('f', {}, { version: 7 });
    await layer.clock.advance(100);
    expect(pinned.status).toBe('succeeded');
    await layer.clock.advance(200_000);
    expect(await layer.instances('f')).toMatchObject([{ functionVersion: 50 }]);
  });
});
