/**
 * Where damaged records are reported and kept (invariant 4). The bytes are copied to a database of their own, so that the evidence
 * outlives a new record under the same key; the damaged record itself stays where it is, and every reader treats it as absent.
 */
import type { Clock } from '../kernel/clock.ts';
import type { Engine, Table } from './engine.ts';
import { checkKey } from './key-order.ts';
import { quarantineKeys } from './keys.ts';
import type { Key, QuarantinedRecord } from './protocol.ts';
import { decodeRecord, encodeRecord, encodeValue } from './record-codec.ts';

/** Beyond this many damaged records the disk is what needs a look, not each of them; they are still never served. */
const MAX_REPORTED = 10_000;

type Kept = Omit<QuarantinedRecord, 'database' | 'key'>;

interface QuarantineOptions {
  readonly clock: Clock;
  readonly onQuarantine: (record: QuarantinedRecord) => void;
}

export class Quarantine {
  readonly #engine: Engine;
  readonly #options: QuarantineOptions;
  readonly #table: Table;
  readonly #reported = new Map<string, QuarantinedRecord>();

  constructor(engine: Engine, options: QuarantineOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#table = engine.table('quarantine');
  }

  get size(): number {
    return this.#reported.size;
  }

  /** Reports a damaged record, once per opening of the store. `bytes` may be the driver's own buffer. */
  add(damaged: { database: string; key: Key; bytes: Uint8Array; reason: string }): void {
    const id = JSON.stringify([damaged.database, damaged.key]);
    if (this.#reported.has(id) || this.#reported.size >= MAX_REPORTED) return;
    const record = { ...damaged, bytes: Buffer.from(damaged.bytes), detectedAtMs: this.#options.clock.wallMs() };
    this.#reported.set(id, record);
    this.#keep(record);
    this.#options.onQuarantine(record);
  }

  /** Those of this opening and of earlier ones. */
  list(): readonly QuarantinedRecord[] {
    const all = new Map(this.#reported);
    for (const { key, bytes } of this.#table.range({}, false)) {
      const decoded = decodeRecord(key, bytes);
      const [database, ...recordKey] = key;
      if (decoded.kind === 'damaged' || typeof database !== 'string') continue;
      const id = JSON.stringify([database, recordKey]);
      if (!all.has(id)) all.set(id, { database, key: recordKey, ...(decoded.value as Kept) });
    }
    return [...all.values()];
  }

  #keep({ database, key, bytes, reason, detectedAtMs }: QuarantinedRecord): void {
    const kept: Kept = { reason, bytes, detectedAtMs };
    try {
      const quarantineKey = quarantineKeys.record(database, checkKey(key));
      const encoded = encodeRecord(quarantineKey, 0, encodeValue(kept));
      // A disk that takes no writes loses only the copy: the record is reported, and will be found damaged again.
      this.#engine.transact(() => this.#table.put(quarantineKey, encoded)).catch(() => undefined);
    } catch {
      // The key itself is damaged and names nothing; the report is all that can be kept.
    }
  }
}
