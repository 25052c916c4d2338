/** The idempotency key of what a trigger starts for an event: the same at every attempt to start it, and of no other event (invariant 2). Pure. */
import { type EventRecord, hashOf } from './event-record.ts';

/** The id of an execution, with the name of its workflow before and the number of its attempt after it, has 200 characters at most. */
const MAX_LENGTH = 120;

/** With the time of its publishing: the same source and id, published again once the first is forgotten, is another event. */
export function deliveryKey(trigger: string, event: Pick<EventRecord, 'source' | 'id' | 'atMs'>): string {
  const time = event.atMs.toString(36);
  const key = `${trigger} ${event.source} ${event.id} ${time}`;
  return key.length <= MAX_LENGTH ? key : `${trigger} ${hashOf(event)} ${time}`;
}
