import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createTestTroupe } from '../../src/developer-environment/testing/testing.ts';
import { writeNightlyReports } from './nights.js';

const TEN_MINUTES_MS = 600_000;

it('writes a report at the third attempt, and the other one once its readings are mended, over an hour of virtual time', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'troupe-nights-'));
  await using troupe = await createTestTroupe();
  try {
    const beganMs = troupe.clock.now();
    const lines: string[] = [];
    const written = writeNightlyReports(troupe, {
      directory,
      pauseMs: TEN_MINUTES_MS,
      write: (line) => void lines.push(line),
    });
    const { report, mended, failures } = await troupe.clock.runUntil(written);
    expect(report).toMatchObject({ night: '2026-01-30', rows: 5_000, attempt: 3 });
    expect(mended).toMatchObject({ night: '2026-01-31', rows: 5_000 });
    expect(failures).toHaveLength(4);
    expect(new Set(failures)).toEqual(new Set([expect.stringMatching(/^The temperatures of 2026-01-31 are missing/)]));
    expect(lines).toHaveLength(7);
    // Pauses of at most 10, 20 and 40 minutes, each a random part of that.
    expect(troupe.clock.now() - beganMs).toBeLessThan(7 * TEN_MINUTES_MS + 60_000);
    expect((await readdir(directory)).sort()).toEqual(['2026-01-30.html', '2026-01-31.html']);
    const page = await readFile(report.page, 'utf8');
    expect(page).toContain('<title>The night of 2026-01-30</title>');
    expect(page).toContain('<td>5000</td>');
    expect(await troupe.jobs.list({ status: 'failed' })).toEqual([]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
