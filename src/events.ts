/** The embedding API of events and triggers: `troupe.events`. Checks what users pass and hands it to the actor. */
import { checkFunctionName } from './config.ts';
import { type Judge, loadJudge } from './ecosystem/event-management/events/conformance.ts';
import type { EventsMessages } from './ecosystem/event-management/events/events-protocol.ts';
import { newEvents, publish } from './ecosystem/event-management/events/new-events.ts';
import { checkTrigger } from './ecosystem/event-management/events/trigger-options.ts';
import type {
  EventQuery,
  EventView,
  NewCloudEvent,
  Published,
  Trigger,
  TriggerOptions,
  TriggerView,
} from './ecosystem/event-management/protocol.ts';
import { TroupeError } from './errors.ts';
import type { Caller } from './function-management/router/caller.ts';
import type { Clock } from './kernel/clock.ts';
import type { ProcessHold } from './kernel/process-hold.ts';
import type { ActorRef } from './kernel/protocol.ts';

/** What the API needs of the runtime. */
export interface EventParts {
  readonly hold: ProcessHold;
  readonly clock: Clock;
  readonly caller: Pick<Caller, 'encode'>;
  readonly events: ActorRef<EventsMessages>;
  readonly newEventId: (wallMs: number) => string;
  readonly isClosing: boolean;
}

export interface FollowOptions {
  readonly type?: string;
  readonly source?: string;
  /** The `sequence` of an event: begins behind it, as far as what follows is kept. Without it, with the next event that is published. */
  readonly after?: number;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

const MANY_LIMIT = 1_000;
const LIST_LIMIT = 1_000;

export class Events {
  readonly #parts: EventParts;
  #judge: Judge | undefined;

  /** @internal Use `troupe.events`. */
  constructor(parts: EventParts) {
    this.#parts = parts;
  }

  /**
   * Resolves once the event is on disk, together with what it starts: the triggers that it has fired are in the answer, and each starts its function
   * once, whatever becomes of the host. Rejects with `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE`, `PAYLOAD_NOT_ENCODABLE`, `OVERLOADED`, or
   * `STORE_WRITE_FAILED`; then there is no event. Of many, at most 1,000, all are published, or none.
   */
  publish(event: NewCloudEvent): Promise<Published>;
  publish(events: readonly NewCloudEvent[]): Promise<readonly Published[]>;
  async publish(given: NewCloudEvent | readonly NewCloudEvent[]): Promise<Published | readonly Published[]> {
    if (!isArray(given)) return this.#publishOne(given);
    return this.#publish(given, true);
  }

  /** @internal For doors: what came from elsewhere is held to the schema of the specification too. `isMany`: it came as a batch. */
  async publishReceived(given: readonly unknown[], isMany: boolean): Promise<readonly Published[]> {
    this.#judge ??= await loadJudge();
    return this.#publish(given, isMany, this.#judge);
  }

  async #publishOne(given: NewCloudEvent): Promise<Published> {
    const [only] = await this.#publish([given], false);
    if (!only) throw new TroupeError('INTERNAL', 'An event was published and is not there.');
    return only;
  }

  async #publish(given: readonly unknown[], isMany: boolean, judge?: Judge): Promise<readonly Published[]> {
    const { hold, clock, caller, events, newEventId } = this.#parts;
    this.#checkReady();
    if (given.length > MANY_LIMIT) throw tooMany(given.length);
    const door = { wallMs: () => clock.wallMs(), newId: newEventId, encode: (value: unknown) => caller.encode(value) };
    const checked = newEvents(given, isMany, { ...door, ...(judge && { judge }) });
    return checked.length === 0 ? [] : hold.while(publish(events, checked));
  }

  /** Newest first, as long as they are kept; of large ones fewer than were asked for. What is rare is looked for among the newest 20,000. */
  async list(query: EventQuery = {}): Promise<readonly EventView[]> {
    const { limit = 1, before = 1 } = query;
    if (!Number.isInteger(limit) || limit < 1 || limit > LIST_LIMIT)
      throw new TroupeError('INVALID_ARGUMENT', `limit must be a whole number from 1 to ${LIST_LIMIT}.`);
    checkSequence(before, 'before');
    return this.#ask('list', query);
  }

  /** Rejects with `EVENT_NOT_FOUND`. */
  get(source: string, id: string): Promise<EventView> {
    return this.#ask('show', { source, id });
  }

  /** Yields every event from now on, or from behind one, in order, as fast as it is read. Ends when the signal aborts, or the host closes. */
  async *follow({ type, source, after, signal }: FollowOptions = {}): AsyncGenerator<EventView, undefined> {
    const { events, hold } = this.#parts;
    if (after !== undefined) checkSequence(after, 'after');
    let wake = (): void => undefined;
    const listener = (): void => wake();
    events.tell('watch', listener);
    signal?.addEventListener('abort', listener);
    try {
      let upTo = after ?? (await this.#ask('lastSequence', undefined));
      while (!signal?.aborted && !this.#parts.isClosing) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const page = await this.#ask('after', { after: upTo, type, source }).catch((thrown: unknown) => {
          if (!this.#parts.isClosing) throw thrown;
        });
        if (!page) return undefined;
        for (const view of page.events) {
          if (signal?.aborted) return undefined;
          yield view;
        }
        upTo = page.upTo;
        if (page.isAll && !signal?.aborted) await hold.while(woken);
      }
    } finally {
      events.tell('unwatch', listener);
      signal?.removeEventListener('abort', listener);
    }
    return undefined;
  }

  /**
   * From when this resolves, every event that all the filters match starts the function, or workflow: as a job of it, with the event as its payload, once.
   * In place of what has the name already: what that has matched starts the function that it led to then. The same again changes nothing
   * (`isNew: false`). It survives the host. Rejects with `INVALID_NAME`,
   * `INVALID_ARGUMENT`, or `FUNCTION_NOT_FOUND`.
   */
  async on(name: string, options: TriggerOptions): Promise<Trigger & { readonly isNew: boolean }> {
    checkFunctionName(name, 'trigger');
    this.#checkReady();
    return this.#ask('setTrigger', { name, trigger: checkTrigger(name, options) });
  }

  /** Events that have fired it and have not started anything yet do not any more. Rejects with `TRIGGER_NOT_FOUND`. */
  async off(name: string): Promise<void> {
    this.#checkReady();
    await this.#ask('removeTrigger', { name });
  }

  /** By name. */
  triggers(): Promise<readonly TriggerView[]> {
    return this.#ask('triggers', undefined);
  }

  /** How often it was fired, and what became of the last events. Rejects with `TRIGGER_NOT_FOUND`. */
  trigger(name: string): Promise<TriggerView> {
    return this.#ask('trigger', { name });
  }

  #ask: ActorRef<EventsMessages>['ask'] = (type, body, options) =>
    this.#parts.hold.while(this.#parts.events.ask(type, body, options));

  #checkReady(): void {
    if (!this.#parts.isClosing) return;
    throw new TroupeError('SHUTTING_DOWN', 'The host is closing, or closed, and takes no new events.');
  }
}

/** `Array.isArray` does not tell a readonly array from what is none. */
function isArray<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

function tooMany(count: number): TroupeError {
  return new TroupeError(
    'INVALID_ARGUMENT',
    `publish takes at most ${MANY_LIMIT} events, not ${count}: they get to the disk together. Publish more in several goes.`,
  );
}

function checkSequence(value: number, what: string): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new TroupeError('INVALID_ARGUMENT', `${what} must be the sequence of an event: a whole number from 0.`);
}
