/**
 * `EventLog` over one table, an event per row under (stream, index). The length of a stream is read from its last key, so an append
 * writes its events and nothing else.
 */
import { ABOVE_ALL, checkKey } from './key-order.ts';
import type { DatabaseParts } from './key-value-database.ts';
import { eventKeys } from './keys.ts';
import type { AppendOutcome, EventLog, EventSlice } from './protocol.ts';
import { decodeRecord, encodeRecord, encodeValue } from './record-codec.ts';

export class EventLogDatabase implements EventLog {
  readonly #parts: DatabaseParts;
  committed = 0;
  conflicts = 0;

  constructor(parts: DatabaseParts) {
    this.#parts = parts;
  }

  async append(
    stream: string,
    events: readonly unknown[],
    options: { readonly expectedLength: number },
  ): Promise<AppendOutcome> {
    checkKey(eventKeys.stream(stream));
    const encoded = events.map(encodeValue);
    const bytes = encoded.reduce((sum, { length }) => sum + length, 0);
    const outcome = await this.#parts.writer.write<AppendOutcome>(
      { operations: events.length, bytes },
      (newRevision) => {
        const length = this.#length(stream);
        if (length !== options.expectedLength) return { kind: 'conflict', length };
        const revision = newRevision();
        encoded.forEach((value, offset) => {
          const key = eventKeys.event(stream, length + offset);
          this.#parts.table.put(key, encodeRecord(key, revision, value));
        });
        return { kind: 'appended', length: length + events.length };
      },
    );
    if (outcome.kind === 'appended') this.committed++;
    else this.conflicts++;
    return outcome;
  }

  read(stream: string, from = 0, limit = Number.POSITIVE_INFINITY): EventSlice {
    const { name, table, writer, quarantine } = this.#parts;
    writer.checkOpen();
    const low = checkKey(eventKeys.event(stream, from));
    const events: unknown[] = [];
    if (limit <= 0) return { events };
    for (const { key, bytes } of table.range({ low, high: [stream, ABOVE_ALL] }, false)) {
      const index = from + events.length;
      // A hole is as bad as a damaged event: what follows cannot be understood without what is missing.
      if (key[1] !== index) return { events, damagedAt: index };
      const decoded = decodeRecord(key, bytes);
      if (decoded.kind === 'damaged') {
        quarantine.add({ database: name, key, bytes, reason: decoded.reason });
        return { events, damagedAt: index };
      }
      events.push(decoded.value);
      if (events.length >= limit) break;
    }
    return { events };
  }

  length(stream: string): number {
    this.#parts.writer.checkOpen();
    checkKey(eventKeys.stream(stream));
    return this.#length(stream);
  }

  async delete(stream: string): Promise<void> {
    const { table, writer } = this.#parts;
    const low = checkKey(eventKeys.stream(stream));
    await writer.write({ operations: 1, bytes: 0 }, () => {
      const keys = Array.from(table.range({ low, high: [stream, ABOVE_ALL] }, false), ({ key }) => key);
      for (const key of keys) table.delete(key);
    });
  }

  streams(options: { readonly after?: string; readonly limit?: number } = {}): readonly string[] {
    const { table, writer } = this.#parts;
    writer.checkOpen();
    const { after, limit = Number.POSITIVE_INFINITY } = options;
    const names: string[] = [];
    // Seeks past each stream: the cost is per stream, however long they are.
    for (let last = after; names.length < limit; ) {
      const bounds = last === undefined ? {} : { low: [last, ABOVE_ALL] as const };
      const [first] = takeFirst(table.range(bounds, false));
      const name = first?.key[0];
      if (name === undefined) break;
      last = String(name);
      names.push(last);
    }
    return names;
  }

  #length(stream: string): number {
    const [last] = takeFirst(this.#parts.table.range({ low: [stream], high: [stream, ABOVE_ALL] }, true));
    const index = last?.key[1];
    return typeof index === 'number' ? index + 1 : 0;
  }
}

function takeFirst<T>(items: Iterable<T>): T[] {
  for (const item of items) return [item];
  return [];
}
