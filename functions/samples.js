/**
 * The sample functions and workflows, for whoever wants to run all of them: where each one is, how it is deployed, an input that is real, and one
 * line about what came out. Plain JavaScript, so that it can be imported without a build. Importing it does no work.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** @param {string} path below this folder */
const at = (path) => new URL(path, import.meta.url);
/** @param {string} path below this folder */
const text = (path) => readFile(at(path), 'utf8');
const count = new Intl.NumberFormat('en-US');
/** @param {number} bytes */
const kilobytes = (bytes) => `${count.format(Math.round(bytes / 1_000))} kB`;

/**
 * The functions of a workflow, as they lie in its folder: one file each, named after it.
 * @param {string} folder
 * @param {readonly string[]} names
 */
const functionsIn = (folder, names) => Object.fromEntries(names.map((name) => [name, at(`./${folder}/${name}.ts`)]));

/** @type {readonly import('./samples.d.ts').Sample[]} */
export const samples = [
  {
    name: 'thumbnail',
    source: at('./thumbnail/index.ts'),
    options: { isolation: 'process' },
    kind: 'value',
    about: 'a photograph made small, with sharp',
    input: async () => ({
      image: new Uint8Array(await readFile(at('./thumbnail/data/rocket.jpg'))),
      width: 160,
      height: 120,
      format: 'webp',
    }),
    describe: ({ width, height, bytes }) =>
      `a photograph of 113 kB became ${width} x ${height} pixels, ${kilobytes(bytes)}`,
  },
  {
    name: 'markdown',
    source: at('./markdown/index.ts'),
    options: {},
    kind: 'value',
    about: 'a Markdown file made a page, with marked',
    input: () => text('./markdown/guide.md'),
    describe: ({ title, html, headings }) =>
      `"${title}": ${headings.length} headings, ${kilobytes(Buffer.byteLength(html))} of HTML`,
  },
  {
    name: 'csv-statistics',
    source: at('./csv-statistics/index.ts'),
    options: {},
    kind: 'value',
    about: 'statistics of 100,000 weather readings',
    input: async () => {
      const { weatherCsv } = await import('./csv-statistics/generate.js');
      return weatherCsv({ rows: 100_000, seed: 1 });
    },
    describe: ({ rows, columns }) => {
      const temperature = columns.find(({ name }) => name === 'temperature_c');
      const { mean, standardDeviation, p95 } = temperature;
      const numbers = `mean ${mean.toFixed(2)}, deviation ${standardDeviation.toFixed(2)}, p95 ${p95.toFixed(1)}`;
      return `${count.format(rows)} rows of ${columns.length} columns; temperature: ${numbers}`;
    },
  },
  {
    name: 'page',
    source: at('./page/index.ts'),
    options: {},
    kind: 'http',
    about: 'a web page with a guest book',
    input: async () => ({
      method: 'GET',
      url: 'http://localhost/',
      headers: [['accept', 'text/html']],
      body: new Uint8Array(0),
    }),
    describe: ({ status, body }) =>
      `status ${status}, ${kilobytes(Buffer.byteLength(body))} of HTML, made for this request`,
  },
  {
    name: 'primes',
    source: at('./primes/index.ts'),
    options: {},
    kind: 'stream',
    about: 'primes, as fast as they are read',
    input: async () => ({ to: 1_000_000 }),
    describe: (chunks) => {
      const found = chunks.reduce((sum, { primes }) => sum + primes.length, 0);
      return `${count.format(found)} primes in ${chunks.length} chunks; the last is ${count.format(chunks.at(-1).primes.at(-1))}`;
    },
  },
  {
    name: 'word-frequency',
    source: at('./word-frequency/word-frequency.sh'),
    options: { runtime: 'exec', isolation: 'process', env: { TOP: '3' } },
    kind: 'value',
    about: 'a shell script that counts words',
    input: () => text('./word-frequency/sample-input.txt'),
    describe: ({ words, distinct, top }) =>
      `${words} words, ${distinct} of them distinct; ${top.map(({ word, count }) => `"${word}" ${count} times`).join(', ')}`,
  },
];

let orders = 0;

