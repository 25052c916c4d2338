import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTroupe, type Troupe } from '../../src/troupe.ts';
import type { ExecutionHandle } from '../../src/workflows.ts';
import { workflows } from '../samples.js';

const SOURCE = new URL('./report.wf.yaml', import.meta.url);

describe('a report', () => {
  let troupe: Troupe;
  let root: string;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'troupe-report-'));
    troupe = await createTroupe();
    const sample = workflows.find(({ name }) => name === 'report');
    for (const [name, source] of Object.entries(sample?.functions ?? {})) await troupe.deploy({ name, source });
    await troupe.workflows.deploy({ name: 'report', source: SOURCE });
    // The same one, whose readers have no patience.
    const code = (await readFile(SOURCE, 'utf8')).replace('timeout: 10s', 'timeout: 20ms');
    await troupe.workflows.deploy({ name: 'hasty-report', source: { code, language: 'yaml' } });
  });

  afterAll(async () => {
    await troupe.close();
    await rm(root, { recursive: true });
  });

  async function waitsForApproval(run: ExecutionHandle): Promise<void> {
    const reached = new AbortController();
    const isAwaiting = ({ type, step }: { readonly type: string; readonly step?: unknown }) =>
      type === 'signalAwaited' && step === 'Approval';
    await troupe.workflows.watch(run.id, (event) => isAwaiting(event) && reached.abort(), reached.signal);
  }

  it('waits until somebody approves it, and is published then', async () => {
    const to = join(root, 'weather.html');
    const run = await troupe.workflows.start('report', { title: 'Weather & wind', series: [1, 2, 3], to });
    await waitsForApproval(run);
    expect(await run.status()).toMatchObject({ status: 'running' });
    await run.signal('approved', { by: 'Ada' });
    expect(await run.result()).toEqual({ published: true, page: to, approvedBy: 'Ada' });
    const page = await readFile(to, 'utf8');
    expect(page).toContain('<title>Weather &amp; wind</title>');
    expect(page).toContain('Approved by Ada.');
    expect(page.match(/<td>5000<\/td>/g)?.length).toBe(3);
    expect(new Set(page.match(/<td>-?\d+\.\d<\/td>/g)).size).toBeGreaterThan(3);
  });

  it('needs nobody to wait for it: an approval may come first', async () => {
    const to = join(root, 'early.html');
    const run = await troupe.workflows.start('report', { title: 'Early', series: [1], to });
    await run.signal('approved');
    expect(await run.result()).toEqual({ published: true, page: to, approvedBy: 'somebody' });
  });

  it('that nobody approves in time is not published', async () => {
    const to = join(root, 'never.html');
    const run = await troupe.workflows.start('hasty-report', { title: 'Never', series: [1], to });
    expect(await run.result()).toEqual({ published: false, reason: 'Nobody approved it in time.' });
    await expect(readFile(to)).rejects.toMatchObject({ code: 'ENOENT' });
    const steps = (await run.status()).known;
    expect(steps.find(({ step }) => step === 'Approval')).toMatchObject({
      status: 'failed',
      error: { code: 'TIMEOUT' },
    });
  });

  it('says what is missing before it asks anybody', async () => {
    await expect(troupe.invoke('report', { series: [1] })).rejects.toThrow(/`title` is missing/);
    await expect(troupe.invoke('report', { title: 'X', series: ['first'] })).rejects.toThrow(/A series must be/);
  });
});
