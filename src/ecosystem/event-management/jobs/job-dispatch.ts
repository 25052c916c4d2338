/**
 * Has the jobs of one queue begin whose turn it is: one in a call, or several where the function takes batches. What becomes of them afterwards is not its
 * business.
 */
import type { TroupeError } from '../../../errors.ts';
import type { Running } from './attempt.ts';
import { BATCH_BYTES } from './batch.ts';
import { payloadLost, startedTooLate } from './faults.ts';
import type { JobBook } from './job-book.ts';
import { expired, latestStartMs } from './job-fate.ts';
import type { JobRecord } from './job-record.ts';
import type { JobStarts } from './job-starts.ts';
import type { JobStore } from './job-store.ts';
import type { JobWriter } from './job-writer.ts';
import type { RunningJobs } from './running-jobs.ts';
import type { Next, WaitingJobs } from './waiting-jobs.ts';

export interface JobDispatchParts {
  readonly store: JobStore;
  readonly book: JobBook;
  readonly writer: JobWriter;
  readonly waiting: WaitingJobs;
  readonly running: RunningJobs;
  readonly starts: JobStarts;
  readonly wallMs: () => number;
  /** Whether anything may begin at all. */
  readonly mayBegin: () => boolean;
  readonly settle: (id: string, from: JobRecord, to: JobRecord) => void;
  /** Its turn is to come. */
  readonly toLine: (id: string, record: JobRecord) => void;
  readonly changed: (id: string, record: JobRecord) => void;
  readonly failed: (running: Running, error: TroupeError) => void;
  /** There is more, and others get a turn first. */
  readonly beginLater: () => void;
}

export class JobDispatch {
  readonly #parts: JobDispatchParts;
  /** Limit keys of which somebody who waits may have room. */
  readonly #keysToFree = new Set<string>();

  constructor(parts: JobDispatchParts) {
    this.#parts = parts;
  }

  /** Those of its limit key that wait may have room. */
  limitsChanged({ limitKey }: Pick<JobRecord, 'limitKey'>): void {
    if (limitKey !== undefined) this.#keysToFree.add(limitKey);
  }

  /** Begins all that may begin. */
  begin(): void {
    do {
      this.#freeKeys();
      this.#beginAll();
    } while (this.#keysToFree.size > 0 && this.#parts.mayBegin());
  }

  /** The call of which it is the first job. */
  call(first: Running): void {
    const { store, running } = this.#parts;
    if (first.batch) return this.#callAll(first.batch);
    const payload = store.payload(first.id, first.record);
    if (payload && first.stopped === undefined) running.call(first, payload);
    else this.#parts.failed(first, payloadLost(first.id));
  }

  #callAll(members: readonly Running[]): void {
    const { store, running, failed } = this.#parts;
    const payloads = members.map(({ id, record }) => store.payload(id, record));
    const isWhole = members.every(({ stopped }, index) => stopped === undefined && payloads[index] !== undefined);
    if (isWhole) return running.callBatch(members, payloads as Uint8Array[]);
    for (const [index, member] of members.entries()) {
      // The others come again without it.
      if (member.stopped === undefined && payloads[index] !== undefined) this.comeBack(member);
      else failed(member, payloadLost(member.id));
    }
  }

  /** It does not run after all, and is the next one of all. */
  comeBack(member: Running): void {
    const { book, running, writer, waiting, changed } = this.#parts;
    running.remove(member);
    writer.recordChanged();
    waiting.comeBack(member.place);
    changed(member.id, book.returns(member.id, member.record));
  }

  #beginAll(): void {
    const { waiting, beginLater } = this.#parts;
    for (let size = this.#size; size > 0; size = this.#size) {
      if (size === 1 ? this.#beginOne() : this.#beginBatch(size)) continue;
      if (!waiting.isEmpty) beginLater();
      return;
    }
  }

  /** How many may begin together now; 1 where the function takes no batches. */
  get #size(): number {
    return this.#parts.mayBegin() ? this.#parts.starts.size : 0;
  }

  /** False where there is none. */
  #beginOne(): boolean {
    const { waiting, starts } = this.#parts;
    const next = waiting.take();
    const running = next && this.#begin(next);
    if (running && starts.begins(running, waiting.startsOnDisk(running.record))) this.call(running);
    return next !== undefined;
  }

  #beginBatch(size: number): boolean {
    const { store, waiting, running, starts } = this.#parts;
    const members: Running[] = [];
    let bytes = 0;
    let next = waiting.take();
    const isAny = next !== undefined;
    for (; next; next = members.length < size ? waiting.take() : undefined) {
      bytes += store.payload(next.place.id, next.record)?.length ?? 0;
      if (members.length > 0 && bytes > BATCH_BYTES) {
        waiting.comeBack(next.place);
        break;
      }
      const member = this.#begin(next);
      if (member) members.push(member);
    }
    const [first] = members;
    if (!first) return isAny;
    running.join(members);
    const isOnDiskFirst = members.some(({ record }) => waiting.startsOnDisk(record));
    if (starts.begins(first, isOnDiskFirst)) this.call(first);
    return true;
  }

  /** It counts as running from now on; undefined where it is too late for that. */
  #begin({ place, record }: Next): Running | undefined {
    const { book, waiting, running, writer, wallMs, settle, changed } = this.#parts;
    const { id } = place;
    this.limitsChanged(record);
    const latestMs = latestStartMs(record);
    if (wallMs() > latestMs) {
      waiting.ended(record);
      settle(id, record, expired(record, startedTooLate(latestMs), wallMs()));
      return undefined;
    }
    const begun = running.add(place, book.begins(id, record));
    writer.recordChanged();
    changed(id, record);
    return begun;
  }

  /** Those that waited for room within the limits of their keys, and have it, stand in line again. */
  #freeKeys(): void {
    const { waiting, toLine } = this.#parts;
    for (const limitKey of this.#keysToFree) {
      this.#keysToFree.delete(limitKey);
      for (const { place, record } of waiting.free(limitKey)) toLine(place.id, record);
    }
  }
}
