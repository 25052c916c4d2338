/** Reads jobs from the database `jobs`. Whatever it answers is what is on disk; what is on its way there is known by the queue. */
import { jobKeys } from '../../../store/keys.ts';
import type { KeyValueStore } from '../../../store/protocol.ts';
import { isBytes, isNumber, isRecord, isText } from '../../../store/shape.ts';
import { jobFaults } from './job-faults.ts';
import { type JobRecord, LEVELS } from './job-record.ts';
import { type KeyMark, loadedMark } from './key-limits.ts';
import type { Place } from './line.ts';
import { type Counts, count, loadedQueue, noCounts, type QueueRecord } from './queue-record.ts';
import { loadedRecord } from './stored-job.ts';

/** The job that holds an idempotency key. */
export interface Once {
  readonly id: string;
  readonly untilMs: number;
}

export interface StoredJob {
  readonly id: string;
  readonly record: JobRecord;
}

export class JobStore {
  readonly #store: KeyValueStore;

  /** `store` is the database `jobs`. */
  constructor(store: KeyValueStore) {
    this.#store = store;
  }

  /** Undefined too where it is damaged. A large payload or result is not in it. */
  record(id: string): JobRecord | undefined {
    return loadedRecord(this.#store.get(jobKeys.job(id))?.value);
  }

  payload(id: string, { payload }: JobRecord): Uint8Array | undefined {
    return payload ?? this.#bytes(jobKeys.payload(id));
  }

  result(id: string, { result }: JobRecord): Uint8Array | undefined {
    return result ?? this.#bytes(jobKeys.result(id));
  }

  once(queue: string, key: string): Once | undefined {
    const value = this.#store.get(jobKeys.once(queue, key))?.value;
    return isRecord(value) && isText(value['id']) && isNumber(value['untilMs'])
      ? (value as unknown as Once)
      : undefined;
  }

  ready(queue: string, level: number, afterSequence: number, limit: number): Place[] {
    return this.#places(jobKeys.readyOf(queue, level), afterSequence, limit);
  }

  parked(queue: string, orderingKey: string, afterSequence: number, limit: number): Place[] {
    return this.#places(jobKeys.parkedOf(queue, orderingKey), afterSequence, limit, orderingKey);
  }

  limited(queue: string, limitKey: string, afterSequence: number, limit: number): Place[] {
    return this.#places(jobKeys.limitedOf(queue, limitKey), afterSequence, limit);
  }

