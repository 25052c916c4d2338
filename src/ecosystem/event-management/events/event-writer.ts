/**
 * Takes what happens to events and triggers to disk, a batch at a time, and says what became of each batch. A batch is one commit (invariant 1). A disk
 * that is full refuses what is new; that something was started, or given up, is written again until there is room.
 */
import { type TroupeError, toTroupeError } from '../../../errors.ts';
import type { CancelTimer } from '../../../kernel/clock.ts';
import { cloudEventKeys } from '../../../store/keys.ts';
import type { KeyValueStore, Operation } from '../../../store/protocol.ts';
import { WritePause } from '../../../store/write-pause.ts';
import {
  type CountsRecord,
  counted,
  forgotten,
  type NewRecord,
  published,
  type Standing,
  type TriggerRecord,
} from './event-record.ts';
import type { EventStore } from './event-store.ts';
import { closedBeforeStored } from './faults.ts';
import type { Settled } from './outbox.ts';

/** About as many events, or settled deliveries, in one commit: they take some 5 ms of the event loop. */
const BATCH_LIMIT = 500;
/** And about as much that they start. */
const STARTED_LIMIT = 2_000;

interface Waiter {
  readonly accepted: () => void;
  readonly refused: (error: TroupeError) => void;
}

/** Events of one call: all are on disk, or none. */
export interface Group {
  readonly records: readonly NewRecord[];
  /** Who published them, or others of the same source and id. */
  readonly waiters: Waiter[];
}

/** `record`: undefined where it is removed. */
export interface TriggerChange {
  readonly name: string;
  readonly record: TriggerRecord | undefined;
  readonly accepted: () => void;
  readonly refused: (error: TroupeError) => void;
}

export type Written =
  | {
      readonly kind: 'stored';
      readonly groups: readonly Group[];
      readonly changes: readonly TriggerChange[];
      readonly counts: ReadonlyMap<string, CountsRecord>;
    }
  | { readonly kind: 'refused'; readonly groups: readonly Group[] };

export interface EventWriterParts {
  readonly database: KeyValueStore;
  readonly store: EventStore;
  /** Of what is on disk. */
  readonly standing: Standing;
  readonly after: (delayMs: number, callback: () => void) => CancelTimer;
  /** The highest that was given out: asked for when a batch begins. */
  readonly lastSequence: () => number;
  /** Of a trigger that is there. */
  readonly countsOf: (trigger: string) => CountsRecord | undefined;
  /** Those that are to go where so much would be kept: the old ones too where it is time to tidy up, else those that are too many. */
  readonly toForget: (
    standing: Standing,
    isTidying: boolean,
  ) => readonly Pick<NewRecord, 'sequence' | 'hash' | 'record'>[];
  /** A batch is on disk, or was refused; called in no turn of the actor. */
  readonly written: (written: Written) => void;
}

interface Batch {
  readonly groups: readonly Group[];
  readonly settled: readonly Settled[];
  readonly changes: readonly TriggerChange[];
  readonly operations: readonly Operation[];
  readonly standing: Standing;
  readonly counts: ReadonlyMap<string, CountsRecord>;
}

export class EventWriter {
  readonly #parts: EventWriterParts;
  #groups: Group[] = [];
  #settled: Settled[] = [];
  #changes: TriggerChange[] = [];
  #standing: Standing;
  #waiting = 0;
  #isUnderWay = false;
  /** What is kept is to be looked through. */
  #isTidying = false;
  readonly #pause: WritePause;
  #idle: (() => void) | undefined;
  #isClosed = false;
  /** Those who were just acknowledged may publish again at once: that goes with the next batch, which waits for it. */
  isResting = false;

  constructor(parts: EventWriterParts) {
    this.#parts = parts;
    this.#pause = new WritePause(parts.after);
    this.#standing = parts.standing;
  }

  /** Events that wait for a batch to begin. */
  get waiting(): number {
    return this.#waiting;
  }

  add(group: Group): void {
    this.#groups.push(group);
    this.#waiting += group.records.length;
  }

  settle(settled: Settled): void {
    this.#settled.push(settled);
  }

  change(change: TriggerChange): void {
    this.#changes.push(change);
  }

  get changing(): number {
    return this.#changes.length;
  }

  tidy(): void {
    this.#isTidying = true;
  }

  /** Begins a batch, if there is something to write and none is under way. */
  write(): void {
    if (this.#isUnderWay || this.isResting || this.#pause.isOn || this.#isClosed || !this.#hasWork) return;
    const batch = this.#begin();
    if (batch.operations.length === 0) return;
    this.#isUnderWay = true;
    this.#parts.database.commit(batch.operations).then(
      () => this.#succeeded(batch),
      (thrown: unknown) => this.#failed(batch, toTroupeError(thrown)),
    );
  }

