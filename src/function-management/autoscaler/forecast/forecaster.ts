/**
 * Will this function be called in the next interval? One `Forecaster` for all functions of a host, one `FunctionForecast` for each: a mixture of
 * simple models that learns with every interval, from the past alone. Time is counted in intervals; how long one is, is its user's business.
 *
 * What is known of a function is `FORECAST_FLOATS` numbers, which can be stored as they are.
 */
import { CONTEXT_FLOATS, contextChance, observeContext } from './context-model.ts';
import { frequentGaps, freshPart, GAP_FLOATS, gapHazard, initGaps, observeGap } from './gap-hazard.ts';
import { bestPeriod, LAG_FLOATS, lagForecast, observeLags, type Past } from './lag-model.ts';
import { type Mixed, Mixer } from './mixer.ts';
import { bounded, logistic, logit } from './probability.ts';
import { LONGEST_GAP, SharedHazard } from './shared-hazard.ts';

/** Half-lives of the activity, in intervals. */
const HALF_LIVES = [2, 8, 30, 120] as const;
const RATES = HALF_LIVES.map((halfLife) => 1 - 0.5 ** (1 / halfLife));
/** The part of an activity that is not believed, and the least chance that comes of one. */
const DOUBT = 0.02;
const LEAST_ACTIVITY = 1e-3;
/** Forgetting of how often it is called at all. */
const BASE_FORGETTING = 0.999;
/** Floats hold 24 bits exactly. */
const BITS = 24;
const HISTORY_FLOATS = LONGEST_GAP / BITS;
const RECENT_BITS = 0xff;

/** In the order of `#inputs`: shared hazard, own gaps, periods, activity (four), recent intervals, last gap, bias. */
const FIRST_WEIGHTS = [0, 0.4, 0.27, 0, 0, 0.05, 0.05, 0.2, 0.3, 0] as const;

/** Of them, those that look at this function alone. */
const KNOWING = [1, 2, 7, 8] as const;

const AT = { age: 0, gap: 1, lastGap: 2, calls: 3, called: 4, counted: 5, recent: 6, activity: 7 } as const;
const GAPS_AT = AT.activity + HALF_LIVES.length;
const LAGS_AT = GAPS_AT + GAP_FLOATS;
const RECENT_AT = LAGS_AT + LAG_FLOATS;
const PAIRS_AT = RECENT_AT + CONTEXT_FLOATS;
const HISTORY_AT = PAIRS_AT + CONTEXT_FLOATS;
export const FORECAST_FLOATS = HISTORY_AT + HISTORY_FLOATS;

export class Forecaster {
  readonly shared = new SharedHazard();
  readonly mixer = new Mixer(FIRST_WEIGHTS);

  /** A function that is called now for the first time, or one whose state was kept. */
  open(state?: Float32Array): FunctionForecast {
    return new FunctionForecast(this, state);
  }

  /** To be called once for each interval, after all functions have observed it. */
  intervalEnded(): void {
    this.shared.refresh();
  }

  /** What all functions have taught it, to be kept. */
  save(): Float64Array {
    const parts = [...this.shared.state, ...this.mixer.state];
    const saved = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      saved.set(part, at);
      at += part.length;
    }
    return saved;
  }

  /** Takes back what `save` gave; false when it is of another shape, which changes nothing. */
  restore(saved: Float64Array): boolean {
    const parts = [...this.shared.state, ...this.mixer.state];
    if (saved.length !== parts.reduce((sum, part) => sum + part.length, 0) || !saved.every(Number.isFinite))
      return false;
    let at = 0;
    for (const part of parts) {
      part.set(saved.subarray(at, at + part.length));
      at += part.length;
    }
    this.shared.refresh();
    return true;
  }
}

export class FunctionForecast implements Past {
  readonly state: Float32Array;
  readonly #forecaster: Forecaster;
  /** What it said of the interval that has begun, once it was asked. */
  #chance: number | undefined;

