/**
 * What is known of the jobs of one queue: what is on disk, and what is on its way there. Every change goes through here: it is counted, told to those
 * who watch, and written.
 */
import { ENDED_STATUSES, type EndedStatus } from '../protocol.ts';
import type { Dropped, Group } from './job-changes.ts';
import { begun, notBegun } from './job-fate.ts';
import type { JobRecord, RecordChange } from './job-record.ts';
import type { JobStore } from './job-store.ts';
import type { JobWriter } from './job-writer.ts';
import { type Counts, count } from './queue-record.ts';

/** A small record is kept in memory until its turn comes; a larger one is read again. */
const CACHED_BYTES = 1_024;
const CACHED_RECORDS = 4_000;

export interface JobBookParts {
  readonly store: JobStore;
  readonly writer: JobWriter;
  readonly counts: Counts;
  /** The highest place in line that is taken. */
  readonly lastSequence: number;
  readonly changed: (id: string, record: JobRecord) => void;
}

export class JobBook {
  readonly #parts: JobBookParts;
  readonly #cache = new Map<string, JobRecord>();
  readonly #ended: Record<EndedStatus, number> = { succeeded: 0, failed: 0, cancelled: 0 };
  #sequence: number;

  constructor(parts: JobBookParts) {
    this.#parts = parts;
    this.#sequence = parts.lastSequence;
  }

  /** Of all changes, on disk or not. */
  get counts(): Readonly<Counts> {
    return this.#parts.counts;
  }

  /** How many have since it began to be. */
  get ended(): Readonly<Record<EndedStatus, number>> {
    return this.#ended;
  }

  /** Behind all others. */
  nextSequence(): number {
    return ++this.#sequence;
  }

  /** Up to there every place in line is on disk, or on its way. */
  get lastSequence(): number {
    return this.#sequence;
  }

  /** As it is now; undefined where there is none, or it is damaged. */
  record(id: string): JobRecord | undefined {
    const { writer, store } = this.#parts;
    const latest = writer.latest(id);
    if (latest === 'removed') return undefined;
    return latest ?? this.#cache.get(id) ?? store.record(id);
  }

  /** New ones, which get to the disk together. */
  add(jobs: readonly (readonly [id: string, record: JobRecord])[]): Group {
    const { writer, counts, changed } = this.#parts;
    const group = writer.add(jobs);
    for (const [id, to] of jobs) {
      count(counts, { from: undefined, to });
      if (this.#cache.size < CACHED_RECORDS && (to.payload?.length ?? 0) <= CACHED_BYTES) this.#cache.set(id, to);
      changed(id, to);
    }
    return group;
  }

  /** It runs from now on: one of which nothing is on disk yet need not be listed there. Answers with what it is now. */
  begins(id: string, record: JobRecord): JobRecord {
    const { writer } = this.#parts;
    if (!writer.isNew(id)) return record;
    const to = begun(record);
    writer.change(id, { from: undefined, to });
    if (this.#cache.has(id)) this.#cache.set(id, to);
    return to;
  }

  /** It does not run after all. */
  returns(id: string, from: JobRecord): JobRecord {
    if (!from.isBegun) return from;
    const to = notBegun(from);
    this.#parts.writer.change(id, { from, to });
    this.#cache.delete(id);
    return to;
  }

  /** It has ended as `last` says, and nothing of it is kept. */
  forget(id: string, { from, last }: { readonly from: JobRecord; readonly last: JobRecord }): void {
    this.#noted(id, { from, to: undefined }, last);
    this.#parts.writer.change(id, { from, to: undefined });
  }

  change(id: string, change: RecordChange): void {
    this.#noted(id, change);
    this.#parts.writer.change(id, change);
  }

  /** As `change`, where somebody waits for it. */
  changeAwaited(id: string, change: RecordChange): Group {
    this.#noted(id, change);
    return this.#parts.writer.changeAwaited(id, change);
  }

  /** The disk has refused them: it is as if they had never been. */
  drop(dropped: Dropped): void {
    for (const [id, from] of dropped) {
      count(this.#parts.counts, { from, to: undefined });
      this.#cache.delete(id);
    }
  }

  #noted(id: string, change: RecordChange, last = change.to ?? change.from): void {
    const { counts, changed } = this.#parts;
    count(counts, change);
    this.#cache.delete(id);
    if (!last) return;
    const { status } = last;
    if (isEnded(status) && change.from?.status !== status) this.#ended[status]++;
    changed(id, last);
  }
}

function isEnded(status: JobRecord['status']): status is EndedStatus {
  return (ENDED_STATUSES as readonly string[]).includes(status);
}
