import { describe, expect, it } from 'vitest';
import { NonRetryableError } from '../../../src/index.ts';
import { deploy, MINUTE, testHost } from './test-host.ts';

describe('a mock', () => {
  it('takes the calls of a function until it is taken away', async () => {
    const troupe = await testHost();
    await deploy(troupe, 'mail', "return 'sent';");
    await deploy(troupe, 'welcome', "return context.invoke('mail', { to: event });");
    const seen: unknown[] = [];
    const restore = troupe.mock('mail', (payload) => {
      seen.push(payload);
      return 'not sent';
    });
    expect(await troupe.invoke('welcome', 'Ada')).toBe('not sent');
    expect(seen).toEqual([{ to: 'Ada' }]);
    restore();
    expect(await troupe.invoke('welcome', 'Ada')).toBe('sent');
  });

  it('runs jobs of a function that is not deployed, and is told which attempt it is', async () => {
    const troupe = await testHost();
    troupe.mock('mail', (_, { attempt, idempotencyKey }) => {
      if (attempt < 3) throw new Error(`attempt ${attempt}`);
      return idempotencyKey;
    });
    const { id } = await troupe.enqueue('mail', null, { backoff: MINUTE });
    expect(await troupe.clock.runUntil(troupe.jobs.result(id))).toBe(id);
    const { errors } = await troupe.job(id);
    expect(errors.map(({ error }) => error.cause?.message)).toEqual(['attempt 1', 'attempt 2']);
  });

  it('fails as a function does', async () => {
    const troupe = await testHost();
    troupe.mock('mail', () => {
      throw new NonRetryableError('no such address');
    });
    const { id } = await troupe.enqueue('mail', null, { maxAttempts: 5 });
    await expect(troupe.clock.runUntil(troupe.jobs.result(id))).rejects.toMatchObject({ code: 'FUNCTION_ERROR' });
    expect((await troupe.job(id)).attempts).toBe(1);
  });

  it('hears of its timeout, and of a caller that cancels', async () => {
    const troupe = await testHost({ callPatienceMs: 20 });
    const aborted: string[] = [];
    troupe.mock('slow', async (name: string, { signal }) => {
      await new Promise((done) => signal.addEventListener('abort', done));
      aborted.push(name);
    });
    const late = expect(troupe.invoke('slow', 'late')).rejects.toMatchObject({ code: 'TIMEOUT' });
    await troupe.clock.advance('1m');
    await late;
    const controller = new AbortController();
    const cancelled = expect(troupe.invoke('slow', 'cancelled', { signal: controller.signal })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    controller.abort();
    await cancelled;
    await troupe.clock.advance(0);
    expect(aborted).toEqual(['late', 'cancelled']);
  });

  it('has a name that a function may have', async () => {
    const troupe = await testHost();
    expect(() => troupe.mock('No Name', () => 1)).toThrow('is not a function name');
  });
});
