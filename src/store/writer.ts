/**
 * The one way to the disk: bounds what is outstanding, gives out revisions, refuses after close.
 *
 * Revisions never repeat, across restarts too: the store leases a block of them at a time by writing the end of the block, in the same
 * transaction as the first commit that uses it.
 */
import { TroupeError } from '../errors.ts';
import type { Engine, Table } from './engine.ts';
import { metaKeys } from './keys.ts';
import { decodeRecord, encodeRecord, encodeValue } from './record-codec.ts';

/** LMDB's library blocks the event loop beyond 300,000; a third of it leaves room for what it counts twice. */
export const DEFAULT_MAX_OUTSTANDING_WRITES = 100_000;

/** Bytes waiting for the disk are bytes in memory. 512 MiB: two of the largest payloads that may be configured. */
const MAX_OUTSTANDING_BYTES = 512 * 1_048_576;

const REVISIONS_PER_LEASE = 1_000_000;

interface WriteCost {
  readonly operations: number;
  readonly bytes: number;
}

export class Writer {
  readonly #engine: Engine;
  readonly #meta: Table;
  readonly #maxOutstanding: number;
  #outstanding = 0;
  #outstandingBytes = 0;
  #nextRevision: number;
  #leaseEnd = 0;
  #closed = false;
  #idle: (() => void) | undefined;
  failedCommits = 0;

  /** `wallMs` seeds the revisions when their record is damaged: in microseconds, it is above all that leases can have reached. */
  constructor(engine: Engine, options: { readonly maxOutstandingWrites: number; readonly wallMs: number }) {
    this.#engine = engine;
    this.#maxOutstanding = options.maxOutstandingWrites;
    this.#meta = engine.table('meta');
    const stored = this.#meta.get(metaKeys.revision);
    const decoded = stored && decodeRecord(metaKeys.revision, stored);
    if (!decoded) this.#nextRevision = 1;
    else if (decoded.kind === 'record' && typeof decoded.value === 'number') this.#nextRevision = decoded.value;
    else this.#nextRevision = options.wallMs * 1_000;
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  checkOpen(): void {
    if (this.#closed) throw new TroupeError('SHUTTING_DOWN', 'The store is closed. Open it again to use it.');
  }

  /** As `Engine.transact`; `task` may draw a revision after its reading. */
  async write<R>(cost: WriteCost, task: (newRevision: () => number) => R): Promise<R> {
    this.checkOpen();
    this.#checkRoom(cost);
    this.#outstanding += cost.operations;
    this.#outstandingBytes += cost.bytes;
    try {
      return await this.#engine.transact(() => task(this.#newRevision));
    } catch (error) {
      // The lease may have been in the transaction that failed.
      this.#leaseEnd = 0;
      this.failedCommits++;
      throw error;
    } finally {
      this.#outstanding -= cost.operations;
      this.#outstandingBytes -= cost.bytes;
      if (this.#outstanding === 0) this.#idle?.();
    }
  }

  /** Refuses from now on; resolves when nothing is outstanding. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#outstanding === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  #checkRoom({ operations, bytes }: WriteCost): void {
    const fits =
      this.#outstanding + operations <= this.#maxOutstanding &&
      (this.#outstandingBytes === 0 || this.#outstandingBytes + bytes <= MAX_OUTSTANDING_BYTES);
    if (fits) return;
    throw new TroupeError(
      'OVERLOADED',
      `The store has ${this.#outstanding} writes waiting for the disk and takes no ${operations} more (limit ${this.#maxOutstanding}). Try again later.`,
      { details: { outstanding: this.#outstanding, limit: this.#maxOutstanding } },
    );
  }

  readonly #newRevision = (): number => {
    const revision = this.#nextRevision++;
    if (revision >= this.#leaseEnd) {
      this.#leaseEnd = revision + REVISIONS_PER_LEASE;
      this.#meta.put(metaKeys.revision, encodeRecord(metaKeys.revision, revision, encodeValue(this.#leaseEnd)));
    }
    return revision;
  };
}
