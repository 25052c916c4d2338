/** `KeyValueStore` over one table: expectations, revisions and checksums. */
import type { Table } from './engine.ts';
import { boundsOf, checkKey } from './key-order.ts';
import type { CommitOutcome, Entry, Key, KeyValueStore, Operation, RangeOptions } from './protocol.ts';
import type { Quarantine } from './quarantine.ts';
import { decodeRecord, encodeRecord, encodeValue, revisionOf } from './record-codec.ts';
import type { Writer } from './writer.ts';

export interface DatabaseParts {
  readonly name: string;
  readonly table: Table;
  readonly writer: Writer;
  readonly quarantine: Quarantine;
}

/** An operation whose value is encoded: at the call, so that changing the value afterwards changes nothing. */
interface Prepared {
  readonly operation: Operation;
  readonly encoded?: Uint8Array;
}

export class KeyValueDatabase implements KeyValueStore {
  readonly #parts: DatabaseParts;
  committed = 0;
  conflicts = 0;

  constructor(parts: DatabaseParts) {
    this.#parts = parts;
  }

  get(key: Key): Entry | undefined {
    const { table, writer } = this.#parts;
    writer.checkOpen();
    const bytes = table.get(checkKey(key));
    return bytes && this.#decode(key, bytes);
  }

  *range(options: RangeOptions = {}): Iterable<Entry> {
    const { table, writer } = this.#parts;
    writer.checkOpen();
    for (const bound of [options.prefix, options.start, options.end]) if (bound && bound.length > 0) checkKey(bound);
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    if (left <= 0) return;
    for (const { key, bytes } of table.range(boundsOf(options), options.reverse ?? false)) {
      const entry = this.#decode(key, bytes);
      if (!entry) {
        options.onDamaged?.(key);
        continue;
      }
      yield entry;
      if (--left <= 0) return;
    }
  }

  async commit(operations: readonly Operation[]): Promise<CommitOutcome> {
    const prepared = operations.map(prepare);
    const bytes = prepared.reduce((sum, { encoded }) => sum + (encoded?.length ?? 0), 0);
    const outcome = await this.#parts.writer.write({ operations: operations.length, bytes }, (newRevision) => {
      return this.#conflict(operations) ?? this.#apply(prepared, newRevision());
    });
    if (outcome.kind === 'committed') this.committed++;
    else this.conflicts++;
    return outcome;
  }

  #conflict(operations: readonly Operation[]): CommitOutcome | undefined {
    for (const { key, expect } of operations) {
      if (expect === undefined) continue;
      const bytes = this.#parts.table.get(key);
      const revision = bytes && this.#revisionOf(key, bytes);
      if (isMet(expect, revision)) continue;
      return { kind: 'conflict', key, ...(revision !== undefined && { revision }) };
    }
    return undefined;
  }

  #apply(prepared: readonly Prepared[], revision: number): CommitOutcome {
    const { table } = this.#parts;
    for (const { operation, encoded } of prepared) {
      if (encoded) table.put(operation.key, encodeRecord(operation.key, revision, encoded));
      else if (operation.kind === 'delete') table.delete(operation.key);
    }
    return { kind: 'committed', revision };
  }

  #decode(key: Key, bytes: Uint8Array): Entry | undefined {
    const decoded = decodeRecord(key, bytes);
    if (decoded.kind === 'record') return { key, value: decoded.value, revision: decoded.revision };
    this.#quarantine(key, bytes, decoded.reason);
    return undefined;
  }

  #revisionOf(key: Key, bytes: Uint8Array): number | undefined {
    const checked = revisionOf(key, bytes);
    if (checked.kind === 'sound') return checked.revision;
    this.#quarantine(key, bytes, checked.reason);
    return undefined;
  }

  #quarantine(key: Key, bytes: Uint8Array, reason: string): void {
    const { name, quarantine } = this.#parts;
    quarantine.add({ database: name, key, bytes, reason });
  }
}

function isMet(expect: number | 'absent' | 'present', revision: number | undefined): boolean {
  if (expect === 'absent') return revision === undefined;
  return expect === 'present' ? revision !== undefined : revision === expect;
}

function prepare(operation: Operation): Prepared {
  checkKey(operation.key);
  return operation.kind === 'put' ? { operation, encoded: encodeValue(operation.value) } : { operation };
}
