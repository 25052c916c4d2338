/**
 * The spares of one agent: workers that are up and have no function in them, so that a start which one of them fits takes no time.
 *
 * They are no workers yet: they have no id that anybody knows, no events, no samples, and are not charged to the budget; `SpareLimits`
 * bounds them. A spare that ends is dropped without a word, and no further one is started before the next worker is.
 *
 * It acts after starts only. Spares are started one at a time, and not while workers are coming up, which need the cores more; in the
 * middle of a burst only those that the rest of it needs. An agent whose spares are complete has no timer here.
 */
import type { CancelTimer, Clock } from '../../kernel/clock.ts';
import type { WorkerSpec } from './protocol.ts';
import {
  isAffordable,
  isInBurst,
  isSameClass,
  noteStart,
  restOfBurst,
  type SpareClass,
  type SpareDemand,
  type SpareLimits,
  type SpareTarget,
  spareTargets,
} from './spare-policy.ts';
import type { SupervisedWorker } from './supervised-worker.ts';

const MIB = 1_048_576;
/** After the last start: the worker that was started is loaded and has its first call by then. */
const REFILL_DELAY_MS = 25;
/** Where starts never pause, spares are worth having more than anywhere. */
const LONGEST_REFILL_DELAY_MS = 250;

export interface SparePoolOptions extends SpareLimits {
  readonly clock: Clock;
  /** May throw. */
  readonly make: (spareClass: SpareClass) => SupervisedWorker;
  /** Workers are starting, or loading a function. */
  readonly isStarting: () => boolean;
}

export class SparePool {
  readonly #options: SparePoolOptions;
  readonly #spares = new Set<SupervisedWorker>();
  #demands: readonly SpareDemand[] = [];
  #lastStartMs = 0;
  #refill: CancelTimer | undefined;
  /** Since when a refill is put off. */
  #putOffSinceMs: number | undefined;
  #isClosed = false;

  constructor(options: SparePoolOptions) {
    this.#options = options;
  }

  get all(): Iterable<SupervisedWorker> {
    return this.#spares;
  }

  get size(): number {
    return this.#spares.size;
  }

  /** To be called for each start: a spare that fits, taken out of the pool. One that is still coming up is ahead of a fresh one too. */
  take(spec: WorkerSpec): SupervisedWorker | undefined {
    if (this.#options.maxSpares === 0) return undefined;
    this.#lastStartMs = this.#options.clock.nowMs();
    this.#demands = noteStart(this.#demands, spec, this.#lastStartMs);
    this.#armRefill();
    const taken = this.next(spec);
    if (taken) this.#spares.delete(taken);
    return taken;
  }

  /** The spare that a start of this class would take. */
  next(spareClass: SpareClass): SupervisedWorker | undefined {
    const fitting = this.#of(spareClass).filter(({ body }) => !body.isGone);
    return fitting.find(({ isUp }) => isUp) ?? fitting[0];
  }

  /** A spare is up: the next one may be started. */
  started(): void {
    this.#armRefill();
  }

  /** True when it was one of the spares. */
  ended(worker: SupervisedWorker): boolean {
    return this.#spares.delete(worker);
  }

  /** Gives back what the spares hold. They come back with the next start. */
  drop(): void {
    this.#refill?.();
    this.#refill = undefined;
    for (const spare of this.#spares) spare.stop(0);
  }

  close(): void {
    this.#isClosed = true;
    this.drop();
  }

  #armRefill(): void {
    if (this.#isClosed) return;
    this.#refill ??= this.#options.clock.after(REFILL_DELAY_MS, () => {
      this.#refill = undefined;
      const nowMs = this.#options.clock.nowMs();
      this.#putOffSinceMs ??= nowMs;
      const isQuiet = !this.#options.isStarting() && nowMs - this.#lastStartMs >= REFILL_DELAY_MS;
      if (!isQuiet && nowMs - this.#putOffSinceMs < LONGEST_REFILL_DELAY_MS) return this.#armRefill();
      this.#putOffSinceMs = undefined;
      this.#fillOne();
    });
  }

  #fillOne(): void {
    const targets = spareTargets(this.#demands, this.#options);
    for (const spare of this.#excess(targets)) spare.stop(0);
    const isMissing = (target: SpareTarget) => this.#of(target).length < target.count;
    let missing = targets.find(isMissing);
    if (missing && isInBurst(this.#demands, this.#options.clock.nowMs())) {
      missing = spareTargets(restOfBurst(this.#demands), this.#options).find(isMissing);
      if (!missing) return this.#armRefill();
    }
    if (!missing || !isAffordable(missing, process.availableMemory() / MIB)) return;
    try {
      this.#spares.add(this.#options.make(missing));
    } catch {
      // The operating system starts no more: nor will it for the next spare.
    }
  }

  #excess(targets: readonly (SpareClass & { readonly count: number })[]): SupervisedWorker[] {
    const unwanted = [...this.#spares].filter(({ spec }) => !targets.some((target) => isSameClass(target, spec)));
    return [...unwanted, ...targets.flatMap((target) => this.#of(target).slice(target.count))];
  }

  #of(spareClass: SpareClass): SupervisedWorker[] {
    return [...this.#spares].filter(({ spec, isDoomed }) => !isDoomed && isSameClass(spec, spareClass));
  }
}
