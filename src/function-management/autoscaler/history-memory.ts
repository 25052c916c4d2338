/**
 * Which function was called when, counted from what the autoscaler observes and kept in the store for two weeks: for `troupe simulate`, which
 * replays it. The host itself decides nothing by it. It is a hint: what cannot be read was not there.
 *
 * Invariants (numbers as in README.md):
 * 9. What is stored is bounded: hours older than two weeks go, and of too many chunks the oldest.
 * 10. Calls are counted once: a host that comes back within an hour adds to what it stored of it, and what could not be stored is tried again.
 */
import type { Clock } from '../../kernel/clock.ts';
import { historyKeys } from '../../store/keys.ts';
import type { Entry, KeyValueStore, Operation } from '../../store/protocol.ts';
import { ArrivalHistory, type Chunk, decodeHour, encodeHour, HOUR_MINUTES, mergeHours } from './arrival-history.ts';
import { CallHistoryBuilder } from './call-history.ts';
import type { CallHistory, Observation } from './protocol.ts';

const MINUTE_MS = 60_000;
/** Two weeks: people's habits repeat by the week, and it takes two of them to see that one did. */
const RETENTION_HOURS = 14 * 24;
/** Some 50 MB at worst: 740 functions that are called in every hour of the two weeks. */
const MOST_CHUNKS = 250_000;
/** Minutes with calls in one answer, over all functions: some 100 MB while it is made, and 15 of JSON. */
const MOST_MINUTES = 1_000_000;
/** Read or written at a time; others get a turn between. 1,000 take a few ms. */
const BATCH = 1_000;
/** Hours further ahead were stored while the clock was wrong. */
const AHEAD_HOURS = 1;

interface HistoryOptions {
  /** In place of `MOST_CHUNKS` and `MOST_MINUTES`. */
  readonly mostChunks?: number;
  readonly mostMinutes?: number;
}

export class HistoryMemory {
  readonly #store: KeyValueStore;
  readonly #clock: Pick<Clock, 'wallMs' | 'nowMs'>;
  readonly #mostChunks: number;
  readonly #mostMinutes: number;
  readonly #unsaved = new ArrivalHistory();
  /** Reading and saving, one after the other: what moves from memory to disk would be seen twice, or not at all. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: KeyValueStore, clock: Pick<Clock, 'wallMs' | 'nowMs'>, options: HistoryOptions = {}) {
    this.#store = store;
    this.#clock = clock;
    this.#mostChunks = options.mostChunks ?? MOST_CHUNKS;
    this.#mostMinutes = options.mostMinutes ?? MOST_MINUTES;
  }

  /** Takes the calls that came since each version was last observed. */
  observe(observations: readonly Observation[]): void {
    const wallAheadMs = this.#clock.wallMs() - this.#clock.nowMs();
    for (const observation of observations) if (observation.arrivals > 0) this.#count(observation, wallAheadMs);
  }

  /** Rejects as the store does; what is not stored then is kept for the next time. */
  save(): Promise<void> {
    return this.#inTurn(() => this.#save());
  }

  /**
   * What is stored and what is not yet, up to `untilMinute` of the Unix epoch, or up to the last call; of the two weeks before that. Of more minutes
   * with calls than fit into an answer, it is those of the latest whole hours.
   */
  read(untilMinute?: number): Promise<CallHistory> {
    return this.#inTurn(() => this.#read(untilMinute));
  }

  /**
   * Known are the first arrival, their number, and when the last one came or was done: over the end of a minute they are spread evenly in between.
   * Observations are 30 s apart at most while an instance could take calls unseen.
   */
  #count({ name, arrivals, firstArrivalMs, lastActiveMs, memoryMb, runMs }: Observation, wallAheadMs: number): void {
    const fromMs = wallAheadMs + (firstArrivalMs ?? this.#clock.nowMs());
    const toMs = Math.max(fromMs, wallAheadMs + lastActiveMs);
    const minute = Math.floor(fromMs / MINUTE_MS);
    const edgeMs = (minute + 1) * MINUTE_MS;
    const isOverEdge = firstArrivalMs !== undefined && toMs > edgeMs && toMs < edgeMs + MINUTE_MS;
    const later = isOverEdge ? Math.min(arrivals - 1, Math.round((arrivals * (toMs - edgeMs)) / (toMs - fromMs))) : 0;
    this.#unsaved.called(name, minute, arrivals - later, { memoryMb, runMs });
    if (later > 0) this.#unsaved.called(name, minute + 1, later, { memoryMb, runMs });
  }

