/**
 * The memory driver: the store without a disk, for embedding without `dataDir` and for tests. It holds the same bytes as the LMDB driver,
 * in plain sorted arrays, so it is short enough to be read as the specification of `Engine`.
 */
import { TroupeError } from '../errors.ts';
import { createStore, type StoreOptions } from './durable-store.ts';
import type { Engine, Row, Table } from './engine.ts';
import { type Bound, type Bounds, compareKeys } from './key-order.ts';
import type { Key, Store } from './protocol.ts';

/** What a memory store holds. Opening a store on the same memory again is what a restart is to a disk. */
export type Memory = Map<string, Row[]>;

/** Never rejects, but with `SCHEMA_TOO_NEW` or `RECORD_CORRUPT` on a memory that was tampered with. */
export function openMemoryStore(options: StoreOptions & { readonly memory?: Memory } = {}): Promise<Store> {
  return createStore(memoryEngine(options.memory ?? new Map()), options);
}

function memoryEngine(memory: Memory): Engine {
  return {
    driver: 'memory',
    table(name) {
      const rows = memory.get(name) ?? [];
      memory.set(name, rows);
      return sortedTable(rows);
    },
    // A microtask later, in order: callers see, as with a disk, that a commit does not happen within the call.
    transact: async (task) => {
      await undefined;
      return task();
    },
    async backup() {
      throw new TroupeError(
        'CONFLICT',
        'The host keeps everything in memory: there is nothing on disk to copy. Give it a data directory.',
      );
    },
    close: async () => undefined,
  };
}

function sortedTable(rows: Row[]): Table {
  const find = (key: Key) => {
    const index = lowerBound(rows, key);
    const row = rows[index];
    return { index, row: row && compareKeys(row.key, key) === 0 ? row : undefined };
  };
  return {
    get: (key) => find(key).row?.bytes,
    range: (bounds, reverse) => slice(rows, bounds, reverse),
    put(key, bytes) {
      const { index, row } = find(key);
      rows.splice(index, row ? 1 : 0, { key: [...key], bytes });
    },
    delete(key) {
      const { index, row } = find(key);
      if (row) rows.splice(index, 1);
    },
  };
}

function* slice(rows: readonly Row[], { low, high }: Bounds, reverse: boolean): Iterable<Row> {
  const first = low ? lowerBound(rows, low) : 0;
  const end = high ? lowerBound(rows, high) : rows.length;
  for (let step = 0; step < end - first; step++) {
    const row = rows[reverse ? end - 1 - step : first + step];
    if (row) yield row;
  }
}

/** The index of the first row that does not sort before `key`. */
function lowerBound(rows: readonly Row[], key: Bound): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows[middle];
    if (row && compareKeys(row.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
