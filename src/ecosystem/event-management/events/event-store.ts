/** Reads events and triggers from the database `cloud-events`. Whatever it answers is what is on disk. */
import { cloudEventKeys } from '../../../store/keys.ts';
import type { Key, KeyValueStore } from '../../../store/protocol.ts';
import { isText } from '../../../store/shape.ts';
import {
  type CountsRecord,
  type EventRecord,
  firedIn,
  hashOf,
  loadedCounts,
  loadedEvent,
  loadedOnce,
  loadedStanding,
  loadedTrigger,
  NO_COUNTS,
  type Once,
  type Standing,
  type TriggerRecord,
} from './event-record.ts';

export interface StoredEvent {
  readonly sequence: number;
  readonly record: EventRecord;
}

/** What a trigger has still to start. */
export interface PendingStart {
  readonly sequence: number;
  readonly trigger: string;
  /** Empty where nobody knows any more. */
  readonly function: string;
}

export class EventStore {
  readonly #store: KeyValueStore;

  /** `store` is the database `cloud-events`. */
  constructor(store: KeyValueStore) {
    this.#store = store;
  }

  /** Undefined too where it is damaged. */
  event(sequence: number): EventRecord | undefined {
    return loadedEvent(this.#store.get(cloudEventKeys.event(sequence))?.value);
  }

  once(hash: string): Once | undefined {
    return loadedOnce(this.#store.get(cloudEventKeys.once(hash))?.value);
  }

  counts(trigger: string): CountsRecord {
    return loadedCounts(this.#store.get(cloudEventKeys.counts(trigger))?.value) ?? NO_COUNTS;
  }

  /** Newest first. */
  *list({ before }: { readonly before?: number | undefined }): Iterable<StoredEvent> {
    const range = {
      prefix: cloudEventKeys.events,
      reverse: true,
      ...(before !== undefined && { end: cloudEventKeys.event(before) }),
    };
    for (const { key, value } of this.#store.range(range)) {
      const record = loadedEvent(value);
      if (record) yield { sequence: Number(key[1]), record };
    }
  }

  /** Oldest first. */
  *after(sequence: number): Iterable<StoredEvent> {
    const range = { prefix: cloudEventKeys.events, start: cloudEventKeys.event(sequence + 1) };
    for (const { key, value } of this.#store.range(range)) {
      const record = loadedEvent(value);
      if (record) yield { sequence: Number(key[1]), record };
    }
  }

  /** Oldest first. Where the record is damaged its key and the event say the same. */
  pending(): PendingStart[] {
    const starts: PendingStart[] = [];
    const add = ([, sequence, trigger]: Key, value: unknown) =>
      starts.push({
        sequence: Number(sequence),
        trigger: String(trigger),
        function: isText(value) ? value : this.#firedBy(Number(sequence), String(trigger)),
      });
    const onDamaged = (key: Key) => add(key, undefined);
    for (const { key, value } of this.#store.range({ prefix: cloudEventKeys.pendings, onDamaged })) add(key, value);
    return starts;
  }

  triggers(): { readonly found: ReadonlyMap<string, TriggerRecord>; readonly damaged: readonly string[] } {
    const found = new Map<string, TriggerRecord>();
    const damaged: string[] = [];
    const onDamaged = (key: Key) => damaged.push(String(key[1]));
    for (const { key, value } of this.#store.range({ prefix: cloudEventKeys.triggers, onDamaged })) {
      const record = loadedTrigger(value);
      if (record) found.set(String(key[1]), record);
      else damaged.push(String(key[1]));
    }
    return { found, damaged };
  }

  /** Where its record is damaged, what is kept is counted anew. */
  standing(): Standing {
    return loadedStanding(this.#store.get(cloudEventKeys.standing)?.value) ?? this.#counted();
  }

  /** Whether each event is found by its source and id, and whatever is to be started belongs to one: what is wrong, for people. */
  *faults(): Iterable<string> {
    const fired = new Map<number, readonly string[]>();
    for (const { sequence, record } of this.after(0)) {
      fired.set(
        sequence,
        firedIn(record).map(({ trigger }) => trigger),
      );
      const once = this.once(hashOf(record));
      if (!once || once.sequence < sequence) yield `Event ${sequence} is not found by its source and id.`;
    }
    for (const { key, value } of this.#store.range({ prefix: cloudEventKeys.onces })) {
      const { sequence = 0 } = loadedOnce(value) ?? {};
      if (!fired.has(sequence)) yield `The source and id ${key[1]} lead to event ${sequence}, which is not there.`;
    }
    for (const { sequence, trigger } of this.pending()) {
      if (!fired.get(sequence)?.includes(trigger))
        yield `Trigger ${trigger} is to start something for event ${sequence}, which is not there, or has not fired it.`;
    }
    const { lastSequence, events, bytes } = this.#counted();
    const standing = this.standing();
    if (standing.events !== events || standing.bytes !== bytes || standing.lastSequence < lastSequence)
      yield `There are ${events} events of ${bytes} bytes up to ${lastSequence}, and ${standing.events} of ${standing.bytes} up to ${standing.lastSequence} are counted.`;
  }

  #firedBy(sequence: number, trigger: string): string {
    const record = this.event(sequence);
    const fired = record && firedIn(record).find((each) => each.trigger === trigger);
    return fired?.function ?? '';
  }

  #counted(): Standing {
    let [lastSequence, events, bytes] = [0, 0, 0];
    for (const { sequence, record } of this.after(0)) {
      lastSequence = sequence;
      events++;
      bytes += record.payload.length;
    }
    return { lastSequence, events, bytes };
  }
}