  constructor(forecaster: Forecaster, state?: Float32Array) {
    this.#forecaster = forecaster;
    this.state = state ?? new Float32Array(FORECAST_FLOATS);
    if (state) return;
    initGaps(this.#gaps);
    this.#remember(true);
  }

  /** Intervals since its first call, this one not counted. */
  get age(): number {
    return this.#get(AT.age);
  }

  /** Intervals since its last call: 1 in the one right after it. */
  get gap(): number {
    return this.#get(AT.gap);
  }

  /** Intervals in which it was called. */
  get calls(): number {
    return this.#get(AT.calls);
  }

  /** The chance that it is called in the interval that begins now. */
  get chance(): number {
    this.#chance ??= this.#mixed().chance;
    return this.#chance;
  }

  /** How far apart the models are that know the function: its gaps, its periods and its habits. */
  get band(): { readonly low: number; readonly high: number } {
    const { inputs } = this.#mixed();
    const chances = KNOWING.map((index) => logistic(inputs[index] ?? 0));
    return { low: Math.min(...chances, this.chance), high: Math.max(...chances, this.chance) };
  }

  /** The chance in the interval after this one, if this one ends as told. Nothing is learned. */
  chanceAfter(called: boolean): number {
    const next = new FunctionForecast(this.#forecaster, this.state.slice());
    next.#remember(called);
    return next.chance;
  }

  /** The chances in the next intervals, from this one on, each if no call comes before it. Nothing is learned. */
  ahead(intervals: number): number[] {
    const next = new FunctionForecast(this.#forecaster, this.state.slice());
    return Array.from({ length: intervals }, () => {
      const { chance } = next;
      next.#remember(false);
      next.#chance = undefined;
      return chance;
    });
  }

  /** So many intervals have passed of which nothing is known. Nothing is learned. */
  skip(intervals: number): void {
    this.#chance = undefined;
    for (let skipped = 0; skipped < Math.min(intervals, 2 * LONGEST_GAP); skipped++) this.#remember(false);
  }

  /** The interval is over. */
  observe(called: boolean): void {
    const { mixer, shared } = this.#forecaster;
    // Made again rather than kept since it was asked: ten thousand functions would keep 3 MB of it.
    mixer.learn(this.#mixed(), called);
    this.#chance = undefined;
    const { gap } = this;
    const base = this.#base();
    shared.observe(gap, called);
    observeLags(this.#lags, this, called, base);
    observeContext(this.#recent, this.#recentContext, called);
    observeContext(this.#pairs, this.#pairContext, called);
    if (called) observeGap(this.#gaps, gap);
    this.#remember(called);
  }

  calledAgo(intervals: number): boolean {
    const at = (this.age - intervals) % LONGEST_GAP;
    const word = this.#get(HISTORY_AT + Math.floor(at / BITS));
    return ((word >>> (at % BITS)) & 1) === 1;
  }

  /** What it has learned, for people; in intervals. */
  get pattern() {
    return { gaps: frequentGaps(this.#gaps), fresh: freshPart(this.#gaps), period: bestPeriod(this.#lags, this) };
  }

  // Views are made when they are used: kept, they would cost as much as what they show.
  get #gaps(): Float32Array {
    return this.state.subarray(GAPS_AT, LAGS_AT);
  }

  get #lags(): Float32Array {
    return this.state.subarray(LAGS_AT, RECENT_AT);
  }

  get #recent(): Float32Array {
    return this.state.subarray(RECENT_AT, PAIRS_AT);
  }

  get #pairs(): Float32Array {
    return this.state.subarray(PAIRS_AT, HISTORY_AT);
  }

  #mixed(): Mixed {
    return this.#forecaster.mixer.mix(this.#inputs(), this.calls);
  }

  #inputs(): number[] {
    const { gap, state } = this;
    const { shared } = this.#forecaster;
    const sharedHazard = shared.at(gap);
    const own = gapHazard(this.#gaps, gap, shared);
    const inputs = [
      logit(bounded(sharedHazard)),
      logit(own),
      lagForecast(this.#lags, this, this.#base()) ?? logit(own),
    ];
    for (let index = 0; index < RATES.length; index++) {
      const activity = (1 - DOUBT) * (state[AT.activity + index] ?? 0) + DOUBT * sharedHazard;
      inputs.push(logit(bounded(activity, LEAST_ACTIVITY)));
    }
    inputs.push(logit(contextChance(this.#recent, this.#recentContext, own)));
    inputs.push(logit(contextChance(this.#pairs, this.#pairContext, own)), 1);
    return inputs;
  }

  /** How often it is called at all; never quite never. */
  #base(): number {
    const prior = 0.3 * this.#forecaster.shared.at(this.gap);
    return bounded((this.#get(AT.called) + prior) / (this.#get(AT.counted) + 1), LEAST_ACTIVITY);
  }

  get #recentContext(): number {
    return Math.min(this.gap, 9) * (RECENT_BITS + 1) + this.#get(AT.recent);
  }

  get #pairContext(): number {
    return this.#get(AT.lastGap) * (LONGEST_GAP + 1) + Math.min(this.gap, LONGEST_GAP);
  }

  /** Only the first interval of all comes here without having been forecast. */
  #remember(called: boolean): void {
    const { state } = this;
    const isFirst = this.calls === 0;
    const age = this.age;
    for (let index = 0; index < RATES.length; index++) {
      const activity = this.#get(AT.activity + index);
      state[AT.activity + index] = activity + (RATES[index] ?? 0) * ((called ? 1 : 0) - activity);
    }
    state[AT.recent] = ((this.#get(AT.recent) << 1) | (called ? 1 : 0)) & RECENT_BITS;
    const at = age % LONGEST_GAP;
    const word = HISTORY_AT + Math.floor(at / BITS);
    const bit = 1 << (at % BITS);
    state[word] = called ? this.#get(word) | bit : this.#get(word) & ~bit;
    if (!isFirst) {
      state[AT.called] = this.#get(AT.called) * BASE_FORGETTING + (called ? 1 : 0);
      state[AT.counted] = this.#get(AT.counted) * BASE_FORGETTING + 1;
    }
    if (called) {
      if (!isFirst) state[AT.lastGap] = Math.min(this.gap, LONGEST_GAP);
      state[AT.calls] = Math.min(this.calls + 1, 1 << 23);
    }
    state[AT.gap] = called ? 1 : Math.min(this.gap + 1, 1 << 23);
    state[AT.age] = age + 1;
  }

  #get(at: number): number {
    return this.state[at] ?? 0;
  }
}
