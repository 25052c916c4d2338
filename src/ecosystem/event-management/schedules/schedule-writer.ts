/**
 * Takes what has come of schedules to disk, many at a time, after the jobs that they enqueued are there (invariant 3). A disk that refuses is tried again
 * until it does not: what is lost with the host meanwhile is found by the keys of the jobs.
 */
import type { CancelTimer } from '../../../kernel/clock.ts';
import { scheduleKeys } from '../../../store/keys.ts';
import type { KeyValueStore, Operation } from '../../../store/protocol.ts';
import type { ScheduleState } from './schedule-record.ts';

const BATCH_LIMIT = 1_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;

export interface ScheduleWriterParts {
  readonly store: KeyValueStore;
  readonly after: (delayMs: number, callback: () => void) => CancelTimer;
  /** As of now; undefined where it is not to be written: the schedule is gone, or going. */
  readonly stateOf: (name: string) => ScheduleState | undefined;
}

export class ScheduleWriter {
  readonly #parts: ScheduleWriterParts;
  readonly #dirty = new Set<string>();
  #underWay: Promise<void> | undefined;
  #pause: CancelTimer | undefined;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(parts: ScheduleWriterParts) {
    this.#parts = parts;
  }

  changed(name: string): void {
    this.#dirty.add(name);
    if (!this.#underWay && !this.#pause) this.#underWay = this.#write();
  }

  /** Writes what is left; resolves when that is on disk, or cannot be. */
  async close(): Promise<void> {
    this.#cancelPause();
    do {
      await this.#underWay;
      if (this.#dirty.size > 0 && !this.#pause) this.#underWay = this.#write();
    } while (this.#underWay);
    this.#cancelPause();
  }

  async #write(): Promise<void> {
    const { store, after, stateOf } = this.#parts;
    // What is due at one moment goes together.
    await Promise.resolve();
    const names = this.#take();
    const operations = names.flatMap((name): Operation[] => {
      const value = stateOf(name);
      return value ? [{ kind: 'put', key: scheduleKeys.state(name), value }] : [];
    });
    try {
      if (operations.length > 0) await store.commit(operations);
      this.#pauseMs = FIRST_PAUSE_MS;
    } catch {
      for (const name of names) this.#dirty.add(name);
      this.#pause = after(this.#pauseMs, () => {
        this.#pause = undefined;
        if (this.#dirty.size > 0) this.#underWay ??= this.#write();
      });
      this.#pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * this.#pauseMs);
    }
    this.#underWay = this.#dirty.size > 0 && !this.#pause ? this.#write() : undefined;
  }

  #cancelPause(): void {
    this.#pause?.();
    this.#pause = undefined;
  }

  #take(): readonly string[] {
    const names: string[] = [];
    for (const name of this.#dirty) {
      if (names.length >= BATCH_LIMIT) break;
      names.push(name);
      this.#dirty.delete(name);
    }
    return names;
  }
}
