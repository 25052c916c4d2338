/**
 * The jobs of one queue whose turn comes: which is next. High before normal before background, each in order of arrival; of one ordering key one at a
 * time (invariant 4), and of one limit key as many as may. Pure, but for what it reads.
 */
import type { JobRecord } from './job-record.ts';
import { LEVELS } from './job-record.ts';
import { type KeyLimit, KeyLimits, type KeyLimitsParts } from './key-limits.ts';
import { Line, type Place } from './line.ts';
import { OrderingKeys } from './ordering-keys.ts';

/** Of one level, in memory: 2,000 are 0.2 s of work for the fastest functions. */
const LINE_CAPACITY = 2_000;
/** A line is not searched for one that may run for longer than so many places at a time. */
const SEARCH_LIMIT = 1_000;

export interface WaitingParts {
  readonly ready: (level: number, afterSequence: number, limit: number) => readonly Place[];
  readonly parked: (orderingKey: string, afterSequence: number, limit: number) => readonly Place[];
  /** Who holds an ordering key is to be on disk; undefined: nobody any more. */
  readonly remember: (orderingKey: string, id: string | undefined) => void;
  /** The job of a place, where it still waits there. */
  readonly at: (place: Place) => JobRecord | undefined;
  /** It waits for another one of its key from now on: its place among those. */
  readonly park: (place: Place, record: JobRecord) => Place;
  /** As `KeyLimitsParts` has them. */
  readonly limited: KeyLimitsParts['read'];
  readonly rememberLimit: KeyLimitsParts['remember'];
  /** It waits for room within the limits of its key from now on: its place among those. */
  readonly putAside: (place: Place, record: JobRecord) => Place;
  /** Of a limit key that somebody waits for: there is room from then on. */
  readonly freeAt: (limitKey: string, atMs: number) => void;
  readonly wallMs: () => number;
  /** For each limit key. */
  readonly perKey: KeyLimit | undefined;
  /** There may be some on disk. */
  readonly isStored: boolean;
}

export interface Next {
  readonly place: Place;
  readonly record: JobRecord;
}

export class WaitingJobs {
  readonly #parts: WaitingParts;
  readonly #lines: readonly Line[];
  readonly #keys: OrderingKeys;
  readonly #limits: KeyLimits;
  /** Their turn had come and they could not begin after all; their keys are theirs. */
  #again: Place[] = [];
  /** The next ones after those. */
  #first: Place[] = [];