  /** Writes what is left; resolves when that is on disk, or cannot be. */
  async close(): Promise<void> {
    this.isResting = false;
    this.#pause.cancel();
    for (;;) {
      this.write();
      if (!this.#isUnderWay) break;
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
      this.isResting = false;
    }
    this.#isClosed = true;
    this.#pause.cancel();
    const error = closedBeforeStored();
    for (const { waiters } of this.#groups) for (const { refused } of waiters) refused(error);
    for (const { refused } of this.#changes) refused(error);
  }

  get #hasWork(): boolean {
    return this.#groups.length > 0 || this.#settled.length > 0 || this.#changes.length > 0 || this.#isTidying;
  }

  #begin(): Batch {
    const { countsOf, lastSequence } = this.#parts;
    const groups = this.#takeGroups();
    const settled = this.#settled.splice(0, BATCH_LIMIT);
    const changes = this.#changes;
    this.#changes = [];
    const records = groups.flatMap((group) => group.records);
    const counts = tallied(records, settled, countsOf);
    const forgotten = this.#forget(records);
    const standing = {
      lastSequence: lastSequence(),
      events: this.#standing.events + records.length - forgotten.events,
      bytes: this.#standing.bytes + bytesOf(records) - forgotten.bytes,
    };
    const operations = [
      ...forgotten.operations,
      ...records.flatMap(published),
      ...settled.map(
        ({ sequence, trigger }): Operation => ({ kind: 'delete', key: cloudEventKeys.pending(sequence, trigger) }),
      ),
      ...Array.from(counts, ([name, value]): Operation => ({ kind: 'put', key: cloudEventKeys.counts(name), value })),
      ...changes.flatMap(changed),
    ];
    if (operations.length > 0) operations.push({ kind: 'put', key: cloudEventKeys.standing, value: standing });
    return { groups, settled, changes, operations, standing, counts };
  }

  /** Groups are not torn. */
  #takeGroups(): Group[] {
    const taken: Group[] = [];
    let [count, started] = [0, 0];
    for (const group of this.#groups) {
      if (count >= BATCH_LIMIT || started >= STARTED_LIMIT) break;
      taken.push(group);
      count += group.records.length;
      for (const { record } of group.records) started += record.fired.length / 2;
    }
    this.#groups = this.#groups.slice(taken.length);
    this.#waiting -= count;
    return taken;
  }

  #forget(records: readonly NewRecord[]) {
    const { store, toForget } = this.#parts;
    const { lastSequence, events, bytes } = this.#standing;
    const next = { lastSequence, events: events + records.length, bytes: bytes + bytesOf(records) };
    const going = toForget(next, this.#isTidying);
    this.#isTidying = going.length >= BATCH_LIMIT;
    return {
      operations: going.flatMap((each) => forgotten(each, store.once(each.hash))),
      events: going.length,
      bytes: bytesOf(going),
    };
  }

  #succeeded({ groups, changes, counts, standing }: Batch): void {
    this.#standing = standing;
    this.#pause.wasTaken();
    this.isResting = true;
    for (const { waiters } of groups) for (const { accepted } of waiters) accepted();
    this.#ended({ kind: 'stored', groups, changes, counts });
  }

  #failed({ groups, settled, changes }: Batch, error: TroupeError): void {
    this.#settled = [...settled, ...this.#settled];
    this.#pause.begin(() => this.write());
    for (const { waiters } of groups) for (const { refused } of waiters) refused(error);
    for (const { refused } of changes) refused(error);
    this.#ended({ kind: 'refused', groups });
  }

  #ended(written: Written): void {
    this.#isUnderWay = false;
    this.#parts.written(written);
    this.#idle?.();
  }
}

function changed({ name, record }: TriggerChange): Operation[] {
  if (record) return [{ kind: 'put', key: cloudEventKeys.trigger(name), value: record }];
  return [
    { kind: 'delete', key: cloudEventKeys.trigger(name) },
    { kind: 'delete', key: cloudEventKeys.counts(name) },
  ];
}

function bytesOf(records: readonly Pick<NewRecord, 'record'>[]): number {
  return records.reduce((sum, { record }) => sum + record.payload.length, 0);
}

/** The counts of each trigger that was fired, or has started something. */
function tallied(
  records: readonly NewRecord[],
  settled: readonly Settled[],
  countsOf: EventWriterParts['countsOf'],
): Map<string, CountsRecord> {
  const tallies = new Map<string, { matched: number; deliveries: NonNullable<Settled['delivery']>[] }>();
  const tallyOf = (trigger: string) => {
    const known = tallies.get(trigger) ?? { matched: 0, deliveries: [] };
    tallies.set(trigger, known);
    return known;
  };
  // Trigger and function, in turn.
  for (const { record } of records)
    for (let at = 0; at < record.fired.length; at += 2) tallyOf(record.fired[at] ?? '').matched++;
  for (const { trigger, delivery } of settled) if (delivery) tallyOf(trigger).deliveries.push(delivery);
  const counts = new Map<string, CountsRecord>();
  for (const [trigger, tally] of tallies) {
    const before = countsOf(trigger);
    if (before) counts.set(trigger, counted(before, tally));
  }
  return counts;
}