  async #save(): Promise<void> {
    const chunks = this.#unsaved.takeChanges();
    if (chunks.length === 0) return;
    for (let from = 0; from < chunks.length; from += BATCH) {
      try {
        await this.#add(chunks.slice(from, from + BATCH));
      } catch (error) {
        this.#unsaved.putBack(chunks.slice(from));
        throw error;
      }
    }
    await this.#removeOld();
  }

  async #add(chunks: readonly Chunk[]): Promise<void> {
    let stored = this.#stored;
    const puts = chunks.map((chunk): Operation => {
      const key = historyKeys.chunk(chunk.hour, chunk.name);
      const entry = this.#store.get(key);
      if (!entry) stored++;
      const [before] = entry ? chunkOf(entry) : [];
      return { kind: 'put', key, value: encodeHour(before ? mergeHours(before, chunk) : chunk) };
    });
    await this.#store.commit([...puts, { kind: 'put', key: historyKeys.chunks, value: stored }]);
  }

  async #removeOld(): Promise<void> {
    const end = historyKeys.hour(hourOf(this.#clock.wallMs()) - RETENTION_HOURS);
    for (;;) {
      const stored = this.#stored;
      const tooMany = Math.min(BATCH, Math.max(0, stored - this.#mostChunks));
      const old = [...this.#store.range({ prefix: historyKeys.all, end, limit: BATCH })];
      const removed = old.length > 0 ? old : [...this.#store.range({ prefix: historyKeys.all, limit: tooMany })];
      if (removed.length === 0) return;
      await this.#store.commit([
        ...removed.map(({ key }) => ({ kind: 'delete', key }) as const),
        { kind: 'put', key: historyKeys.chunks, value: Math.max(0, stored - removed.length) },
      ]);
    }
  }

  get #stored(): number {
    const value = this.#store.get(historyKeys.chunks)?.value;
    return typeof value === 'number' ? value : 0;
  }

  /** From the newest hour to the oldest. */
  async #read(untilMinute: number | undefined): Promise<CallHistory> {
    const builder = new CallHistoryBuilder();
    for (const chunk of this.#unsaved.changes()) builder.add(chunk);
    const untilHour = untilMinute === undefined ? undefined : Math.floor(untilMinute / HOUR_MINUTES);
    let end = historyKeys.hour(hourOf(this.#clock.wallMs()) + AHEAD_HOURS + 1);
    let firstHour: number;
    for (;;) {
      const page = [...this.#store.range({ prefix: historyKeys.all, end, reverse: true, limit: BATCH })];
      for (const entry of page) for (const chunk of chunkOf(entry)) builder.add(chunk);
      const newest = untilHour ?? builder.newestHour ?? 0;
      end = page.at(-1)?.key ?? end;
      const reached = Number(end[1]);
      firstHour = newest - RETENTION_HOURS;
      if (page.length < BATCH || reached < firstHour) break;
      if (builder.minutes >= this.#mostMinutes) {
        // Of the hour at which it stops, a part may be missing.
        firstHour = Math.min(reached + 1, newest);
        break;
      }
      await loopTurn();
    }
    return builder.build(firstHour * HOUR_MINUTES, untilMinute);
  }

  #inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(task);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

function hourOf(wallMs: number): number {
  return Math.floor(wallMs / MINUTE_MS / HOUR_MINUTES);
}

/** None where it cannot be read. */
function chunkOf({ key: [, hour, name], value }: Entry): Chunk[] {
  const found = value instanceof Uint8Array ? decodeHour(value) : undefined;
  return found && typeof hour === 'number' && typeof name === 'string' ? [{ ...found, hour, name }] : [];
}

function loopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
