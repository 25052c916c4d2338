/**
 * How many jobs of one limit key may run at a time, and how many may begin in a span of time; those that may not yet wait aside, so that what one key
 * has too many of holds up nobody else. Pure, but for the reader of each line: time is an argument.
 *
 * Those that wait aside come back in the order in which they went. A place that comes back has its start reserved, so that nobody overtakes it between
 * here and its turn.
 */
import { fieldsOf, isNumber, listOf, maybe } from '../../../store/shape.ts';
import { Line, type Place } from './line.ts';
import { type RateLimit, StartLog } from './rate-limit.ts';

/** At least one of both. */
export interface KeyLimit {
  readonly concurrency?: number;
  readonly rateLimit?: RateLimit;
}

/** What outlives the host: that there are some who wait, and starts that still count, oldest first, in ms since the Unix epoch. */
export interface KeyMark {
  readonly startsMs?: readonly number[];
}

const isMark = fieldsOf<KeyMark>({ startsMs: maybe(listOf(isNumber)) });

export function loadedMark(value: unknown): KeyMark {
  return isMark(value) ? value : {};
}

/** Of those that wait for one key, in memory. */
const LINE_CAPACITY = 16;
/** Of one key, back in line and not begun. */
const MAX_RESERVED = 64;
/** Keys that are known before those of which nothing need be known are forgotten. */
const FIRST_SWEEP = 1_000;

export interface KeyLimitsParts {
  readonly read: (limitKey: string, afterSequence: number, limit: number) => readonly Place[];
  /** What is to be on disk; undefined: nothing. */
  readonly remember: (limitKey: string, mark: KeyMark | undefined) => void;
}

interface Lane {
  running: number;
  /** Ids of those that are back in line. */
  readonly reserved: Set<string>;
  starts: StartLog | undefined;
  readonly line: Line;
  isRemembered: boolean;
  /** Of `toWakeAtMs`. */
  toldMs: number | undefined;
}

export class KeyLimits {
  readonly #parts: KeyLimitsParts;
  readonly #lanes = new Map<string, Lane>();
  /** Somebody was put aside who is not known to be on disk. */
  readonly #unstored = new Set<Line>();
  #limit: KeyLimit | undefined;
  #sweepAt = FIRST_SWEEP;

  constructor(parts: KeyLimitsParts, limit: KeyLimit | undefined) {
    this.#parts = parts;
    this.#limit = limit;
  }

  /** Starts have to be on disk before they happen. */
  get isRateLimited(): boolean {
    return this.#limit?.rateLimit !== undefined;
  }

