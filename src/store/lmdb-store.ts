/**
 * The LMDB driver, and the only file that imports it. One environment under `<dataDir>/store`, one LMDB database per table.
 *
 * Commits are grouped here: all that wait become one write transaction, run while the next ones gather. LMDB's own grouping
 * (`eventTurnBatching`) and overlapping flushes are off. They gain nothing on top of this, and when a commit fails the one rejects a
 * promise that nobody can reach, and the other leaves a promise that never settles, so that closing hangs.
 */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { mkdir, open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { TroupeError } from '../errors.ts';
import { prepareDirectory, unusable } from './data-directory.ts';
import { lockDirectory } from './directory-lock.ts';
import { createStore, type StoreOptions } from './durable-store.ts';
import type { Engine, Row, Table } from './engine.ts';
import { ABOVE_ALL, type Bound } from './key-order.ts';
import type { Key, Store } from './protocol.ts';

const MAX_DATABASES = 32;

/** Tasks in one transaction run without a turn of the event loop: 1,000 take about 3 ms. */
const MAX_TASKS_PER_TRANSACTION = 1_000;

/** Every LMDB data file has this in the head of its first page, in the byte order of the machine. */
const MAGIC = 0xbeefc0de;
const HEAD_BYTES = 64;

/** Sorts above every string and number of the key encoding. */
const HIGHEST_BYTE = Buffer.from([0xff]);

type LmdbKey = (string | number | Buffer)[];
type LmdbTable = Database<Buffer, LmdbKey>;

interface Job {
  readonly task: () => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: TroupeError) => void;
}

/**
 * Opens, or creates, the store under `dataDir` and holds the directory until `close`. Rejects with `DATA_DIR_UNUSABLE`,
 * `DATA_DIR_LOCKED`, `SCHEMA_TOO_NEW` or `RECORD_CORRUPT`.
 */
export async function openLmdbStore(options: StoreOptions & { readonly dataDir: string }): Promise<Store> {
  const { dataDir } = options;
  prepareDirectory(dataDir);
  const lock = await lockDirectory(dataDir);
  let engine: LmdbEngine;
  try {
    const path = join(dataDir, 'store');
    prepareDirectory(path);
    checkDataFile(join(path, 'data.mdb'));
    engine = new LmdbEngine(path, () => lock.release());
  } catch (error) {
    await lock.release();
    throw error instanceof TroupeError ? error : unusable(dataDir, error);
  }
  return createStore(engine, options);
}

/** Whether a host ever kept anything there; opening a store would create one. */
export function holdsStore(dataDir: string): boolean {
  return existsSync(join(dataDir, 'store', 'data.mdb'));
}

/** LMDB ends the process when it is given a file of something else. An empty file is a fresh one. */
function checkDataFile(path: string): void {
  if (!existsSync(path)) return;
  const head = new Uint8Array(HEAD_BYTES);
  const descriptor = openSync(path, 'r');
  const length = readSync(descriptor, head, 0, HEAD_BYTES, 0);
  closeSync(descriptor);
  const words = new Uint32Array(head.buffer);
  if (length > 0 && !words.includes(MAGIC)) throw new Error(`${path} is not a database`);
}

class LmdbEngine implements Engine {
  readonly driver = 'lmdb';
  readonly #root: RootDatabase<Buffer, LmdbKey>;
  readonly #tables = new Map<string, Table>();
  readonly #released: () => Promise<void>;
  #waiting: Job[] = [];
  #running: Promise<void> | undefined;
  /** Closing the environment under a copy would end the process. */
  readonly #copies = new Set<Promise<void>>();

  constructor(path: string, released: () => Promise<void>) {
    this.#released = released;
    this.#root = open<Buffer, LmdbKey>({
      path,
      encoding: 'binary',
      maxDbs: MAX_DATABASES,
      compression: false,
      overlappingSync: false,
      eventTurnBatching: false,
    });
  }

  table(name: string): Table {
    const known = this.#tables.get(name);
    if (known) return known;
    const table = tableOver(this.#root.openDB<Buffer, LmdbKey>({ name, encoding: 'binary' }));
    this.#tables.set(name, table);
    return table;
  }

  transact<R>(task: () => R): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.#waiting.push({ task, resolve: resolve as (result: unknown) => void, reject });
      this.#running ??= this.#run();
    });
  }

  async backup(directory: string): Promise<void> {
    const copy = this.#copy(join(directory, 'store'));
    this.#copies.add(copy);
    try {
      await copy;
    } catch (error) {
      throw unusable(directory, error);
    } finally {
      this.#copies.delete(copy);
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#copies);
    await this.#running;
    await this.#root.close();
    await this.#released();
  }

  /** LMDB reads from one snapshot, in a thread of its own; it flushes nothing. */
  async #copy(path: string): Promise<void> {
    await mkdir(path, { recursive: true });
    await this.#root.backup(path, false);
    const file = await openFile(join(path, 'data.mdb'), 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #run(): Promise<void> {
    // Whatever else is committed in this turn joins the first transaction.
    await undefined;
    while (this.#waiting.length > 0) {
      await this.#commit(this.#waiting.splice(0, MAX_TASKS_PER_TRANSACTION));
    }
    this.#running = undefined;
  }

  async #commit(jobs: readonly Job[]): Promise<void> {
    const settle: (() => void)[] = [];
    try {
      await this.#root.transaction(() => {
        for (const { task, resolve, reject } of jobs) {
          try {
            const result = task();
            settle.push(() => resolve(result));
          } catch (error) {
            // Only LMDB throws here, and what made it throw also makes the commit fail.
            settle.push(() => reject(writeFailed(error)));
          }
        }
      });
    } catch (error) {
      const failure = writeFailed(await reasonOf(error));
      for (const { reject } of jobs) reject(failure);
      return;
    }
    for (const settleJob of settle) settleJob();
  }
}

function tableOver(database: LmdbTable): Table {
  return {
    get: (key) => {
      const bytes = database.getBinaryFast([...key]);
      return bytes?.subarray(0, bytes.length);
    },
    *range({ low, high }, reverse): Iterable<Row> {
      const lowest = low && encodeBound(low);
      const highest = high && encodeBound(high);
      const options = reverse
        ? {
            reverse,
            ...(highest && { start: highest, exclusiveStart: true }),
            ...(lowest && { end: lowest, inclusiveEnd: true }),
          }
        : { ...(lowest && { start: lowest }), ...(highest && { end: highest }) };
      for (const { key, value } of database.getRange(options)) yield { key: decodeKey(key), bytes: value };
    },
    put(key, bytes) {
      void database.put([...key], Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    },
    delete(key) {
      void database.remove([...key]);
    },
  };
}

function encodeBound(bound: Bound): LmdbKey {
  return bound.map((part) => (part === ABOVE_ALL ? HIGHEST_BYTE : part));
}

/** The encoding does not tell a key of one part from that part alone. */
function decodeKey(key: unknown): Key {
  return Array.isArray(key) ? (key as Key) : [key as string | number];
}

/** A failed commit carries its reason as a promise, which must be handled or it ends the process. */
async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  if (!commitError) return error;
  const reason = commitError.then(
    () => error,
    (cause: unknown) => cause,
  );
  // It is rejected in the same turn as the commit; should it ever not be, the commit's own error has to do.
  return Promise.race([reason, new Promise((resolve) => setImmediate(resolve, error))]);
}

function writeFailed(cause: unknown): TroupeError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TroupeError(
    'STORE_WRITE_FAILED',
    `The store could not make a write durable: ${reason}. Nothing was changed. Check that the disk has room and works, then try again.`,
    { cause, details: { reason } },
  );
}
