import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { openMemoryStore } from '../../../src/store/memory-store.ts';
import { ProfileMemory } from '../../../src/workflow-composition/scheduler/profile-memory.ts';
import { LearnedProfiles } from '../../../src/workflow-composition/scheduler/profiles.ts';
import { RecentSample } from '../../../src/workflow-composition/scheduler/recent-sample.ts';

const step = { workflow: 'w', version: 1, key: 's', target: 'f', runMs: 10, coldStartMs: undefined };

describe('a recent sample', () => {
  it('has the quantiles of its last 64 observations', () => {
    const sample = new RecentSample();
    for (let value = 1; value <= 100; value++) sample.add(value);
    expect(sample.seen).toBe(100);
    const { p50, p90 } = sample.quantiles();
    expect([p50, p90]).toEqual([69, 94]);
    for (let value = 0; value < 70; value++) sample.add(7);
    expect(sample.quantiles()).toEqual({ p50: 7, p90: 7 });
  });

  it('is the same once it was saved, and takes nothing that is no duration', () => {
    const sample = new RecentSample();
    for (let value = 1; value <= 50; value++) sample.add(value);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1]) sample.add(value);
    const restored = new RecentSample(sample.values(), sample.seen);
    expect(restored.values()).toEqual(sample.values());
    expect([restored.seen, restored.quantiles()]).toEqual([50, sample.quantiles()]);
  });
});

describe('learned profiles', () => {
  it('know run times and cold starts, and how many attempts were cold lately', () => {
    const profiles = new LearnedProfiles();
    expect(profiles.step('w', 1, 's')).toBeUndefined();
    profiles.observeStep({ ...step, runMs: 20, coldStartMs: 90 });
    profiles.observeColdStart('f', 300);
    for (let nth = 0; nth < 9; nth++) profiles.observeStep(step);
    const profile = profiles.step('w', 1, 's');
    expect(profile).toMatchObject({ runMs: { p50: 10, p90: 10 }, perDecision: 1, seen: 10 });
    expect(profile?.coldPart).toBeCloseTo(0.1, 1);
    expect(profiles.target('f')).toEqual({ coldStartMs: { p50: 300, p90: 300 } });
    expect(profiles.target('g')).toBeUndefined();
  });

  it('know how often a branch is taken and how wide a fan-out is, also where what did not run is not reported', () => {
    const profiles = new LearnedProfiles();
    const ended = (runs: { key: string; times: number; decidedBy?: string }[]) =>
      profiles.observeExecution({ executionId: 'e', workflow: 'w', version: 1, runs });
    for (let nth = 0; nth < 100; nth++) {
      const runs = [
        { key: 'if', times: 1 },
        { key: 'each', times: 6 + (nth % 3), decidedBy: 'if' },
      ];
      ended(nth % 10 === 0 ? runs : [...runs, { key: 'then', times: 1, decidedBy: 'if' }]);
    }
    expect(profiles.step('w', 1, 'then')?.perDecision).toBeCloseTo(0.9, 1);
    expect(profiles.step('w', 1, 'each')?.perDecision).toBeCloseTo(7, 0);
  });

  it('of a new version begin with those of the one before, which does not learn from it', () => {
    const profiles = new LearnedProfiles();
    for (let nth = 0; nth < 40; nth++) profiles.observeStep(step);
    expect(profiles.step('w', 2, 's')?.runMs.p50).toBe(10);
    for (let nth = 0; nth < 70; nth++) profiles.observeStep({ ...step, version: 2, runMs: 90 });
    expect([profiles.step('w', 2, 's')?.runMs.p50, profiles.step('w', 1, 's')?.runMs.p50]).toEqual([90, 10]);
  });

  it('can be saved as plain data and restored', () => {
    const profiles = new LearnedProfiles();
    for (let nth = 0; nth < 50; nth++) {
      profiles.observeStep({ ...step, runMs: nth, coldStartMs: nth % 2 ? undefined : 100 + nth });
      profiles.observeColdStart('f', 100 + nth);
      const runs = [
        { key: 'a', times: 1 },
        { key: 's', times: nth % 2, decidedBy: 'a' },
      ];
      profiles.observeExecution({ executionId: 'e', workflow: 'w', version: 1, runs });
    }
    const restored = new LearnedProfiles();
    restored.restore(JSON.parse(JSON.stringify(profiles.takeChanges())));
    expect(restored.step('w', 1, 's')).toEqual(profiles.step('w', 1, 's'));
    expect(restored.target('f')).toEqual(profiles.target('f'));
  });

  it('are bounded: versions, steps, workflows and functions that were not heard of for long go', () => {
    const profiles = new LearnedProfiles();
    for (let nth = 0; nth < 1_500; nth++) profiles.observeStep({ ...step, workflow: `w${nth}` });
    expect(profiles.step('w0', 1, 's')).toBeUndefined();
    expect(profiles.step('w1499', 1, 's')).toBeDefined();
    for (let nth = 0; nth < 300; nth++) profiles.observeStep({ ...step, workflow: 'many', key: `s${nth}` });
    for (let version = 1; version < 20; version++) profiles.observeStep({ ...step, workflow: 'old', version });
    const { workflows, forgottenWorkflows } = profiles.takeChanges();
    const saved = new Map(workflows);
    expect(saved.size).toBeLessThanOrEqual(1_000);
    expect(forgottenWorkflows).toContain('w0');
    expect(saved.get('old')?.map(([version]) => version)).toEqual([16, 17, 18, 19]);
    expect(saved.get('many')?.[0]?.[1]).toHaveLength(256);
    for (let nth = 0; nth < 60_000; nth++)
      profiles.observeStep({ ...step, workflow: `wide${nth >> 8}`, key: `s${nth % 256}` });
    const versions = profiles.takeChanges().workflows.flatMap(([, each]) => each);
    expect(versions.reduce((sum, [, steps]) => sum + steps.length, 0)).toBeLessThanOrEqual(51_024);
    expect(profiles.step('wide234', 1, 's0')).toBeDefined();
  });
});

describe('the memory of profiles', () => {
  it('gives back what was learned, saves what has changed since, and leaves out what it does not understand', async () => {
    const store = (await openMemoryStore({ clock: new VirtualClock() })).database('forecasts');
    const memory = new ProfileMemory(store);
    const profiles = new LearnedProfiles();
    for (let nth = 0; nth < 300; nth++) profiles.observeStep({ ...step, workflow: `w${nth}`, runMs: nth });
    profiles.observeColdStart('f', 40);
    await memory.save(profiles.takeChanges());
    expect(profiles.takeChanges()).toMatchObject({ workflows: [], targets: [] });
    profiles.observeStep({ ...step, workflow: 'w7', runMs: 900 });
    const changes = profiles.takeChanges();
    expect(changes.workflows.map(([name]) => name)).toEqual(['w7']);
    await memory.save({ ...changes, forgottenWorkflows: ['w0'] });
    await store.commit([
      { kind: 'put', key: ['workflow', 'other'], value: [[1, [{ key: 's', runsMs: 'long' }]]] },
      { kind: 'put', key: ['cold-start', 'other'], value: null },
    ]);
    const restored = new LearnedProfiles();
    restored.restore(memory.load());
    expect(restored.step('w7', 1, 's')).toEqual(profiles.step('w7', 1, 's'));
    expect(restored.step('w299', 1, 's')).toEqual(profiles.step('w299', 1, 's'));
    expect(restored.target('f')).toEqual(profiles.target('f'));
    for (const name of ['w0', 'other']) expect(restored.step(name, 1, 's')).toBeUndefined();
    expect(restored.target('other')).toBeUndefined();
  });
});
