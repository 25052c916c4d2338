/** What people do to single jobs of a queue: look at them, cancel them, begin them anew, forget them. */
import { later } from '../../../kernel/actor-system.ts';
import type { Later } from '../../../kernel/protocol.ts';
import type { JobStatus, JobView } from '../protocol.ts';
import { jobNotFound, notHandedOn, notRetryable } from './faults.ts';
import type { JobBook } from './job-book.ts';
import { cancelled, renewed } from './job-fate.ts';
import { isOver, type JobRecord, orderingOf, type StoredStatus } from './job-record.ts';
import type { JobWriter } from './job-writer.ts';
import type { RunningJobs } from './running-jobs.ts';
import { type ViewParts, viewOf } from './views.ts';

export interface JobControlsParts extends ViewParts {
  readonly book: JobBook;
  readonly writer: JobWriter;
  readonly running: RunningJobs;
  readonly wallMs: () => number;
  /** It stands in line from now on. */
  readonly join: (id: string, record: JobRecord) => void;
  /** It does not any more, nor does it hold its ordering key. */
  readonly release: (ended: { readonly id: string; readonly orderingKey?: string }) => void;
  readonly goOn: () => void;
}

export class JobControls {
  readonly #parts: JobControlsParts;
  /** Who waits for the end of one that runs. */
  readonly #waiters = new Map<string, ((status: StoredStatus) => void)[]>();

  constructor(parts: JobControlsParts) {
    this.#parts = parts;
  }

  show(id: string, isBrief = false): JobView | undefined {
    const { book, running } = this.#parts;
    const record = book.record(id);
    return record && viewOf(id, { record, running: running.get(id), isBrief }, this.#parts);
  }

  /** One that runs is told to end; it may succeed all the same. */
  cancel(id: string): JobStatus | Later<JobStatus> {
    const { book, writer, running, wallMs, release, goOn } = this.#parts;
    const from = this.#recordOf(id);
    if (isOver(from)) return from.status;
    const inside = running.get(id);
    if (inside) {
      const ended = new Promise<StoredStatus>((resolve) => {
        this.#waiters.set(id, [...(this.#waiters.get(id) ?? []), resolve]);
      });
      running.stop(inside, 'cancelled');
      return later(ended.then((status) => this.#stored(id, status)));
    }
    const to = cancelled(from, { atMs: wallMs() });
    const stored = writer.stored(book.changeAwaited(id, { from, to }));
    release({ id, ...orderingOf(from) });
    goOn();
    return later(stored.then(() => to.status));
  }

  /** It has come to its end: those who wait are told once that is on disk. */
  ended(id: string, status: StoredStatus): void {
    const waiters = this.#waiters.get(id);
    if (!waiters) return;
    this.#waiters.delete(id);
    for (const waiter of waiters) waiter(status);
  }

  retry(id: string): Later<JobStatus> {
    const { book, writer, running, join, goOn } = this.#parts;
    const from = this.#recordOf(id);
    if (from.status !== 'failed' && from.status !== 'cancelled')
      throw notRetryable(id, running.get(id) ? 'running' : from.status);
    if (from.isUndelivered) throw notHandedOn(id);
    const to = renewed(from, book.nextSequence());
    const stored = writer.stored(book.changeAwaited(id, { from, to }));
    join(id, to);
    goOn();
    return later(stored.then(() => to.status));
  }

  /** Only those that have ended, and have nothing left to hand on. */
  forget(ids: readonly string[]): Later<number> {
    const { book, writer } = this.#parts;
    const stored: Promise<void>[] = [];
    for (const id of ids) {
      const from = book.record(id);
      if (from && isOver(from) && !from.isUndelivered)
        stored.push(writer.stored(book.changeAwaited(id, { from, to: undefined })));
    }
    writer.write();
    return later(Promise.all(stored).then(() => stored.length));
  }

  /** Nothing new is written: what was, has to be there first. */
  async #stored(id: string, status: StoredStatus): Promise<StoredStatus> {
    const { book, writer } = this.#parts;
    const record = book.record(id);
    if (record && writer.latest(id)) {
      const stored = writer.stored(book.changeAwaited(id, { from: record, to: record }));
      writer.write();
      await stored;
    }
    return status;
  }

  #recordOf(id: string): JobRecord {
    const record = this.#parts.book.record(id);
    if (!record) throw jobNotFound(id);
    return record;
  }
}
