/** Lets events in, or refuses them: bounds, those that are there already, which triggers each fires, and the answer once they are on disk. */
import type { FiredTrigger, Published } from '../protocol.ts';
import { firedIn, hashOf, type NewRecord } from './event-record.ts';
import type { EventStore } from './event-store.ts';
import type { EventWriter, Group } from './event-writer.ts';
import type { NewEvent, PublishRequest } from './events-protocol.ts';
import { diskTooSlow, tooMuchAtOnce, tooMuchToStart } from './faults.ts';
import type { ActiveTrigger } from './trigger-table.ts';

/** Published and not on disk yet. */
const MAX_UNWRITTEN = 50_000;
/** 64 MiB: what waits for the disk is in memory. */
const MAX_UNWRITTEN_BYTES = 67_108_864;
/** What triggers still have to start, over all of them. */
const MAX_PENDING = 100_000;
/** What the events of one call may start: it gets to the disk together, and the store takes 100,000 writes at a time. */
const MAX_STARTED = 20_000;

export interface IntakeParts {
  readonly store: EventStore;
  readonly writer: EventWriter;
  readonly matching: (event: NewEvent['event']) => readonly ActiveTrigger[];
  readonly nextSequence: () => number;
  readonly keepMs: number;
  readonly pending: () => number;
}

interface Known {
  readonly fired: readonly FiredTrigger[];
  /** Undefined where it is on disk. */
  readonly group: Group | undefined;
}

export class Intake {
  readonly #parts: IntakeParts;
  /** By hash of source and id: events that are not on disk yet. */
  readonly #unwritten = new Map<string, Known>();
  #unwrittenBytes = 0;
  /** What events that are not on disk yet will have started. */
  #unwrittenFired = 0;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  take({ events, accepted, refused }: PublishRequest, atMs: number): void {
    const { writer, pending } = this.#parts;
    const bytes = events.reduce((sum, { payload }) => sum + payload.length, 0);
    const isTooMuch = this.#unwrittenBytes > 0 && this.#unwrittenBytes + bytes > MAX_UNWRITTEN_BYTES;
    if (writer.waiting + events.length > MAX_UNWRITTEN || isTooMuch) return refused(diskTooSlow(writer.waiting));
    const sorted = this.#sort(events, atMs);
    const started = sorted.fresh.reduce((sum, { fired }) => sum + fired.length, 0);
    if (started > MAX_STARTED) return refused(tooMuchAtOnce(started, MAX_STARTED));
    const before = pending() + this.#unwrittenFired;
    if (started > 0 && before + started > MAX_PENDING) return refused(tooMuchToStart(before, MAX_PENDING));
    const group = this.#add(sorted.fresh, atMs);
    const groups = new Set<Group>();
    if (group.records.length > 0) groups.add(group);
    for (const { known } of sorted.repeated) if (known?.group) groups.add(known.group);
    whenStored(groups, { accepted: () => accepted(sorted.answers), refused });
  }

  /** They are on disk, or will never be. */
  ended({ records }: Group): void {
    for (const { hash, record } of records) {
      this.#unwritten.delete(hash);
      this.#unwrittenBytes -= record.payload.length;
      this.#unwrittenFired -= record.fired.length / 2;
    }
  }

  /** Which are new; nothing is changed by looking. */
  #sort(events: readonly NewEvent[], atMs: number) {
    const fresh: Fresh[] = [];
    const repeated: { readonly known: Known | undefined }[] = [];
    const here = new Map<string, readonly FiredTrigger[]>();
    const answers = events.map((each): Published => {
      const { source, id } = each.event;
      const hash = hashOf(each.event);
      const earlier = here.get(hash);
      const known = earlier ? undefined : this.#known(hash, atMs);
      if (earlier || known) {
        repeated.push({ known });
        return { id, source, isNew: false, deliveries: earlier ?? known?.fired ?? [] };
      }
      const triggers = this.#parts.matching(each.event);
      const fired = triggers.map(({ name, record }) => ({ trigger: name, function: record.function }));
      here.set(hash, fired);
      fresh.push({ ...each, hash, fired });
      return { id, source, isNew: true, deliveries: fired };
    });
    return { fresh, repeated, answers };
  }

  #add(fresh: readonly Fresh[], atMs: number): Group {
    const { writer, nextSequence, keepMs } = this.#parts;
    const records = fresh.map(({ event, payload, hash, fired }): NewRecord => {
      const { source, id, type } = event;
      const names = fired.flatMap((each) => [each.trigger, each.function]);
      const record = { source, id, type, atMs, payload, fired: names };
      return { sequence: nextSequence(), hash, untilMs: atMs + keepMs, record };
    });
    const group: Group = { records, waiters: [] };
    for (const [index, { hash, record }] of records.entries()) {
      this.#unwritten.set(hash, { fired: fresh[index]?.fired ?? [], group });
      this.#unwrittenBytes += record.payload.length;
      this.#unwrittenFired += record.fired.length / 2;
    }
    if (records.length > 0) writer.add(group);
    return group;
  }

  /** The event that has its source and id already. */
  #known(hash: string, atMs: number): Known | undefined {
    const unwritten = this.#unwritten.get(hash);
    if (unwritten) return unwritten;
    const { store } = this.#parts;
    const once = store.once(hash);
    if (!once || once.untilMs <= atMs) return undefined;
    const record = store.event(once.sequence);
    return { fired: record ? firedIn(record) : [], group: undefined };
  }
}

interface Fresh extends NewEvent {
  readonly hash: string;
  readonly fired: readonly FiredTrigger[];
}

/** All groups: at most those of the events that were there already, and that of the new ones. */
function whenStored(groups: ReadonlySet<Group>, { accepted, refused }: Group['waiters'][number]): void {
  let left = groups.size;
  if (left === 0) return accepted();
  let isRefused = false;
  for (const { waiters } of groups) {
    waiters.push({
      accepted() {
        if (--left === 0 && !isRefused) accepted();
      },
      refused(error) {
        if (!isRefused) refused(error);
        isRefused = true;
      },
    });
  }
}
