/**
 * The chance that a function whose last call was g intervals ago is called now, over all functions: what is expected of one that is not
 * known yet. It begins with a prior that comes from no trace: heavy-tailed, as human demand is (gaps of g in proportion to g^-1.3), with
 * bumps at the periods that people write into timers, and some functions that are never called again. What is seen moves it slowly.
 *
 * The hazard of a discrete distribution, estimated with pseudo-counts: Kaplan and Meier (1958), "Nonparametric estimation from incomplete
 * observations", with a Beta prior for each g.
 */

/** Longer gaps count as this long: a day of minutes. */
export const LONGEST_GAP = 1_440;
/** How many observations of one gap the prior is worth. */
const PRIOR_WEIGHT = 150;
const TAIL_EXPONENT = 1.3;
const NEVER_AGAIN = 0.25;
/** Of the gaps, how many are periods of timers; and how often each is meant, in relation to the others. */
const PERIODIC_PART = 0.3;
const PERIODS: ReadonlyMap<number, number> = new Map([
  [1, 6],
  [2, 2],
  [3, 1],
  [5, 5],
  [10, 4],
  [15, 4],
  [20, 2],
  [30, 4],
  [60, 6],
  [120, 2],
  [180, 1],
  [240, 1],
  [360, 1],
  [720, 1],
  [1_440, 4],
]);

const PRIOR: Float64Array = priorHazard();

export class SharedHazard {
  readonly #events = new Float64Array(LONGEST_GAP + 1);
  readonly #chances = new Float64Array(LONGEST_GAP + 1);
  /** That a gap is at least g long; made anew once per interval. */
  readonly #survival = new Float64Array(LONGEST_GAP + 1);

  constructor() {
    this.refresh();
  }

  at(gap: number): number {
    const g = clamped(gap);
    const prior = PRIOR[g] ?? 0;
    return ((this.#events[g] ?? 0) + PRIOR_WEIGHT * prior) / ((this.#chances[g] ?? 0) + PRIOR_WEIGHT);
  }

  survivalAt(gap: number): number {
    return this.#survival[clamped(gap)] ?? 0;
  }

  observe(gap: number, called: boolean): void {
    const g = clamped(gap);
    this.#chances[g] = (this.#chances[g] ?? 0) + 1;
    if (called) this.#events[g] = (this.#events[g] ?? 0) + 1;
  }

  /** What was learned. */
  get state(): readonly Float64Array[] {
    return [this.#events, this.#chances];
  }

  /** To be called once for each interval, after all observations of it. */
  refresh(): void {
    let survival = 1;
    for (let gap = 1; gap <= LONGEST_GAP; gap++) {
      this.#survival[gap] = survival;
      survival *= 1 - this.at(gap);
    }
  }
}

function clamped(gap: number): number {
  return Math.min(Math.max(gap, 1), LONGEST_GAP);
}

function priorHazard(): Float64Array {
  const gaps = Array.from({ length: LONGEST_GAP + 1 }, (_, gap) => (gap === 0 ? 0 : gap ** -TAIL_EXPONENT));
  const tail = gaps.reduce((sum, each) => sum + each, 0);
  const periodic = [...PERIODS.values()].reduce((sum, each) => sum + each, 0);
  const hazard = new Float64Array(LONGEST_GAP + 1);
  let survival = 1;
  for (let gap = 1; gap <= LONGEST_GAP; gap++) {
    const shape =
      ((1 - PERIODIC_PART) * (gaps[gap] ?? 0)) / tail + (PERIODIC_PART * (PERIODS.get(gap) ?? 0)) / periodic;
    const chance = (1 - NEVER_AGAIN) * shape;
    hazard[gap] = chance / survival;
    survival -= chance;
  }
  return hazard;
}
