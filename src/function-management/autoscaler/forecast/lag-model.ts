/**
 * Periods: whether a call T intervals ago makes one now more or less likely, for each T that people use and for all small ones, so that a
 * mixture of several timers is seen as well as one. Each T has two chances, one for either answer, and a score: how well it has predicted
 * lately. They speak together, weighted by their scores.
 *
 * The mixture of forecasters by exponential weights with forgetting: Herbster and Warmuth (1998), "Tracking the best expert".
 */
import { bounded, logit, logLoss } from './probability.ts';

export const LAGS: readonly number[] = [
  2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 30, 40, 45, 60, 90, 120, 180,
  240, 360, 480, 720, 1_440,
];
/** Chance after silence and how often that was seen, chance after a call and how often, sum of losses. */
const FIELDS = 5;
export const LAG_FLOATS = LAGS.length * FIELDS + 1;

const LOSSES_COUNTED = LAGS.length * FIELDS;
/** A chance is an average over the last so many times, at most. */
const LONGEST_MEMORY = 100;
const PRIOR_WEIGHT = 0.5;
const LOSS_FORGETTING = 0.98;
/** Losses count as if over at most so many intervals: else the best would silence all others. */
const LOSS_HORIZON = 40;

export interface Past {
  /** Intervals since the first call, this one not counted. */
  readonly age: number;
  /** Whether it was called so many intervals ago. */
  calledAgo(intervals: number): boolean;
}

/** On the logistic scale; undefined as long as no period has passed. `base`: the chance that it is called at all. */
export function lagForecast(state: Float32Array, past: Past, base: number): number | undefined {
  const counted = state[LOSSES_COUNTED] ?? 0;
  const horizon = counted > 0 ? Math.min(counted, LOSS_HORIZON) / counted : 0;
  let [weights, sum] = [0, 0];
  for (let lag = 0; lag < LAGS.length; lag++) {
    const period = LAGS[lag] ?? 0;
    if (period > past.age) break;
    const at = lag * FIELDS;
    const weight = Math.exp(-(state[at + 4] ?? 0) * horizon);
    weights += weight;
    sum += weight * logit(chanceOf(state, at, past.calledAgo(period), base));
  }
  return weights > 0 ? sum / weights : undefined;
}

export function observeLags(state: Float32Array, past: Past, called: boolean, base: number): void {
  state[LOSSES_COUNTED] = (state[LOSSES_COUNTED] ?? 0) * LOSS_FORGETTING + 1;
  for (let lag = 0; lag < LAGS.length; lag++) {
    const period = LAGS[lag] ?? 0;
    if (period > past.age) break;
    const at = lag * FIELDS;
    const wasCalled = past.calledAgo(period);
    const loss = logLoss(chanceOf(state, at, wasCalled, base), called);
    state[at + 4] = (state[at + 4] ?? 0) * LOSS_FORGETTING + loss;
    const chance = at + (wasCalled ? 2 : 0);
    const seen = Math.min((state[chance + 1] ?? 0) + 1, LONGEST_MEMORY);
    state[chance + 1] = seen;
    state[chance] = (state[chance] ?? 0) + ((called ? 1 : 0) - (state[chance] ?? 0)) / seen;
  }
}

/** The period that has predicted best, where one stands out: after a call that many intervals ago there is most often one now. */
export function bestPeriod(
  state: Float32Array,
  past: Past,
): { readonly period: number; readonly chance: number } | undefined {
  let best: { readonly period: number; readonly chance: number; readonly loss: number } | undefined;
  for (let lag = 0; lag < LAGS.length; lag++) {
    const period = LAGS[lag] ?? 0;
    if (period * 2 > past.age) break;
    const [chance = 0, loss = 0] = [state[lag * FIELDS + 2], state[lag * FIELDS + 4]];
    if (chance >= 0.5 && (!best || loss < best.loss * 0.9)) best = { period, chance, loss };
  }
  return best;
}

function chanceOf(state: Float32Array, lagAt: number, wasCalled: boolean, base: number): number {
  const at = lagAt + (wasCalled ? 2 : 0);
  const seen = state[at + 1] ?? 0;
  return bounded(((state[at] ?? 0) * seen + PRIOR_WEIGHT * base) / (seen + PRIOR_WEIGHT));
}
