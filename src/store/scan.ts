/** Reads through all tables, whole records and damaged ones, in pages: between two of them others have their turn. */
import type { Table } from './engine.ts';
import { compareKeys } from './key-order.ts';
import type { DatabaseParts } from './key-value-database.ts';
import type { DamagedRecord, Entry, Key, KeyValueStore, ScannedPage } from './protocol.ts';
import { decodeRecord } from './record-codec.ts';

/** Small ones take about a millisecond. */
const PAGE_RECORDS = 500;

type Scanned = Pick<DatabaseParts, 'name' | 'table' | 'writer' | 'quarantine'>;

export function* scanTables(databases: Iterable<Scanned>): Iterable<ScannedPage> {
  for (const database of databases) {
    let after: Key | undefined;
    do {
      database.writer.checkOpen();
      const { page, last } = readPage(database, after);
      after = last;
      if (page.records > 0) yield page;
    } while (after);
  }
}

function readPage(
  { name, table, quarantine }: Scanned,
  after: Key | undefined,
): { readonly page: ScannedPage; readonly last: Key | undefined } {
  const damaged: DamagedRecord[] = [];
  let records = 0;
  let last: Key | undefined;
  for (const { key, bytes } of rowsAfter(table, after)) {
    if (records === PAGE_RECORDS) return { page: { database: name, records, damaged }, last };
    records++;
    last = key;
    const decoded = decodeRecord(key, bytes);
    if (decoded.kind !== 'damaged') continue;
    damaged.push({ database: name, key, reason: decoded.reason });
    quarantine.add({ database: name, key, bytes, reason: decoded.reason });
  }
  return { page: { database: name, records, damaged }, last: undefined };
}

function* rowsAfter(table: Table, after: Key | undefined) {
  for (const row of table.range(after ? { low: after } : {}, false)) {
    if (!after || compareKeys(row.key, after) !== 0) yield row;
  }
}

/** The sound entries under a prefix, in pages that are each read in one turn. What is put or deleted between two pages may or may not be among them. */
export function* entryPages(store: Pick<KeyValueStore, 'range'>, prefix: Key): Iterable<readonly Entry[]> {
  for (let after: Key | undefined; ; ) {
    const page: Entry[] = [];
    for (const entry of store.range({ prefix, ...(after && { start: after }), limit: PAGE_RECORDS + 1 })) {
      if (!after || compareKeys(entry.key, after) !== 0) page.push(entry);
    }
    if (page.length > 0) yield page;
    after = page.at(-1)?.key;
    if (!after || page.length < PAGE_RECORDS) return;
  }
}