  /** What is remembered of limit keys. */
  limits(queue: string): { readonly limitKey: string; readonly mark: KeyMark }[] {
    return Array.from(this.#store.range({ prefix: jobKeys.limitsOf(queue) }), ({ key, value }) => ({
      limitKey: String(key[2]),
      mark: loadedMark(value),
    }));
  }

  /** Who holds which ordering key. */
  held(queue: string): { readonly orderingKey: string; readonly id: string }[] {
    return Array.from(this.#store.range({ prefix: jobKeys.heldIn(queue) }), ({ key, value }) => ({
      orderingKey: String(key[2]),
      id: String(value),
    }));
  }

  /** Ids of those whose time has come, earliest first. */
  due(queue: string, untilMs: number, limit: number): { readonly id: string; readonly dueAtMs: number }[] {
    const range = { prefix: jobKeys.dueOf(queue), end: jobKeys.dueAfter(queue, untilMs + 1), limit };
    return Array.from(this.#store.range(range), ({ key }) => ({ dueAtMs: Number(key[2]), id: String(key[3]) }));
  }

  /** `Infinity` where there is none. */
  nextDueMs(queue: string): number {
    for (const { key } of this.#store.range({ prefix: jobKeys.dueOf(queue), limit: 1 })) return Number(key[2]);
    return Number.POSITIVE_INFINITY;
  }

  /** The highest place ever given out that is still taken. */
  lastSequence(queue: string): number {
    let last = 0;
    for (const level of LEVELS.keys())
      for (const { key } of this.#store.range({ prefix: jobKeys.readyOf(queue, level), reverse: true, limit: 1 }))
        last = Math.max(last, Number(key[3]));
    const prefixes = [
      ...this.held(queue).map(({ orderingKey }) => jobKeys.parkedOf(queue, orderingKey)),
      ...this.limits(queue).map(({ limitKey }) => jobKeys.limitedOf(queue, limitKey)),
    ];
    for (const prefix of prefixes)
      for (const { key } of this.#store.range({ prefix, reverse: true, limit: 1 }))
        last = Math.max(last, Number(key[3]));
    for (const id of this.queue(queue)?.running ?? []) last = Math.max(last, this.record(id)?.sequence ?? 0);
    return last;
  }

  /** Names of all queues that there ever were. */
  queues(): string[] {
    const damaged: string[] = [];
    const onDamaged = (key: readonly unknown[]) => damaged.push(String(key[1]));
    const names = Array.from(this.#store.range({ prefix: jobKeys.queues, onDamaged }), ({ key }) => String(key[1]));
    return [...names, ...damaged];
  }

  /** Where its record is damaged, its jobs are counted anew. */
  queue(name: string): QueueRecord | undefined {
    const entry = this.#store.get(jobKeys.queue(name));
    const known = loadedQueue(entry?.value);
    if (known || (!entry && !this.queues().includes(name))) return known;
    return { isPaused: false, counts: this.#counted(name), running: [] };
  }

  /** Newest first. */
  *list(query: { readonly before?: string | undefined }): Iterable<StoredJob> {
    const { before } = query;
    const range = { prefix: jobKeys.jobs, reverse: true, ...(before !== undefined && { end: jobKeys.job(before) }) };
    for (const { key, value } of this.#store.range(range)) {
      const record = loadedRecord(value);
      if (record) yield { id: String(key[1]), record };
    }
  }

  /** Dead letters, newest first. */
  *dead(queue: string | undefined): Iterable<StoredJob> {
    const prefix = queue === undefined ? jobKeys.deadAll : jobKeys.deadOf(queue);
    for (const { key } of this.#store.range({ prefix, reverse: true })) {
      const id = String(key[3]);
      const record = this.record(id);
      if (record) yield { id, record };
    }
  }

  /** Those whose destinations do not know yet how they have ended. */
  *undelivered(queue: string): Iterable<StoredJob> {
    for (const { key } of this.#store.range({ prefix: jobKeys.undeliveredOf(queue) })) {
      const id = String(key[2]);
      const record = this.record(id);
      if (record) yield { id, record };
    }
  }

  /** Those that were kept until then, and their queues. */
  kept(untilMs: number, limit: number): { readonly id: string; readonly queue: string }[] {
    const range = { prefix: jobKeys.keptAll, end: jobKeys.keptAfter(untilMs + 1), limit };
    return Array.from(this.#store.range(range), ({ key, value }) => ({ id: String(key[2]), queue: String(value) }));
  }

  /** Idempotency keys that no longer hold. */
  expiredOnces(untilMs: number, limit: number) {
    const range = { prefix: jobKeys.onceUntilAll, end: jobKeys.onceUntilAfter(untilMs + 1), limit };
    return Array.from(this.#store.range(range), ({ key: [, atMs, queue, key] }) => ({
      untilMs: Number(atMs),
      queue: String(queue),
      key: String(key),
    }));
  }

  /** Where jobs are not listed as their records say, and queues do not count their own; for who has the store alone. */
  faults(): string[] {
    const faults = [...jobFaults(this.#store)].filter((fault) => fault !== undefined);
    for (const name of this.queues()) {
      const counts = this.queue(name)?.counts ?? {};
      for (const [status, count] of Object.entries(this.#counted(name)))
        if ((counts[status] ?? 0) !== count)
          faults.push(
            `The queue of ${name} says that ${counts[status] ?? 0} jobs are ${status}, and there are ${count}.`,
          );
    }
    return faults;
  }

  #places(prefix: readonly (string | number)[], afterSequence: number, limit: number, parkedFor?: string): Place[] {
    const start = Number.isFinite(afterSequence) ? { start: [...prefix, afterSequence + 1] } : {};
    return Array.from(this.#store.range({ prefix, ...start, limit }), ({ key, value }) => {
      const orderingKey = parkedFor ?? (Array.isArray(value) ? String(value[1]) : undefined);
      const id = idIn(value) ?? '';
      return { sequence: Number(key[3]), id, ...(orderingKey !== undefined && { orderingKey }) };
    });
  }

  #bytes(key: readonly (string | number)[]): Uint8Array | undefined {
    const value = this.#store.get(key)?.value;
    return isBytes(value) ? value : undefined;
  }

  #counted(name: string): Counts {
    const counts = noCounts();
    for (const { record } of this.list({})) if (record.queue === name) count(counts, { from: undefined, to: record });
    return counts;
  }
}

function idIn(value: unknown): string | undefined {
  if (isText(value)) return value;
  return Array.isArray(value) && isText(value[0]) ? value[0] : undefined;
}
