import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const COMMAND = fileURLToPath(new URL('../../native-bench/run.js', import.meta.url));
const INSTALLED = existsSync(fileURLToPath(new URL('../../native-bench/node_modules', import.meta.url)));

function bench(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [COMMAND, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

// The packages that it measures are installed by `npm run bench`.
describe.skipIf(!INSTALLED)('the benchmark command', () => {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-bench-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('prints what it measured as JSON, its progress elsewhere, and writes the report', async () => {
    const { code, stdout, stderr } = await bench('--only', 'micro', '--quick', '--json', '--out', folder);
    expect(code, stderr).toBe(0);
    const { environment, scenarios } = JSON.parse(stdout);
    expect(environment).toMatchObject({ node: process.version, mode: 'quick' });
    expect(scenarios.length).toBeGreaterThanOrEqual(5);
    for (const row of scenarios) {
      expect(row).toEqual({
        name: 'micro',
        subject: expect.any(String),
        rounds: expect.any(Number),
        perSecond: expect.any(Number),
        ratios: {},
      });
      expect(row.perSecond).toBeGreaterThan(1_000);
    }
    expect(stderr).toContain('[1/1] micro');
    expect(JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8')).scenarios).toEqual(scenarios);
    expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain('<!doctype html>');
  });

  it('ends with 2 and says why when asked for what there is not', async () => {
    const outcomes = await Promise.all([bench('--only', 'nothing'), bench('--fast')]);
    expect(outcomes.map(({ code, stdout }) => [code, stdout])).toEqual([
      [2, ''],
      [2, ''],
    ]);
    expect(outcomes[0]?.stderr).toContain('There is no scenario "nothing"');
  });

  it('lists what there is to measure', async () => {
    const { code, stdout } = await bench('--list');
    expect(code).toBe(0);
    expect(stdout).toContain('micro');
  });
});
