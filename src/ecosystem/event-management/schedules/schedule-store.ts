/** Reads schedules from the database `schedules`. */
import { scheduleKeys } from '../../../store/keys.ts';
import type { KeyValueStore } from '../../../store/protocol.ts';
import { isBytes } from '../../../store/shape.ts';
import { loadedSchedule, loadedState, type ScheduleRecord, type ScheduleState } from './schedule-record.ts';

export interface StoredSchedule {
  readonly name: string;
  readonly record: ScheduleRecord;
  /** Absent where it is damaged or missing. */
  readonly state?: ScheduleState;
}

export class ScheduleStore {
  readonly #store: KeyValueStore;

  /** `store` is the database `schedules`. */
  constructor(store: KeyValueStore) {
    this.#store = store;
  }

  /** All that can be read, in the order of their names; `onDamaged` is told the names of the others. */
  *all(onDamaged: (name: string) => void): Iterable<StoredSchedule> {
    const states = this.#states();
    const damaged = (key: readonly unknown[]): void => onDamaged(String(key[1]));
    for (const { key, value } of this.#store.range({ prefix: scheduleKeys.schedules, onDamaged: damaged })) {
      const name = String(key[1]);
      const record = loadedSchedule(value);
      const state = states.get(name);
      if (record) yield { name, record, ...(state && { state }) };
      else onDamaged(name);
    }
  }

  /** What is left of one that is damaged or gone, too. */
  state(name: string): ScheduleState | undefined {
    return loadedState(this.#store.get(scheduleKeys.state(name))?.value);
  }

  /** Undefined where it has none, or where it is damaged. */
  payload(name: string): Uint8Array | undefined {
    const value = this.#store.get(scheduleKeys.payload(name))?.value;
    return isBytes(value) ? value : undefined;
  }

  /** What is wrong with what is kept, for people. */
  *faults(): Iterable<string> {
    const names = new Set<string>();
    const damaged: string[] = [];
    for (const { name, record, state } of this.all((each) => damaged.push(each))) {
      names.add(name);
      if (!state) yield `Schedule ${name}: what has come of it so far is damaged or missing.`;
      if (record.payloadBytes !== undefined && this.payload(name)?.length !== record.payloadBytes)
        yield `Schedule ${name}: its payload is damaged or missing.`;
    }
    for (const name of damaged) yield `Schedule ${name} is damaged.`;
    for (const name of this.#states().keys())
      if (!names.has(name) && !damaged.includes(name)) yield `Schedule ${name} has a state and no record.`;
  }

  #states(): Map<string, ScheduleState> {
    const states = new Map<string, ScheduleState>();
    for (const { key, value } of this.#store.range({ prefix: scheduleKeys.states })) {
      const state = loadedState(value);
      if (state) states.set(String(key[1]), state);
    }
    return states;
  }
}
