/**
 * Events and triggers: an actor. Takes events in, writes them together with what they are to start, and has that started (invariants 1 to 5).
 */
import { later } from '../../../kernel/actor-system.ts';
import type { ActorContext, ActorDefinition, Handlers, Later } from '../../../kernel/protocol.ts';
import type { KeyValueStore } from '../../../store/protocol.ts';
import type { NewJob } from '../jobs/queue-protocol.ts';
import type { Enqueued, Trigger } from '../protocol.ts';
import { eventsAfter, findEvent, listEvents } from './event-reader.ts';
import { firedIn } from './event-record.ts';
import { EventStore } from './event-store.ts';
import { EventWriter, type TriggerChange, type Written } from './event-writer.ts';
import type { EventListener, EventsMessages } from './events-protocol.ts';
import { draining, nothingToStart, tooManyTriggers, triggerNotFound } from './faults.ts';
import { Intake } from './intake.ts';
import { Outbox } from './outbox.ts';
import { isTooMuch, type Retention, toForget } from './retention.ts';
import type { CheckedTrigger } from './trigger-options.ts';
import { isSame, TriggerTable, triggerOf } from './trigger-table.ts';
import { triggerView } from './views.ts';

const MAX_TRIGGERS = 10_000;
const TIDY_EVERY_MS = 30_000;

export interface EventsParts {
  /** `cloud-events`. */
  readonly database: KeyValueStore;
  readonly random: () => number;
  readonly decode: (payload: Uint8Array) => unknown;
  readonly retention: Retention;
  /** Calls back once all that can happen at once has happened. */
  readonly nextTurn: (callback: () => void) => void;
  readonly isDeployed: (functionName: string) => boolean;
  /** All or none; resolves once they are on disk. */
  readonly enqueue: (functionName: string, jobs: readonly NewJob[]) => Promise<readonly Enqueued[]>;
  readonly onFault: (fault: string) => void;
}

export function eventsActor(parts: EventsParts): ActorDefinition<EventsMessages> {
  // Beside the actor, so that one that starts again knows it.
  const stage = { hasBegun: false };
  return {
    name: 'events',
    start: (context) => new Events(context, parts, stage).start(),
    controlMessages: ['written', 'sent', 'drain'],
  };
}

class Events {
  readonly #context: ActorContext<EventsMessages>;
  readonly #parts: EventsParts;
  readonly #stage: { hasBegun: boolean };
  readonly #store: EventStore;
  readonly #triggers = new TriggerTable();
  readonly #writer: EventWriter;
  readonly #intake: Intake;
  readonly #outbox: Outbox;
  readonly #listeners = new Set<EventListener>();
  #lastSequence: number;
  #isDraining = false;

