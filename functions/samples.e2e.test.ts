import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTroupe, type Troupe } from '../src/troupe.ts';
import type { CsvStatistics } from './csv-statistics/statistics.ts';
import type { MarkdownPage } from './markdown/index.ts';
import type { PrimesChunk } from './primes/index.ts';
import { jobs, samples, workflows } from './samples.js';

interface Thumbnail {
  readonly image: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
}

interface WordFrequency {
  readonly words: number;
  readonly distinct: number;
  readonly top: readonly { word: string; count: number }[];
}

/** Under an agent in a process of its own, as `npm start` runs them. */
describe('the samples, deployed and called', () => {
  let troupe: Troupe;
  const deployed = new Set<string>();

  beforeAll(async () => {
    troupe = await createTroupe({ agent: 'process' });
  });

  afterAll(async () => {
    await troupe.close();
  });

  async function deploy(name: string) {
    const sample = samples.find((each) => each.name === name);
    if (!sample) throw new Error(`There is no sample "${name}".`);
    const { source, options } = sample;
    await troupe.deploy({ name, source, ...options });
    deployed.add(name);
    return { sample, input: await sample.input() };
  }

  it('make a photograph small', async () => {
    const { sample, input } = await deploy('thumbnail');
    const result = await troupe.invoke<Thumbnail>('thumbnail', input);
    expect(await sharp(result.image).metadata()).toMatchObject({ format: 'webp', width: 160, height: 107 });
    expect(result.bytes).toBe(result.image.byteLength);
    expect(sample.describe(result)).toContain('160 x 107 pixels');
    const photograph = await readFile(new URL('./thumbnail/data/rocket.jpg', import.meta.url));
    const reference = await sharp(photograph).resize(160, 107).removeAlpha().raw().toBuffer();
    const pixels = await sharp(result.image).removeAlpha().raw().toBuffer();
    const difference = pixels.reduce((sum, value, at) => sum + Math.abs(value - (reference[at] ?? 0)), 0);
    expect(difference / pixels.length).toBeLessThan(8);
    await expect(troupe.invoke('thumbnail', { image: Buffer.from('no picture'), width: 10 })).rejects.toMatchObject({
      code: 'FUNCTION_ERROR',
      cause: { message: expect.stringContaining('not an image') },
    });
  });

  it('make a guide a page', async () => {
    const { input } = await deploy('markdown');
    const { title, html, headings } = await troupe.invoke<MarkdownPage>('markdown', input);
    expect(title).toBe('A short guide to functions');
    expect(headings.length).toBe(11);
    expect(headings[0]).toMatchObject({ level: 1, id: 'functions-briefly' });
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(html).not.toContain('<script');
  });

  it('compute the statistics of 100,000 rows as NumPy does', async () => {
    const { input } = await deploy('csv-statistics');
    const { rows, columns } = await troupe.invoke<CsvStatistics>('csv-statistics', input);
    expect(rows).toBe(100_000);
    expect(columns.find(({ name }) => name === 'temperature_c')).toMatchObject({
      min: -47.3,
      max: 38.2,
      mean: expect.closeTo(6.137007, 9),
      standardDeviation: expect.closeTo(17.29051259506811, 9),
      p50: 7.1,
      p95: 28.7,
    });
    await expect(troupe.invoke('csv-statistics', { csv: 7 })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('keep a guest book', async () => {
    await deploy('page');
    const fetch = (path: string, init?: RequestInit) =>
      troupe.fetch('page', new Request(`http://localhost${path}`, init));
    const form = new URLSearchParams({ name: 'Ada', text: 'Hello & welcome' });
    const posted = await fetch('/notes', { method: 'POST', body: form });
    expect([posted.status, posted.headers.get('location')]).toEqual([303, '/']);
    const page = await fetch('/');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const html = await page.text();
    expect(html).toContain('<strong>Ada</strong>');
    expect(html).toContain('Hello &amp; welcome');
    const pieces = await (await fetch('/countdown')).text();
    expect(pieces).toBe('10\n9\n8\n7\n6\n5\n4\n3\n2\n1\nlift-off\n');
    expect((await fetch('/nothing')).status).toBe(404);
  });

  it('stream as many primes as there are, and sieve only what is read', async () => {
    const { input } = await deploy('primes');
    let found = 0;
    let last = 0;
    for await (const { primes } of troupe.stream<PrimesChunk>('primes', input)) {
      found += primes.length;
      last = primes.at(-1) ?? last;
    }
    expect([found, last]).toEqual([78_498, 999_983]);
    for await (const { primes } of troupe.stream<PrimesChunk>('primes', { segment: 1_024 })) {
      expect(primes.slice(0, 5)).toEqual([2, 3, 5, 7, 11]);
      break;
    }
    // The instance that was left answers the next call, and it has sieved no further than a stream may be ahead.
    const sieved: number[] = [];
    for await (const { segmentsSieved } of troupe.stream<PrimesChunk>('primes', { to: 2 })) sieved.push(segmentsSieved);
    expect(sieved[0]).toBeLessThan(60);
  });

  it('count the words of a speech', async () => {
    const { input } = await deploy('word-frequency');
    const { words, distinct, top } = await troupe.invoke<WordFrequency>('word-frequency', input);
    expect(top[0]).toEqual({ word: 'that', count: 13 });
    expect(top.length).toBe(3);
    const inText =
      String(input)
        .toLowerCase()
        .match(/[\p{L}\p{N}]+(?:'+[\p{L}\p{N}]+)*/gu) ?? [];
    expect([words, distinct]).toEqual([inText.length, new Set(inText).size]);
  });

  it('are all called here', () => {
    expect([...deployed].sort()).toEqual(samples.map(({ name }) => name).sort());
  });
});

const LINES: Readonly<Record<string, RegExp>> = {
  order: /^order A-\d+: 7\.90 paid, parcel NO-A-\d+ arrives in 1 day$/,
  'image-pipeline': /^6 photographs of \d+ kB became a contact sheet of \d+ kB$/,
  report: /^approved by Ada and published$/,
  'nightly-report': /^the report of 2026-01-30 took 3 attempts; that of 2026-01-31 was a dead letter after 4, /,
  'sales-etl': /^[678] days of [\d,]+ sales were loaded by a backfill, and 0 of them again by a second one$/,
  'photo-album': /^8 photographs became 24 files of \d+ kB together$/,
};

describe('the workflows', () => {
  it.each(workflows)('describe in one line what $name makes of its own input', async (workflow) => {
    const directory = await mkdtemp(join(tmpdir(), 'troupe-sample-'));
    await using troupe = await createTroupe({ agent: 'process' });
    try {
      const { name, source, functions, signal } = workflow;
      for (const [each, file] of Object.entries(functions)) await troupe.deploy({ name: each, source: file });
      await troupe.workflows.deploy({ name, source });
      const run = await troupe.workflows.start(name, await workflow.input(directory));
      if (signal) await run.signal(signal.name, signal.payload);
      expect(workflow.describe(await run.result())).toMatch(LINES[name] ?? /^never$/);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

const COMMANDS: Readonly<Record<string, RegExp>> = {
  'nightly-report': /^2026-01-30: 5000 readings, .* at attempt 3\n(.*\n)*2026-01-31: a dead letter after 4 attempts\n/,
  'sales-etl':
    /^(\d{4}-\d\d-\d\d: 600 sales of .*\n){6,8}The same again: 0 of \d days are loaded, .*\nThe schedule goes on at .*\n$/,
  'photo-album': /^25 % done\n(.*\n)*20 photographs of \d+ kB, in three sizes of \d+ kB together\n$/,
};

describe('the jobs', () => {
  it.each(jobs)('$name runs by one command', async ({ name, source }) => {
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(new URL('run.js', source))]);
    expect(stdout).toMatch(COMMANDS[name] ?? /^never$/);
  });

  it.each(jobs)('say in one line what came of $name', async ({ name, run }) => {
    const directory = await mkdtemp(join(tmpdir(), 'troupe-sample-'));
    await using troupe = await createTroupe({ agent: 'process' });
    try {
      expect(await run(troupe, { directory, stream: { write: () => undefined } })).toMatch(LINES[name] ?? /^never$/);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
