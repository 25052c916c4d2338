import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { COMPONENTS } from '../../src/cli/bench/figures.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { errorOf, killWhatIsLeft, type Ran, serve, TroupeProcess, troupe } from './troupe-process.ts';

afterEach(killWhatIsLeft);

const SMALL = ['--calls', '30', '--cold', '2', '--in-flight', '3'];
const json = ({ stdout }: Ran) => JSON.parse(stdout);

describe('troupe bench with a file', () => {
  it('shows cold against warm by component, and a histogram; what it does meanwhile goes to standard error', async () => {
    const { code, stdout, stderr } = await troupe(['bench', './hello.ts', ...SMALL]);
    expect(code).toBe(0);
    const rows = stdout.split('\n').map((line) => line.split(/ {2,}/));
    for (const component of [...COMPONENTS, 'total']) {
      expect(
        rows.find(([name]) => name === component),
        component,
      ).toHaveLength(7);
    }
    expect(stdout).toMatch(/^ +spare +fresh +p50 +p90 +p99 +max$/m);
    expect(stdout).toMatch(/^3 in flight: [\d,]+ calls\/s on \d+ instances?$/m);
    expect(stdout).toMatch(/^Warm calls, one at a time\n +[\d.]+ [um]s. [█▏▎▍▌▋▊▉]/m);
    expect(stdout).not.toContain('\u001B');
    for (const line of stdout.split('\n').filter((each) => !each.startsWith('Node.js'))) {
      expect(line.length, line).toBeLessThanOrEqual(80);
    }
    expect(stderr.trimEnd().split('\n')).toHaveLength(4);
  });

  it('with --json prints one object of all figures', async () => {
    const ran = await troupe(['bench', './hello.ts', '-d', '{"name":"Ada"}', '--json', ...SMALL]);
    const figures = json(ran);
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\{.*\}\n$/) });
    expect(figures).toMatchObject({
      function: 'hello',
      host: null,
      agent: 'inline',
      isolation: 'thread',
      environment: { node: process.version },
      deploy: { bytes: expect.any(Number) },
      cold: { spare: { calls: 2 }, fresh: { calls: 2 } },
      warm: { calls: 30 },
      load: { inFlight: 3, calls: 90 },
    });
    expect(figures.coldStarts.first).toBeGreaterThanOrEqual(5);
    // Each call writes a line.
    expect(figures.logLines).toBeGreaterThan(120);
    const { cold, warm } = figures;
    expect(cold.fresh.componentsUs.start.p50).toBeGreaterThan(cold.spare.componentsUs.start.p50);
    expect(cold.fresh.totalUs.p50).toBeGreaterThan(warm.totalUs.p50);
    expect(warm.componentsUs).toMatchObject({ start: { max: 0 }, specialise: { max: 0 } });
    const counted = warm.histogram.reduce((sum: number, { count }: { count: number }) => sum + count, 0);
    expect(counted).toBe(30);
  });

  it('takes an agent process, an isolation and executables, and leaves out what is not wanted', async () => {
    const process = ['--agent', 'process', '--isolation', 'process', '--calls', '3', '--cold', '0', '--in-flight', '0'];
    expect(json(await troupe(['bench', './count.js', '-d', '{"to":3}', '--json', ...process]))).toMatchObject({
      agent: 'process',
      isolation: 'process',
      cold: { spare: null, fresh: null, met: null },
      load: null,
    });
    const exec = await troupe(['bench', './bytes.sh', '--json', '--calls', '3', '--cold', '1', '--in-flight', '2']);
    expect(json(exec)).toMatchObject({ isolation: 'process', cold: { spare: { calls: 1 } }, load: { calls: 6 } });
  });

  it('asks a function with fetch for a page', async () => {
    const directory = await temporaryDirectory();
    await writeFile(
      join(directory, 'tea.js'),
      `export default { fetch: ({ method, url }) => {
        const { pathname } = new URL(url);
        return new Response(method, { status: method === 'GET' && pathname === '/tea' ? 200 : 404 });
      } };`,
    );
    const options = ['--calls', '3', '--cold', '0', '--in-flight', '0'];
    const bench = (...args: string[]) => troupe(['bench', './tea.js', ...options, ...args], { cwd: directory });
    expect(await bench('--get', '/tea')).toMatchObject({ code: 0 });
    const missing = { code: 1, stderr: expect.stringContaining('"tea" answered GET / with HTTP status 404') };
    expect(await bench()).toMatchObject(missing);
    const misplaced = await troupe(['bench', './hello.ts', '--get', '/tea']);
    expect(misplaced).toMatchObject({ code: 2, stderr: expect.stringContaining('--get is for a function that') });
  });

  it('ends with the first error, under the name of the function', async () => {
    const atOnce = await troupe(['bench', './throws.ts', '--json']);
    expect(atOnce).toMatchObject({ code: 1, stdout: '' });
    expect(errorOf(atOnce)).toMatchObject({ code: 'FUNCTION_ERROR', message: expect.stringContaining('"throws"') });
    const directory = await temporaryDirectory();
    await writeFile(
      join(directory, 'tires.js'),
      `let n = 0; export default () => { if (++n > 50) throw new Error('tired'); };`,
    );
    const later = await troupe(['bench', './tires.js', '--cold', '0', '--calls', '100'], { cwd: directory });
    expect(later).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('Error: tired') });
  });

  it('exits with the code of what was wrong: no file, a loop without end, a queue that is full', async () => {
    expect(await troupe(['bench', './missing.ts'])).toMatchObject({ code: 5, stdout: '' });
    expect(await troupe(['bench', './loop.js', '--function-timeout', '200'])).toMatchObject({ code: 6, stdout: '' });
    const file = join(await temporaryDirectory(), 'there');
    await writeFile(file, '');
    const full = await troupe(['bench', './waits.js', '-d', JSON.stringify({ file }), '--cold', '0', '--calls', '5']);
    expect(full).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('Of --in-flight 16, a lower number may fit'),
    });
  });

  it('130: interrupted in the middle of a call, which leaves no process', async () => {
    const pidFile = join(await temporaryDirectory(), 'pid');
    const bench = new TroupeProcess(['bench', './sleeps.sh', '-e', `PID_FILE=${pidFile}`]);
    const pid = await until(async () => Number(await readFile(pidFile, 'utf8').catch(() => '')));
    bench.interrupt();
    expect(await bench.done()).toMatchObject({
      code: 130,
      stdout: '',
      stderr: expect.stringMatching(/Interrupted\.\n$/),
    });
    await until(() => !isAlive(pid), { what: 'the executable to be gone' });
  });

  it.each([
    ['cold starts', ['--cold', '100']],
    ['warm calls', ['--cold', '0', '--calls', '10000']],
    ['calls in flight', ['--cold', '0', '--calls', '10', '--concurrency', '16']],
  ])('130: interrupted during the %s', async (part, options) => {
    const directory = await temporaryDirectory();
    await writeFile(
      join(directory, 'waits.js'),
      'export default () => new Promise((resolve) => setTimeout(resolve, 50));',
    );
    const bench = new TroupeProcess(['bench', './waits.js', ...options], { cwd: directory });
    await until(() => bench.stderr.includes(part));
    bench.interrupt();
    expect(await bench.done()).toMatchObject({ code: 130, stdout: '' });
  });
});

