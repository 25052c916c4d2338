/**
 * Whether jobs are listed where their records say, and nowhere else (invariant 2): what is wrong, for people. Each job is looked at in one turn,
 * and so as one commit left it; `undefined` stands where others may have a turn.
 */
import { jobKeys } from '../../../store/keys.ts';
import type { Entry, Key, KeyValueStore } from '../../../store/protocol.ts';
import { entryPages } from '../../../store/scan.ts';
import { isText } from '../../../store/shape.ts';
import { LARGE_VALUE_BYTES, listings } from './job-listing.ts';
import type { JobRecord } from './job-record.ts';
import { loadedQueue } from './queue-record.ts';
import { loadedRecord } from './stored-job.ts';

type Store = Pick<KeyValueStore, 'get' | 'range'>;

/** Where a job may be listed, and where the job is named there. */
const LISTS: readonly (readonly [list: string, idOf: (entry: Entry) => string | undefined])[] = [
  ['ready', ({ value }) => idIn(value)],
  ['parked', ({ value }) => idIn(value)],
  ['limited', ({ value }) => idIn(value)],
  ['due', ({ key }) => String(key.at(-1))],
  ['dead', ({ key }) => String(key.at(-1))],
  ['undelivered', ({ key }) => String(key.at(-1))],
  ['kept', ({ key }) => String(key.at(-1))],
  ['payload', ({ key }) => String(key.at(-1))],
  ['result', ({ key }) => String(key.at(-1))],
];

export function* jobFaults(store: Store): Iterable<string | undefined> {
  for (const page of entryPages(store, jobKeys.jobs)) {
    for (const { key } of page) yield* faultsOf(store, String(key[1]));
    yield undefined;
  }
  for (const [list, idOf] of LISTS) {
    for (const page of entryPages(store, [list])) {
      for (const entry of page) {
        // As it is now: the page may be a turn old.
        const now = store.get(entry.key);
        if (now) yield* strayIn(store, idOf(now), now.key);
      }
      yield undefined;
    }
  }
}

function* faultsOf(store: Store, id: string): Iterable<string> {
  const entry = store.get(jobKeys.job(id));
  if (!entry) return;
  const record = loadedRecord(entry.value);
  if (!record) return yield `The record of job ${id} cannot be understood.`;
  for (const { key } of listings(id, record))
    if (!store.get(key)) yield `Job ${id} (${record.status}) is not listed under ${key.join('/')}.`;
  if (record.isBegun && !loadedQueue(store.get(jobKeys.queue(record.queue))?.value)?.running.includes(id))
    yield `Job ${id} has begun, and is not among those that its queue runs.`;
  if (!record.payload && !store.get(jobKeys.payload(id))) yield `The payload of job ${id} is missing.`;
}

function* strayIn(store: Store, id: string | undefined, key: Key): Iterable<string> {
  if (id === undefined) return yield `What is listed under ${key.join('/')} names no job.`;
  const entry = store.get(jobKeys.job(id));
  const record = loadedRecord(entry?.value);
  if (!entry) yield `Job ${id} is listed under ${key.join('/')} and has no record.`;
  else if (record && !isExpected(id, record, key))
    yield `Job ${id} (${record.status}) is listed under ${key.join('/')} and should not be.`;
}

function isExpected(id: string, record: JobRecord, key: Key): boolean {
  if (key[0] === 'payload') return !record.payload || record.payload.length > LARGE_VALUE_BYTES;
  if (key[0] === 'result') return true;
  return listings(id, record).some((listing) => listing.key.join('/') === key.join('/'));
}

function idIn(value: unknown): string | undefined {
  if (isText(value)) return value;
  return Array.isArray(value) && isText(value[0]) ? value[0] : undefined;
}
