/**
 * Takes the changes of one queue to disk, a batch at a time, and answers those who wait for it. A batch and the queue's own record are one commit
 * (invariant 1). A disk that is full refuses what is new; what has happened to the rest is tried again until there is room.
 */
import { TroupeError, toTroupeError } from '../../../errors.ts';
import type { CancelTimer } from '../../../kernel/clock.ts';
import { jobKeys } from '../../../store/keys.ts';
import type { Key, KeyValueStore, Operation } from '../../../store/protocol.ts';
import { WritePause } from '../../../store/write-pause.ts';
import { type Dropped, type Group, JobChanges } from './job-changes.ts';
import { operationsOf } from './job-listing.ts';
import type { JobRecord, RecordChange } from './job-record.ts';
import type { KeyMark } from './key-limits.ts';
import { type Counts, count, type QueueRecord } from './queue-record.ts';

/** About as many jobs in one commit: they take some 5 ms of the event loop. */
const BATCH_LIMIT = 500;

export interface JobWriterParts {
  readonly queue: string;
  readonly store: KeyValueStore;
  /** Of what is on disk. */
  readonly counts: Counts;
  /** Calls back once all that can happen at once has happened. */
  readonly nextTurn: (callback: () => void) => void;
  readonly after: (delayMs: number, callback: () => void) => CancelTimer;
  /** The queue's own record beside the counts, as of now: asked for when a batch begins. */
  readonly standing: () => Omit<QueueRecord, 'counts'>;
  /** A batch is on disk, or was refused. */
  readonly written: (outcome: Written) => void;
}

export type Written =
  | { readonly kind: 'stored' }
  /** Those that were new are gone. */
  | { readonly kind: 'refused'; readonly dropped: Dropped };

/** Exactly one of them is called. */
export interface Waiter {
  accepted(): void;
  refused(error: TroupeError): void;
}

export class JobWriter {
  readonly #parts: JobWriterParts;
  readonly #changes = new JobChanges();
  readonly #waiters = new Map<Group, Waiter[]>();
  /** What else has changed: by a name of its own, so that only the last of it is written. */
  #notes = new Map<string, Operation>();
  #notesUnderWay: ReadonlyMap<string, Operation> = new Map();
  #counts: Counts;
  #countsUnderWay: Counts;
  /** The queue's own record has changed. */
  #isRecordDirty = false;
  #recordGroups: Group[] = [];
  #recordGroupsUnderWay: readonly Group[] = [];
  readonly #pause: WritePause;
  #idle: (() => void) | undefined;
  /** Until the turn is over in which a batch was acknowledged. */
  #isResting = false;
  #isClosed = false;

  constructor(parts: JobWriterParts) {
    this.#parts = parts;
    this.#pause = new WritePause(parts.after);
    this.#counts = parts.counts;
    this.#countsUnderWay = parts.counts;
  }

  /** Jobs that wait to be written. */
  get waiting(): number {
    return this.#changes.size;
  }

  latest(id: string): JobRecord | 'removed' | undefined {
    return this.#changes.latest(id);
  }

  change(id: string, change: RecordChange): void {
    this.#changes.change(id, change);
  }

  /** Nothing of it is on disk, or on its way there. */
  isNew(id: string): boolean {
    return this.#changes.isNew(id);
  }

  /** As `change`, where somebody waits for it. */
  changeAwaited(id: string, change: RecordChange): Group {
    return this.#changes.change(id, change, this.#changes.newGroup());
  }

  /** Jobs that are enqueued together: all are on disk, or none. */
  add(jobs: readonly (readonly [id: string, record: JobRecord])[]): Group {
    const group = this.#changes.newGroup();
    for (const [id, to] of jobs) this.#changes.change(id, { from: undefined, to }, group);
    return group;
  }

  groupOf(id: string): Group | undefined {
    return this.#changes.groupOf(id);
  }

  /** Who holds the ordering key; undefined: nobody any more. */
  holds(orderingKey: string, id: string | undefined): void {
    this.#note(jobKeys.held(this.#parts.queue, orderingKey), id);
  }

  /** What is to be remembered of the limit key; undefined: nothing any more. */
  limits(limitKey: string, mark: KeyMark | undefined): void {
    this.#note(jobKeys.limit(this.#parts.queue, limitKey), mark);
  }

