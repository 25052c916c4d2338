/**
 * Makes one chance of what the models say: a weighted sum on the logistic scale, with weights that follow the gradient of the log loss, for all
 * functions together but apart for young and old ones; then a correction by what such chances turned out to be worth.
 *
 * Logistic mixing and adaptive probability maps as in Mahoney (2005), "Adaptive weighing of context models for lossless data compression".
 */
import { bounded, logistic, logit } from './probability.ts';

const LEARNING_RATE = 0.0015;
/** By how many calls a function has had. */
const AGES = [1, 2, 4, 8, 20] as const;
/** The map has a point each 5/6 of a nat, between chances of one in 22,000 and its opposite. */
const FIRST_POINT = -10;
const POINTS_PER_NAT = 1.2;
const POINTS = 25;
/** As if so many had been seen at each point, and the chance there was right. */
const POINT_WEIGHT = 20;

export interface Mixed {
  readonly chance: number;
  /** For `learn`. */
  readonly inputs: readonly number[];
  readonly sum: number;
  readonly age: number;
}

export class Mixer {
  readonly #weights: readonly Float64Array[];
  readonly #hits = new Float64Array(POINTS);
  readonly #seen = new Float64Array(POINTS).fill(POINT_WEIGHT);

  /** The weights to begin with, one for each input. */
  constructor(firstWeights: readonly number[]) {
    this.#weights = Array.from({ length: AGES.length + 1 }, () => Float64Array.from(firstWeights));
    for (let point = 0; point < POINTS; point++) {
      this.#hits[point] = POINT_WEIGHT * logistic(point / POINTS_PER_NAT + FIRST_POINT);
    }
  }

  /** What was learned. */
  get state(): readonly Float64Array[] {
    return [...this.#weights, this.#hits, this.#seen];
  }

  mix(inputs: readonly number[], calls: number): Mixed {
    const found = AGES.findIndex((age) => calls <= age);
    const age = found < 0 ? AGES.length : found;
    const weights = this.#weights[age];
    let sum = 0;
    for (let index = 0; index < inputs.length; index++) sum += (weights?.[index] ?? 0) * (inputs[index] ?? 0);
    const { point, part } = pointOf(sum);
    const mapped = this.#rate(point) * (1 - part) + this.#rate(point + 1) * part;
    const chance = bounded(logistic((logit(bounded(logistic(sum))) + logit(bounded(mapped))) / 2));
    return { chance, inputs, sum, age };
  }

  learn({ inputs, sum, age }: Mixed, called: boolean): void {
    const happened = called ? 1 : 0;
    const step = LEARNING_RATE * (happened - bounded(logistic(sum)));
    const weights = this.#weights[age];
    if (weights)
      for (let index = 0; index < inputs.length; index++)
        weights[index] = (weights[index] ?? 0) + step * (inputs[index] ?? 0);
    const { point, part } = pointOf(sum);
    this.#count(point, 1 - part, happened);
    this.#count(point + 1, part, happened);
  }

  #rate(point: number): number {
    return (this.#hits[point] ?? 0) / (this.#seen[point] ?? 1);
  }

  #count(point: number, weight: number, happened: number): void {
    this.#hits[point] = (this.#hits[point] ?? 0) + weight * happened;
    this.#seen[point] = (this.#seen[point] ?? 0) + weight;
  }
}

function pointOf(sum: number): { point: number; part: number } {
  const position = (Math.min(Math.max(sum, FIRST_POINT), -FIRST_POINT) - FIRST_POINT) * POINTS_PER_NAT;
  const point = Math.min(Math.floor(position), POINTS - 2);
  return { point, part: position - point };
}