  constructor(context: ActorContext<EventsMessages>, parts: EventsParts, stage: { hasBegun: boolean }) {
    this.#context = context;
    this.#parts = parts;
    this.#stage = stage;
    const { self, after } = context;
    this.#store = new EventStore(parts.database);
    const standing = this.#store.standing();
    this.#lastSequence = standing.lastSequence;
    this.#writer = new EventWriter({
      database: parts.database,
      store: this.#store,
      standing,
      after,
      lastSequence: () => this.#lastSequence,
      countsOf: (trigger) => this.#triggers.get(trigger)?.counts,
      toForget: (next, isTidying) => {
        if (!isTidying && !isTooMuch(next, parts.retention)) return [];
        const isPending = (sequence: number) => this.#outbox.isPending(sequence);
        return toForget(this.#store.after(0), { ...parts.retention, standing: next, nowMs: this.#wallMs, isPending });
      },
      written: (written) => void self.tell('written', written),
    });
    this.#outbox = new Outbox({
      ...parts,
      // What was given up meanwhile is written.
      after: (delayMs, callback) =>
        after(delayMs, () => {
          callback();
          this.#writer.write();
        }),
      wallMs: () => this.#wallMs,
      triggerOf: (name) => this.#triggers.get(name),
      eventOf: (sequence) => this.#store.event(sequence),
      sent: (sent) => void self.tell('sent', sent),
      settled: (settled) => this.#writer.settle(settled),
    });
    this.#intake = new Intake({
      store: this.#store,
      writer: this.#writer,
      matching: (event) => this.#triggers.matching(event),
      nextSequence: () => ++this.#lastSequence,
      keepMs: parts.retention.keepMs,
      pending: () => this.#outbox.size,
    });
    context.onStop(() => this.#writer.close());
  }

  start(): Handlers<EventsMessages> {
    this.#recover();
    this.#tidyLater();
    return {
      publish: (request) => {
        if (this.#isDraining) return request.refused(draining());
        this.#intake.take(request, this.#wallMs);
        this.#writer.write();
      },
      setTrigger: ({ name, trigger }) => this.#setTrigger(name, trigger),
      removeTrigger: ({ name }) => this.#removeTrigger(name),
      triggers: () => this.#triggers.all().map((trigger) => triggerView(trigger, this.#outbox.pendingOf(trigger.name))),
      trigger: ({ name }) => {
        const trigger = this.#triggers.get(name);
        if (!trigger) throw triggerNotFound(name);
        return triggerView(trigger, this.#outbox.pendingOf(name));
      },
      list: (query) => listEvents(this.#store, query, this.#parts.decode),
      show: (event) => findEvent(this.#store, event, this.#parts.decode),
      after: (query) => eventsAfter(this.#store, query, this.#parts.decode),
      lastSequence: () => this.#lastSequence,
      watch: (listener) => void this.#listeners.add(listener),
      unwatch: (listener) => void this.#listeners.delete(listener),
      written: (written) => this.#written(written),
      sent: (sent) => {
        this.#outbox.sent(sent);
        this.#writer.write();
      },
      goOn: () => this.#goOn(),
      deployed: ({ function: name }) => {
        this.#outbox.wake(name);
        this.#writer.write();
      },
      begin: () => {
        this.#stage.hasBegun = true;
        this.#outbox.isOpen = !this.#isDraining;
        this.#goOn();
      },
      drain: () => {
        this.#isDraining = true;
        this.#outbox.isOpen = false;
        this.#wakeListeners();
      },
    };
  }

  /** What the host before this one has left: triggers, and what they had still to start. */
  #recover(): void {
    const { found, damaged } = this.#store.triggers();
    for (const [name, record] of found) this.#triggers.set(name, record, this.#store.counts(name));
    for (const name of damaged)
      this.#parts.onFault(`Trigger "${name}" is damaged, and starts nothing until it is set again.`);
    for (const start of this.#store.pending()) this.#outbox.add(start);
    this.#outbox.isOpen = this.#stage.hasBegun;
    this.#context.self.tell('goOn', undefined);
  }

  #goOn(): void {
    this.#outbox.goOn();
    this.#writer.write();
  }

  #written(written: Written): void {
    for (const group of written.groups) this.#intake.ended(group);
    if (written.kind === 'stored') {
      this.#parts.nextTurn(() => {
        this.#writer.isResting = false;
        this.#context.self.tell('goOn', undefined);
      });
      for (const [name, counts] of written.counts) {
        const trigger = this.#triggers.get(name);
        if (trigger) trigger.counts = counts;
      }
      for (const change of written.changes) this.#changed(change);
      for (const { records } of written.groups)
        for (const { sequence, record } of records)
          for (const fired of firedIn(record)) this.#outbox.add({ sequence, ...fired }, record);
      this.#outbox.goOn();
      if (written.groups.length > 0) this.#wakeListeners();
    }
    this.#writer.write();
  }

  #wakeListeners(): void {
    for (const listener of this.#listeners) listener();
  }

  /** A trigger holds from when it is on disk. */
  #changed({ name, record, accepted }: TriggerChange): void {
    const before = this.#triggers.get(name)?.record.function;
    if (record) this.#triggers.set(name, record);
    else this.#triggers.delete(name);
    accepted();
    if (before !== undefined) this.#outbox.wake(before);
  }

  #setTrigger(
    name: string,
    trigger: CheckedTrigger,
  ): (Trigger & { readonly isNew: boolean }) | Later<Trigger & { readonly isNew: boolean }> {
    if (this.#isDraining) throw draining();
    const known = this.#triggers.get(name);
    if (known && isSame(known.record, trigger)) return { ...triggerOf(known), isNew: false };
    if (!this.#parts.isDeployed(trigger.function)) throw nothingToStart(trigger.function);
    if (!known && this.#triggers.size + this.#writer.changing >= MAX_TRIGGERS) throw tooManyTriggers(MAX_TRIGGERS);
    const record = {
      ...trigger,
      createdAtMs: known?.record.createdAtMs ?? this.#wallMs,
      since: known?.record.since ?? this.#lastSequence,
    };
    return later(this.#change(name, record).then(() => ({ ...triggerOf({ name, record }), isNew: true })));
  }

  #removeTrigger(name: string): Later<undefined> {
    if (!this.#triggers.get(name)) throw triggerNotFound(name);
    return later(this.#change(name, undefined));
  }

  #change(name: string, record: TriggerChange['record']): Promise<undefined> {
    return new Promise((resolve, refused) => {
      this.#writer.change({ name, record, accepted: () => resolve(undefined), refused });
      this.#writer.write();
    });
  }

  #tidyLater(): void {
    this.#context.after(TIDY_EVERY_MS, () => {
      this.#writer.tidy();
      this.#writer.write();
      this.#tidyLater();
    });
  }

  get #wallMs(): number {
    return this.#context.clock.wallMs();
  }
}
