import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { type Made, timer, traceOf, writeInvocations, writeMemory, writeTo } from './simulate-traces.ts';
import { errorOf, killWhatIsLeft, TroupeProcess, troupe } from './troupe-process.ts';

afterEach(killWhatIsLeft);

const MINUTES = 600;
const FUNCTIONS: readonly Made[] = [
  { calls: timer({ period: 15, until: MINUTES }), memoryMb: 1_024 },
  { calls: timer({ period: 60, until: MINUTES }), memoryMb: 512 },
  { calls: { 300: 4 } },
];

/** Called once in ten minutes, each at its own: a replay of it takes a while. */
const BUSY = Array.from(
  { length: 1_000 },
  (_, from): Made => ({ calls: timer({ from: from % 10, period: 10, until: 1_440 }) }),
);

async function write(functions: readonly Made[] = FUNCTIONS, minutes = MINUTES): Promise<string[]> {
  const directory = await temporaryDirectory();
  const trace = traceOf(minutes, functions);
  const paths = [await writeInvocations(directory, trace, 480), await writeMemory(directory, trace)];
  return ['simulate', '--invocations', paths[0] ?? '', '--memory', paths[1] ?? ''];
}

describe('troupe simulate', () => {
  it('prints a table that compares policies with the fixed keep-alive; what it does meanwhile goes to standard error', async () => {
    const { code, stdout, stderr } = await troupe([...(await write()), '--policy', 'fixed:60,hybrid-histogram']);
    expect(code).toBe(0);
    const rows = stdout.split('\n').map((line) => line.split(/ +(?!%)/));
    expect(stdout).toMatch(/^3 functions, 600 minutes, 54 calls in 51 active minutes\n/);
    // Every minute with calls is cold: 40 of the first function, 10 of the second, one of the third. Ten minutes of waste after each: 400 GB-minutes,
    // 10 x 10 x 0.5 and 10 x 170 / 1,024.
    expect(rows).toContainEqual(['fixed', '51', '48', '1.00', '452', '1.00', '100.0 %', '100.0 %']);
    // The first two functions are warm in all minutes but the first, 599, in 39 and 9 of them for calls; the third in 60: 560 + 295 + 9.96 GB-minutes.
    expect(rows).toContainEqual(['fixed:60', '3', '0', '0.00', '865', '1.92', '10.0 %', '100.0 %']);
    expect(rows.map(([name]) => name)).toContain('hybrid-histogram');
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(stderr).toBe('read 3 functions, 54 calls\n');
  });

  it('with --json prints the figures of the policies asked for, and nothing else, on standard output', async () => {
    const ran = await troupe([...(await write()), '--policy', 'predictive,fixed', '--keep-alive', '60', '--json']);
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\[.*\]\n$/) });
    const [predictive, fixed, ...others] = JSON.parse(ran.stdout);
    expect(others).toEqual([]);
    expect(Object.keys(predictive)).toEqual(Object.keys(fixed));
    expect(predictive).toMatchObject({ policy: 'predictive', functions: 3, invocations: 54, activeMinutes: 51 });
    expect(fixed).toEqual({
      policy: 'fixed',
      functions: 3,
      invocations: 54,
      activeMinutes: 51,
      coldStarts: 3,
      avoidableColdStarts: 0,
      p50FunctionColdPercent: 10,
      p75FunctionColdPercent: 100,
      wasteGbMinutes: expect.any(Number),
    });
  });

  it('finds the rate at which predictive keeps to a waste, or to a number of cold starts, and says which', async () => {
    const args = await write();
    const waste = await troupe([...args, '--policy', 'predictive', '--target-waste', '400.5', '--json']);
    expect(waste.stderr).toMatch(/predictive: msPerMbSecond [\d.e-]+, found in \d+ replays/);
    const [{ avoidableColdStarts: met }, ...others] = JSON.parse(waste.stdout);
    expect(JSON.parse(waste.stdout)).toMatchObject([{ policy: 'predictive' }]);
    expect(others).toEqual([]);
    expect(JSON.parse(waste.stdout)[0].wasteGbMinutes).toBeLessThanOrEqual(400.5);
    const cold = await troupe([...args, '--policy', 'predictive', '--target-cold', String(met)]);
    expect(cold.stdout).toMatch(
      new RegExp(`the least waste for ${met} avoidable cold starts or fewer,\\nat an exchange rate of `),
    );
  });

  it('prints whole curves, and each of their points can be asked for by its name', async () => {
    const args = await write();
    const { stdout } = await troupe([...args, '--policy', 'fixed', '--curve', '--json']);
    const points: { policy: string }[] = JSON.parse(stdout);
    expect(points.map(({ policy }) => policy)).toEqual(expect.arrayContaining(['fixed', 'fixed:1', 'fixed:240']));
    const predictive = points.filter(({ policy }) => policy.startsWith('predictive:'));
    expect(predictive.length).toBeGreaterThan(3);
    const asked = await troupe([...args, '--policy', predictive[2]?.policy ?? '', '--json']);
    expect(JSON.parse(asked.stdout)).toEqual([predictive[2]]);
    const text = await troupe([...args, '--policy', 'fixed', '--curve']);
    expect(text.stdout).toMatch(
      /The curve of predictive[\s\S]*\npredictive:[\s\S]*The curve of fixed[\s\S]*\nfixed:20 /,
    );
  });

  it('draws one page that needs nothing from elsewhere', async () => {
    const page = join(await temporaryDirectory(), 'page.html');
    const { code, stderr } = await troupe([...(await write()), '--html', page, '--json']);
    expect({ code, stderr: stderr.includes(`wrote ${page}`) }).toEqual({ code: 0, stderr: true });
    const html = await readFile(page, 'utf8');
    expect(html).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
    expect(html).not.toMatch(/<script|<link[^>]+href="(?!data:)|src=|url\(|@import|NaN|undefined|Infinity/);
    for (const name of ['fixed', 'hybrid-histogram', 'reactive', 'predictive'])
      expect(html).toContain(`<td>${name}</td>`);
    expect(html).toContain('function-0');
  });

  it('reads single calls too', async () => {
    const directory = await temporaryDirectory();
    const calls = Array.from({ length: 9 }, (_, index) => `a,f,${index * 1_200 + 30},2.5`);
    const events = await writeTo(directory, 'events.csv', ['app,func,end_timestamp,duration', ...calls]);
    const { stdout } = await troupe(['simulate', '--events', events, '--policy', 'fixed,fixed:20', '--json']);
    // Once in 20 minutes.
    expect(JSON.parse(stdout)).toMatchObject([{ coldStarts: 9 }, { policy: 'fixed:20', coldStarts: 1 }]);
  });

  it('exits 2 at a bad trace, with its file, line and column for programs too', async () => {
    const directory = await temporaryDirectory();
    const path = await writeTo(directory, 'bad.csv', ['HashOwner,HashApp,HashFunction,Trigger,1', 'o,a,f,http,-1']);
    const ran = await troupe(['simulate', '--invocations', path, '--json']);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(errorOf(ran)).toEqual({
      code: 'INVALID_ARGUMENT',
      message: `${path}, line 2, column 1: "-1" is negative. Write a number of calls, 0 or more.`,
      details: { file: path, line: 2, column: '1' },
    });
  });

  it('refuses to write the page over the trace, or where it cannot be, before anything is replayed', async () => {
    const args = await write();
    const over = await troupe([...args, '--html', args[2] ?? '']);
    expect(over).toMatchObject({ code: 2, stderr: expect.stringContaining('would overwrite the trace') });
    const nowhere = await troupe([...args, '--html', '/nowhere/at/all.html']);
    expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining('Make the folder first.') });
  });

  it('stops at Ctrl-C, in the middle of a replay, with 130', async () => {
    const process = new TroupeProcess([...(await write(BUSY, 1_440)), '--policy', 'predictive', '--json']);
    await until(() => process.stderr.includes('read '), { what: 'the trace to be read' });
    process.interrupt();
    expect(await process.done()).toMatchObject({ code: 130, stdout: '' });
  });
});
