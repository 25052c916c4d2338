/** What the autoscaler expects of a function, as lines for people. Pure. */
import type { ForecastView } from '../function-management/autoscaler/protocol.ts';
import { duration } from './terminal.ts';

const BARS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
/** A gap that is rarer says nothing of a pattern. */
const LEAST_PART = 0.05;

export function forecastLines(policy: string, forecast: ForecastView | undefined): string[] {
  if (!forecast) return policy === 'predictive' ? ['  forecast: none yet; it begins with the first call'] : [];
  const { chance, band, ahead, intervalMs, sinceLastCallMs, activeIntervals, coldStarts, coldStartsAvoided } = forecast;
  const spanMs = ahead.length * intervalMs;
  return [
    `  pattern: ${patternOf(forecast)}`,
    `  last called ${span(sinceLastCallMs)} ago at most; a call in the next ${span(intervalMs)} has a chance of ${percent(chance)} (models: ${percent(band.low)} to ${percent(band.high)})`,
    `  next ${span(spanMs)}: |${ahead.map((one) => bar(one.chance)).join('')}|`,
    ...followersOf(forecast),
    `  intervals with calls: ${activeIntervals}; kept warm for ${coldStartsAvoided}, cold in ${coldStarts}; ${megabytes(forecast.idleMbSeconds)} idle`,
    `  memory is worth ${forecast.msPerMbSecond.toPrecision(2)} ms per MB-second${forecast.trusted ? '' : '; the forecast did worse than a keep-alive of 10 minutes lately, which is done instead'}`,
  ];
}

function patternOf({ periodMs, gaps }: ForecastView): string {
  const usual = gaps
    .filter(({ part }) => part >= LEAST_PART)
    .map(({ gapMs, part }) => `${span(gapMs)} (${percent(part)})`);
  const between = usual.length > 0 ? `between calls: ${usual.join(', ')}` : 'not known yet';
  return periodMs === undefined ? between : `about every ${span(periodMs)}; ${between}`;
}

function followersOf({ followers }: ForecastView): string[] {
  if (followers.length === 0) return [];
  const often = followers.map(({ name, chance, withinMs }) => `${name} (${percent(chance)}, within ${span(withinMs)})`);
  return [`  often followed by: ${often.join(', ')}`];
}

function bar(chance: number): string {
  return BARS[Math.min(BARS.length - 1, Math.ceil(chance * (BARS.length - 1)))] ?? ' ';
}

function percent(part: number): string {
  const value = part * 100;
  return `${value < 1 ? value.toFixed(2) : value < 10 ? value.toFixed(1) : value.toFixed(0)} %`;
}

function megabytes(mbSeconds: number): string {
  const gbMinutes = mbSeconds / 1_024 / 60;
  return gbMinutes >= 0.1 ? `${gbMinutes.toFixed(1)} GB-minutes` : `${mbSeconds.toFixed(0)} MB-seconds`;
}

function span(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes >= 120 && Number.isInteger(minutes / 60)) return `${minutes / 60} h`;
  return Number.isInteger(minutes) ? `${minutes} min` : duration(ms * 1_000);
}
