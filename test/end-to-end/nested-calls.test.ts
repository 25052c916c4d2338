import { describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { CORNERS, failureOf, SharedHost } from './shared-host.ts';

const CALL = 'export default ({ name, payload, options }, context) => context.invoke(name, payload, options)';

describe.each(CORNERS)('a call from a $isolation of an agent $agent to another function', ({ agent, isolation }) => {
  const host = new SharedHost({ agent, maxCallDepth: 4 });

  it('goes through a chain of three and brings the result back', async () => {
    const c = await host.function('export default ({ n }) => ({ n: n + 1, at: new Date(0) })', { isolation });
    const b = await host.function(`export default async ({ n }, context) => context.invoke('${c}', { n: n * 2 })`, {
      isolation,
    });
    const a = await host.function(`export default async (n, context) => context.invoke('${b}', { n })`, { isolation });
    const { result, invocation } = await host.troupe.invokeWithDetails(a, 20);
    expect(result).toEqual({ n: 41, at: new Date(0) });
    expect(invocation.depth).toBe(0);
    expect(host.troupe.invocations(1, b)[0]?.depth).toBe(1);
    expect(host.troupe.invocations(1, c)[0]?.depth).toBe(2);
  });

  it('rejects inside the function with the code and the message of what went wrong', async () => {
    const broken = await host.function(`export default () => { throw new RangeError('too far') }`, { isolation });
    const caller = await host.function(
      `import { TroupeError } from 'troupe';
      export default (name, context) => context.invoke(name).then(() => 'no error', (error) => ({
        code: error.code, message: error.message, cause: [error.cause?.name, error.cause?.message] }))`,
      { isolation },
    );
    expect(await host.troupe.invoke(caller, broken)).toEqual({
      code: 'FUNCTION_ERROR',
      message: expect.stringContaining('too far'),
      cause: ['RangeError', 'too far'],
    });
    expect(await host.troupe.invoke(caller, 'nobody')).toMatchObject({ code: 'FUNCTION_NOT_FOUND' });
  });

  it('ends at the depth limit when a function calls itself', async () => {
    const name = 'circle';
    await host.deploy(
      name,
      `export default async (depth, context) => { try { return await context.invoke('circle', depth + 1); }
        catch (error) { if (error.code !== 'CALL_DEPTH_EXCEEDED') throw error; return { depth, code: error.code }; } }`,
      { isolation, concurrency: 10 },
    );
    expect(await host.troupe.invoke(name, 0)).toEqual({ depth: 4, code: 'CALL_DEPTH_EXCEEDED' });
  });
});

describe('a nested call', () => {
  const host = new SharedHost();

  it('has no more time than its caller has left, whatever it asks for', async () => {
    const remaining = await host.function('export default (_, context) => context.getRemainingTimeInMillis()');
    const caller = await host.function(CALL);
    const ask = (timeoutMs: number, options: object) =>
      host.troupe.invoke<number>(caller, { name: remaining, options }, { timeoutMs });
    expect(await ask(3_000, { timeoutMs: 20_000 })).toBeLessThanOrEqual(3_000);
    expect(await ask(30_000, { timeoutMs: 2_000 })).toBeLessThanOrEqual(2_000);
    expect(await ask(30_000, {})).toBeGreaterThan(10_000);
  });

  it('is cancelled with its caller', async () => {
    const inner = await host.function(
      `export default (_, { signal, log }) => new Promise((_, reject) => {
        log.info('inside');
        signal.addEventListener('abort', () => { log.info('aborted ' + signal.reason.code); reject(signal.reason); });
      })`,
    );
    const caller = await host.function(CALL);
    const abort = new AbortController();
    const call = failureOf(host.troupe.invoke(caller, { name: inner }, { signal: abort.signal }));
    const messages = () => host.troupe.logs({ functionName: inner }).map(({ message }) => message);
    await until(() => messages().includes('inside'));
    abort.abort();
    expect((await call).code).toBe('CANCELLED');
    await until(() => messages().includes('aborted CANCELLED'));
    await until(() => host.troupe.invocations(1, inner)[0]?.status === 'CANCELLED');
  });

  it('is cancelled by its own signal or its own timeout, and its caller lives on', async () => {
    const inner = await host.function(
      'export default (_, { signal }) => new Promise((_, no) => signal.addEventListener("abort", () => no(signal.reason)))',
    );
    const caller = await host.function(
      `export default async ({ name, options }, context) => {
        const signal = options ? undefined : AbortSignal.timeout(50);
        const why = await context.invoke(name, null, options ?? { signal }).catch((error) => error.code ?? error.name);
        return [why, context.signal.aborted];
      }`,
    );
    expect(await host.troupe.invoke(caller, { name: inner, options: { timeoutMs: 50 } })).toEqual(['TIMEOUT', false]);
    const [why] = await host.troupe.invoke<unknown[]>(caller, { name: inner });
    expect(why).not.toBe('no error');
    await until(() => host.troupe.invocations(1, inner)[0]?.status === 'CANCELLED');
  });

  it('that nobody awaits ends with its caller and harms nobody', async () => {
    const inner = await host.function(
      'export default (_, { signal }) => new Promise((_, no) => signal.addEventListener("abort", () => no(signal.reason)))',
    );
    const caller = await host.function(
      `export default (name, context) => { if (name) void context.invoke(name); return 'done'; }`,
    );
    expect(await host.troupe.invoke(caller, inner)).toBe('done');
    await until(() => host.troupe.invocations(1, inner)[0]?.status === 'CANCELLED');
    const { invocation } = await host.troupe.invokeWithDetails(caller, '');
    expect(invocation.coldStart).toBeUndefined();
  });
});
