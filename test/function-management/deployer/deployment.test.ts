import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveFunctionConfig } from '../../../src/config.ts';
import { coldStartReason } from '../../../src/function-management/deployer/cold-start-reason.ts';
import { Deployment } from '../../../src/function-management/deployer/deployment.ts';

function newDeployment(minInstances = 0): Deployment {
  return new Deployment({
    name: 'f',
    version: 3,
    artifact: { hash: 'h', directory: '/', format: 'script', entry: '/f.cjs', bytes: 1 },
    shape: 'value',
    config: resolveFunctionConfig({ minInstances }),
    createdAtMs: 0,
  });
}

/** Brings a new claim all the way to an instance that takes calls. */
function start(
  deployment: Deployment,
  entry: ReturnType<Deployment['claimMissing']>[number],
  instanceId = entry.claimId,
): void {
  deployment.started(entry, instanceId);
  deployment.ready(entry);
}

describe('deployment', () => {
  it('claims as many as are missing, and says why each is started', () => {
    const deployment = newDeployment();
    deployment.retarget(3, true);
    const made = deployment.claimMissing(false);
    expect(made.map(({ reason }) => reason)).toEqual(['first', 'burst', 'burst']);
    expect(deployment.claimMissing(false)).toEqual([]);
  });

  it('calls the first instance after a deploy new-version, and the first after none scaled-to-zero', () => {
    const deployment = newDeployment();
    deployment.retarget(1, true);
    const [first] = deployment.claimMissing(true);
    expect(first?.reason).toBe('new-version');
    if (first) start(deployment, first);
    deployment.retarget(0, false);
    deployment.claims.clear();
    deployment.retarget(1, true);
    expect(deployment.claimMissing(true)[0]?.reason).toBe('scaled-to-zero');
  });

  it('replaces an instance that was given up, and says so', () => {
    const deployment = newDeployment();
    deployment.retarget(1, true);
    const [entry] = deployment.claimMissing(false);
    if (!entry) throw new Error('no claim');
    start(deployment, entry);
    deployment.discard(entry);
    expect(deployment.claimMissing(true).map(({ reason }) => reason)).toEqual(['replaced']);
  });

  it('gives up claims without an instance when fewer are wanted, and no others', () => {
    const deployment = newDeployment();
    deployment.retarget(4, true);
    const [running, ...waiting] = deployment.claimMissing(false);
    if (running) start(deployment, running);
    deployment.retarget(1, true);
    expect(new Set(deployment.surplusWithoutInstance())).toEqual(new Set(waiting));
  });

  it('does not claim again what was evicted, until there is demand', () => {
    const deployment = newDeployment();
    deployment.retarget(2, true);
    const [one, two] = deployment.claimMissing(false);
    if (one) start(deployment, one);
    if (two) start(deployment, two);
    deployment.evicted();
    if (two) two.state = 'retiring';
    deployment.retarget(2, false);
    expect(deployment.claimMissing(true)).toEqual([]);
    deployment.retarget(2, true);
    expect(deployment.claimMissing(true)).toHaveLength(1);
  });

  it('gives up the claims that wait for room too when one is evicted, but for its minimum', () => {
    for (const minInstances of [0, 1]) {
      const deployment = newDeployment(minInstances);
      deployment.retarget(1, true);
      const [one] = deployment.claimMissing(false);
      if (one) start(deployment, one);
      deployment.retarget(2, false);
      const waiting = deployment.claimMissing(true);
      deployment.evicted();
      if (one) one.state = 'retiring';
      expect(deployment.surplusWithoutInstance()).toEqual(minInstances === 0 ? waiting : []);
    }
  });

  it('stands down to the instances that it has when one more does not start', () => {
    for (const working of [0, 2]) {
      const deployment = newDeployment(1);
      deployment.retarget(5, true);
      const entries = deployment.claimMissing(false);
      for (const [index, entry] of entries.slice(0, working).entries()) deployment.started(entry, `f-1-${index}`);
      deployment.standDown();
      expect(deployment.target).toBe(working);
      expect(deployment.surplusWithoutInstance()).toEqual(entries.slice(working).reverse());
    }
  });

  it('never has more live claims than its target after a reconciliation, whatever the targets were', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(8), fc.boolean(), fc.nat(8)), { maxLength: 40 }), (steps) => {
        const deployment = newDeployment();
        for (const [target, demanded, toStart] of steps) {
          deployment.retarget(target, demanded);
          for (const entry of deployment.surplusWithoutInstance()) deployment.claims.delete(entry.claimId);
          deployment.claimMissing(false);
          const waiting = [...deployment.claims.values()].filter(({ state }) => state === 'waiting');
          const ready = [...deployment.claims.values()].filter(({ state }) => state === 'ready').length;
          expect(waiting.length + ready).toBe(Math.max(target, ready));
          for (const entry of waiting.slice(0, toStart)) start(deployment, entry);
        }
      }),
    );
  });
});

describe('cold-start reason', () => {
  it.each([
    ['replaced', { replaces: true, others: 2, versionHadInstances: true, functionHadInstances: true }],
    ['burst', { replaces: false, others: 1, versionHadInstances: false, functionHadInstances: true }],
    ['scaled-to-zero', { replaces: false, others: 0, versionHadInstances: true, functionHadInstances: true }],
    ['new-version', { replaces: false, others: 0, versionHadInstances: false, functionHadInstances: true }],
    ['first', { replaces: false, others: 0, versionHadInstances: false, functionHadInstances: false }],
  ] as const)('is %s for %j', (reason, circumstances) => {
    expect(coldStartReason(circumstances)).toBe(reason);
  });
});
