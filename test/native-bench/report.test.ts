import { describe, expect, it } from 'vitest';
import { chosen, optionsOf } from '../../native-bench/harness/options.js';
import { htmlOf } from '../../native-bench/harness/report/html.js';
import { fullJsonOf, jsonOf } from '../../native-bench/harness/report/json.js';
import { tableOf } from '../../native-bench/harness/report/table.js';

type Results = Parameters<typeof tableOf>[0];
type Outcome = Results['outcomes'][number];

const ratio = { p50: 0.084, ci95: [0.08, 0.09] as [number, number], ci95Of: 'p50' as const };
const bar = { figure: 'p50', subject: 'troupe', against: 'piscina*', bar: 0.1, aim: 1 / 15 } as const;

const latency: Outcome = {
  name: 'warm',
  title: 'a <b>no-op</b>',
  question: 'How long?',
  chart: 'cdf',
  variants: [],
  tookMs: 5,
  rows: [
    {
      name: 'warm',
      subject: 'troupe',
      rounds: 10,
      p50Us: 5.44,
      p99Us: 18,
      ratios: { 'piscina, sync': ratio },
      cdf: [
        [0.5, 5.44],
        [0.9, 9],
        [0.99, 18],
      ],
    },
    {
      name: 'warm',
      subject: 'piscina, sync',
      rounds: 10,
      p50Us: 66,
      p99Us: 1_200,
      ratios: {},
      cdf: [
        [0.5, 66],
        [0.9, 90],
        [0.99, 1_200],
      ],
    },
  ],
  bars: [
    {
      ...bar,
      name: 'warm',
      measured: 0.084,
      ci95: [0.08, 0.09],
      verdict: 'met',
      aimMet: false,
      chosen: 'piscina, sync',
    },
  ],
};

const throughput: Outcome = {
  name: 'many',
  title: 'many',
  question: 'How many?',
  chart: 'throughput',
  variants: ['1', '256'],
  tookMs: 5,
  rows: [
    { name: 'many', variant: '1', subject: 'troupe', rounds: 10, perSecond: 180_000, ratios: {} },
    { name: 'many', variant: '256', subject: 'troupe', rounds: 10, perSecond: 300_000, ratios: {} },
  ],
  bars: [
    {
      figure: 'perSecond',
      subject: 'troupe',
      against: 'gone',
      bar: 12,
      aim: 20,
      name: 'many',
      variant: '256',
      verdict: 'not measured',
      aimMet: false,
    },
  ],
};

const cold: Outcome = {
  name: 'cold',
  title: 'cold',
  question: 'Where does it go?',
  chart: 'phases',
  variants: [],
  tookMs: 5,
  rows: [
    {
      name: 'cold',
      subject: 'troupe, spare',
      rounds: 10,
      p50Us: 500,
      phasesUs: { place: 100, specialise: 400 },
      ratios: {},
    },
    { name: 'cold', subject: 'fork', rounds: 10, p50Us: 80_000, ratios: {} },
  ],
  bars: [],
};

const kept: Outcome = {
  name: 'kept',
  title: 'kept',
  question: 'At what price?',
  chart: 'none',
  variants: [],
  figures: { resident: '% of the time' },
  tookMs: 5,
  rows: [{ name: 'kept', subject: 'troupe', rounds: 3, figures: { resident: 9.354 }, ratios: {} }],
  bars: [
    {
      figure: 'resident',
      subject: 'troupe',
      against: '',
      bar: 20,
      aim: 15,
      name: 'kept',
      unit: '% of the time',
      measured: 9.354,
      ci95: [8, 11],
      verdict: 'met',
      aimMet: true,
    },
  ],
};

const results: Results = {
  environment: {
    date: '2026-01-02T03:04:05.000Z',
    platform: 'linux x64',
    kernel: '6',
    cpu: 'A & B',
    cores: 2,
    memoryMb: 4_096,
    node: 'v20.20.2',
    v8: '11',
    troupe: '0.1.0',
    peers: { piscina: '5.3.2' },
    loadAverage: { before: 0.1, after: 1.2 },
    mode: 'full',
  },
  outcomes: [latency, throughput, cold],
  skipped: [{ name: 'workerd', howToAdd: 'npm install workerd' }],
  failures: [{ name: 'burst', message: 'it broke' }],
  tookMs: 61_000,
};

