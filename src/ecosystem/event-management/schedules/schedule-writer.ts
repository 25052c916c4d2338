/**
 * Takes what has come of schedules to disk, many at a time, after the jobs that they enqueued are there (invariant 3). A disk that refuses is tried again
 * until it does not: what is lost with the host meanwhile is found by the keys of the jobs.
 */
import type { CancelTimer } from '../../../kernel/clock.ts';
import { scheduleKeys } from '../../../store/keys.ts';
import type { KeyValueStore, Operation } from '../../../store/protocol.ts';
import { WritePause } from '../../../store/write-pause.ts';
import type { ScheduleState } from './schedule-record.ts';

const BATCH_LIMIT = 1_000;

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
  readonly #pause: WritePause;

  constructor(parts: ScheduleWriterParts) {
    this.#parts = parts;
    this.#pause = new WritePause(parts.after);
  }

  changed(name: string): void {
    this.#dirty.add(name);
    if (!this.#underWay && !this.#pause.isOn) this.#underWay = this.#write();
  }

  /** Writes what is left; resolves when that is on disk, or cannot be. */
  async close(): Promise<void> {
    this.#pause.cancel();
    do {
      await this.#underWay;
      if (this.#dirty.size > 0 && !this.#pause.isOn) this.#underWay = this.#write();
    } while (this.#underWay);
    this.#pause.cancel();
  }

  async #write(): Promise<void> {
    const { store, stateOf } = this.#parts;
    // What is due at one moment goes together.
    await Promise.resolve();
    const names = this.#take();
    const operations = names.flatMap((name): Operation[] => {
      const value = stateOf(name);
      return value ? [{ kind: 'put', key: scheduleKeys.state(name), value }] : [];
    });
    try {
      if (operations.length > 0) await store.commit(operations);
      this.#pause.wasTaken();
    } catch {
      for (const name of names) this.#dirty.add(name);
      this.#pause.begin(() => {
        if (this.#dirty.size > 0) this.#underWay ??= this.#write();
      });
    }
    this.#underWay = this.#dirty.size > 0 && !this.#pause.isOn ? this.#write() : undefined;
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
