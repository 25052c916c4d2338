/**
 * When jobs of one queue begin, and how many in one call: no more calls at a time than may be, no faster than the rate allows (invariant 7), not while the
 * host has no room, and, where they go in batches, once a batch is full or has waited long enough.
 */
import type { TroupeError } from '../../../errors.ts';
import type { CancelTimer, Clock } from '../../../kernel/clock.ts';
import { Alarm } from './alarm.ts';
import type { Running } from './attempt.ts';
import { refusalPauseMs } from './job-fate.ts';
import type { QueueSettings } from './queue-protocol.ts';
import { StartLog } from './rate-limit.ts';

export interface JobStartsParts {
  readonly clock: Clock;
  readonly after: (delayMs: number, callback: () => void) => CancelTimer;
  /** In [0, 1). */
  readonly random: () => number;
  readonly settings: QueueSettings;
  /** Those that the host before this one has seen, oldest first, in ms since the Unix epoch. */
  readonly startsMs: readonly number[] | undefined;
  /** Calls under way. */
  readonly calls: () => number;
  /** Jobs that wait and do not run. */
  readonly waiting: () => number;
  /** Some may begin now. */
  readonly goOn: () => void;
}

export class JobStarts {
  readonly #parts: JobStartsParts;
  readonly #next: Alarm;
  #settings: QueueSettings;
  #log: StartLog | undefined;
  /** They count as started, and begin once that is on disk: the first job of each call. */
  #starting: Running[] = [];
  #startingUnderWay: readonly Running[] = [];
  /** The host had no room: nothing begins before, by the monotonic clock. */
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #refusals = 0;
  /** By the monotonic clock: since when the batch that is not full could have begun. */
  #batchSinceMs: number | undefined;
  #batchTimer: CancelTimer | undefined;

  constructor(parts: JobStartsParts) {
    this.#parts = parts;
    const { settings, startsMs, clock, after, goOn } = parts;
    this.#settings = settings;
    this.#log = settings.rateLimit && new StartLog(settings.rateLimit, startsMs);
    this.#next = new Alarm({ wallMs: () => clock.wallMs(), after, ring: goOn });
  }

  /** How many jobs may begin in one call now. */
  get size(): number {
    const { clock, calls } = this.#parts;
    const { concurrency, batch } = this.#settings;
    if (calls() >= concurrency || clock.nowMs() < this.#notBeforeMs) return 0;
    const nextAtMs = this.#log?.nextAtMs ?? Number.NEGATIVE_INFINITY;
    if (nextAtMs > clock.wallMs()) {
      this.#next.set(nextAtMs);
      return 0;
    }
    if (!batch) return 1;
    return this.#isBatchDue(batch) ? batch.maxSize : 0;
  }

  /** A call begins, `first` its first job: true where it may at once, else it is among those of `written`. */
  begins(first: Running, isOnDiskFirst: boolean): boolean {
    this.#batchTimer?.();
    this.#batchTimer = undefined;
    this.#batchSinceMs = undefined;
    this.#log?.started(first.startedAtMs);
    if (!this.#log && !isOnDiskFirst) return true;
    this.#starting.push(first);
    return false;
  }

  /** An attempt has got through to what it calls. */
  accepted(): void {
    this.#refusals = 0;
  }

  /** Whether the host had no room for it: that is no attempt, and nobody else of this queue need try for now. */
  isRefused(error: TroupeError): boolean {
    const { clock, after, random, goOn } = this.#parts;
    const pauseMs = refusalPauseMs(error, this.#refusals + 1, random);
    if (pauseMs === undefined) return false;
    // The others of its batch say the same.
    if (clock.nowMs() < this.#notBeforeMs) return true;
    this.#refusals++;
    this.#notBeforeMs = clock.nowMs() + pauseMs;
    after(pauseMs, () => {
      // A timer may be a little early.
      this.#notBeforeMs = Number.NEGATIVE_INFINITY;
      goOn();
    });
    return true;
  }

  /** A write begins: what stands in it of starts. */
  writing(): readonly number[] | undefined {
    this.#startingUnderWay = this.#starting;
    this.#starting = [];
    return this.#log?.recent(this.#parts.clock.wallMs());
  }

  /** It has ended: what begins now. */
  written(isStored: boolean): readonly Running[] {
    const starting = this.#startingUnderWay;
    this.#startingUnderWay = [];
    if (isStored) return starting;
    this.#starting = [...starting, ...this.#starting];
    return [];
  }

  configure(settings: QueueSettings): void {
    const { rateLimit } = settings;
    const { max, perMs } = this.#settings.rateLimit ?? {};
    if (rateLimit?.max !== max || rateLimit?.perMs !== perMs) {
      this.#log = rateLimit && new StartLog(rateLimit, this.#log?.recent(this.#parts.clock.wallMs()));
    }
    this.#settings = settings;
  }

  #isBatchDue({ maxSize, maxWaitMs }: NonNullable<QueueSettings['batch']>): boolean {
    const { clock, waiting, after, goOn } = this.#parts;
    const ready = waiting();
    if (ready === 0) return false;
    if (ready >= maxSize || maxWaitMs === 0) return true;
    const nowMs = clock.nowMs();
    this.#batchSinceMs ??= nowMs;
    const leftMs = this.#batchSinceMs + maxWaitMs - nowMs;
    if (leftMs <= 0) return true;
    this.#batchTimer ??= after(leftMs, () => {
      this.#batchTimer = undefined;
      goOn();
    });
    return false;
  }
}
