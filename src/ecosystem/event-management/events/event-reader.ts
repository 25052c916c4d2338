/** What people ask of the events that are kept. A question that asks for what is rare is answered from the newest ones only. */
import type { EventQuery, EventView } from '../protocol.ts';
import { hashOf } from './event-record.ts';
import type { EventStore, StoredEvent } from './event-store.ts';
import type { EventPage, EventsAfter } from './events-protocol.ts';
import { eventNotFound } from './faults.ts';
import { eventView } from './views.ts';

const DEFAULT_LIMIT = 50;
const LONGEST_LIST = 1_000;
/** Reading takes the time of the host: some 0.1 s for so many, or for so many bytes. */
const LONGEST_SEARCH = 20_000;
const LONGEST_SEARCH_BYTES = 134_217_728;
/** 32 MiB: a list is in memory at once. */
const LONGEST_LIST_BYTES = 33_554_432;
/** Of one page. */
const PAGE_EVENTS = 200;
const PAGE_SEARCH = 2_000;
/** What is read at once is in memory at once. */
const PAGE_BYTES = 8_388_608;

type Decode = (payload: Uint8Array) => unknown;

export function listEvents(store: EventStore, query: EventQuery, decode: Decode): readonly EventView[] {
  const { limit = DEFAULT_LIMIT, before } = query;
  const views: EventView[] = [];
  let [searched, searchedBytes, bytes] = [0, 0, 0];
  for (const stored of store.list({ before })) {
    const { length } = stored.record.payload;
    searchedBytes += length;
    if (isAskedFor(stored, query)) {
      bytes += length;
      views.push(eventView(stored, decode));
    }
    if (views.length >= Math.min(LONGEST_LIST, limit) || bytes >= LONGEST_LIST_BYTES) break;
    if (++searched >= LONGEST_SEARCH || searchedBytes >= LONGEST_SEARCH_BYTES) break;
  }
  return views;
}

export function eventsAfter(store: EventStore, query: EventsAfter, decode: Decode): EventPage {
  const events: EventView[] = [];
  let { after: upTo } = query;
  let [searched, bytes] = [0, 0];
  for (const stored of store.after(query.after)) {
    if (events.length >= PAGE_EVENTS || bytes >= PAGE_BYTES || searched++ >= PAGE_SEARCH)
      return { events, upTo, isAll: false };
    upTo = stored.sequence;
    bytes += stored.record.payload.length;
    if (isAskedFor(stored, query)) events.push(eventView(stored, decode));
  }
  return { events, upTo, isAll: true };
}

/** Throws `EVENT_NOT_FOUND`. */
export function findEvent(store: EventStore, event: { readonly source: string; readonly id: string }, decode: Decode) {
  const once = store.once(hashOf(event));
  const record = once && store.event(once.sequence);
  if (!once || !record) throw eventNotFound(event.source, event.id);
  return eventView({ sequence: once.sequence, record }, decode);
}

function isAskedFor({ record }: StoredEvent, { type, source }: Pick<EventsAfter, 'type' | 'source'>): boolean {
  return (type === undefined || record.type === type) && (source === undefined || record.source === source);
}
