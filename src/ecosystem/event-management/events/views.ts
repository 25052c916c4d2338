/** What is shown of events and triggers. */
import type { CloudEvent, EventView, TriggerView } from '../protocol.ts';
import { firedIn } from './event-record.ts';
import type { StoredEvent } from './event-store.ts';
import { type ActiveTrigger, triggerOf } from './trigger-table.ts';

export function eventView({ sequence, record }: StoredEvent, decode: (payload: Uint8Array) => unknown): EventView {
  return {
    sequence,
    publishedAtMs: record.atMs,
    event: decode(record.payload) as CloudEvent,
    deliveries: firedIn(record),
  };
}

export function triggerView(trigger: ActiveTrigger, pending: number): TriggerView {
  return { ...triggerOf(trigger), ...trigger.counts, pending };
}
