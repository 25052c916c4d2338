import { describe, expect, it } from 'vitest';
import { DAY, deploy, HOUR, MINUTE, testHost } from './test-host.ts';

const TRIAL = `
apiVersion: 1
output: Remind
tasks:
  Trial:
    run: sleep
    inputs: 720h
  Remind:
    run: remind
    requires: [Trial]
    inputs: "{$.Invocation.Inputs.default}"
`;

const APPROVAL = `
apiVersion: 1
output: Approval
tasks:
  Approval:
    await: { signal: approved, timeout: 72h }
    catch:
      - errors: [TIMEOUT]
        do: { expired: true }
`;

const RETRIED = `
apiVersion: 1
output: Charge
tasks:
  Charge:
    run: charge
    inputs: "{$.Invocation.Inputs.default}"
    retry: { attempts: 3, delay: 10m, backoff: 2, maxDelay: 1h, jitter: none }
`;

const PATIENT = `
apiVersion: 1
output: Nap
tasks:
  Nap:
    run: sleep
    inputs: 2h
`;

describe('workflows on the virtual clock', () => {
  it('sleep for thirty days in a moment', async () => {
    const troupe = await testHost();
    await deploy(troupe, 'remind', "return 'reminded ' + event;");
    await troupe.workflows.deploy({ name: 'trial', source: { code: TRIAL, language: 'yaml' } });
    const beganMs = troupe.clock.now();
    const run = await troupe.workflows.start('trial', 'Ada');
    expect(await troupe.clock.runUntil(run.result())).toBe('reminded Ada');
    expect(troupe.clock.now() - beganMs).toBe(30 * DAY);
  });

  it('give up a signal at its timeout, and take one that comes before', async () => {
    const troupe = await testHost();
    await troupe.workflows.deploy({ name: 'approval', source: { code: APPROVAL, language: 'yaml' } });
    const late = await troupe.workflows.start('approval', null);
    const early = await troupe.workflows.start('approval', null);
    await troupe.clock.advance('71h');
    expect((await late.status()).status).toBe('running');
    await early.signal('approved', { by: 'Ada' });
    await troupe.clock.advance(HOUR);
    expect(await early.result()).toEqual({ by: 'Ada' });
    expect(await late.result()).toEqual({ expired: true });
  });

  it('are tested without what they call, and retry it at its times', async () => {
    const troupe = await testHost();
    const calls: number[] = [];
    const beganMs = troupe.clock.now();
    troupe.mock('charge', ({ order }) => {
      calls.push(troupe.clock.now() - beganMs);
      if (calls.length < 3) throw new Error('the provider is down');
      return { charged: order };
    });
    await troupe.workflows.deploy({ name: 'order', source: { code: RETRIED, language: 'yaml' } });
    const run = await troupe.workflows.start('order', { order: 'A-1' });
    expect(await troupe.clock.runUntil(run.result())).toEqual({ charged: 'A-1' });
    expect(calls).toEqual([0, 10 * MINUTE, 30 * MINUTE]);
  });

  it('sleep while the function that has called them waits', async () => {
    const troupe = await testHost();
    await troupe.workflows.deploy({ name: 'patient', source: { code: PATIENT, language: 'yaml' } });
    await deploy(troupe, 'caller', "await context.invoke('patient'); return 'rested';", { timeoutMs: DAY });
    const startedMs = performance.now();
    expect(await troupe.clock.runUntil(troupe.invoke('caller'))).toBe('rested');
    expect(performance.now() - startedMs).toBeLessThan(1_900);
  });
});
