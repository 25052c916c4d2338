/** What the actor of events is to its neighbours. Types only. */
import type { TroupeError } from '../../../errors.ts';
import type { CloudEvent, EventQuery, EventView, Published, Trigger, TriggerView } from '../protocol.ts';
import type { Written } from './event-writer.ts';
import type { Sent } from './outbox.ts';
import type { CheckedTrigger } from './trigger-options.ts';

/** Checked and encoded by the door. */
export interface NewEvent {
  readonly event: CloudEvent;
  readonly payload: Uint8Array;
}

export interface PublishRequest {
  /** All or none. */
  readonly events: readonly NewEvent[];
  /** They are on disk. */
  readonly accepted: (published: readonly Published[]) => void;
  readonly refused: (error: TroupeError) => void;
}

/** Those who follow are woken when there is more to read, or there will be nothing more. */
export type EventListener = () => void;

export interface EventsAfter {
  readonly after: number;
  readonly type?: string | undefined;
  readonly source?: string | undefined;
}

/** `upTo`: so far was read; `isAll`: there is nothing behind it yet. */
export interface EventPage {
  readonly events: readonly EventView[];
  readonly upTo: number;
  readonly isAll: boolean;
}

export type EventsMessages = {
  publish: { body: PublishRequest };
  /** Answers once it is on disk; `isNew`: something has changed. Refuses with `FUNCTION_NOT_FOUND`, or `OVERLOADED`. */
  setTrigger: {
    body: { readonly name: string; readonly trigger: CheckedTrigger };
    reply: Trigger & { readonly isNew: boolean };
  };
  /** Refuses with `TRIGGER_NOT_FOUND`. */
  removeTrigger: { body: { readonly name: string }; reply: undefined };
  triggers: { body: undefined; reply: readonly TriggerView[] };
  /** Refuses with `TRIGGER_NOT_FOUND`. */
  trigger: { body: { readonly name: string }; reply: TriggerView };
  list: { body: EventQuery; reply: readonly EventView[] };
  /** Refuses with `EVENT_NOT_FOUND`. */
  show: { body: { readonly source: string; readonly id: string }; reply: EventView };
  /** What was published after that one, oldest first. */
  after: { body: EventsAfter; reply: EventPage };
  lastSequence: { body: undefined; reply: number };
  watch: { body: EventListener };
  unwatch: { body: EventListener };
  written: { body: Written };
  sent: { body: Sent };
  /** There may be something to write, or to start. */
  goOn: { body: undefined };
  /** A function was deployed: what waits for it need not wait on. */
  deployed: { body: { readonly function: string } };
  /** All that was deployed can be called: triggers may start functions from now on, and not before. */
  begin: { body: undefined };
  /** Takes no more events, and starts nothing more. */
  drain: { body: undefined };
};
