/** What people do to schedules, and see of them. Whatever changes one is on disk before it is answered, and before it counts. */
import { isDeepStrictEqual } from 'node:util';
import { scheduleKeys } from '../../../store/keys.ts';
import type { KeyValueStore, Operation } from '../../../store/protocol.ts';
import type {
  Backfilled,
  BackfillRange,
  ScheduleDetails,
  ScheduleQuery,
  ScheduleSet,
  ScheduleView,
} from '../protocol.ts';
import { type BackfillParts, backfill } from './backfill.ts';
import { nextTimes } from './cadence.ts';
import { draining, payloadLost, scheduleNotFound, tooManySchedules } from './faults.ts';
import type { Entry, Roster } from './roster.ts';
import { rangeOf, recordOf, type SetRequest } from './schedule-options.ts';
import { noState, type ScheduleRecord } from './schedule-record.ts';
import type { ScheduleStore } from './schedule-store.ts';
import type { ScheduleWriter } from './schedule-writer.ts';
import { detailsOf, viewOf } from './views.ts';

const MOST_SCHEDULES = 100_000;
const DEFAULT_LIMIT = 1_000;

export interface ScheduleControlsParts extends BackfillParts {
  readonly database: KeyValueStore;
  readonly store: ScheduleStore;
  readonly roster: Roster;
  readonly writer: ScheduleWriter;
  readonly hostTimeZone: string;
  readonly wallMs: () => number;
  readonly isDraining: () => boolean;
  /** It is another schedule than before, or a new one. */
  readonly changed: (entry: Entry) => void;
}

export class ScheduleControls {
  readonly #parts: ScheduleControlsParts;
  /** What is being done to each schedule: one thing after the other. */
  readonly #changes = new Map<string, Promise<unknown>>();
  /** New ones on their way to the disk. */
  #arriving = 0;

  constructor(parts: ScheduleControlsParts) {
    this.#parts = parts;
  }

  set(request: SetRequest): Promise<ScheduleSet> {
    return this.#inTurn(request.name, () => this.#set(request));
  }

  remove(name: string): Promise<undefined> {
    return this.#inTurn(name, () => this.#remove(name));
  }

  setPaused(name: string, isPaused: boolean): Promise<ScheduleView> {
    return this.#inTurn(name, () => this.#setPausedNow(name, isPaused));
  }

  /** Resolves when all that is being done is done. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#changes.values());
  }

  async #set(request: SetRequest): Promise<ScheduleSet> {
    const { name, spec, payload } = request;
    const { store, database, roster, hostTimeZone } = this.#parts;
    const entry = roster.get(name);
    if (entry && isDeepStrictEqual(spec, entry.record.spec) && isSameBytes(payload, store.payload(name)))
      return this.#answer(entry, { isNew: false, isChanged: false });
    if (!entry && this.#parts.roster.size + this.#arriving >= MOST_SCHEDULES) throw tooManySchedules(MOST_SCHEDULES);
    const record = recordOf(request, entry?.record, { wallMs: this.#parts.wallMs(), hostTimeZone });
    const payloadOperation: Operation = payload
      ? { kind: 'put', key: scheduleKeys.payload(name), value: payload }
      : { kind: 'delete', key: scheduleKeys.payload(name) };
    const operations: Operation[] = [
      { kind: 'put', key: scheduleKeys.schedule(name), value: record },
      payloadOperation,
    ];
    if (entry) {
      await database.commit(operations);
      return this.#answer(this.#replace(entry, record), { isNew: false, isChanged: true });
    }
    const state = this.#parts.roster.withNext(record, store.state(name) ?? noState());
    this.#arriving++;
    try {
      await database.commit([...operations, { kind: 'put', key: scheduleKeys.state(name), value: state }]);
    } finally {
      this.#arriving--;
    }
    const added = roster.add(name, record, state);
    this.#parts.changed(added);
    return this.#answer(added, { isNew: true, isChanged: true });
  }

  #answer(entry: Entry, { isNew, isChanged }: Pick<ScheduleSet, 'isNew' | 'isChanged'>): ScheduleSet {
    const { name, nextAtMs } = viewOf(entry, this.#parts.roster);
    return { name, isNew, isChanged, ...(nextAtMs !== undefined && { nextAtMs }) };
  }

  async #remove(name: string): Promise<undefined> {
    const entry = this.#entry(name);
    entry.isGoing = true;
    try {
      const keys = [scheduleKeys.schedule(name), scheduleKeys.state(name), scheduleKeys.payload(name)];
      await this.#parts.database.commit(keys.map((key) => ({ kind: 'delete', key })));
      this.#parts.roster.delete(entry);
    } catch (thrown) {
      entry.isGoing = false;
      this.#parts.writer.changed(name);
      throw thrown;
    }
  }

  async #setPausedNow(name: string, isPaused: boolean): Promise<ScheduleView> {
    const entry = this.#entry(name);
    const { record } = entry;
    if (record.isPaused === isPaused) return viewOf(entry, this.#parts.roster);
    const changed = {
      ...record,
      isPaused,
      revision: record.revision + 1,
      ...(!isPaused && { fromMs: this.#parts.wallMs() }),
    };
    await this.#parts.database.commit([{ kind: 'put', key: scheduleKeys.schedule(name), value: changed }]);
    return viewOf(this.#replace(entry, changed), this.#parts.roster);
  }

  async backfill(name: string, range: BackfillRange): Promise<Backfilled> {
    this.#checkOpen();
    const { record } = this.#entry(name);
    const payload = this.#parts.store.payload(name);
    if (payload?.length !== record.payloadBytes) throw payloadLost(name);
    return backfill({ name, record, payload }, rangeOf(range, this.#parts.wallMs()), this.#parts);
  }

  details(name: string): ScheduleDetails {
    const payload = this.#parts.store.payload(name);
    return detailsOf(this.#entry(name), this.#parts.roster, payload && this.#parts.decode(payload));
  }

  list({ function: target, after, limit = DEFAULT_LIMIT }: ScheduleQuery): readonly ScheduleView[] {
    return this.#parts.roster
      .after(after)
      .filter(({ record }) => target === undefined || record.spec.function === target)
      .slice(0, limit)
      .map((entry) => viewOf(entry, this.#parts.roster));
  }

  next(name: string, count: number): readonly number[] {
    const entry = this.#entry(name);
    return nextTimes(entry.record.cadence, Math.max(this.#parts.roster.handledMs(entry), this.#parts.wallMs()), count);
  }

  /** After what is being done to the same schedule; at once where that is nothing. */
  #inTurn<T>(name: string, act: () => Promise<T>): Promise<T> {
    const checked = async (): Promise<T> => {
      this.#checkOpen();
      return act();
    };
    const before = this.#changes.get(name);
    const change = before ? before.then(checked, checked) : checked();
    this.#changes.set(name, change);
    const forget = (): void => {
      if (this.#changes.get(name) === change) this.#changes.delete(name);
    };
    change.then(forget, forget);
    return change;
  }

  #checkOpen(): void {
    if (this.#parts.isDraining()) throw draining();
  }

  #replace(entry: Entry, record: ScheduleRecord): Entry {
    entry.record = record;
    this.#parts.changed(entry);
    return entry;
  }

  #entry(name: string): Entry {
    const entry = this.#parts.roster.get(name);
    if (!entry) throw scheduleNotFound(name);
    return entry;
  }
}

function isSameBytes(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one === undefined || other === undefined ? one === other : Buffer.compare(one, other) === 0;
}
