import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { failureOf, PLACES, SharedHost } from './shared-host.ts';

/** Waits for ever, and says in its log when it was told to stop. */
const OBEDIENT = `export default ({ quick } = {}, { signal, log }) => quick ? 'quick' : new Promise((_, reject) => {
  log.info('inside');
  signal.addEventListener('abort', () => { log.info('aborted ' + signal.reason.code); reject(signal.reason); });
})`;
const STUBBORN = `export default ({ how } = {}) => {
  if (how === 'block') for (;;);
  return how === 'ignore' ? new Promise(() => {}) : 'answer';
}`;

describe.each(PLACES)('in a $isolation of an agent $agent, a call', ({ agent, isolation }) => {
  const host = new SharedHost({ agent, cancelGraceMs: 50 });
  const messagesOf = (name: string) => host.troupe.logs({ functionName: name }).map(({ message }) => message);

  it('is answered with TIMEOUT in time, its signal aborts, and the instance goes on', async () => {
    const name = await host.function(OBEDIENT, { isolation, timeoutMs: 5_000 });
    const { invocation: first } = await host.troupe.invokeWithDetails(name, { quick: true });
    const startedMs = performance.now();
    const failure = await failureOf(host.troupe.invoke(name, {}, { timeoutMs: 200 }));
    const tookMs = performance.now() - startedMs;
    expect(failure).toMatchObject({ code: 'TIMEOUT', details: { functionName: name, timeoutMs: 200 } });
    expect(tookMs).toBeGreaterThanOrEqual(195);
    expect(tookMs).toBeLessThan(400);
    await until(() => messagesOf(name).includes('aborted TIMEOUT'));
    const { invocation } = await host.troupe.invokeWithDetails(name, { quick: true });
    expect(invocation.instanceId).toBe(first.instanceId);
  });

  it.each(['ignore', 'block'])(
    'that ignores its timeout (%s) loses its instance, and the next call has another',
    async (how) => {
      const name = await host.function(STUBBORN, { isolation, maxInstances: 1 });
      const { invocation: first } = await host.troupe.invokeWithDetails(name);
      expect((await failureOf(host.troupe.invoke(name, { how }, { timeoutMs: 100 }))).code).toBe('TIMEOUT');
      const { result, invocation } = await host.troupe.invokeWithDetails(name);
      expect(result).toBe('answer');
      expect(invocation.instanceId).not.toBe(first.instanceId);
      expect(invocation.coldStart).toBe('replaced');
      await until(async () => (await host.ready(name)) === 1);
    },
  );

  it('ends with CANCELLED when its caller aborts while it runs, and its slot is free again', async () => {
    const name = await host.function(OBEDIENT, { isolation, maxInstances: 1 });
    const abort = new AbortController();
    const call = failureOf(host.troupe.invoke(name, {}, { signal: abort.signal }));
    await until(() => messagesOf(name).includes('inside'));
    abort.abort();
    expect((await call).code).toBe('CANCELLED');
    await until(() => messagesOf(name).includes('aborted CANCELLED'));
    expect(await host.troupe.invoke(name, { quick: true })).toBe('quick');
  });
});

describe('a call', () => {
  const host = new SharedHost({ cancelGraceMs: 50 });

  it('that was aborted before it began never reaches the function', async () => {
    const name = await host.function('let calls = 0; export default () => ++calls');
    const signal = AbortSignal.abort();
    expect((await failureOf(host.troupe.invoke(name, null, { signal }))).code).toBe('CANCELLED');
    expect(await host.troupe.invoke(name)).toBe(1);
  });

  it('that is aborted, or times out, while it waits never reaches the function', async () => {
    const name = await host.function(
      'let calls = 0; export default (ms) => ++calls && new Promise((done) => setTimeout(() => done(calls), ms))',
      { maxInstances: 1 },
    );
    await host.troupe.invoke(name, 0);
    const long = host.troupe.invoke(name, 300);
    const abort = new AbortController();
    const aborted = failureOf(host.troupe.invoke(name, 0, { signal: abort.signal }));
    const late = failureOf(host.troupe.invoke(name, 0, { timeoutMs: 50 }));
    await until(async () =>
      (await host.troupe.stats()).routes.some((route) => route.name === name && route.queued === 2),
    );
    abort.abort();
    expect((await aborted).code).toBe('CANCELLED');
    expect(await late).toMatchObject({ code: 'TIMEOUT', details: { place: 'queued' } });
    expect(await long).toBe(2);
    expect(await host.troupe.invoke(name, 0)).toBe(3);
  });

  it('leaves nothing on the signal that it was given, however it ends', async () => {
    const name = await host.function(`export default (fail) => { if (fail) throw new Error('no') }`);
    const { signal } = new AbortController();
    for (const fail of [false, true]) await host.troupe.invoke(name, fail, { signal }).catch(() => {});
    await failureOf(host.troupe.invoke('nobody', 0, { signal }));
    await failureOf(host.troupe.invoke(name, () => {}, { signal }));
    for await (const _ of host.troupe.stream(name, false, { signal })) break;
    await until(() => getEventListeners(signal, 'abort').length === 0, { what: 'the listeners to be gone' });
  });

  it('is shortened by its own timeout and never lengthened', async () => {
    const name = await host.function('export default (_, context) => context.getRemainingTimeInMillis()', {
      timeoutMs: 1_000,
    });
    expect(await host.troupe.invoke(name, null, { timeoutMs: 60_000 })).toBeLessThanOrEqual(1_000);
    expect(await host.troupe.invoke(name, null, { timeoutMs: 500 })).toBeLessThanOrEqual(500);
  });

  it('that ignores its cancellation lets its neighbours in the same instance finish', async () => {
    const name = await host.function(
      'export default (ms) => ms ? new Promise((done) => setTimeout(() => done("finished"), ms)) : new Promise(() => {})',
      { concurrency: 2, maxInstances: 1 },
    );
    await host.troupe.invoke(name, 1);
    const neighbour = host.troupe.invoke(name, 300);
    expect((await failureOf(host.troupe.invoke(name, 0, { timeoutMs: 50 }))).code).toBe('TIMEOUT');
    expect(await neighbour).toBe('finished');
    expect(await host.troupe.invoke(name, 1)).toBe('finished');
  });
});
