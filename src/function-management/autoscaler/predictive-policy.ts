/**
 * The predictive scaling policy, the default. Calls that are there get instances as `demand.ts` and `reactive-policy.ts` say; for calls to come,
 * an instance is kept, or started ahead of time, while (the chance that it is needed) x (what a cold start costs) is worth more than the memory
 * that it occupies. `forecast/` says the chance, `burst-sizes.ts` how many instances, `exchange-rate.ts` what memory is worth; `guard.ts` compares
 * all that with a fixed keep-alive and sees to it that it is never much worse.
 *
 * Time is cut into intervals. What is expected of one is decided at its beginning, and a little earlier for what has to be started. Within one, what
 * was called leads to calls of others: `followers.ts`.
 */
import { withinBounds } from './bounds.ts';
import { demandedInstances, usefulInstances } from './demand.ts';
import { keepDensest, LEAST_MS_PER_MB_SECOND, type Prospect } from './exchange-rate.ts';
import { Expectation } from './expectation.ts';
import { Followers } from './followers.ts';
import { Forecaster } from './forecast/forecaster.ts';
import { reasonToKeep, type Terms, viewOf } from './forecast-view.ts';
import { Guard } from './guard.ts';
import type { Follower, ForecastView, Learned, Observation, ScalingPolicy, ScalingTarget } from './protocol.ts';
import { reactivePolicy } from './reactive-policy.ts';

const INTERVAL_MS = 60_000;
/** Instances are started so long before their interval: a spare needs a few ms, a fresh process on a busy machine a few hundred. */
const LEAD_MS = 1_000;
/** Where calls are faster than people, and intervals short: what a fresh thread needs, of a quarter of a second. */
const LEAD_PART = 1 / 4;
/** Of an interval: what calls have needed lately is held for so long, two seconds of a minute. */
const HELD_PART = 1 / 30;
/** What the guard compares with. */
const FIXED_KEEP_ALIVE_MS = 600_000;
/** In intervals: a function that was not called for so long is not expected any more. */
const FORGOTTEN_AFTER = 2 * 1_440;
/** What comes later after a call than this, or than one interval, has not followed from it. */
const FOLLOWS_WITHIN_MS = 10_000;
/** Two processors' worth. */
const STARTS_AT_ONCE = 4;
/** Of what all functions have taught. */
const SHARED = '';
/** Intervals that are gone through one by one. */
const MOST_BEHIND = 10;

export interface PredictivePolicyOptions {
  /** How finely time is cut; a minute unless the calls are faster than people. */
  readonly intervalMs?: number;
  /** In MB: what instances without calls may occupy together. */
  readonly idleBudgetMb?: number;
  /** In place of the default: what memory is worth while there is enough of it. */
  readonly msPerMbSecond?: number;
  /** Starts of one function that go on at the same time, at most, for calls that wait; two for each processor, and not fewer than spares. */
  readonly startsAtOnce?: number;
}

export function predictivePolicy(options: PredictivePolicyOptions = {}): ScalingPolicy {
  return new PredictivePolicy(options);
}

class PredictivePolicy implements ScalingPolicy {
  readonly name = 'predictive';
  readonly #intervalMs: number;
  readonly #leadMs: number;
  readonly #idleBudgetMb: number;
  readonly #leastRate: number;
  readonly #startsAtOnce: number;
  readonly #forecaster = new Forecaster();
  readonly #demand = reactivePolicy();
  readonly #guard = new Guard();
  readonly #followers: Followers;
  readonly #expectations = new Map<string, Expectation>();
  #forgotten: string[] = [];
  #rate: number;
  /** Of the budget, in this interval. */
  #usedMb = 0;
  /** Of the budget, for what was called a moment ago. */
  #heldMb = 0;
  /** Counts intervals, also those of earlier runs. */
  #interval = 0;
  /** When the present one ends. */
  #endsMs = Number.NaN;
  /** Whether the next one was prepared. */
  #isPrepared = false;

