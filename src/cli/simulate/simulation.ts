/** A trace with the settings of one run: replays policies, chooses a point on the curve of `predictive`, and draws curves, each replay once. */
import { setImmediate } from 'node:timers/promises';
import { DEFAULT_COLD_START_MS } from '../../function-management/autoscaler/demand.ts';
import { figuresOf, type PolicyFigures } from './figures.ts';
import { makePolicy, nameOf, type PolicyChoice } from './policies.ts';
import { replay, type WarmMinutes } from './replay.ts';
import { type Found, findPoint, followCurve, type Goal, MOST_PROBES, type RateRange } from './search.ts';
import { memoryOf, type Trace } from './trace.ts';

export interface SimulationOptions {
  readonly trace: Trace;
  readonly keepAliveMs: number;
  readonly coldStartMs: number | undefined;
  readonly signal: AbortSignal;
  /** A line for whoever watches. */
  readonly note: (line: string) => void;
}

/** A point of `predictive`'s curve; the rate is the policy's option `msPerMbSecond`. */
export interface RatedFigures extends PolicyFigures {
  readonly rate: number;
}

export interface Outcome {
  readonly figures: PolicyFigures;
  readonly warm: WarmMinutes;
}

/** From the least waste to the most. */
export interface Curves {
  readonly fixed: readonly PolicyFigures[];
  readonly predictive: readonly RatedFigures[];
}

/** Of the curve of `fixed`. */
const KEEP_ALIVE_MINUTES = [1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240];
const CURVE_POINTS = 24;
/** What no function's chance of being called is below, in a minute; and what none is above, with room for error. */
const CHANCES = { least: 1e-5, most: 1.01 };
/** Others get a turn so often. */
const TURN_MS = 50;
/** Whoever watches hears something after so long, and then less and less often. */
const FIRST_NOTE_MS = 5_000;
const LAST_NOTE_MS = 60_000;
const NOTE_GROWTH = 1.5;

export class Simulation {
  readonly #options: SimulationOptions;
  readonly #probed = new Map<number, RatedFigures>();
  #turnMs = performance.now();
  #notedMs = performance.now();
  #quietMs = FIRST_NOTE_MS;

  constructor(options: SimulationOptions) {
    this.#options = options;
  }

  async run(choice: PolicyChoice): Promise<Outcome> {
    const { trace, keepAliveMs, coldStartMs } = this.#options;
    const name = nameOf(choice);
    const policy = makePolicy(choice, keepAliveMs);
    const pause = (minute: number) => this.#pause(`${name}: minute ${minute} of ${trace.minutes}`);
    const warm = await replay(trace, { policy, keepAliveMs, coldStartMs, pause });
    return { figures: figuresOf(name, trace, warm), warm };
  }

  /** The point of the curve of `predictive` that meets the goal best. */
  async choose(goal: Goal): Promise<Found<RatedFigures>> {
    const { note } = this.#options;
    note(`predictive: looking for the exchange rate, in at most ${MOST_PROBES} replays`);
    const found = await findPoint((rate) => this.#at(rate), this.#range, goal);
    note(`predictive: msPerMbSecond ${found.point.rate}, found in ${this.#probed.size} replays`);
    return found;
  }

  async curves(): Promise<Curves> {
    const { note } = this.#options;
    note(`curves: ${KEEP_ALIVE_MINUTES.length} replays of fixed, up to ${CURVE_POINTS} of predictive`);
    const fixed: PolicyFigures[] = [];
    for (const value of KEEP_ALIVE_MINUTES) fixed.push((await this.run({ policy: 'fixed', value })).figures);
    const predictive = await followCurve((rate) => this.#at(rate), this.#range, CURVE_POINTS);
    return { fixed, predictive: predictive.reverse() };
  }

  /** At more digits than anybody writes the rate would be another one when it is given again. */
  async #at(exactRate: number): Promise<RatedFigures> {
    const rate = Number(exactRate.toPrecision(4));
    const known = this.#probed.get(rate);
    if (known) return known;
    const figures = { ...(await this.run({ policy: 'predictive', value: rate })).figures, rate };
    this.#probed.set(rate, figures);
    return figures;
  }

  get #range(): RateRange {
    const { trace, coldStartMs = DEFAULT_COLD_START_MS } = this.#options;
    let [leastMb, mostMb] = [Number.POSITIVE_INFINITY, 1];
    for (const traced of trace.functions) {
      leastMb = Math.min(leastMb, Math.max(1, memoryOf(traced)));
      mostMb = Math.max(mostMb, memoryOf(traced));
    }
    const rate = (chance: number, memoryMb: number) => (chance * coldStartMs) / (memoryMb * 60);
    return { low: rate(CHANCES.least, mostMb), high: rate(CHANCES.most, leastMb) };
  }

  async #pause(where: string): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#turnMs < TURN_MS) return;
    if (nowMs - this.#notedMs > this.#quietMs) {
      this.#options.note(where);
      this.#notedMs = nowMs;
      this.#quietMs = Math.min(LAST_NOTE_MS, this.#quietMs * NOTE_GROWTH);
    }
    await setImmediate();
    this.#options.signal.throwIfAborted();
    this.#turnMs = performance.now();
  }
}
