import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/kernel/random.ts';
import {
  fixedSpan,
  lastOf,
  later,
  NOTHING,
  plus,
  quantileMs,
  remaining,
  type Span,
  sometimes,
  spanOf,
  Z90,
} from '../../../src/workflow-composition/scheduler/time-span.ts';

const random = seededRandom(7);

/** Box and Muller. */
function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

const RUN = { p50: 100, p90: 180 };
const SPREAD = Math.log(RUN.p90 / RUN.p50) / Z90;
const sample = () => RUN.p50 * Math.exp(SPREAD * normal());

function quantilesOf(draw: () => number): { readonly p10: number; readonly p50: number; readonly p90: number } {
  const sorted = Float64Array.from({ length: 40_000 }, draw).sort();
  const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? 0;
  return { p10: at(0.1), p50: at(0.5), p90: at(0.9) };
}

/** Within so much of what is drawn by chance. */
function expectLike(span: Span, draw: () => number, part: number): void {
  const drawn = quantilesOf(draw);
  for (const [z, expected] of [
    [-Z90, drawn.p10],
    [0, drawn.p50],
    [Z90, drawn.p90],
  ] as const) {
    expect(Math.abs(quantileMs(span, z) - expected) / expected, `z ${z}: ${expected}`).toBeLessThan(part);
  }
}

describe('a span', () => {
  it('has the quantiles that it was made of', () => {
    const span = spanOf(RUN, 1_000);
    expect(quantileMs(span, 0)).toBeCloseTo(100);
    expect(quantileMs(span, Z90)).toBeCloseTo(180);
  });

  it('is less certain the fewer observations it was made of', () => {
    const widths = [1, 4, 100].map((seen) => quantileMs(spanOf({ p50: 100, p90: 100 }, seen), Z90));
    expect(widths.map(Math.round)).toEqual([190, 138, 107]);
  });

  it('of five steps one after the other is narrower than five times one', () => {
    const one = spanOf(RUN, 1_000);
    const five = [1, 2, 3, 4].reduce((sum) => plus(sum, one), one);
    expectLike(five, () => sample() + sample() + sample() + sample() + sample(), 0.03);
    expect(quantileMs(five, Z90)).toBeLessThan(5 * 180 * 0.85);
  });

  it('until the later of two is longer than either', () => {
    const one = spanOf(RUN, 1_000);
    expectLike(later(one, one), () => Math.max(sample(), sample()), 0.08);
    const slow = plus(one, fixedSpan(2_000));
    expect(later(one, slow)).toEqual(slow);
    expect(later(slow, NOTHING)).toEqual(slow);
  });

  it('until the last of eight is that of the slowest', () => {
    const draw = () => Math.max(...Array.from({ length: 8 }, sample));
    expectLike(lastOf(spanOf(RUN, 1_000), 8), draw, 0.12);
  });

  it('that may not be counts with its chance', () => {
    const span = sometimes(spanOf(RUN, 1_000), 0.5);
    const drawn = Float64Array.from({ length: 40_000 }, () => (random() < 0.5 ? sample() : 0));
    const meanMs = drawn.reduce((sum, each) => sum + each, 0) / drawn.length;
    const variance = drawn.reduce((sum, each) => sum + (each - meanMs) ** 2, 0) / drawn.length;
    expect(Math.abs(span.meanMs / meanMs - 1)).toBeLessThan(0.03);
    expect(Math.abs(span.variance / variance - 1)).toBeLessThan(0.05);
  });

  it('of which something has passed is what is left of those that take longer', () => {
    for (const elapsedMs of [50, 100, 200]) {
      const left = remaining(spanOf(RUN, 1_000), elapsedMs);
      const longer = Array.from({ length: 200_000 }, sample).filter((each) => each > elapsedMs);
      const meanMs = longer.reduce((sum, each) => sum + each - elapsedMs, 0) / longer.length;
      expect(Math.abs(left.meanMs / meanMs - 1), `${elapsedMs} ms`).toBeLessThan(0.05);
    }
  });

  it('that is overdue, by however much, is still expected to end', () => {
    for (const elapsedMs of [1_000, 1e6, 1e9]) {
      const { meanMs, variance } = remaining(spanOf(RUN, 1_000), elapsedMs);
      expect(meanMs).toBeGreaterThan(0);
      expect(meanMs).toBeLessThan(elapsedMs);
      expect(Number.isFinite(variance)).toBe(true);
    }
  });
});
