import fc from 'fast-check';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import {
  type BenchFigures,
  type CallFigures,
  type CallRecord,
  COMPONENTS,
  figuresOf,
  type Sample,
  toSample,
} from '../../src/cli/bench/figures.ts';
import { bucketsOf, drawHistogram } from '../../src/cli/bench/histogram.ts';
import { callInFlight, callOneByOne, type Subject } from '../../src/cli/bench/loops.ts';
import { quantile, quantilesOf, sorted } from '../../src/cli/bench/quantiles.ts';
import { report } from '../../src/cli/bench/report.ts';
import { PHASES, type Phase } from '../../src/ledger/protocol.ts';

const PLAIN = pc.createColors(false);
const latency = fc.double({ min: 0.001, max: 1e9, noNaN: true });
const latencies = fc.array(latency, { minLength: 1, maxLength: 500 });

describe('a quantile', () => {
  it('is the smallest value that so many do not exceed', () => {
    const part = fc.constantFrom(0.5, 0.9, 0.99, 0.999, 1);
    fc.assert(
      fc.property(latencies, part, (values, wanted) => {
        const found = quantile(sorted(values), wanted);
        const atMost = (bound: number) => values.filter((value) => value <= bound).length / values.length;
        expect(values).toContain(found);
        expect(atMost(found)).toBeGreaterThanOrEqual(wanted);
        const smaller = values.filter((value) => value < found);
        if (smaller.length > 0) expect(atMost(Math.max(...smaller))).toBeLessThan(wanted);
      }),
    );
  });

  it('is known for 1 to 100, whatever their order', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(quantilesOf(values)).toEqual({ min: 1, mean: 50.5, p50: 50, p90: 90, p99: 99, p999: 100, max: 100 });
  });

  it('is 0 of nothing', () => {
    expect(quantilesOf([])).toMatchObject({ mean: 0, p50: 0, max: 0 });
  });
});

describe('the buckets of a histogram', () => {
  it('follow one another, are few, and count every value once, where it belongs', () => {
    fc.assert(
      fc.property(latencies, (values) => {
        const buckets = bucketsOf(sorted(values));
        expect(buckets.length).toBeLessThanOrEqual(20);
        for (const [index, { fromUs, toUs, count }] of buckets.entries()) {
          expect(toUs).toBe(buckets[index + 1]?.fromUs ?? toUs);
          const inside = values.filter((value) => value >= fromUs && (toUs === null || value < toUs));
          expect(count).toBe(inside.length);
        }
        expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
      }),
    );
  });

  it('have equal ratios and round bounds', () => {
    const values = Array.from({ length: 1_000 }, (_, index) => 10 + index / 10);
    expect(bucketsOf(sorted(values)).map(({ fromUs }) => fromUs)).toEqual([
      10, 12, 15, 18, 22, 27, 33, 39, 47, 56, 68, 82, 100,
    ]);
  });

  it('stay fine when one call in ten thousand took a second: the last bucket has no end', () => {
    const values = [...Array.from({ length: 10_000 }, (_, index) => 5 + (index % 50) / 10), 1_000_000];
    const buckets = bucketsOf(sorted(values));
    expect(buckets.at(-1)).toMatchObject({ toUs: null, count: 1 });
    expect(buckets.length).toBeGreaterThan(6);
    for (const { fromUs, toUs } of buckets) if (toUs !== null) expect(toUs / fromUs).toBeLessThan(1.2);
  });

  it('begin below a value that is a whole decade but for its last bit', () => {
    expect(bucketsOf(sorted([999.9999999999999]))).toEqual([{ fromUs: 910, toUs: 1_000, count: 1 }]);
  });

  it('are none of no values', () => expect(bucketsOf(sorted([]))).toEqual([]));
});