  constructor(options: PredictivePolicyOptions) {
    const { intervalMs = INTERVAL_MS, idleBudgetMb = Number.POSITIVE_INFINITY, msPerMbSecond } = options;
    this.#startsAtOnce = Math.max(1, options.startsAtOnce ?? STARTS_AT_ONCE);
    this.#intervalMs = intervalMs;
    this.#leadMs = Math.min(LEAD_MS, intervalMs * LEAD_PART);
    this.#followers = new Followers(Math.min(FOLLOWS_WITHIN_MS, intervalMs));
    this.#idleBudgetMb = idleBudgetMb;
    this.#leastRate = msPerMbSecond ?? LEAST_MS_PER_MB_SECOND;
    this.#rate = this.#leastRate;
  }

  decide(nowMs: number, observations: readonly Observation[]): readonly ScalingTarget[] {
    if (Number.isNaN(this.#endsMs)) {
      this.#endsMs = nowMs + this.#intervalMs;
      this.#decideKept(nowMs);
    }
    // What came before an interval ended is counted into it.
    for (const observation of observations) this.#observe(observation);
    this.#endIntervals(nowMs);
    if (!this.#isPrepared && nowMs >= this.#endsMs - this.#leadMs) this.#prepare();
    this.#lookAhead(nowMs, observations);
    const byRate = this.#demand.decide(
      nowMs,
      observations.map((observation) => ({ ...observation, keepAliveMs: 0, minInstances: 0 })),
    );
    return observations.map((observation, index) => this.#target(nowMs, observation, byRate[index]?.instances ?? 0));
  }

  forget(name: string, version: number): void {
    this.#demand.forget(name, version);
  }

  /** Where calls are in the system, the autoscaler does not ask. */
  settledUntilMs(name: string): number {
    return this.#expectations.get(name)?.settledUntilMs ?? Number.POSITIVE_INFINITY;
  }

  leaders(): ReadonlySet<string> {
    return this.#followers.leaders;
  }

  followersOf(name: string): readonly Follower[] {
    return this.#followers.of(name);
  }

  nextDecisionMs(nowMs: number): number {
    if (this.#expectations.size === 0) return Number.POSITIVE_INFINITY;
    if (Number.isNaN(this.#endsMs)) return nowMs;
    const leadMs = this.#endsMs - this.#leadMs;
    return this.#isPrepared || nowMs >= leadMs ? this.#endsMs : leadMs;
  }

  explain(name: string): ForecastView | undefined {
    return viewOf(this.#expectations.get(name), this.followersOf(name), this.#terms);
  }

  takeChanges(): readonly Learned[] {
    const changed = [...this.#expectations].filter(([, { hasChanged, forecast }]) => hasChanged && forecast);
    const learned = changed.map(([name, expectation]) => ({ name, state: expectation.save(this.#interval) }));
    const forgotten = this.#forgotten.map((name) => ({ name, state: new Uint8Array() }));
    this.#forgotten = [];
    const followers = this.#followers.takeChanges();
    if (learned.length + forgotten.length + followers.length === 0) return [];
    const shared = Float64Array.of(this.#interval, ...this.#forecaster.save());
    return [...learned, ...forgotten, ...followers, { name: SHARED, state: new Uint8Array(shared.buffer) }];
  }

  recall(learned: readonly Learned[], awayMs: number): void {
    const shared = learned.find(({ name }) => name === SHARED)?.state;
    if (!shared || shared.byteLength % Float64Array.BYTES_PER_ELEMENT !== 0) return;
    const [interval = 0, ...taught] = new Float64Array(shared.slice().buffer);
    if (!this.#forecaster.restore(Float64Array.from(taught))) return;
    this.#interval = interval + Math.floor(awayMs / this.#intervalMs);
    for (const record of learned) {
      const { name, state } = record;
      this.#followers.restore(record);
      const expectation = name === SHARED ? undefined : Expectation.restore(state, this.#forecaster, this.#interval);
      if (expectation) this.#expectations.set(name, expectation);
    }
  }

  #observe(observation: Observation): void {
    const { name, arrivals, inSystem } = observation;
    let expectation = this.#expectations.get(name);
    if (!expectation) {
      if (arrivals === 0 && inSystem === 0) return;
      expectation = new Expectation();
      this.#expectations.set(name, expectation);
    }
    expectation.observe(observation);
  }

  #endIntervals(nowMs: number): void {
    while (nowMs >= this.#endsMs) {
      this.#endInterval();
      // A host that stood still, or a clock that was set: nothing is known of the time between.
      const behind = Math.floor((nowMs - this.#endsMs) / this.#intervalMs);
      if (behind > MOST_BEHIND) this.#skip(behind);
    }
  }

  #skip(intervals: number): void {
    for (const { forecast } of this.#expectations.values()) forecast?.skip(intervals);
    this.#interval += intervals;
    this.#endsMs += intervals * this.#intervalMs;
  }

  #endInterval(): void {
    const endMs = this.#endsMs;
    for (const [name, expectation] of this.#expectations) {
      this.#judge(expectation);
      expectation.endInterval(this.#forecaster, this.#intervalMs);
      if ((expectation.forecast?.gap ?? 0) <= FORGOTTEN_AFTER) continue;
      this.#expectations.delete(name);
      this.#heldMb -= expectation.heldMb;
      this.#followers.forget(name);
      this.#forgotten.push(name);
    }
    this.#forecaster.intervalEnded();
    this.#guard.intervalEnded();
    this.#interval++;
    this.#endsMs = endMs + this.#intervalMs;
    this.#isPrepared = false;
    this.#decideKept(endMs);
  }

  #judge({ forecast, wasCalled, coldStartMs, memoryMb, keptByForecast, keptByFixed }: Expectation): void {
    // The first call of all is nobody's fault.
    if (!forecast) return;
    const idleMs = (this.#rate * memoryMb * this.#intervalMs) / 1_000;
    this.#guard.observe({
      called: wasCalled,
      coldStartMs,
      idleMs,
      keptByForecast: keptByForecast > 0,
      keptByFixed: keptByFixed > 0,
    });
  }

  /** For the interval that begins at `nowMs`. */
  #decideKept(nowMs: number): void {
    const expectations = [...this.#expectations.values()];
    for (const each of expectations) {
      each.keptByForecast = each.worthKeeping(this.#leastRate, this.#intervalMs);
      each.keptByFixed = nowMs - this.#intervalMs - each.lastActiveMs < FIXED_KEEP_ALIVE_MS ? 1 : 0;
      each.kept = 0;
    }
    const { isTrusted } = this.#guard;
    const prospects = expectations.flatMap((each) =>
      this.#prospects(each, isTrusted ? each.keptByForecast : each.keptByFixed),
    );
    this.#usedMb = 0;
    for (const each of expectations) if (each.preparedUntilMs > nowMs) this.#usedMb += each.memoryMb;
    this.#rate = Math.max(this.#leastRate, this.#keep(prospects));
    if (isTrusted) for (const each of expectations) each.keptByForecast = each.kept;
  }

  /** As if nothing more came in this interval: what the next one needs is started now. Nothing is given up yet. */
  #prepare(): void {
    this.#isPrepared = true;
    if (!this.#guard.isTrusted) return;
    const prospects = [...this.#expectations.values()].flatMap((each) => {
      const chance = each.forecast?.chanceAfter(each.wasCalled);
      return chance === undefined
        ? []
        : this.#prospects(each, each.worthKeeping(this.#rate, this.#intervalMs, chance), chance);
    });
    this.#keep(prospects);
  }

  /** What was called leads to calls of others. */
  #lookAhead(nowMs: number, observations: readonly Observation[]): void {
    this.#followers.closeTrials(nowMs);
    const calls = observations.flatMap(({ name, firstArrivalMs: atMs }) =>
      atMs === undefined ? [] : [{ name, atMs }],
    );
    calls.sort((one, other) => one.atMs - other.atMs);
    for (const { name, atMs } of calls) {
      this.#followers.called(name, atMs);
      if (this.#guard.isTrusted) this.#prepareFollowers(name, atMs, nowMs);
    }
  }

  #prepareFollowers(leader: string, calledMs: number, nowMs: number): void {
    for (const { name, chance, withinMs } of this.#followers.of(leader)) {
      const expectation = this.#expectations.get(name);
      const untilMs = calledMs + withinMs;
      if (!expectation || untilMs <= nowMs || expectation.density(1, untilMs - nowMs, chance) < this.#rate) continue;
      const isThere = expectation.preparedUntilMs > nowMs;
      if (!isThere && this.#usedMb + this.#heldMb + expectation.memoryMb > this.#idleBudgetMb) continue;
      if (!isThere) this.#usedMb += expectation.memoryMb;
      expectation.prepare(leader, nowMs, untilMs);
    }
  }

  /** Those instances of a function that are not kept yet, up to so many. */
  #prospects(owner: Expectation, count: number, chance?: number): Prospect<Expectation>[] {
    const { memoryMb, kept } = owner;
    return Array.from({ length: Math.max(0, count - kept) }, (_, index) => ({
      owner,
      density: owner.density(kept + index + 1, this.#intervalMs, chance),
      memoryMb,
    }));
  }

  #keep(prospects: Prospect<Expectation>[]): number {
    const { owners, usedMb, msPerMbSecond } = keepDensest(prospects, this.#idleBudgetMb - this.#usedMb - this.#heldMb);
    for (const owner of owners) owner.kept++;
    this.#usedMb += usedMb;
    return msPerMbSecond;
  }

  #target(nowMs: number, observation: Observation, byRate: number): ScalingTarget {
    const { name, version, inSystem, aliased, ready, keepAliveMs, lastActiveMs } = observation;
    const expectation = this.#expectations.get(name);
    const needed = inSystem > 0 ? demandedInstances(observation, this.#startsAtOnce) : 0;
    // What a call has found, the next of the same interval finds too; but no longer than a keep-alive that was set shorter.
    const recent = expectation?.wasCalled && nowMs - lastActiveMs < keepAliveMs ? Math.min(1, ready) : 0;
    const isPrepared = expectation !== undefined && nowMs < expectation.preparedUntilMs;
    const kept = aliased ? Math.max(expectation?.kept ?? 0, recent, isPrepared ? 1 : 0) : 0;
    const heldMs = Math.min(this.#intervalMs * HELD_PART, keepAliveMs);
    const inUse = Math.min(ready, expectation?.inUseLately(observation, nowMs, heldMs) ?? 0);
    const rest = this.#hold(expectation, inSystem > 0 || inUse === 1 ? 0 : inUse - kept);
    const steady = usefulInstances({ ...observation, peakInSystem: byRate * observation.concurrency });
    const held = inSystem > 0 ? Math.max(inUse, Math.min(steady, ready)) : kept + rest;
    if (expectation) {
      const recentUntilMs = recent > 0 ? lastActiveMs + keepAliveMs : Number.POSITIVE_INFINITY;
      const heldUntilMs = held > kept ? lastActiveMs + heldMs : Number.POSITIVE_INFINITY;
      const preparedUntilMs = isPrepared ? expectation.preparedUntilMs : Number.POSITIVE_INFINITY;
      expectation.settledUntilMs = Math.min(recentUntilMs, heldUntilMs, preparedUntilMs);
    }
    const instances = Math.max(needed, held, kept);
    const reason = this.#reason(nowMs, observation, { instances, kept });
    return { name, version, demanded: inSystem > 0, ...withinBounds({ instances, reason }, observation) };
  }

  /**
   * Calls that come in gusts, as the steps of many workflows between two flushes do, are not over each time that none is there. So many of those that
   * were in use a moment ago are held for which the budget has room.
   */
  #hold(expectation: Expectation | undefined, count: number): number {
    if (!expectation) return 0;
    this.#heldMb -= expectation.heldMb;
    const room = Math.floor((this.#idleBudgetMb - this.#usedMb - this.#heldMb) / expectation.memoryMb);
    const held = Math.max(0, Math.min(count, room));
    expectation.heldMb = held * expectation.memoryMb;
    this.#heldMb += expectation.heldMb;
    return held;
  }

  #reason(
    nowMs: number,
    { name, inSystem, ready }: Observation,
    { instances, kept }: { readonly instances: number; readonly kept: number },
  ): string {
    if (instances === 0 && ready === 0) return 'idle';
    if (inSystem > 0 && instances > kept) return `demand: ${inSystem} in the system`;
    if (instances > kept) return 'held: the last call has just ended';
    return reasonToKeep(nowMs, this.#expectations.get(name), this.#terms);
  }

  get #terms(): Terms {
    return { intervalMs: this.#intervalMs, msPerMbSecond: this.#rate, trusted: this.#guard.isTrusted };
  }
}