describe('troupe bench on a host', () => {
  it('shows what HTTP shows, the phases, and the cold starts it met', async () => {
    const host = await serve(await temporaryDirectory());
    await host.run('deploy', './hello.ts', '--name', 'hello');
    const figures = json(await host.run('bench', 'hello', '--json', '--calls', '20', '--in-flight', '12'));
    expect(figures).toMatchObject({
      function: 'hello',
      host: host.url,
      agent: null,
      isolation: 'thread',
      deploy: null,
      cold: { spare: null, fresh: null, met: { calls: 1 } },
      warm: { calls: 20 },
      load: { inFlight: 12, calls: 240 },
      coldStarts: { first: 1 },
    });
    expect(figures.warm.componentsUs.outside.p50).toBeGreaterThan(0);
    const again = await host.run('bench', 'hello', '--version', '1', '--calls', '3', '--in-flight', '11');
    // Nothing warns of the many requests under way.
    expect(again).toMatchObject({ code: 0, stderr: 'warm calls, one at a time\n11 calls in flight\n' });
    expect(await host.run('bench', 'missing')).toMatchObject({ code: 5, stdout: '' });
    expect(await host.run('bench', 'hello', '--version', '9')).toMatchObject({ code: 5, stdout: '' });
    host.process.interrupt();
    await host.process.done();
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
