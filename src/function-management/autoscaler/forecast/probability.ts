/** Probabilities on the logistic scale. Pure. */

/** Nothing that was learned from a day of minutes is more certain than this. */
const MOST_CERTAIN = 1e-5;

export function bounded(probability: number, least = MOST_CERTAIN): number {
  return Math.min(1 - least, Math.max(least, probability));
}

export function logit(probability: number): number {
  return Math.log(probability / (1 - probability));
}

export function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** What an event that was given this probability costs its forecaster, in nats. */
export function logLoss(probability: number, happened: boolean): number {
  return -Math.log(happened ? probability : 1 - probability);
}
