/** Lets jobs into a queue, or refuses them: bounds, idempotency keys, and the answer once they are on disk (invariant 3). */
import type { TroupeError } from '../../../errors.ts';
import type { Enqueued } from '../protocol.ts';
import { diskTooSlow, queueFull } from './faults.ts';
import type { JobBook } from './job-book.ts';
import type { Group } from './job-changes.ts';
import type { JobRecord } from './job-record.ts';
import type { JobStore } from './job-store.ts';
import type { JobWriter, Waiter } from './job-writer.ts';
import { newRecord } from './new-record.ts';
import type { EnqueueRequest, NewJob } from './queue-protocol.ts';
import { liveIn } from './queue-record.ts';

/** Enqueued and not on disk yet. */
const MAX_UNWRITTEN = 50_000;
/** 64 MiB: what waits for the disk is in memory. */
const MAX_UNWRITTEN_BYTES = 67_108_864;

export interface IntakeParts {
  readonly queue: string;
  readonly book: JobBook;
  readonly writer: JobWriter;
  readonly store: JobStore;
  readonly newId: (wallMs: number) => string;
}

type NewRecord = readonly [id: string, record: JobRecord];

export class Intake {
  readonly #parts: IntakeParts;
  /** Idempotency keys of jobs that are not on disk yet. */
  readonly #pending = new Map<string, string>();
  #unwrittenBytes = 0;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** The new ones among them; nothing where they are refused. */
  take(
    { jobs, accepted, refused }: EnqueueRequest,
    { atMs, maxJobs }: { readonly atMs: number; readonly maxJobs: number },
  ): readonly NewRecord[] {
    const { queue, book, writer } = this.#parts;
    let bytes = 0;
    for (const { payload } of jobs) bytes += payload.length;
    if (liveIn(book.counts) + jobs.length > maxJobs) {
      refused(queueFull(queue, maxJobs));
      return [];
    }
    const isTooMuch = this.#unwrittenBytes > 0 && this.#unwrittenBytes + bytes > MAX_UNWRITTEN_BYTES;
    if (writer.waiting + jobs.length > MAX_UNWRITTEN || isTooMuch) {
      refused(diskTooSlow(queue, writer.waiting));
      return [];
    }
    const records: NewRecord[] = [];
    const admission = new Admission({ accepted, refused, left: () => this.#left(records, bytes) });
    for (const job of jobs) admission.add(this.#admit(job, { atMs, records, admission }));
    if (records.length > 0) admission.waitsFor(book.add(records));
    this.#unwrittenBytes += bytes;
    admission.begin(writer);
    return records;
  }

  #left(records: readonly NewRecord[], bytes: number): void {
    this.#unwrittenBytes -= bytes;
    for (const [, { idempotencyKey }] of records)
      if (idempotencyKey !== undefined) this.#pending.delete(idempotencyKey);
  }

  #admit(
    job: NewJob,
    {
      atMs,
      records,
      admission,
    }: { readonly atMs: number; readonly records: NewRecord[]; readonly admission: Admission },
  ): Enqueued {
    const known = this.#known(job, atMs);
    if (known === undefined) return { id: this.#new(job, atMs, records), isNew: true };
    const group = this.#parts.writer.groupOf(known);
    if (group !== undefined) admission.waitsFor(group);
    return { id: known, isNew: false };
  }

  #new(job: NewJob, atMs: number, records: NewRecord[]): string {
    const { queue, book, newId } = this.#parts;
    const id = newId(atMs);
    const record = newRecord(job, { queue, atMs, nextSequence: () => book.nextSequence() });
    if (job.idempotencyKey !== undefined) this.#pending.set(job.idempotencyKey, id);
    records.push([id, record]);
    return id;
  }

  /** The job that has its idempotency key already. */
  #known({ idempotencyKey }: NewJob, atMs: number): string | undefined {
    if (idempotencyKey === undefined) return undefined;
    const pending = this.#pending.get(idempotencyKey);
    if (pending !== undefined) return pending;
    const once = this.#parts.store.once(this.#parts.queue, idempotencyKey);
    return once && once.untilMs > atMs ? once.id : undefined;
  }
}

interface AdmissionParts extends Pick<EnqueueRequest, 'accepted' | 'refused'> {
  /** They do not wait for the disk any more, whatever it has said. */
  readonly left: () => void;
}

/** A request until all of it is on disk: what is new, and what was there already and may not be there yet. */
class Admission implements Waiter {
  readonly #parts: AdmissionParts;
  readonly #enqueued: Enqueued[] = [];
  readonly #groups: Group[] = [];
  #waitsFor = 0;
  #isRefused = false;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  add(enqueued: Enqueued): void {
    this.#enqueued.push(enqueued);
  }

  waitsFor(group: Group): void {
    if (!this.#groups.includes(group)) this.#groups.push(group);
  }

  begin(writer: JobWriter): void {
    this.#waitsFor = this.#groups.length;
    if (this.#waitsFor === 0) this.#end(undefined);
    for (const group of this.#groups) writer.whenStored(group, this);
  }

  accepted(): void {
    this.#waitsFor--;
    if (this.#waitsFor === 0 && !this.#isRefused) this.#end(undefined);
  }

  refused(error: TroupeError): void {
    if (!this.#isRefused) this.#end(error);
    this.#isRefused = true;
  }

  #end(error: TroupeError | undefined): void {
    const { accepted, refused, left } = this.#parts;
    left();
    if (error) refused(error);
    else accepted(this.#enqueued);
  }
}
