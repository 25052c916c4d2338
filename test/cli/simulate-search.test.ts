import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { choosePolicies, nameOf } from '../../src/cli/simulate/policies.ts';
import { findPoint, followCurve, type Goal, MOST_PROBES } from '../../src/cli/simulate/search.ts';

const RANGE = { low: 1e-6, high: 1 };

/** The higher the rate the more cold starts, up to 100, and the less waste, from 1,000; in both a ripple that a bisection can fall for. */
function curveWith(ripple: number) {
  let probes = 0;
  const probe = async (rate: number) => {
    probes++;
    const part = Math.log(rate / RANGE.low) / Math.log(RANGE.high / RANGE.low);
    const avoidableColdStarts = Math.round(100 * part + ripple * Math.sin(200 * part) * part * (1 - part));
    return { rate, avoidableColdStarts, wasteGbMinutes: 1_000 * (1 - part) };
  };
  return { probe, count: () => probes };
}

const find = (goal: Goal, ripple = 0) => findPoint(curveWith(ripple).probe, RANGE, goal);

describe('on the curve of a policy', () => {
  it('the fewest cold starts for a waste are found, and the waste is kept to', async () => {
    const { point, isMet } = await find({ wasteGbMinutes: 400 });
    expect(point).toMatchObject({ avoidableColdStarts: 60 });
    expect(point.wasteGbMinutes).toBeLessThanOrEqual(400);
    expect(isMet).toBe(true);
  });

  it('the least waste for so many cold starts is found, and their number is kept to', async () => {
    const { point, isMet } = await find({ avoidableColdStarts: 30 });
    expect(point.avoidableColdStarts).toBe(30);
    // 30 holds up to 30.5.
    expect(point.wasteGbMinutes).toBeLessThan(696);
    expect(isMet).toBe(true);
  });

  it('with memory enough for everything, no more of it is taken than everything needs', async () => {
    const { point, isMet } = await find({ wasteGbMinutes: 5_000 });
    expect(point.avoidableColdStarts).toBe(0);
    expect(point.wasteGbMinutes).toBeLessThan(997);
    expect(isMet).toBe(true);
  });

  it('a goal that is out of reach gives the point that comes closest, and says so', async () => {
    const probe = async (rate: number) => ({
      rate,
      avoidableColdStarts: rate > 1e-3 ? 50 : 40,
      wasteGbMinutes: rate > 1e-3 ? 100 : 200,
    });
    expect(await findPoint(probe, RANGE, { wasteGbMinutes: 99 })).toMatchObject({
      isMet: false,
      point: { wasteGbMinutes: 100 },
    });
    expect(await findPoint(probe, RANGE, { avoidableColdStarts: 39 })).toMatchObject({
      isMet: false,
      point: { avoidableColdStarts: 40 },
    });
  });

  it('a goal is kept to whatever the ripples, in a bounded number of replays', async () => {
    const goals = fc.oneof(
      fc.record({ wasteGbMinutes: fc.integer({ min: 0, max: 1_200 }) }),
      fc.record({ avoidableColdStarts: fc.integer({ min: 0, max: 120 }) }),
    );
    await fc.assert(
      fc.asyncProperty(goals, fc.integer({ min: 0, max: 15 }), async (goal, ripple) => {
        const { probe, count } = curveWith(ripple);
        const { point, isMet } = await findPoint(probe, RANGE, goal);
        expect(isMet).toBe(true);
        for (const [figure, most] of Object.entries(goal))
          expect(point[figure as keyof typeof point]).toBeLessThanOrEqual(most);
        expect(count()).toBeLessThanOrEqual(MOST_PROBES);
      }),
    );
  });

  it('points are laid from end to end, the closer the more happens between them', async () => {
    const curve = await followCurve(curveWith(0).probe, RANGE, 20);
    expect(curve).toHaveLength(20);
    expect(curve.map(({ rate }) => rate)).toEqual(curve.map(({ rate }) => rate).sort((a, b) => a - b));
    expect(curve[0]).toMatchObject({ rate: RANGE.low });
    expect(curve.at(-1)).toMatchObject({ rate: RANGE.high });
  });

  it('no more points are laid than differ', async () => {
    const flat = async (rate: number) => ({ rate, avoidableColdStarts: 3, wasteGbMinutes: 7 });
    expect(await followCurve(flat, RANGE, 20)).toHaveLength(2);
  });
});

describe('policies', () => {
  it('are named one by one, with a value where there is one, each once', () => {
    const names = choosePolicies(
      'fixed, predictive,fixed:20,hybrid-histogram,predictive:0.000002,fixed,predictive:2e-6',
    ).map(nameOf);
    expect(names).toEqual(['fixed', 'predictive', 'fixed:20', 'hybrid-histogram', 'predictive:2e-6']);
  });
});