  keys(): string[] {
    return [...this.#lanes.keys()];
  }

  /** After a start, as it was remembered. */
  recall(limitKey: string, { startsMs }: KeyMark): void {
    const lane = this.#newLane(limitKey, true);
    const { rateLimit } = this.#limit ?? {};
    lane.starts = rateLimit && new StartLog(rateLimit, startsMs);
  }

  configure(limit: KeyLimit | undefined, nowMs: number): void {
    this.#limit = limit;
    const { rateLimit } = limit ?? {};
    for (const lane of this.#lanes.values())
      lane.starts = rateLimit && new StartLog(rateLimit, lane.starts?.recent(nowMs));
  }

  mayStart(id: string, limitKey: string, nowMs: number): boolean {
    const lane = this.#lanes.get(limitKey);
    if (!lane) return true;
    if (lane.reserved.has(id)) return true;
    return lane.line.peek() === undefined && this.#room(lane, nowMs) > 0;
  }

  /** It counts from now on. Only where `mayStart` says so. */
  started(id: string, limitKey: string, nowMs: number): void {
    if (!this.#limit) return void this.#lanes.get(limitKey)?.reserved.delete(id);
    const lane = this.#lanes.get(limitKey) ?? this.#newLane(limitKey, false);
    lane.reserved.delete(id);
    lane.running++;
    if (!lane.starts) return;
    lane.starts.started(nowMs);
    lane.isRemembered = true;
    this.#parts.remember(limitKey, { startsMs: lane.starts.recent(nowMs) });
  }

  /** It does not run any more. */
  ended(limitKey: string, nowMs: number): void {
    const lane = this.#lanes.get(limitKey);
    if (!lane) return;
    lane.running = Math.max(0, lane.running - 1);
    this.#forgetIdle(limitKey, lane, nowMs);
  }

  /** It will not begin after all. */
  withdrawn(id: string, limitKey: string): void {
    this.#lanes.get(limitKey)?.reserved.delete(id);
  }

  /** It waits aside from now on. */
  put(place: Place, limitKey: string): void {
    const lane = this.#lanes.get(limitKey) ?? this.#newLane(limitKey, false);
    lane.line.join(place);
    this.#unstored.add(lane.line);
    this.#remember(limitKey, lane);
  }

  /** What was put aside up to that place is on disk. */
  stored(sequence: number): void {
    for (const line of this.#unstored) if (line.stored(sequence)) this.#unstored.delete(line);
  }

  /** One that waits aside and for which there is room now: it is reserved. `isWaiting`: whether a place still stands for a job. */
  next(limitKey: string, nowMs: number, isWaiting: (place: Place) => boolean): Place | undefined {
    const lane = this.#lanes.get(limitKey);
    if (!lane || lane.reserved.size >= MAX_RESERVED || this.#room(lane, nowMs) <= 0) return undefined;
    for (let place = lane.line.take(); place; place = lane.line.take()) {
      if (!isWaiting(place)) continue;
      lane.reserved.add(place.id);
      return place;
    }
    this.#forgetIdle(limitKey, lane, nowMs);
    return undefined;
  }

  /** When one that waits aside may begin, where that is a matter of time and was not told before. */
  toWakeAtMs(limitKey: string, nowMs: number): number | undefined {
    const lane = this.#lanes.get(limitKey);
    if (!lane?.starts || lane.line.peek() === undefined) return undefined;
    const { nextAtMs } = lane.starts;
    if (nextAtMs <= nowMs || nextAtMs === lane.toldMs) return undefined;
    lane.toldMs = nextAtMs;
    return nextAtMs;
  }

  /** It was waited for; the clock may say that it is too early. */
  woken(limitKey: string): void {
    const lane = this.#lanes.get(limitKey);
    if (lane) lane.toldMs = undefined;
  }

  #room({ running, reserved, starts }: Lane, nowMs: number): number {
    const { concurrency = Number.POSITIVE_INFINITY } = this.#limit ?? {};
    const free = starts ? starts.freeAt(nowMs) - reserved.size : Number.POSITIVE_INFINITY;
    return Math.min(concurrency - running - reserved.size, free);
  }

  #remember(limitKey: string, lane: Lane): void {
    if (lane.isRemembered) return;
    lane.isRemembered = true;
    this.#parts.remember(limitKey, {});
  }

  #forgetIdle(limitKey: string, lane: Lane, nowMs: number): void {
    if (lane.running > 0 || lane.reserved.size > 0 || lane.line.peek() !== undefined) return;
    if (lane.starts && lane.starts.recent(nowMs).length > 0) return;
    this.#lanes.delete(limitKey);
    this.#unstored.delete(lane.line);
    if (lane.isRemembered) this.#parts.remember(limitKey, undefined);
  }

  /** Keys whose starts no longer count are told of by nobody: they are looked for when there are twice as many as were left the last time. */
  sweep(nowMs: number): void {
    if (this.#lanes.size < this.#sweepAt) return;
    for (const [limitKey, lane] of this.#lanes) this.#forgetIdle(limitKey, lane, nowMs);
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#lanes.size);
  }

  #newLane(limitKey: string, isStored: boolean): Lane {
    const { read } = this.#parts;
    const { rateLimit } = this.#limit ?? {};
    const line = new Line({
      capacity: LINE_CAPACITY,
      read: (afterSequence, limit) => read(limitKey, afterSequence, limit),
      isStored,
    });
    const lane: Lane = {
      running: 0,
      reserved: new Set(),
      starts: rateLimit && new StartLog(rateLimit),
      line,
      isRemembered: isStored,
      toldMs: undefined,
    };
    this.#lanes.set(limitKey, lane);
    return lane;
  }
}