describe('the drawing of a histogram', () => {
  it('fits 80 columns and shows a bar wherever there is a call, the longest where there are most', () => {
    fc.assert(
      fc.property(latencies, (values) => {
        const buckets = bucketsOf(sorted(values));
        const lines = drawHistogram(buckets, quantilesOf(values), PLAIN);
        expect(lines.length).toBe(buckets.length);
        const bars = lines.map((line) => /[█▏▎▍▌▋▊▉]*$/.exec(line.slice(0, 49).trimEnd())?.[0].length ?? 0);
        for (const [index, line] of lines.entries()) {
          expect(line.length).toBeLessThanOrEqual(80);
          expect((bars[index] ?? 0) > 0).toBe((buckets[index]?.count ?? 0) > 0);
        }
        const highest = buckets.reduce((best, { count }) => Math.max(best, count), 0);
        expect(Math.max(...bars)).toBe(bars[buckets.findIndex(({ count }) => count === highest)]);
      }),
    );
  });

  it('says where each bucket begins, its count and part, and which quantiles lie in it', () => {
    const values = [...new Array<number>(75).fill(11), ...new Array<number>(25).fill(30)];
    const lines = drawHistogram(bucketsOf(sorted(values)), quantilesOf(values), PLAIN);
    expect(lines[0]).toMatch(/^ {2}10 us {2}█{40} {7}75 {2}75\.0 % p50$/);
    expect(lines.at(-1)).toMatch(/^ {2}27 us {2}█{13}▍ +25 {2}25\.0 % p90 p99$/);
  });

  it('has colours only where it is told to', () => {
    const draw = (isColoured: boolean) =>
      drawHistogram([{ fromUs: 1, toUs: 2, count: 1 }], quantilesOf([1]), pc.createColors(isColoured)).join('');
    expect(draw(true)).toContain('\u001B');
    expect(draw(false)).not.toContain('\u001B');
  });
});

function recordOf(phaseUs: Partial<Record<Phase, number>>, coldStart?: string): CallRecord {
  const phasesUs = { ...(Object.fromEntries(PHASES.map((phase) => [phase, 0])) as Record<Phase, number>), ...phaseUs };
  return { phasesUs, coldStart: coldStart ?? null };
}

describe('the figures of calls', () => {
  it('give what the ledger does not account for to the outside', () => {
    const sample = toSample(10, recordOf({ route: 1, run: 6 }));
    expect(sample.componentsUs).toMatchObject({ route: 1, run: 6, queue: 0, outside: 3 });
    expect(toSample(5, recordOf({ run: 6 })).componentsUs.outside).toBe(0);
  });

  it('hold each component by itself, and there are none of no calls', () => {
    const samples = [1, 2, 3].map((us) => toSample(10 * us, recordOf({ run: us })));
    const figures = figuresOf(samples);
    expect(figures).toMatchObject({ calls: 3, totalUs: { p50: 20, max: 30 } });
    expect(figures?.componentsUs.run).toMatchObject({ min: 1, p50: 2, max: 3 });
    expect(figuresOf([])).toBeUndefined();
  });
});

