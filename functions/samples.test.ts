import { execFileSync } from 'node:child_process';
import { access, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FUNCTION_NAME_PATTERN } from '../src/config.ts';
import { csvStatistics } from './csv-statistics/statistics.ts';
import { type MarkdownEvent, handler as markdown } from './markdown/index.ts';
import page from './page/index.ts';
import primes, { type PrimesEvent } from './primes/index.ts';
import { jobs, samples, workflows } from './samples.js';
import thumbnail, { type ThumbnailEvent } from './thumbnail/index.ts';

/** Each handler called directly, with what the runtime would hand it. */
const direct: Readonly<Record<string, (input: never) => unknown>> = {
  thumbnail: (input: ThumbnailEvent) => thumbnail(input),
  markdown: (input: MarkdownEvent) => markdown(input),
  'csv-statistics': (csv: string) => csvStatistics({ csv }),
  page: async ({ method, url, headers }: { method: string; url: string; headers: [string, string][] }) => {
    const response = await page.fetch(new Request(url, { method, headers }));
    return { status: response.status, body: await response.text() };
  },
  primes: async (input: PrimesEvent) => {
    const chunks = [];
    for await (const chunk of primes(input)) chunks.push(chunk);
    return chunks;
  },
  'word-frequency': (input: string) => {
    const program = fileURLToPath(new URL('./word-frequency/word-frequency.sh', import.meta.url));
    return JSON.parse(execFileSync(program, { input, env: { TOP: '3' }, encoding: 'utf8' }));
  },
};

const LINES: Readonly<Record<string, RegExp>> = {
  thumbnail: /^a photograph of 113 kB became 160 x 107 pixels, \d kB$/,
  markdown: /^"A short guide to functions": 11 headings, \d kB of HTML$/,
  'csv-statistics': /^100,000 rows of 6 columns; temperature: mean 6\.14, deviation 17\.29, p95 28\.7$/,
  page: /^status 200, \d kB of HTML, made for this request$/,
  primes: /^78,498 primes in 16 chunks; the last is 999,983$/,
  'word-frequency': /^\d+ words, \d+ of them distinct; "that" 13 times, "the" 11 times, "we" 10 times$/,
};

describe('the list of samples', () => {
  it('names every sample folder once, with a source that is there', async () => {
    const folders = (await readdir(new URL('.', import.meta.url), { withFileTypes: true })).filter((entry) =>
      entry.isDirectory(),
    );
    const listed = [...samples, ...workflows, ...jobs];
    expect(listed.map(({ name }) => name).sort()).toEqual(folders.map(({ name }) => name).sort());
    for (const { name, source } of listed) {
      expect(name).toMatch(FUNCTION_NAME_PATTERN);
      expect(source.href).toContain(`/functions/${name}/`);
      await access(source);
    }
  });

  it.each(samples)(
    'describes in one line what $name makes of its own input',
    async ({ name, input, describe: line }) => {
      expect(line(await direct[name]?.((await input()) as never))).toMatch(LINES[name] ?? /^never$/);
    },
  );

  it('has a process, a stream, a web page and an executable, and no input over 6 MiB', async () => {
    expect(new Set(samples.map(({ kind }) => kind))).toEqual(new Set(['value', 'stream', 'http']));
    expect(samples.filter(({ options }) => options.isolation === 'process' && options.runtime !== 'exec').length).toBe(
      1,
    );
    expect(samples.filter(({ options }) => options.runtime === 'exec').length).toBe(1);
    for (const { input } of samples) {
      const value = await input();
      const bytes = typeof value === 'string' ? Buffer.byteLength(value) : JSON.stringify(value).length;
      expect(bytes).toBeLessThan(6 * 1_048_576);
    }
  });
});

describe('the folder of a workflow', () => {
  it.each(workflows)('$name has each of its functions in a file of its name, and nothing else', async (workflow) => {
    const { name, source, functions } = workflow;
    const files = (await readdir(new URL('.', source))).filter((file) => !file.endsWith('.test.ts')).sort();
    const expected = [`${name}.wf.yaml`, ...Object.keys(functions).map((each) => `${each}.ts`)];
    expect(files).toEqual(expected.sort());
    for (const [each, file] of Object.entries(functions)) {
      expect(each).toMatch(FUNCTION_NAME_PATTERN);
      expect(file.href).toBe(new URL(`./${each}.ts`, source).href);
    }
  });
});
