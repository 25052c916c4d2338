/**
 * What the predictive policy knows and expects of one function: whether it will be called in the interval that begins, how many instances it would
 * then need, what one is worth, and what was kept for it. Pure but for its memory.
 */
import { BURST_FLOATS, BurstSizes } from './burst-sizes.ts';
import { DEFAULT_COLD_START_MS, usefulInstances } from './demand.ts';
import { FORECAST_FLOATS, type Forecaster, type FunctionForecast } from './forecast/forecaster.ts';
import type { Observation } from './protocol.ts';

/** Of one function, for calls to come. */
const MOST_KEPT = 1_000;
const FACTS = ['interval', 'memoryMb', 'coldStartMs', 'coldStarts', 'coldStartsAvoided', 'idleMbSeconds'] as const;
const SAVED_FLOATS = FORECAST_FLOATS + BURST_FLOATS + FACTS.length;

export class Expectation {
  /** There once the first interval with a call is over. */
  forecast: FunctionForecast | undefined;
  readonly #bursts: BurstSizes;
  memoryMb = 0;
  coldStartMs = DEFAULT_COLD_START_MS;
  /** In the interval that has begun. */
  wasCalled = false;
  /** When it was last called, on the clock of the observations. */
  lastActiveMs = Number.NEGATIVE_INFINITY;
  /** Instances kept for calls to come in this interval, and what either side of the guard would keep. */
  kept = 0;
  keptByForecast = 0;
  keptByFixed = 0;
  /** Intervals with a call that found instances kept for it, and the others. */
  coldStartsAvoided = 0;
  coldStarts = 0;
  idleMbSeconds = 0;
  /** Held though no call is there, since the last ones have just gone. */
  heldMb = 0;
  #inUse = 0;
  #inUseAtMs = Number.NEGATIVE_INFINITY;
  #needed = 0;
  /** An instance is there until then because a call of `preparedAfter` usually leads to one of this. */
  preparedUntilMs = Number.NEGATIVE_INFINITY;
  preparedAfter = '';
  /** In this interval. */
  #preparedMs = 0;
  /** Until when what was decided last holds, if nothing happens within the interval. */
  settledUntilMs = Number.POSITIVE_INFINITY;
  /** Called since it was last saved. */
  hasChanged = false;

  constructor(bursts = new BurstSizes()) {
    this.#bursts = bursts;
  }

  /** The most instances that calls had use for at a time within the last `withinMs`, give or take as much. */
  inUseLately(observation: Observation, nowMs: number, withinMs: number): number {
    const inUse = usefulInstances(observation);
    if (inUse < this.#inUse && nowMs - this.#inUseAtMs < withinMs) return this.#inUse;
    this.#inUse = inUse;
    this.#inUseAtMs = nowMs;
    return inUse;
  }

  observe(observation: Observation): void {
    const { arrivals, inSystem, peakInSystem, concurrency, memoryMb, coldStartMs, lastActiveMs } = observation;
    this.memoryMb = memoryMb;
    this.coldStartMs = Math.max(1, coldStartMs ?? DEFAULT_COLD_START_MS);
    if (arrivals === 0 && inSystem === 0) return;
    this.wasCalled = true;
    this.hasChanged = true;
    this.lastActiveMs = Math.max(this.lastActiveMs, lastActiveMs);
    this.#needed = Math.max(this.#needed, Math.ceil(Math.max(peakInSystem, inSystem) / concurrency));
  }

  /** One is to be there from now on, since `leader` was called. */
  prepare(leader: string, nowMs: number, untilMs: number): void {
    if (untilMs <= this.preparedUntilMs) return;
    this.#preparedMs += untilMs - Math.max(nowMs, this.preparedUntilMs);
    this.preparedUntilMs = untilMs;
    this.preparedAfter = leader;
  }

  /** The interval is over: what it has shown is learned. */
  endInterval(forecaster: Forecaster, intervalMs: number): void {
    const { forecast, wasCalled } = this;
    if (forecast) {
      this.#account(intervalMs);
      forecast.observe(wasCalled);
    } else if (wasCalled) this.forecast = forecaster.open();
    if (wasCalled) this.#bursts.observe(this.#needed);
    this.wasCalled = false;
    this.#needed = 0;
    this.#preparedMs = 0;
  }

  /** Of the nth instance, where the function is called with this chance: what it saves in ms, for each MB-second that it takes. */
  density(nth: number, intervalMs: number, chance = this.forecast?.chance ?? 0): number {
    const savedMs = chance * this.#bursts.chanceOfAtLeast(nth) * this.coldStartMs;
    return savedMs / ((this.memoryMb * intervalMs) / 1_000);
  }

  /** How many instances are worth more than the rate. */
  worthKeeping(rate: number, intervalMs: number, chance = this.forecast?.chance ?? 0): number {
    let count = 0;
    while (count < MOST_KEPT && this.density(count + 1, intervalMs, chance) >= rate) count++;
    return count;
  }

  /** `interval`: the number of the one that has begun. */
  save(interval: number): Uint8Array {
    const saved = new Float32Array(SAVED_FLOATS);
    if (this.forecast) saved.set(this.forecast.state);
    saved.set(this.#bursts.state, FORECAST_FLOATS);
    const { memoryMb, coldStartMs, coldStarts, coldStartsAvoided, idleMbSeconds } = this;
    const facts = { interval, memoryMb, coldStartMs, coldStarts, coldStartsAvoided, idleMbSeconds };
    saved.set(
      FACTS.map((fact) => facts[fact]),
      FORECAST_FLOATS + BURST_FLOATS,
    );
    this.hasChanged = false;
    return new Uint8Array(saved.buffer);
  }

  /** Undefined when the bytes are of another layout. `interval` as above, for the one that begins now. */
  static restore(bytes: Uint8Array, forecaster: Forecaster, interval: number): Expectation | undefined {
    if (bytes.byteLength !== SAVED_FLOATS * Float32Array.BYTES_PER_ELEMENT) return undefined;
    const saved = new Float32Array(bytes.slice().buffer);
    if (!saved.every(Number.isFinite)) return undefined;
    const factsAt = FORECAST_FLOATS + BURST_FLOATS;
    const expectation = new Expectation(new BurstSizes(saved.slice(FORECAST_FLOATS, factsAt)));
    const fact = (name: (typeof FACTS)[number]) => saved[factsAt + FACTS.indexOf(name)] ?? 0;
    expectation.forecast = forecaster.open(saved.slice(0, FORECAST_FLOATS));
    expectation.forecast.skip(Math.max(0, interval - fact('interval')));
    expectation.memoryMb = fact('memoryMb');
    expectation.coldStartMs = fact('coldStartMs');
    expectation.coldStarts = fact('coldStarts');
    expectation.coldStartsAvoided = fact('coldStartsAvoided');
    expectation.idleMbSeconds = fact('idleMbSeconds');
    return expectation;
  }

  #account(intervalMs: number): void {
    const keptMs = this.kept > 0 ? this.kept * intervalMs : this.#preparedMs;
    if (!this.wasCalled) this.idleMbSeconds += (this.memoryMb * keptMs) / 1_000;
    else if (keptMs > 0) this.coldStartsAvoided++;
    else this.coldStarts++;
  }
}
