/** Which events are kept no longer: those that are too old, and the oldest of those that are too many. Pure. */
import { hashOf, type NewRecord, type Standing } from './event-record.ts';
import type { StoredEvent } from './event-store.ts';

export interface Retention {
  readonly keepMs: number;
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** In one commit: more than one brings. */
const FORGOTTEN_AT_ONCE = 2_000;
/** Those that are still to start something are passed over: so many, or so many bytes of them, which have to be read. */
const LONGEST_SEARCH = 10_000;
const LONGEST_SEARCH_BYTES = 33_554_432;

export function isTooMuch({ events, bytes }: Standing, { maxEvents, maxBytes }: Retention): boolean {
  return events > maxEvents || bytes > maxBytes;
}

export interface ToForget extends Retention {
  readonly standing: Standing;
  readonly nowMs: number;
  /** It has still to start something. */
  readonly isPending: (sequence: number) => boolean;
}

/** `events`: oldest first. */
export function toForget(
  events: Iterable<StoredEvent>,
  { standing, nowMs, keepMs, maxEvents, maxBytes, isPending }: ToForget,
): Pick<NewRecord, 'sequence' | 'hash' | 'record'>[] {
  const going: Pick<NewRecord, 'sequence' | 'hash' | 'record'>[] = [];
  let [surplus, surplusBytes] = [standing.events - maxEvents, standing.bytes - maxBytes];
  let [searched, searchedBytes] = [0, 0];
  for (const { sequence, record } of events) {
    const isTooMany = surplus > 0 || surplusBytes > 0;
    if (!isTooMany && record.atMs + keepMs > nowMs) break;
    searchedBytes += record.payload.length;
    if (going.length >= FORGOTTEN_AT_ONCE || ++searched > LONGEST_SEARCH || searchedBytes > LONGEST_SEARCH_BYTES) break;
    if (isPending(sequence)) continue;
    going.push({ sequence, hash: hashOf(record), record });
    surplus--;
    surplusBytes -= record.payload.length;
  }
  return going;
}
