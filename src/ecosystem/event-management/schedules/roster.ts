/** The schedules that there are, in memory, and which of them is due next. */
import { DueQueue } from '../../../kernel/due-queue.ts';
import { nextTime } from './cadence.ts';
import type { ScheduleRecord, ScheduleState } from './schedule-record.ts';

export interface Entry {
  readonly name: string;
  record: ScheduleRecord;
  state: ScheduleState;
  /** When it is looked at again; undefined: not until something happens to it. */
  dueMs: number | undefined;
  /** One time at a time: the next one is due once it is known what has come of this one. */
  isFiring: boolean;
  /** It is removed, or on its way there: nothing more is written of it. */
  isGoing: boolean;
  /** Somebody was told why it does not fire. */
  isFaultTold: boolean;
}

interface Due {
  readonly entry: Entry;
  readonly atMs: number;
}

/** Times that mean nothing any more, as a part of the schedules, and at least. */
const STALE_PART = 2;
const STALE_AT_LEAST = 1_000;

export class Roster {
  readonly #entries = new Map<string, Entry>();
  /** Changes where rules of time zones change: what was worked out by others is worked out anew. */
  readonly #zoneRules: string;
  #due = new DueQueue<Due>();
  #queued = 0;

  constructor(zoneRules: string) {
    this.#zoneRules = zoneRules;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** When the next one is due; `Infinity` where there is none. */
  get nextMs(): number {
    return this.#due.nextMs;
  }

  get(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  add(name: string, record: ScheduleRecord, state: ScheduleState): Entry {
    const entry = { name, record, state, dueMs: undefined, isFiring: false, isGoing: false, isFaultTold: false };
    this.#entries.set(name, entry);
    return entry;
  }

  delete({ name }: Entry): void {
    this.#entries.delete(name);
  }

  /** In the order of their names. */
  after(name: string | undefined): Entry[] {
    const all = [...this.#entries.values()].filter((each) => name === undefined || each.name > name);
    return all.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** Up to then nothing of it fires any more, or ever did. */
  handledMs({ record, state }: Pick<Entry, 'record' | 'state'>): number {
    return Math.max(record.fromMs, state.handledMs);
  }

  /** Its next time, whether it is paused or not; worked out where that has not been done. */
  next(entry: Pick<Entry, 'record' | 'state'>): number | undefined {
    if (entry.state.nextOf !== this.#origin(entry.record)) entry.state = this.withNext(entry.record, entry.state);
    return entry.state.nextMs;
  }

  withNext(record: ScheduleRecord, { nextMs: _, ...state }: ScheduleState): ScheduleState {
    const nextMs = nextTime(record.cadence, this.handledMs({ record, state }));
    return { ...state, nextOf: this.#origin(record), ...(nextMs !== undefined && { nextMs }) };
  }

  /** It is due at its next time, unless it is paused, or one of its times is on its way. */
  plan(entry: Entry): void {
    if (entry.isFiring) return;
    const dueMs = entry.record.isPaused ? undefined : this.next(entry);
    if (dueMs === entry.dueMs) return;
    entry.dueMs = dueMs;
    if (dueMs !== undefined) this.#push(entry, dueMs);
  }

  takeDue(wallMs: number): Entry | undefined {
    for (let due = this.#due.takeDue(wallMs); due; due = this.#due.takeDue(wallMs)) {
      this.#queued--;
      if (this.#isCurrent(due)) return due.entry;
    }
    return undefined;
  }

  #push(entry: Entry, atMs: number): void {
    this.#due.push(atMs, { entry, atMs });
    if (++this.#queued < STALE_AT_LEAST + STALE_PART * this.#entries.size) return;
    this.#due = new DueQueue();
    this.#queued = 0;
    for (const each of this.#entries.values()) {
      if (each.dueMs === undefined) continue;
      this.#due.push(each.dueMs, { entry: each, atMs: each.dueMs });
      this.#queued++;
    }
  }

  #isCurrent({ entry, atMs }: Due): boolean {
    return entry.dueMs === atMs && this.#entries.get(entry.name) === entry;
  }

  #origin({ revision }: ScheduleRecord): string {
    return `${revision} ${this.#zoneRules}`;
  }
}
