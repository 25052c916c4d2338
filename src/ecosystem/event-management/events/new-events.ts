/** What is published, checked and encoded at the door: every fault at once, and nothing written. */
import { TroupeError } from '../../../errors.ts';
import type { ActorRef } from '../../../kernel/protocol.ts';
import type { Published } from '../protocol.ts';
import { type Checked, checkEvent } from './cloud-event.ts';
import type { Judge } from './conformance.ts';
import type { EventsMessages, NewEvent } from './events-protocol.ts';
import { eventTooLarge, publishedTooMuch, wrongEvents } from './faults.ts';

/** 1 MiB: an event says that something is; what is larger lies elsewhere. */
const MAX_EVENT_BYTES = 1_048_576;
/** 64 MiB: they wait for the disk together. */
const MAX_TOGETHER_BYTES = 67_108_864;
const MAX_NAMED_FAULTS = 100;

export interface Door {
  readonly wallMs: () => number;
  readonly newId: (wallMs: number) => string;
  readonly encode: (value: unknown) => Uint8Array;
  /** Asked last, of what came from elsewhere. */
  readonly judge?: Judge;
}

/** Throws `INVALID_ARGUMENT` that names every fault, `PAYLOAD_TOO_LARGE`, or `PAYLOAD_NOT_ENCODABLE`. `isMany`: faults are told with their place. */
export function newEvents(values: readonly unknown[], isMany: boolean, door: Door): NewEvent[] {
  const { wallMs, newId, encode, judge } = door;
  const nowMs = wallMs();
  const faults: string[] = [];
  const events: NewEvent['event'][] = [];
  values.forEach((value, index) => {
    const checked = judged(checkEvent(value, { wallMs: nowMs, newId: () => newId(nowMs) }), judge);
    if (checked.kind === 'sound') events.push(checked.event);
    else if (faults.length < MAX_NAMED_FAULTS)
      faults.push(...checked.faults.map((fault) => (isMany ? `events[${index}].${fault}` : fault)));
  });
  if (faults.length > 0) throw wrongEvents(faults);
  let together = 0;
  return events.map((event) => {
    const payload = encode(event);
    if (payload.length > MAX_EVENT_BYTES) throw eventTooLarge(payload.length, MAX_EVENT_BYTES);
    together += payload.length;
    if (together > MAX_TOGETHER_BYTES) throw publishedTooMuch(together, MAX_TOGETHER_BYTES);
    return { event, payload };
  });
}

function judged(checked: Checked, judge: Judge | undefined): Checked {
  const fault = checked.kind === 'sound' ? judge?.(checked.event) : undefined;
  return fault === undefined ? checked : { kind: 'faulty', faults: [fault] };
}

/** Resolves once they are on disk. */
export function publish(
  events: Pick<ActorRef<EventsMessages>, 'tell'>,
  published: readonly NewEvent[],
): Promise<readonly Published[]> {
  return new Promise((accepted, refused) => {
    if (events.tell('publish', { events: published, accepted, refused })) return;
    refused(new TroupeError('OVERLOADED', 'More events wait to be taken in than may wait. Try again later.'));
  });
}
