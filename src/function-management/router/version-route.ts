/**
 * What the router keeps of one version: the instances that take calls, the calls that wait, and how busy it has been.
 */

import type { Observation } from '../autoscaler/protocol.ts';
import type { FunctionVersion } from '../registry/protocol.ts';
import type { Call } from './call.ts';
import { CallQueue } from './call-queue.ts';
import { ReadyIndex } from './ready-index.ts';

/** Weights of the latest in the averages: of a start among the last few, of a call among the last hundred. */
const START_WEIGHT = 1 / 4;
const RUN_WEIGHT = 1 / 64;
/** A call that comes sooner after the one before is not news. */
const PAUSE_MS = 1_000;

export class VersionRoute {
  readonly version: FunctionVersion;
  readonly instances = new ReadyIndex();
  /** In order of arrival; calls that are tried again, or were put back, stand in a queue of their own ahead of it. */
  readonly #queue = new CallQueue<Call>();
  readonly #first = new CallQueue<Call>();
  aliased = true;
  /** True from telling the autoscaler of waiting calls until it looks. */
  demandTold = false;
  /** The autoscaler wants to hear of a call that comes after a pause. */
  isLeader = false;
  /** Calls that were sent ahead to instances that are starting. They wait, though not in the queue. */
  riding = 0;
  /** Slots of its instances that other instances may use. */
  leased = 0;
  /** Those of them that hold no call that this host has sent. What is done there, `arrived` hears. */
  lent = 0;
  lastActiveMs: number;
  #wasObservedEmpty = false;
  #arrivals = 0;
  #firstArrivalMs: number | undefined;
  #lastArrivalMs = Number.NEGATIVE_INFINITY;
  #peak = 0;
  #coldStartMs: number | undefined;
  #runMs: number | undefined;
  #runs = 0;
  /** The integral of calls in the system over time, for the average since the last observation. */
  #area = 0;
  #areaSinceMs: number;
  #lastChangeMs: number;

  constructor(version: FunctionVersion, nowMs: number) {
    this.version = version;
    this.lastActiveMs = nowMs;
    this.#areaSinceMs = nowMs;
    this.#lastChangeMs = nowMs;
  }

  get queued(): number {
    return this.#queue.size + this.#first.size;
  }

  get inSystem(): number {
    // A lent slot of an instance that takes nothing more is in the index no longer.
    return this.queued + this.riding + Math.max(0, this.instances.inFlight - this.lent);
  }

  /** Nothing leads to it but its number, nothing is in it, and that was observed already: there is nothing to say of it. */
  get isForgotten(): boolean {
    return this.#wasObservedEmpty && this.#isEmpty;
  }

  /** Calls came since it was last observed, or something is in it, or should be. */
  get isActive(): boolean {
    const hasMinimum = this.aliased && this.version.config.minInstances > 0;
    return this.#arrivals > 0 || this.instances.size > 0 || hasMinimum || this.inSystem > 0;
  }

  /** True when the autoscaler is to be told. */
  arrived(nowMs: number): boolean {
    const isNews = this.isLeader && nowMs - this.#lastArrivalMs >= PAUSE_MS;
    this.#lastArrivalMs = nowMs;
    this.touch(nowMs);
    if (this.#arrivals === 0) this.#firstArrivalMs = nowMs;
    this.#arrivals++;
    return isNews;
  }

  /** So many calls were made without the host, and took so long together. */
  wasBusy(nowMs: number, calls: number, busyMs: number): void {
    this.touch(nowMs);
    if (this.#arrivals === 0 && calls > 0) this.#firstArrivalMs = nowMs;
    this.#lastArrivalMs = nowMs;
    this.#arrivals += calls;
    this.#area += busyMs;
  }

  /** An instance is ready, so long after it was asked for. */
  started(tookMs: number): void {
    this.#coldStartMs = averaged(this.#coldStartMs, tookMs, START_WEIGHT);
  }

  /** A call has run for so long. */
  ran(runMs: number): void {
    // The first call of all compiles, and takes a hundred times as long as the next.
    this.#runMs = averaged(this.#runMs, runMs, Math.max(RUN_WEIGHT, 1 / ++this.#runs));
  }

  /** To be called before anything that changes how many calls are in the system. */
  touch(nowMs: number): void {
    const { inSystem } = this;
    if (inSystem > this.#peak) this.#peak = inSystem;
    this.#area += inSystem * (nowMs - this.#lastChangeMs);
    this.#lastChangeMs = nowMs;
    this.lastActiveMs = nowMs;
  }

  enqueue(call: Call): void {
    call.place = 'queued';
    if (call.tries > 1) this.#first.push(call);
    else this.#queue.push(call);
  }

  /** Returns a call that was taken out a moment ago to the head of the line. */
  putBack(call: Call): void {
    call.place = 'queued';
    this.#first.push(call);
  }

  /** Takes a call out of the queue, wherever in it it stands. */
  withdraw(call: Call): void {
    if (!this.#queue.remove(call)) this.#first.remove(call);
  }

  nextWaiting(): Call | undefined {
    return this.#first.first ?? this.#queue.first;
  }

  waiting(): Call[] {
    return [...this.#first, ...this.#queue];
  }

  observe(nowMs: number): Observation {
    const { config, name, version } = this.version;
    const { inSystem } = this;
    this.#area += inSystem * (nowMs - this.#lastChangeMs);
    this.#lastChangeMs = nowMs;
    const elapsedMs = nowMs - this.#areaSinceMs;
    const averageInSystem = elapsedMs > 0 ? this.#area / elapsedMs : inSystem;
    const arrivals = this.#arrivals;
    const firstArrivalMs = this.#firstArrivalMs;
    const peakInSystem = Math.max(this.#peak, inSystem);
    this.#wasObservedEmpty = this.#isEmpty;
    this.#area = 0;
    this.#areaSinceMs = nowMs;
    this.#arrivals = 0;
    this.#firstArrivalMs = undefined;
    this.#peak = 0;
    this.demandTold = false;
    return {
      name,
      version,
      minInstances: this.aliased ? config.minInstances : 0,
      maxInstances: config.maxInstances,
      concurrency: config.concurrency,
      keepAliveMs: config.keepAliveMs,
      aliased: this.aliased,
      ready: this.instances.size,
      inSystem,
      averageInSystem,
      arrivals,
      firstArrivalMs,
      peakInSystem,
      memoryMb: config.memoryMb,
      coldStartMs: this.#coldStartMs,
      runMs: this.#runMs,
      lastActiveMs: this.lastActiveMs,
    };
  }

  get #isEmpty(): boolean {
    return !this.aliased && this.inSystem === 0 && this.instances.size === 0 && this.#arrivals === 0;
  }
}

function averaged(known: number | undefined, latest: number, weight: number): number {
  return known === undefined ? latest : known + (latest - known) * weight;
}