describe('the loops', () => {
  const limits = { calls: 25, durationMs: Number.POSITIVE_INFINITY, signal: new AbortController().signal };

  function subjectOf(call: (n: number) => Promise<unknown>, kept = Number.POSITIVE_INFINITY): Subject {
    const records: CallRecord[] = [];
    return {
      async call() {
        const number = records.length;
        records.push(recordOf({ run: number }));
        await call(number);
      },
      records: (count) => records.slice(-Math.min(count, kept)),
      coldStarts: async () => ({}),
      instances: async () => 1,
    };
  }

  it('one by one: pair each latency with its record, over batches too', async () => {
    const samples = await callOneByOne(
      subjectOf(async () => {}),
      { ...limits, calls: 10_010 },
    );
    expect(samples.map(({ componentsUs }) => componentsUs.run)).toEqual(Array.from({ length: 10_010 }, (_, n) => n));
  });

  it('one by one: leave out what the host has forgotten', async () => {
    const slow = 24;
    const wait = (n: number) => new Promise((resolve) => setTimeout(resolve, n === slow ? 40 : 0));
    const samples = await callOneByOne(subjectOf(wait, 5), { ...limits, durationMs: 20 });
    for (const { componentsUs, totalUs } of samples) {
      if (componentsUs.run === slow) expect(totalUs).toBeGreaterThan(35_000);
    }
    expect(samples.length).toBeLessThanOrEqual(5);
  });

  it('one by one: end with their time, after one call at least', async () => {
    const wait = () => new Promise((resolve) => setTimeout(resolve, 5));
    expect(await callOneByOne(subjectOf(wait), { ...limits, durationMs: 1 })).toHaveLength(1);
  });

  it('in flight: make all calls, so many at a time and never more', async () => {
    let inside = 0;
    let most = 0;
    const call = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    };
    const { tookUs, seconds } = await callInFlight(subjectOf(call), 4, limits);
    expect({ calls: tookUs.length, most }).toEqual({ calls: 25, most: 4 });
    expect(tookUs.every((us) => us > 0) && seconds > 0).toBe(true);
  });

  it('in flight: end with the first error, and with their signal', async () => {
    let calls = 0;
    const fails = async (n: number) => {
      calls++;
      await new Promise((resolve) => setImmediate(resolve));
      if (n === 5) throw new Error('five');
    };
    await expect(callInFlight(subjectOf(fails), 2, limits)).rejects.toThrow('five');
    expect(calls).toBeLessThanOrEqual(8);
    const aborted = { ...limits, signal: AbortSignal.abort() };
    expect(
      (
        await callInFlight(
          subjectOf(async () => {}),
          2,
          aborted,
        )
      ).tookUs,
    ).toHaveLength(0);
  });
});

describe('the report', () => {
  const call = (startUs: number): CallFigures => {
    const samples: Sample[] = [1, 2, 3].map((times) => toSample(times * 12, recordOf({ start: startUs, run: 6 })));
    const figures = figuresOf(samples);
    if (!figures) throw new Error('no samples');
    return figures;
  };
  const figures: BenchFigures = {
    function: 'hello',
    host: null,
    agent: 'inline',
    isolation: 'thread',
    environment: { node: 'v20.20.2', cores: 2, cpu: 'a CPU' },
    deploy: { buildMs: 90, bytes: 1_200 },
    cold: { spare: { ...call(100), withoutSpare: 1 }, fresh: call(20_000), met: null },
    warm: { ...call(0), histogram: bucketsOf(sorted([12, 24, 36])) },
    load: {
      inFlight: 10_000,
      calls: 1_000_000,
      seconds: 5,
      perSecond: 200_000,
      totalUs: quantilesOf([5e5]),
      instances: 100,
    },
    coldStarts: { first: 21, burst: 1_600, 'scaled-to-zero': 3, 'new-version': 1, replaced: 2 },
    logLines: 100_000,
  };

  it('fits 80 columns, with a row for each component', () => {
    const lines = report(figures, PLAIN);
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(80);
    const rows = lines.map((line) => line.split(' ')[0]);
    expect(rows).toEqual(expect.arrayContaining([...COMPONENTS, 'total']));
    expect(lines.find((line) => line.startsWith('start'))).toMatch(/^start +100 us {2}20\.0 ms +- +- +- +-$/);
    expect(lines).toContain('Cold starts: 21 first: the first instance of a function');
    expect(lines).toContain('10,000 in flight: 200,000 calls/s on 100 instances');
  });

  it('does without what was not measured', () => {
    const bare = { ...figures, cold: { spare: null, fresh: null, met: null }, load: null, logLines: null };
    const text = report({ ...bare, coldStarts: {}, warm: null }, PLAIN).join('\n');
    expect(text).toContain('No call was warm.');
    expect(text).toContain('Cold starts: none');
    expect(report({ ...bare, cold: { ...bare.cold, met: call(5) } }, PLAIN).join('\n')).toMatch(/\bmet\b/);
  });
});