/** @type {readonly import('./samples.d.ts').SampleWorkflow[]} */
export const workflows = [
  {
    name: 'order',
    source: at('./order/order.wf.yaml'),
    functions: functionsIn('order', ['stock', 'payments', 'shipping']),
    about: 'an order that is tried again, and taken back when it fails',
    input: async () => ({ order: `A-${++orders}`, item: 'cup', quantity: 1, country: 'NO' }),
    describe: ({ order, paidCents, parcel, days }) =>
      `order ${order}: ${(paidCents / 100).toFixed(2)} paid, parcel ${parcel} arrives in ${days} day${days === 1 ? '' : 's'}`,
  },
  {
    name: 'image-pipeline',
    source: at('./image-pipeline/image-pipeline.wf.yaml'),
    functions: functionsIn('image-pipeline', ['list-photographs', 'shrink', 'contact-sheet']),
    about: 'a contact sheet of all photographs in a directory',
    input: async (directory) => {
      const { writePhotographs } = await import('./thumbnail/photographs.js');
      const from = join(directory, 'photographs');
      await writePhotographs(from);
      return { from, to: join(directory, 'contact-sheet'), width: 160 };
    },
    describe: ({ images, bytesFrom, bytes }) =>
      `${images} photographs of ${kilobytes(bytesFrom)} became a contact sheet of ${kilobytes(bytes)}`,
  },
  {
    name: 'report',
    source: at('./report/report.wf.yaml'),
    functions: functionsIn('report', ['readings', 'csv-statistics', 'draft', 'publish']),
    about: 'a report that waits until somebody approves it',
    input: async (directory) => ({ title: 'Weather', series: [1, 2, 3], to: join(directory, 'report.html') }),
    signal: { name: 'approved', payload: { by: 'Ada' } },
    describe: ({ published, approvedBy }) => (published ? `approved by ${approvedBy} and published` : 'not published'),
  },
];

/** @type {readonly import('./samples.d.ts').SampleJobs[]} */
export const jobs = [
  {
    name: 'nightly-report',
    source: at('./nightly-report/index.ts'),
    about:
      'reports as jobs: one is tried again until its source has time, one is a dead letter until its data is mended',
    run: async (troupe, { directory }) => {
      const { writeNightlyReports } = await import('./nightly-report/nights.js');
      const options = { directory, pauseMs: 50, write: () => undefined };
      const { report, mended, failures } = await writeNightlyReports(troupe, options);
      return `the report of ${report.night} took ${report.attempt} attempts; that of ${mended.night} was a dead letter after ${failures.length}, and was written once its data was mended`;
    },
  },
  {
    name: 'photo-album',
    source: at('./photo-album/index.ts'),
    about: 'a directory of photographs as jobs, with a progress bar',
    run: async (troupe, { directory, stream }) => {
      const [{ makeAlbum }, { writePhotographs }] = await Promise.all([
        import('./photo-album/album.js'),
        import('./photo-album/photographs.js'),
      ]);
      const photographs = await writePhotographs(join(directory, 'album-photographs'), 8);
      const album = await makeAlbum(troupe, { photographs, to: join(directory, 'album'), stream });
      const sizes = album.photographs.flatMap(({ files }) => files);
      const bytes = album.photographs.reduce((sum, each) => sum + each.bytes, 0);
      return `${album.photographs.length} photographs became ${sizes.length} files of ${kilobytes(bytes)} together`;
    },
  },
  {
    name: 'sales-etl',
    source: at('./sales-etl/sales-extract.ts'),
    about: 'a workflow that a schedule starts each night, and for the days before it was there a backfill',
    run: async (troupe, { directory }) => {
      const { loadPastDays } = await import('./sales-etl/sales.js');
      const sales = join(directory, 'sales');
      const options = { directory: sales, nowMs: Date.now(), days: 7, write: () => undefined };
      const { loaded, again } = await loadPastDays(troupe, options);
      const lines = loaded.reduce((sum, day) => sum + day.lines, 0);
      return `${loaded.length} days of ${count.format(lines)} sales were loaded by a backfill, and ${again.enqueued} of them again by a second one`;
    },
  },
];
