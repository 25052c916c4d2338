/** Lets jobs into a queue, or refuses them: bounds, idempotency keys, and the answer once they are on disk (invariant 3). */
import { diskTooSlow, queueFull } from './faults.ts';
import type { JobBook } from './job-book.ts';
import type { Group } from './job-changes.ts';
import type { JobRecord } from './job-record.ts';
import type { JobStore } from './job-store.ts';
import type { JobWriter } from './job-writer.ts';
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
    const bytes = jobs.reduce((sum, { payload }) => sum + payload.length, 0);
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
    const groups = new Set<Group>();
    const enqueued = jobs.map((job) => {
      const known = this.#known(job, atMs);
      if (known === undefined) return { id: this.#new(job, atMs, records), isNew: true };
      const group = writer.groupOf(known);
      if (group !== undefined) groups.add(group);
      return { id: known, isNew: false };
    });
    if (records.length > 0) groups.add(book.add(records));
    this.#unwrittenBytes += bytes;
    const left = (): void => {
      this.#unwrittenBytes -= bytes;
      for (const [, { idempotencyKey }] of records)
        if (idempotencyKey !== undefined) this.#pending.delete(idempotencyKey);
    };
    this.#whenStored(groups, {
      accepted() {
        left();
        accepted(enqueued);
      },
      refused(error) {
        left();
        refused(error);
      },
    });
    return records;
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

  /** All groups: at most those of the jobs that were there already, and that of the new ones. */
  #whenStored(
    groups: ReadonlySet<Group>,
    { accepted, refused }: Pick<EnqueueRequest, 'refused'> & { readonly accepted: () => void },
  ): void {
    let left = groups.size;
    if (left === 0) return accepted();
    let isRefused = false;
    for (const group of groups) {
      this.#parts.writer.whenStored(group, {
        accepted() {
          if (--left === 0 && !isRefused) accepted();
        },
        refused(error) {
          if (!isRefused) refused(error);
          isRefused = true;
        },
      });
    }
  }
}
