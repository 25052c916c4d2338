import { describe, expect, it } from 'vitest';
import type { FunctionConfig } from '../../src/config.ts';
import { until } from '../support/until.ts';
import { failureOf, PLACES, SharedHost } from './shared-host.ts';

/** Calls `name` `times` times, one after the other; answers the last result, or what it failed with. */
const LOOP = `export default async ({ name, times = 1, payload, options }, context) => {
  let last;
  for (let time = 0; time < times; time++) {
    last = await context.invoke(name, payload ?? time, options).then((value) => ({ value }), (error) => ({
      code: error.code, message: error.message, details: error.details, stack: error.cause?.stack }));
  }
  return last;
}`;

const THREADS = PLACES.filter(({ isolation }) => isolation === 'thread');

describe.each(THREADS)('functions that call each other again and again, in threads of an agent $agent', ({ agent }) => {
  const host = new SharedHost({ agent, maxCallDepth: 6 });

  const routeOf = async (name: string) => {
    const routes = (await host.troupe.stats()).routes.filter((route) => route.name === name);
    const sum = (of: 'inFlight' | 'leased' | 'ready') => routes.reduce((total, route) => total + route[of], 0);
    return { inFlight: sum('inFlight'), leased: sum('leased'), ready: sum('ready') };
  };
  const call = (caller: string, name: string, rest: object = {}) =>
    host.troupe.invoke<{ value?: unknown; code?: string; details?: object; message?: string; stack?: string }>(caller, {
      name,
      ...rest,
    });
  /** Until the caller has a lease on an instance of the other. */
  const lease = (caller: string, name: string, payload: unknown = null) =>
    until(async () => {
      await call(caller, name, { times: 3, payload });
      return (await routeOf(name)).leased > 0;
    });
  const pair = async (code: string, config: FunctionConfig = {}) => {
    const callee = await host.function(code, config);
    const caller = await host.function(LOOP);
    return { caller, callee };
  };
  const idle = async (name: string) => {
    await until(async () => (await routeOf(name)).inFlight === 0, { what: `no call and no lease on ${name}` });
  };

  it('lose no slot and no record in thousands of calls', async () => {
    const { caller, callee } = await pair(
      `export default (n, context) => { if (n === 1999) context.log.info('last'); return n + 1; }`,
    );
    expect(await call(caller, callee, { times: 2_000 })).toEqual({ value: 2_000 });
    expect((await routeOf(callee)).leased).toBe(1);
    const [record] = host.troupe.invocations(1, callee);
    expect(record).toMatchObject({ status: 'succeeded', depth: 1, attempt: 1, functionVersion: 1 });
    expect(record?.instanceId).toContain(callee);
    const { phasesUs, totalUs = 0 } = record ?? {};
    expect(phasesUs?.run).toBeGreaterThan(0);
    expect(phasesUs?.run).toBeLessThan(totalUs);
    expect(new Set(host.troupe.invocations(2_000, callee).map(({ id }) => id)).size).toBe(2_000);
    const { functions } = await host.troupe.stats();
    expect(functions.find(({ name }) => name === callee)?.invocations).toBe(2_000);
    await until(() => host.troupe.logs({ functionName: callee }).length > 0);
    const [line] = host.troupe.logs({ functionName: callee });
    expect(line?.invocationId).toBe(record?.id);
    await idle(callee);
    expect((await routeOf(callee)).ready).toBeGreaterThan(0);
  });

  it('never have more calls inside than the concurrency, and others get their turn', async () => {
    const { caller, callee } = await pair(
      `let inside = 0, most = 0;
      export default async () => {
        most = Math.max(most, ++inside);
        await new Promise((done) => setTimeout(done, 1));
        inside--;
        return most;
      }`,
      { concurrency: 1, maxInstances: 1 },
    );
    await lease(caller, callee);
    const loop = call(caller, callee, { times: 200 });
    const others = await Promise.all(Array.from({ length: 50 }, () => host.troupe.invoke(callee)));
    expect(Math.max(...(others as number[]))).toBe(1);
    expect(await loop).toEqual({ value: 1 });
    await idle(callee);
  });

  it('give an idle slot to whoever calls, at once', async () => {
    const { caller, callee } = await pair('export default () => 1', { maxInstances: 1, timeoutMs: 20_000 });
    const holder = await host.function(
      `export default async (name, context) => {
        for (let time = 0; time < 20; time++) await context.invoke(name);
        const until = performance.now() + 1_500;
        while (performance.now() < until);
        return 'held';
      }`,
    );
    await lease(caller, callee);
    const held = host.troupe.invoke(holder, callee);
    await until(async () => (await routeOf(callee)).leased > 0);
    const startMs = performance.now();
    expect(await host.troupe.invoke(callee)).toBe(1);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    expect(await held).toBe('held');
    await idle(callee);
  });

  it.each([
    { idempotent: true, outcome: { value: { attempt: 2, key: 'k' } }, status: 'succeeded', attempt: 2 },
    { idempotent: false, outcome: { code: 'INSTANCE_CRASHED' }, status: 'INSTANCE_CRASHED', attempt: 1 },
  ])('hear of a callee that dies inside a call (idempotent: $idempotent)', async (expected) => {
    const { idempotent, outcome, status, attempt } = expected;
    const { caller, callee } = await pair(
      `export default (die, { attempt, idempotencyKey: key }) => {
        if (die && attempt === 1) process.exit(1);
        return { attempt, key };
      }`,
      { idempotent },
    );
    await lease(caller, callee, false);
    expect(await call(caller, callee, { payload: true, options: { idempotencyKey: 'k' } })).toMatchObject(outcome);
    expect(host.troupe.invocations(1, callee)[0]).toMatchObject({ status, attempt, depth: 1 });
    expect(await call(caller, callee, { times: 20, payload: false })).toMatchObject({ value: { attempt: 1 } });
    await idle(callee);
  });

  it('free the slots of a caller that dies, and stop what it had inside', async () => {
    const { caller, callee } = await pair(
      `export default (wait, { signal, log }) => wait ? new Promise((_, reject) => {
        log.info('inside');
        signal.addEventListener('abort', () => { log.info('aborted'); reject(signal.reason); });
      }) : 'quick'`,
      { maxInstances: 1 },
    );
    const dying = await host.function(
      `export default async ({ name, die }, context) => {
        for (let time = 0; time < 20; time++) await context.invoke(name, false);
        if (!die) return;
        void context.invoke(name, true);
        await new Promise((done) => setTimeout(done, 100));
        process.exit(1);
      }`,
    );
    await until(async () => {
      await host.troupe.invoke(dying, { name: callee });
      return (await routeOf(callee)).leased > 0;
    });
    expect((await failureOf(host.troupe.invoke(dying, { name: callee, die: true }))).code).toBe('INSTANCE_CRASHED');
    await until(() => host.troupe.logs({ functionName: callee }).some(({ message }) => message === 'aborted'));
    expect(await call(caller, callee, { payload: false })).toEqual({ value: 'quick' });
    await idle(callee);
  });

  it('go to the new version once there is one', async () => {
    const { caller, callee } = await pair('export default () => 1');
    const loop = await host.function(
      `export default async (name, context) => {
        for (const until = performance.now() + 10_000; performance.now() < until; ) {
          if ((await context.invoke(name)) === 2) return 'new';
        }
      }`,
    );
    await lease(caller, callee);
    const waiting = host.troupe.invoke(loop, callee);
    await until(async () => (await routeOf(callee)).leased > 0);
    await host.deploy(callee, 'export default () => 2');
    expect(await waiting).toBe('new');
    expect(await call(caller, callee, { times: 3 })).toEqual({ value: 2 });
    await host.troupe.remove(callee);
    expect(await call(caller, callee)).toMatchObject({ code: 'FUNCTION_NOT_FOUND' });
  });

  it('call each other in turn down to the depth limit', async () => {
    const code = (other: string) => `export default async (depth, context) => {
      try { return await context.invoke('${other}', depth + 1); }
      catch (error) { if (error.code !== 'CALL_DEPTH_EXCEEDED') throw error; return depth; }
    }`;
    await host.deploy('ping', code('pong'), { concurrency: 8 });
    await host.deploy('pong', code('ping'), { concurrency: 8 });
    for (let time = 0; time < 50; time++) expect(await host.troupe.invoke('ping', 0)).toBe(6);
    await until(async () => {
      await host.troupe.invoke('ping', 0);
      return (await routeOf('pong')).leased > 0;
    });
    for (let time = 0; time < 50; time++) expect(await host.troupe.invoke('ping', 0)).toBe(6);
    await idle('ping');
    await idle('pong');
  });

  it('are answered in time by a callee that ignores its signal, which is then replaced', async () => {
    const { caller, callee } = await pair(
      `const born = Math.random();
      export default (ms) => ms ? new Promise((done) => setTimeout(done, ms, born)) : born`,
      { maxInstances: 1 },
    );
    await lease(caller, callee);
    const before = await call(caller, callee, { payload: 0 });
    const startMs = performance.now();
    const late = await call(caller, callee, { payload: 60_000, options: { timeoutMs: 100 } });
    expect(late).toMatchObject({ code: 'TIMEOUT', details: { functionName: callee } });
    expect(performance.now() - startMs).toBeLessThan(5_000);
    await until(() => host.troupe.invocations(5, callee).some(({ status }) => status === 'TIMEOUT'));
    const after = await call(caller, callee, { payload: 0 });
    expect(after.value).not.toBe(before.value);
    await idle(callee);
  });

  it('end with the call that made them', async () => {
    const { callee } = await pair(
      `export default (wait, { signal }) => wait
        ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))) : 1`,
    );
    const caller = await host.function(
      `export default async (name, context) => {
        for (let time = 0; time < 20; time++) await context.invoke(name, false);
        void context.invoke(name, true);
        return 'done';
      }`,
    );
    for (let time = 0; time < 10; time++) expect(await host.troupe.invoke(caller, callee)).toBe('done');
    await idle(callee);
    const statuses = host.troupe.invocations(500, callee).map(({ status }) => status);
    expect(statuses.filter((status) => status === 'CANCELLED')).toHaveLength(10);
    expect(statuses).toHaveLength(210);
  });

  it('see the errors of each other as they do by way of the host', async () => {
    const { caller, callee } = await pair(
      `export default (broken) => { if (broken) throw new RangeError('too far'); }`,
    );
    const first = await call(caller, callee, { payload: true });
    await lease(caller, callee, false);
    const leased = await call(caller, callee, { payload: true });
    expect(leased).toEqual(first);
    expect(first).toMatchObject({ code: 'FUNCTION_ERROR', message: expect.stringContaining('too far') });
    expect(host.troupe.invocations(1, callee)[0]).toMatchObject({ status: 'FUNCTION_ERROR', depth: 1 });
  });

  it('hear of a callee that goes over its memory', async () => {
    const { caller, callee } = await pair(
      `export default (grow) => { if (!grow) return 1; const all = []; for (;;) all.push(Buffer.alloc(1_000_000, 1)) }`,
      { memoryMb: 64, idempotent: true },
    );
    await lease(caller, callee, false);
    const { code } = await call(caller, callee, { payload: true });
    expect(code).toBe('OUT_OF_MEMORY');
    expect(await call(caller, callee, { payload: false })).toEqual({ value: 1 });
  });

  it('carry large payloads both ways', async () => {
    const { caller, callee } = await pair('export default (bytes) => Buffer.concat([bytes, bytes])');
    const payload = Buffer.alloc(400_000, 7);
    await lease(caller, callee, Buffer.alloc(1));
    const { value } = await call(caller, callee, { times: 5, payload });
    expect((value as Uint8Array).length).toBe(800_000);
    await idle(callee);
  });
});