  #note(key: Key, value: unknown): void {
    const operation: Operation = value === undefined ? { kind: 'delete', key } : { kind: 'put', key, value };
    this.#notes.set(`${key[0]}/${key[2]}`, operation);
  }

  recordChanged(): void {
    this.#isRecordDirty = true;
  }

  recordChangedAwaited(): Group {
    this.#isRecordDirty = true;
    const group = this.#changes.newGroup();
    this.#recordGroups.push(group);
    return group;
  }

  /** Calls back once what is to be known of the job is on disk, however often the disk refuses it; at once where it is there, or the job is gone. */
  afterStored(id: string, callback: () => void): void {
    const group = this.#changes.await(id);
    if (group === undefined) return callback();
    this.whenStored(group, { accepted: callback, refused: () => this.#isClosed || this.afterStored(id, callback) });
  }

  whenStored(group: Group, waiter: Waiter): void {
    const others = this.#waiters.get(group);
    if (others) others.push(waiter);
    else this.#waiters.set(group, [waiter]);
  }

  /** Rejects with `STORE_WRITE_FAILED` where the disk refuses it for now: it will be tried again. */
  stored(group: Group): Promise<void> {
    return new Promise((accepted, refused) => this.whenStored(group, { accepted, refused }));
  }

  /** Begins a batch, if there is something to write and none is under way. */
  write(): void {
    if (this.#changes.isUnderWay || this.#isResting || this.#pause.isOn || this.#isClosed || !this.#hasWork) return;
    const { queue, store, standing, written } = this.#parts;
    const batch = this.#changes.begin(BATCH_LIMIT);
    const operations: Operation[] = [];
    const counts = { ...this.#counts };
    for (const [id, change] of batch) {
      count(counts, change);
      operations.push(...operationsOf(id, change));
    }
    operations.push(...this.#notes.values());
    operations.push({ kind: 'put', key: jobKeys.queue(queue), value: { ...standing(), counts } });
    this.#notesUnderWay = this.#notes;
    this.#notes = new Map();
    this.#recordGroupsUnderWay = this.#recordGroups;
    this.#recordGroups = [];
    this.#countsUnderWay = counts;
    this.#isRecordDirty = false;
    store.commit(operations).then(
      () => this.#rest(this.#succeeded()),
      (thrown: unknown) => written(this.#failed(toTroupeError(thrown))),
    );
  }

  /** Writes what is left; resolves when that is on disk, or cannot be. */
  async close(): Promise<void> {
    this.#pause.cancel();
    while (this.#isBusy) await this.#whenIdle();
    while (this.#hasWork && !this.#pause.isOn) {
      this.write();
      while (this.#isBusy) await this.#whenIdle();
    }
    this.#isClosed = true;
    this.#pause.cancel();
    const error = new TroupeError('SHUTTING_DOWN', 'The host has closed before this was on disk.');
    this.#settle([...this.#waiters.keys()], (waiter) => waiter.refused(error));
  }

  get #isBusy(): boolean {
    return this.#changes.isUnderWay || this.#isResting;
  }

  get #hasWork(): boolean {
    return this.#changes.size > 0 || this.#isRecordDirty || this.#notes.size > 0;
  }

  #whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Whoever has waited for the batch may enqueue again at once: that goes with the next one, rather than waiting for it. */
  #rest(outcome: Written): void {
    const { nextTurn, written } = this.#parts;
    this.#isResting = true;
    nextTurn(() => {
      this.#isResting = false;
      this.#idle?.();
      written(outcome);
    });
  }

  #succeeded(): Written {
    const groups = [...this.#changes.succeeded(), ...this.#recordGroupsUnderWay];
    this.#counts = this.#countsUnderWay;
    this.#pause.wasTaken();
    this.#settle(groups, (waiter) => waiter.accepted());
    return { kind: 'stored' };
  }

  #failed(error: TroupeError): Written {
    const { dropped, groups } = this.#changes.failed();
    this.#notes = new Map([...this.#notesUnderWay, ...this.#notes]);
    this.#isRecordDirty = true;
    this.#pause.begin(() => this.write());
    this.#settle([...groups, ...this.#recordGroupsUnderWay], (waiter) => waiter.refused(error));
    return { kind: 'refused', dropped };
  }

  #settle(groups: readonly Group[], settle: (waiter: Waiter) => void): void {
    for (const group of groups) {
      const waiters = this.#waiters.get(group);
      this.#waiters.delete(group);
      if (waiters) for (const waiter of waiters) settle(waiter);
    }
    this.#idle?.();
  }
}
