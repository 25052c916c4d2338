/**
 * Replays a trace against a scaling policy: the product's own policy code, a virtual clock, and what the autoscaler would have told it.
 *
 * 1. A policy gets no look at the future: minute m is decided at its beginning, from the calls of the minutes before m.
 * 2. It is asked about a function from the minute after its first call on: before, nobody knows of it.
 * 3. An instance that a call has started is there for the next decision, whatever the policy wanted.
 */
import type { Observation, ScalingPolicy } from '../../function-management/autoscaler/protocol.ts';
import { memoryOf, type Trace, type TracedFunction } from './trace.ts';

const MINUTE_MS = 60_000;
const MAX_INSTANCES = 1_000;
/** Policies divide by it. */
const LEAST_MEMORY_MB = 1;

export interface Replay {
  readonly policy: ScalingPolicy;
  readonly keepAliveMs: number;
  /** What a cold start costs, of every function; undefined leaves it to the policy, as before the first one was measured. */
  readonly coldStartMs: number | undefined;
  /** Called before each minute: for others to get a turn, and to stop by rejecting. */
  readonly pause: (minute: number) => Promise<void>;
}

/** For each function and minute, whether an instance was there when the minute began. A bit each. */
export class WarmMinutes {
  readonly #minutes: number;
  readonly #bits: Uint8Array;

  constructor({ functions, minutes }: Trace) {
    this.#minutes = minutes;
    this.#bits = new Uint8Array(Math.ceil((functions.length * minutes) / 8));
  }

  has(index: number, minute: number): boolean {
    const at = index * this.#minutes + minute;
    return ((this.#bits[Math.floor(at / 8)] ?? 0) & (1 << (at % 8))) !== 0;
  }

  add(index: number, minute: number): void {
    const at = index * this.#minutes + minute;
    const byte = Math.floor(at / 8);
    this.#bits[byte] = (this.#bits[byte] ?? 0) | (1 << (at % 8));
  }
}

export async function replay(trace: Trace, { policy, keepAliveMs, coldStartMs, pause }: Replay): Promise<WarmMinutes> {
  const warm = new WarmMinutes(trace);
  const subjects = trace.functions.map((traced, index) => new Subject(traced, index, { keepAliveMs, coldStartMs }));
  const byName = new Map(subjects.map((subject) => [subject.observation.name, subject]));
  const known: Subject[] = [];
  const observations: Observation[] = [];
  for (let minute = 0; minute < trace.minutes; minute++) {
    await pause(minute);
    for (const subject of known) subject.observe();
    const targets = policy.decide(minute * MINUTE_MS, observations);
    for (const subject of known) subject.ready = 0;
    for (const { name, instances } of targets) {
      const subject = byName.get(name);
      if (!subject || instances <= 0) continue;
      subject.ready = instances;
      warm.add(subject.index, minute);
    }
    for (const subject of subjects) {
      const isFirst = subject.called(minute);
      if (!isFirst) continue;
      known.push(subject);
      observations.push(subject.observation);
    }
  }
  return warm;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** One function, as the trace is read on. Its observation is one object for all minutes: fresh ones would cost more than most policies. */
class Subject {
  readonly index: number;
  readonly observation: Mutable<Observation>;
  ready = 0;
  readonly #traced: TracedFunction;
  /** Of `minutes` and `counts`: the next minute with calls. */
  #next = 0;
  /** In the minute that is over. */
  #arrivals = 0;

  constructor(traced: TracedFunction, index: number, shared: Pick<Replay, 'keepAliveMs' | 'coldStartMs'>) {
    this.#traced = traced;
    this.index = index;
    this.observation = {
      name: `f${index}`,
      version: 1,
      minInstances: 0,
      maxInstances: MAX_INSTANCES,
      concurrency: 1,
      ...shared,
      aliased: true,
      ready: 0,
      inSystem: 0,
      averageInSystem: 0,
      arrivals: 0,
      firstArrivalMs: undefined,
      peakInSystem: 0,
      memoryMb: Math.max(LEAST_MEMORY_MB, memoryOf(traced)),
      runMs: traced.runMs,
      lastActiveMs: 0,
    };
  }

  /** Takes the calls of a minute. True when they are its first. */
  called(minute: number): boolean {
    const { minutes, counts } = this.#traced;
    this.#arrivals = 0;
    if (minutes[this.#next] !== minute) return false;
    this.#arrivals = counts[this.#next] ?? 0;
    this.#next++;
    this.observation.lastActiveMs = minute * MINUTE_MS;
    this.ready = Math.max(this.ready, needed(this.#averageInSystem));
    return this.#next === 1;
  }

  observe(): void {
    const { observation } = this;
    const average = this.#averageInSystem;
    observation.ready = this.ready;
    observation.arrivals = this.#arrivals;
    observation.averageInSystem = average;
    observation.peakInSystem = this.#arrivals > 0 ? needed(average) : 0;
  }

  /** By Little's law (1961): calls that come in, times how long each stays. Where that is unknown, they stay no time. */
  get #averageInSystem(): number {
    return (this.#arrivals * (this.#traced.runMs ?? 0)) / MINUTE_MS;
  }
}

/** A minute of calls needs an instance, however short they are. */
function needed(averageInSystem: number): number {
  return Math.min(MAX_INSTANCES, Math.max(1, Math.ceil(averageInSystem)));
}
