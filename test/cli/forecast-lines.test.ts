import { expect, it } from 'vitest';
import { forecastLines } from '../../src/cli/forecast-lines.ts';
import type { ForecastView } from '../../src/function-management/autoscaler/protocol.ts';

const view: ForecastView = {
  intervalMs: 60_000,
  chance: 0.004,
  band: { low: 0.001, high: 0.02 },
  ahead: [0.004, 0.5, 1].map((chance, index) => ({ inMs: (index + 1) * 60_000, chance })),
  gaps: [
    { gapMs: 900_000, part: 0.93 },
    { gapMs: 840_000, part: 0.06 },
    { gapMs: 60_000, part: 0.01 },
  ],
  periodMs: 900_000,
  followers: [],
  sinceLastCallMs: 120_000,
  activeIntervals: 48,
  coldStartsAvoided: 44,
  coldStarts: 3,
  idleMbSeconds: 12_288,
  msPerMbSecond: 1e-4,
  trusted: true,
};

it('What is expected of a function is told in lines: its pattern, its chance, what was gained and what was spent', () => {
  expect(forecastLines('predictive', view)).toEqual([
    '  pattern: about every 15 min; between calls: 15 min (93 %), 14 min (6.0 %)',
    '  last called 2 min ago at most; a call in the next 1 min has a chance of 0.40 % (models: 0.10 % to 2.0 %)',
    '  next 3 min: |▁▄█|',
    '  intervals with calls: 48; kept warm for 44, cold in 3; 0.2 GB-minutes idle',
    '  memory is worth 0.00010 ms per MB-second',
  ]);
});

it('A forecast that is not trusted says so, and one that is not there says why', () => {
  expect(forecastLines('predictive', { ...view, trusted: false }).at(-1)).toContain('worse than a keep-alive');
  expect(forecastLines('predictive', undefined)).toEqual(['  forecast: none yet; it begins with the first call']);
  expect(forecastLines('reactive', undefined)).toEqual([]);
});

it('What its calls lead to is told where there is such a thing', () => {
  const followers = [{ name: 'invoice', chance: 0.9, withinMs: 240 }];
  expect(forecastLines('predictive', { ...view, followers })).toContain(
    '  often followed by: invoice (90 %, within 240 ms)',
  );
});
