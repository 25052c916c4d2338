/** What the predictive policy sees and why it decided so, for people. Pure. */
import type { Expectation } from './expectation.ts';
import type { Follower, ForecastView } from './protocol.ts';

const VIEWED_GAPS = 5;
/** Intervals for which a chance is shown. */
const AHEAD = 15;

/** At which a decision was made. */
export interface Terms {
  readonly intervalMs: number;
  readonly msPerMbSecond: number;
  /** The forecast is. */
  readonly trusted: boolean;
}

/** Undefined before the first interval with a call is over. */
export function viewOf(
  expectation: Expectation | undefined,
  followers: readonly Follower[],
  { intervalMs, msPerMbSecond, trusted }: Terms,
): ForecastView | undefined {
  if (!expectation?.forecast) return undefined;
  const { forecast, coldStarts, coldStartsAvoided, idleMbSeconds } = expectation;
  const { gaps, period } = forecast.pattern;
  return {
    intervalMs,
    chance: forecast.chance,
    band: forecast.band,
    gaps: gaps.slice(0, VIEWED_GAPS).map(({ gap, part }) => ({ gapMs: gap * intervalMs, part })),
    periodMs: period === undefined ? undefined : period.period * intervalMs,
    followers,
    ahead: forecast.ahead(AHEAD).map((chance, index) => ({ inMs: (index + 1) * intervalMs, chance })),
    sinceLastCallMs: forecast.gap * intervalMs,
    activeIntervals: forecast.calls,
    coldStartsAvoided,
    coldStarts,
    idleMbSeconds,
    msPerMbSecond,
    trusted,
  };
}

/** Why an instance is kept for calls to come. */
export function reasonToKeep(
  nowMs: number,
  expectation: Expectation | undefined,
  { intervalMs, msPerMbSecond, trusted }: Terms,
): string {
  const { forecast, coldStartMs, memoryMb, wasCalled, kept, preparedUntilMs = 0, preparedAfter } = expectation ?? {};
  if (kept === 0 && !wasCalled && preparedUntilMs > nowMs)
    return `it often follows "${preparedAfter}", which was called`;
  if (!expectation || !forecast) return wasCalled ? 'called a moment ago' : 'never called, or long ago';
  const worth = expectation.density(1, intervalMs) / msPerMbSecond;
  const why = `a call with a chance of ${(forecast.chance * 100).toFixed(1)} % x ${coldStartMs?.toFixed(1)} ms is worth ${worth.toFixed(2)} x what ${memoryMb} MB are`;
  return trusted ? `forecast: ${why}` : `keep-alive, for the forecast has done worse lately: ${why}`;
}
