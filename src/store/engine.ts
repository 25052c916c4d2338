/**
 * The little that a driver must do: ordered tables of bytes, and atomic, durable transactions over them. Everything else (checksums,
 * expectations, event streams, bounds) is written once, above it. Internal to this folder; types only.
 */
import type { Bounds } from './key-order.ts';
import type { Key } from './protocol.ts';

export interface Row {
  readonly key: Key;
  /** Valid until the next read. */
  readonly bytes: Uint8Array;
}

export interface Table {
  /** Valid until the next read. */
  get(key: Key): Uint8Array | undefined;
  range(bounds: Bounds, reverse: boolean): Iterable<Row>;
  /** Only within `transact`. */
  put(key: Key, bytes: Uint8Array): void;
  /** Only within `transact`. */
  delete(key: Key): void;
}

export interface Engine {
  readonly driver: 'lmdb' | 'memory';
  table(name: string): Table;
  /**
   * Runs `task` later, in one write transaction, and resolves with its result once that is durable. Tasks run in the order of the
   * calls, and each sees the writes of those before it. A task is synchronous and must do all its reading before its first write.
   * Rejects with `STORE_WRITE_FAILED`, and then nothing of the task has happened.
   */
  transact<R>(task: () => R): Promise<R>;
  /** Writes what is durable at one moment below `directory`, from where the driver opens it again; transactions go on. */
  backup(directory: string): Promise<void>;
  /** Once no copy is being made. */
  close(): Promise<void>;
}