describe('the table', () => {
  const text = tableOf(results);

  it('says of each bar what is asked and what was found', () => {
    expect(text).toContain(
      'bar <= 0.1x, aim 0.0667x: 0.084x met   troupe, p50 against the best of piscina* (piscina, sync) [0.08, 0.09]',
    );
    expect(text).toContain('bar >= 12x, aim 20x: not measured   troupe, throughput against gone');
    expect(text).toContain('bars: 1 met (0 with their aim), 0 missed, 1 not measured');
  });

  it('shows figures of a scenario of its own with their units, in its bars too', () => {
    const text = tableOf({ ...results, outcomes: [kept] });
    expect(text).toMatch(/troupe +resident 9\.35 % of the time/);
    expect(text).toContain(
      'bar <= 20 % of the time, aim 15 % of the time: 9.35 % of the time met, aim too   troupe, resident [8, 11]',
    );
    const page = htmlOf({ ...results, outcomes: [kept] });
    expect(page).toContain('<th>resident</th>');
    expect(page).toContain('<td>9.35 % of the time</td>');
  });

  it('puts the ratio in the line of the peer, and tells what was skipped and what failed', () => {
    expect(text).toMatch(
      /A troupe +p50 5\.44 us +p99 18 us\n +piscina, sync +p50 66 us +p99 1\.2 ms +A 0\.084x \[0\.08, 0\.09\]/,
    );
    expect(text).toContain('skipped workerd: npm install workerd');
    expect(text).toContain('FAILED burst: it broke');
  });
});

describe('the data', () => {
  it('has one entry for each subject of each scenario, with its ratios', () => {
    expect(jsonOf(results).scenarios[0]).toEqual({
      name: 'warm',
      subject: 'troupe',
      rounds: 10,
      p50Us: 5.44,
      p99Us: 18,
      ratios: { 'piscina, sync': { p50: 0.084, ci95: [0.08, 0.09], ci95Of: 'p50' } },
    });
    expect(jsonOf(results).scenarios.map(({ name, variant }) => variant ?? name)).toEqual([
      'warm',
      'warm',
      '1',
      '256',
      'cold',
      'cold',
    ]);
    expect(jsonOf(results)).toMatchObject({
      environment: { node: 'v20.20.2' },
      bars: [{ verdict: 'met' }, { verdict: 'not measured' }],
    });
  });

  it('holds the distributions only in the file', () => {
    expect(fullJsonOf(results).distributions).toHaveLength(2);
    expect(JSON.stringify(jsonOf(results))).not.toContain('cdf');
  });
});

describe('the page', () => {
  const page = htmlOf(results);

  it('needs nothing but itself', () => {
    expect(page.match(/(?:src|href)="[^"]*"/g)?.filter((link) => !/="(?:#|data:)/.test(link))).toEqual([]);
    expect(page).not.toMatch(/@import|url\(|https?:\/\//);
  });

  it('draws a chart of each kind, and a gauge for each bar that was measured', () => {
    for (const label of [
      'Latency distribution of troupe, piscina, sync',
      'Throughput of troupe',
      'Components of troupe, spare, fork',
    ]) {
      expect(page).toContain(`aria-label="${label}`);
    }
    expect(page.match(/<svg class="gauge/g)).toHaveLength(1);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('escapes what it is told', () => {
    expect(page).toContain('A &#60;b&#62;no-op');
    expect(page).toContain('A &#38; B');
  });

  it('carries the values of every place that can be pointed at', () => {
    const charts = [...page.matchAll(/data-chart="([^"]*)"/g)].map(([, data = '']) =>
      JSON.parse(data.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))),
    );
    expect(charts.map(({ titles, values }) => [titles, values])).toEqual([
      [
        ['p50', 'p90', 'p99'],
        [
          ['5.44 us', '9 us', '18 us'],
          ['66 us', '90 us', '1.2 ms'],
        ],
      ],
      [['1 in flight', '256 in flight'], [['180,000/s', '300,000/s']]],
      [
        ['troupe, spare, 500 us', 'fork, 80 ms'],
        [
          ['100 us', ''],
          ['400 us', ''],
        ],
      ],
    ]);
  });
});

describe('the command line', () => {
  it('takes names with commas or one by one', () => {
    expect(optionsOf(['--only', 'a,b', '--only=c', '--quick'])).toMatchObject({
      only: ['a', 'b', 'c'],
      quick: true,
      json: false,
    });
    expect(chosen(['a', 'b', 'c'], ['c', 'a'])).toEqual(['a', 'c']);
    expect(chosen(['a', 'b'], undefined)).toEqual(['a', 'b']);
  });

  it('refuses what it does not know, and says what there is', () => {
    expect(() => optionsOf(['--fast'])).toThrow('--fast');
    expect(() => optionsOf(['warm'])).toThrow('--help');
    expect(() => optionsOf(['--only', 'a,'])).toThrow('--list');
    expect(() => chosen(['a', 'b'], ['x'])).toThrow('There is no scenario "x". There are: a, b.');
  });
});