  constructor(parts: WaitingParts) {
    this.#parts = parts;
    const { ready, parked, isStored } = parts;
    this.#lines = Array.from(
      LEVELS.keys(),
      (level) => new Line({ capacity: LINE_CAPACITY, read: (after, limit) => ready(level, after, limit), isStored }),
    );
    this.#keys = new OrderingKeys({ read: parked, remember: parts.remember });
    this.#limits = new KeyLimits({ read: parts.limited, remember: parts.rememberLimit }, parts.perKey);
  }

  join(place: Place, level: number): void {
    this.#lines[level]?.join(place);
  }

  /** Back to where it came from: the next one of all. */
  comeBack(place: Place): void {
    this.#again.push(place);
  }

  /** Before all who stand in line. */
  goesFirst(place: Place): void {
    this.#first.push(place);
  }

  /** What has joined up to that place is on disk. */
  stored(sequence: number): void {
    for (const line of this.#lines) line.stored(sequence);
    this.#keys.stored(sequence);
    this.#limits.stored(sequence);
  }

  /** The job whose turn it is. It holds its ordering key, and counts within the limits of its limit key, from now on. Undefined: none, or none within one search; `isEmpty` says which. */
  take(): Next | undefined {
    for (let place = this.#again.shift(); place; place = this.#again.shift()) {
      const record = this.#parts.at(place);
      if (record) return { place, record };
    }
    for (let place = this.#first.shift(); place; place = this.#first.shift()) {
      const record = this.#parts.at(place);
      if (record && this.#mayStart(place, record)) return { place, record };
    }
    let left = SEARCH_LIMIT;
    for (const line of this.#lines) {
      for (let place = line.take(); place; place = line.take()) {
        const record = this.#parts.at(place);
        if (record && this.#mayStart(place, record)) return { place, record };
        if (--left <= 0) return undefined;
      }
    }
    return undefined;
  }

  /** False where there are more than `take` has looked at. */
  get isEmpty(): boolean {
    return (
      this.#again.length === 0 && this.#first.length === 0 && this.#lines.every((line) => line.peek() === undefined)
    );
  }

  /** It will run again, and its key waits for it. */
  keep(job: Pick<Place, 'id' | 'orderingKey'>): void {
    this.#keys.keep(job);
  }

  /** After a start: that job holds that key. */
  recall(orderingKey: string, id: string): void {
    this.#keys.recall(orderingKey, id);
  }

  /** After a start: what is remembered of that limit key. */
  recallLimit(limitKey: string, mark: Parameters<KeyLimits['recall']>[1]): void {
    this.#limits.recall(limitKey, mark);
  }

  /** Whether a job of a limit key may begin only when it is on disk that it does. */
  startsOnDisk({ limitKey }: JobRecord): boolean {
    return limitKey !== undefined && this.#limits.isRateLimited;
  }

  limit(perKey: KeyLimit | undefined): void {
    this.#limits.configure(perKey, this.#parts.wallMs());
  }

  /** The time has come that `freeAt` was told. */
  woken(limitKey: string): void {
    this.#limits.woken(limitKey);
  }

  limitKeys(): string[] {
    return this.#limits.keys();
  }

  /** It does not run any more, whatever came of it. */
  ended({ limitKey }: JobRecord): void {
    if (limitKey !== undefined) this.#limits.ended(limitKey, this.#parts.wallMs());
  }

  /** It will not begin. */
  withdrawn(id: string, { limitKey }: JobRecord): void {
    if (limitKey !== undefined) this.#limits.withdrawn(id, limitKey);
  }

  /** Those that wait for room within the limits of that key, and have it: each is to stand in line again. */
  *free(limitKey: string): Generator<Next> {
    const nowMs = this.#parts.wallMs();
    const isWaiting = (place: Place) => this.#parts.at(place) !== undefined;
    for (let place = this.#limits.next(limitKey, nowMs, isWaiting); place; ) {
      const record = this.#parts.at(place);
      if (record) yield { place, record };
      place = this.#limits.next(limitKey, nowMs, isWaiting);
    }
    const atMs = this.#limits.toWakeAtMs(limitKey, nowMs);
    if (atMs !== undefined) this.#parts.freeAt(limitKey, atMs);
    this.#limits.sweep(nowMs);
  }

  /** It has ended: the one of its key that stands in line next, if one waits, and holds it from now on. */
  release(ended: Pick<Place, 'id' | 'orderingKey'>): Next | undefined {
    const place = this.#keys.release(ended, (each) => this.#parts.at(each) !== undefined);
    const record = place && this.#parts.at(place);
    return record && { place, record };
  }

  /** Where it may not, it waits aside from now on. */
  #mayStart(place: Place, record: JobRecord): boolean {
    if (!this.#keys.mayRun(place)) {
      this.#keys.park(this.#parts.park(place, record));
      return false;
    }
    const { limitKey } = record;
    if (limitKey !== undefined && !this.#limits.mayStart(place.id, limitKey, this.#parts.wallMs())) {
      // Its ordering key is its own meanwhile, across a restart too: the next of that key must not overtake it.
      this.#keys.keep(place);
      this.#limits.put(this.#parts.putAside(place, record), limitKey);
      return false;
    }
    this.#keys.hold(place);
    if (limitKey !== undefined) this.#limits.started(place.id, limitKey, this.#parts.wallMs());
    return true;
  }
}
