import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FORECAST_FLOATS,
  Forecaster,
  type FunctionForecast,
} from '../../../../src/function-management/autoscaler/forecast/forecaster.ts';

/** Shows it the intervals after its first call; answers with the chance that it gave for each, before it was over. */
function follow(forecaster: Forecaster, forecast: FunctionForecast, calls: readonly boolean[]): number[] {
  return calls.map((called) => {
    const { chance } = forecast;
    forecast.observe(called);
    forecaster.intervalEnded();
    return chance;
  });
}

/** From the first call on: a call each `period` intervals. */
function periodic(period: number, intervals: number): boolean[] {
  return Array.from({ length: intervals }, (_, index) => (index + 1) % period === 0);
}

describe('the forecast of one function', () => {
  it.each([2, 5, 7, 15, 60])('expects a timer of %i intervals at its ticks, and not between them', (period) => {
    const forecaster = new Forecaster();
    const calls = periodic(period, 12 * period);
    const chances = follow(forecaster, forecaster.open(), calls);
    const later = chances.map((chance, index) => ({ chance, called: calls[index] })).slice(8 * period);
    for (const { chance, called } of later) {
      if (called) expect(chance).toBeGreaterThan(0.5);
      else expect(chance).toBeLessThan(0.06);
    }
  });

  it('sees two timers in one function, where no gap is like the one before', () => {
    const forecaster = new Forecaster();
    const calls = Array.from({ length: 2_000 }, (_, index) => (index + 1) % 60 === 0 || (index + 1) % 45 === 0);
    const chances = follow(forecaster, forecaster.open(), calls);
    const mean = (of: boolean) => {
      const those = chances.filter((_, index) => index > 1_400 && calls[index] === of);
      return those.reduce((sum, chance) => sum + chance, 0) / those.length;
    };
    expect(mean(true)).toBeGreaterThan(0.4);
    expect(mean(false)).toBeLessThan(0.03);
  });

  it('gives a function up that has stopped, the sooner the more regular it was', () => {
    const forecaster = new Forecaster();
    const forecast = forecaster.open();
    follow(forecaster, forecast, periodic(5, 200));
    const silent = follow(forecaster, forecast, new Array<boolean>(30).fill(false));
    expect(silent[4]).toBeGreaterThan(0.8);
    for (const chance of silent.slice(10)) expect(chance).toBeLessThan(0.15);
    expect(silent[29]).toBeLessThan(0.03);
  });

  it('learns a new period after an old one', () => {
    const forecaster = new Forecaster();
    const forecast = forecaster.open();
    follow(forecaster, forecast, periodic(10, 300));
    const calls = periodic(4, 200);
    const chances = follow(forecaster, forecast, calls);
    for (const [index, chance] of chances.entries()) {
      if (index > 160 && calls[index]) expect(chance).toBeGreaterThan(0.5);
    }
  });

  it('learns from other functions what a new one may do', () => {
    const [taught, fresh] = [new Forecaster(), new Forecaster()];
    for (let other = 0; other < 40; other++) follow(taught, taught.open(), [...periodic(9, 9)]);
    const [after, before] = [taught, fresh].map((forecaster) => {
      const forecast = forecaster.open();
      return follow(forecaster, forecast, new Array<boolean>(9).fill(false))[8] ?? 0;
    });
    expect(after).toBeGreaterThan(2 * (before ?? 1));
  });

  it('says what it sees', () => {
    const forecaster = new Forecaster();
    const forecast = forecaster.open();
    follow(forecaster, forecast, periodic(15, 300));
    const { gaps, period, fresh } = forecast.pattern;
    expect(gaps[0]).toMatchObject({ gap: 15 });
    expect(gaps[0]?.part).toBeGreaterThan(0.99);
    expect(period?.period).toBe(15);
    expect(fresh).toBeLessThan(0.1);
  });

  it('gives chances that come true as often as they say, for calls by chance', () => {
    let state = 7;
    const random = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    const forecaster = new Forecaster();
    let [expected, came] = [0, 0];
    for (const rate of [0.02, 0.1, 0.3, 0.7]) {
      const calls = Array.from({ length: 1_500 }, () => random() < rate);
      const chances = follow(forecaster, forecaster.open(), calls);
      expected += chances.slice(100).reduce((sum, chance) => sum + chance, 0);
      came += calls.slice(100).filter(Boolean).length;
    }
    expect(expected / came).toBeGreaterThan(0.8);
    expect(expected / came).toBeLessThan(1.25);
  });

  it('stays a chance, and its state stays numbers, whatever comes', () => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.boolean() },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 5_000 }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const forecaster = new Forecaster();
        const forecast = forecaster.open();
        for (const one of steps) {
          if (typeof one === 'number') forecast.skip(one);
          else forecast.observe(one);
          for (const chance of [forecast.chance, forecast.chanceAfter(true), ...forecast.ahead(3)]) {
            expect(chance).toBeGreaterThan(0);
            expect(chance).toBeLessThan(1);
          }
        }
        expect(forecast.state.every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('goes on from its kept state exactly as it would have without', () => {
    const run = (isKept: boolean) => {
      let forecaster = new Forecaster();
      let forecast = forecaster.open();
      follow(forecaster, forecast, periodic(7, 100));
      if (isKept) {
        const next = new Forecaster();
        expect(next.restore(forecaster.save())).toBe(true);
        forecast = next.open(forecast.state.slice());
        forecaster = next;
      }
      return follow(forecaster, forecast, periodic(7, 50));
    };
    expect(run(true)).toEqual(run(false));
  });

  it('looks ahead without learning from it', () => {
    const forecaster = new Forecaster();
    const forecast = forecaster.open();
    follow(forecaster, forecast, periodic(6, 60));
    const before = forecast.state.slice();
    const ahead = forecast.ahead(6);
    expect(forecast.chanceAfter(false)).toBeCloseTo(ahead[1] ?? 0, 12);
    expect(Math.max(...ahead)).toBe(ahead[5]);
    expect(forecast.state).toEqual(before);
  });

  it('takes less than two kilobytes', () => {
    expect(FORECAST_FLOATS * Float32Array.BYTES_PER_ELEMENT).toBeLessThan(2_000);
  });
});
