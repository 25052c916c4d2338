/**
 * The jobs of one function: an actor. Takes them in, has them run in their turn, and writes down what came of each (invariants 1 to 5).
 */
import { serializeError, type TroupeError } from '../../../errors.ts';
import { later } from '../../../kernel/actor-system.ts';
import type { ActorContext, ActorDefinition, Handlers, Later } from '../../../kernel/protocol.ts';
import { Alarm } from './alarm.ts';
import { draining, hostEnded, payloadLost, startedTooLate } from './faults.ts';
import { Intake } from './intake.ts';
import { JobBook } from './job-book.ts';
import { JobControls } from './job-controls.ts';
import * as fate from './job-fate.ts';
import { isOver, type JobRecord, orderingOf } from './job-record.ts';
import { JobWriter, type Written } from './job-writer.ts';
import type { JobQueueParts } from './queue-parts.ts';
import type { EnqueueRequest, JobListener, JobQueueMessages, QueueSettings } from './queue-protocol.ts';
import { countsOf, noCounts, type QueueRecord } from './queue-record.ts';
import { StartLog } from './rate-limit.ts';
import { type AttemptEnd, failureOf, type Running, RunningJobs } from './running-jobs.ts';
import { changeOf, queueViewOf } from './views.ts';
import { type Next, WaitingJobs } from './waiting-jobs.ts';

/** Jobs whose time has come, taken at once. */
const DUE_AT_ONCE = 1_000;

export function jobQueueActor(parts: JobQueueParts): ActorDefinition<JobQueueMessages> {
  return {
    name: parts.queue,
    start: (context) => new JobQueue(context, parts).handlers(),
    controlMessages: ['written', 'attemptEnded', 'drain'],
  };
}

class JobQueue {
  readonly #context: ActorContext<JobQueueMessages>;
  readonly #parts: JobQueueParts;
  readonly #writer: JobWriter;
  readonly #book: JobBook;
  readonly #intake: Intake;
  readonly #waiting: WaitingJobs;
  readonly #running: RunningJobs;
  readonly #controls: JobControls;
  readonly #listeners = new Set<JobListener>();
  readonly #due: Alarm;
  readonly #nextStart: Alarm;
  #settings: QueueSettings;
  #starts: StartLog | undefined;
  /** They count as started, and begin once that is on disk. */
  #starting: Running[] = [];
  #startingUnderWay: readonly Running[] = [];
  #isPaused: boolean;
  #isDraining = false;
  /** Up to there all places in line are on their way to the disk. */
  #sequenceUnderWay = 0;
  /** The host had no room: nothing begins before, by the monotonic clock. */
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #refusals = 0;

  constructor(context: ActorContext<JobQueueMessages>, parts: JobQueueParts) {
    this.#context = context;
    this.#parts = parts;
    this.#settings = parts.settings;
    const { queue, store, database, newId } = parts;
    const kept = store.queue(queue);
    const counts = kept ? countsOf(kept) : noCounts();
    this.#isPaused = kept?.isPaused ?? false;
    this.#starts = parts.settings.rateLimit && new StartLog(parts.settings.rateLimit, kept?.startsMs);
    const { self } = context;
    this.#writer = new JobWriter({
      queue,
      store: database,
      counts: { ...counts },
      after: context.after,
      nextTurn: parts.nextTurn,
      standing: () => this.#standing(),
      written: (outcome) => void self.tell('written', outcome),
    });
    this.#running = new RunningJobs({
      clock: context.clock,
      callTarget: parts.callTarget,
      ended: (end) => void self.tell('attemptEnded', end),
      progressed: (running) => this.#tell(running.id, running.record),
    });
    this.#book = new JobBook({
      store,
      writer: this.#writer,
      counts,
      lastSequence: store.lastSequence(queue),
      changed: (id, record) => this.#tell(id, record),
    });
    this.#waiting = new WaitingJobs({
      ready: (level, after, limit) => store.ready(queue, level, after, limit),
      parked: (orderingKey, after, limit) => store.parked(queue, orderingKey, after, limit),
      remember: (orderingKey, id) => this.#writer.holds(orderingKey, id),
      at: ({ id, sequence }) => {
        const record = this.#running.get(id) ? undefined : this.#book.record(id);
        return record?.status === 'waiting' && record.sequence === sequence ? record : undefined;
      },
      park: (place, from) => {
        const sequence = this.#book.nextSequence();
        this.#book.change(place.id, { from, to: fate.parked(from, sequence) });
        return { ...place, sequence };
      },
      isStored: counts.waiting > 0,
    });
    this.#intake = new Intake({ queue, book: this.#book, writer: this.#writer, store, newId });
    const wallMs = () => context.clock.wallMs();
    this.#controls = new JobControls({
      ...parts,
      wallMs,
      writer: this.#writer,
      book: this.#book,
      running: this.#running,
      join: (id, record) => this.#join(id, record),
      release: (ended) => this.#releaseOnceStored(ended),
      goOn: () => this.#goOn(),
    });
    this.#due = new Alarm({ wallMs, after: context.after, ring: () => this.#wake() });
    this.#nextStart = new Alarm({ wallMs, after: context.after, ring: () => this.#goOn() });
    context.onStop(() => this.#writer.close());
    this.#recover(kept);
  }

  handlers(): Handlers<JobQueueMessages> {
    return {
      enqueue: (request) => this.#enqueue(request),
      attemptEnded: (end) => this.#attemptEnded(end),
      written: (outcome) => this.#written(outcome),
      goOn: () => this.#goOn(),
      show: ({ id, isBrief }) => this.#controls.show(id, isBrief),
      running: ({ isBrief }) => this.#running.ids().flatMap((id) => this.#controls.show(id, isBrief) ?? []),
      cancel: ({ id }) => this.#controls.cancel(id),
      retry: ({ id }) => this.#controls.retry(id),
      forget: ({ ids }) => this.#controls.forget(ids),
      released: (ended) => {
        this.#release(ended);
        this.#goOn();
      },
      handedOn: ({ id }) => this.#handedOn(id),
      sync: () => this.#recordStored(),
      pause: () => this.#setPaused(true),
      resume: () => this.#setPaused(false),
      view: () =>
        queueViewOf(this.#parts.queue, this.#book.counts, {
          isPaused: this.#isPaused,
          running: this.#running.size,
          ended: this.#book.ended,
        }),
      configure: (settings) => this.#configure(settings),
      watch: (listener) => void this.#listeners.add(listener),
      unwatch: (listener) => void this.#listeners.delete(listener),
      begin: () => this.#goOn(),
      drain: () => {
        this.#isDraining = true;
      },
    };
  }

  /** What the host before this one has left: attempts that it did not see the end of have failed, and go first. */
  #recover(kept: QueueRecord | undefined): void {
    const { queue, store } = this.#parts;
    for (const { orderingKey, id } of store.held(queue)) {
      this.#waiting.recall(orderingKey, id);
      const record = this.#book.record(id);
      if (!record || isOver(record)) this.#release({ id, orderingKey });
    }
    for (const id of kept?.running ?? []) {
      const record = this.#book.record(id);
      if (record?.status === 'waiting') this.#interrupted(id, record);
    }
    for (const { id, record } of store.undelivered(queue)) this.#handOn(id, record);
    this.#setAlarm();
    this.#goOn();
  }

  #interrupted(id: string, record: JobRecord): void {
    const next = fate.interrupted(record, serializeError(hostEnded()), this.#wallMs);
    this.#settle(id, record, next);
    if (next.status === 'waiting') this.#waiting.keep({ id, ...orderingOf(record) });
  }

  #enqueue(request: EnqueueRequest): void {
    if (this.#isDraining) return request.refused(draining());
    const { maxJobs } = this.#settings;
    const records = this.#intake.take(request, { atMs: this.#wallMs, maxJobs });
    for (const [id, record] of records) this.#join(id, record);
    this.#goOn();
  }

  /** Where it waits from now on. */
  #join(id: string, record: JobRecord): void {
    const { level, sequence } = record;
    if (sequence !== undefined) this.#waiting.join({ id, sequence, ...orderingOf(record) }, level);
  }

  /** Begins what may begin, and writes what is to be written. */
  #goOn(): void {
    while (this.#mayBegin()) {
      const next = this.#waiting.take();
      if (next) {
        this.#begin(next);
        continue;
      }
      if (!this.#waiting.isEmpty) this.#context.self.tell('goOn', undefined);
      break;
    }
    this.#writer.write();
  }

  #mayBegin(): boolean {
    if (!this.#parts.mayBegin() || this.#isPaused || this.#isDraining) return false;
    if (this.#running.size >= this.#settings.concurrency) return false;
    if (this.#context.clock.nowMs() < this.#notBeforeMs) return false;
    const nextAtMs = this.#starts?.nextAtMs ?? Number.NEGATIVE_INFINITY;
    if (nextAtMs <= this.#wallMs) return true;
    this.#nextStart.set(nextAtMs);
    return false;
  }

  #begin({ place, record }: Next): void {
    const { id } = place;
    const latestMs = fate.latestStartMs(record);
    if (this.#wallMs > latestMs) {
      return this.#settle(id, record, fate.expired(record, startedTooLate(latestMs), this.#wallMs));
    }
    const running = this.#running.add(place, record);
    this.#writer.recordChanged();
    this.#tell(id, record);
    if (!this.#starts) return this.#call(running);
    // A rate that holds across a crash: it is on disk that it has started before it does.
    this.#starts.started(running.startedAtMs);
    this.#starting.push(running);
  }

  #call(running: Running): void {
    const payload = this.#parts.store.payload(running.id, running.record);
    if (payload && running.stopped === undefined) return this.#running.call(running, payload);
    this.#attemptEnded({ running, outcome: { kind: 'failed', error: payloadLost(running.id) } });
  }

  #attemptEnded({ running, outcome }: AttemptEnd): void {
    const { id, record, place, startedAtMs } = running;
    this.#running.remove(running);
    this.#writer.recordChanged();
    const ending = { atMs: this.#wallMs, startedAtMs, random: this.#parts.random };
    if (outcome.kind === 'succeeded') {
      this.#refusals = 0;
      this.#settle(id, record, fate.succeeded(record, outcome.payload, ending));
    } else if (running.stopped === 'cancelled') {
      this.#settle(id, record, fate.cancelled(record, ending));
    } else if (outcome.error.code === 'SHUTTING_DOWN') {
      // It has not failed: the host ends, and the next one goes on with it.
      this.#tell(id, record);
    } else if (!this.#isRefused(outcome.error)) {
      const failure = serializeError(failureOf(running, outcome.error));
      this.#settle(id, record, fate.failed(record, failure, ending));
    } else this.#waiting.comeBack(place);
    this.#goOn();
  }

  /** The host had no room for it: that is no attempt, and nobody else of this queue need try for now. */
  #isRefused(error: TroupeError): boolean {
    const pauseMs = fate.refusalPauseMs(error, this.#refusals + 1, this.#parts.random);
    if (pauseMs === undefined) return false;
    this.#refusals++;
    this.#notBeforeMs = this.#context.clock.nowMs() + pauseMs;
    this.#context.after(pauseMs, () => this.#goOn());
    return true;
  }

  /** From one record to the next, with all that follows from it. */
  #settle(id: string, from: JobRecord, to: JobRecord): void {
    // The disk has refused it meanwhile: whoever enqueued it was told so.
    if (!this.#book.record(id)) {
      this.#controls.ended(id, 'cancelled');
      return this.#release({ id, ...orderingOf(from) });
    }
    const isKept = to.keptUntilMs === undefined || to.keptUntilMs > this.#wallMs || to.isUndelivered;
    if (isKept) this.#book.change(id, { from, to });
    else this.#book.forget(id, { from, last: to });
    if (to.status === 'retrying') this.#waiting.keep({ id, ...orderingOf(to) });
    if (!isOver(to)) return;
    this.#releaseOnceStored({ id, ...orderingOf(from) });
    this.#controls.ended(id, to.status);
    if (to.isUndelivered) this.#handOn(id, to);
  }

  /** A crash must not have it run again after the next of its key. */
  #releaseOnceStored(ended: { readonly id: string; readonly orderingKey?: string }): void {
    if (ended.orderingKey === undefined) return;
    this.#writer.afterStored(ended.id, () => void this.#context.self.tell('released', ended));
  }

  /** The next of its ordering key stands in line like all others. */
  #release(ended: { readonly id: string; readonly orderingKey?: string }): void {
    const next = this.#waiting.release(ended);
    if (!next) return;
    const to = fate.inLine(next.record, this.#book.nextSequence());
    this.#book.change(next.place.id, { from: next.record, to });
    this.#join(next.place.id, to);
  }

  #handOn(id: string, record: JobRecord): void {
    this.#parts.handOn(id, record, () => void this.#context.self.tell('handedOn', { id }));
  }

  #handedOn(id: string): void {
    const from = this.#book.record(id);
    if (!from?.isUndelivered) return;
    const to = fate.handedOn(from);
    this.#book.change(id, { from, to: (to.keptUntilMs ?? 0) > this.#wallMs ? to : undefined });
    this.#writer.write();
  }

  /** Asked for when a batch begins. */
  #standing(): Omit<QueueRecord, 'counts'> {
    if (this.#writer.waiting === 0) this.#sequenceUnderWay = this.#book.lastSequence;
    this.#startingUnderWay = this.#starting;
    this.#starting = [];
    const startsMs = this.#starts?.recent(this.#wallMs);
    return { isPaused: this.#isPaused, running: this.#running.ids(), ...(startsMs && { startsMs }) };
  }

  #written(outcome: Written): void {
    const starting = this.#startingUnderWay;
    this.#startingUnderWay = [];
    if (outcome.kind === 'refused') {
      this.#book.drop(outcome.dropped);
      this.#starting = [...starting, ...this.#starting];
    } else {
      this.#waiting.stored(this.#sequenceUnderWay);
      for (const running of starting) this.#call(running);
      this.#setAlarm();
    }
    this.#goOn();
  }

  /** The next time that is on disk; others come with their own writes. */
  #setAlarm(): void {
    const { delayed, retrying } = this.#book.counts;
    this.#due.set(delayed + retrying > 0 ? this.#parts.store.nextDueMs(this.#parts.queue) : Number.POSITIVE_INFINITY);
  }

  /** The time of some has come: they stand in line from now on. */
  #wake(): void {
    const { queue, store } = this.#parts;
    for (const { id } of store.due(queue, this.#wallMs, DUE_AT_ONCE)) {
      const from = this.#book.record(id);
      if (from?.dueAtMs === undefined || from.dueAtMs > this.#wallMs) continue;
      const to = fate.inLine(from, this.#book.nextSequence());
      this.#book.change(id, { from, to });
      this.#join(id, to);
    }
    this.#goOn();
  }

  #setPaused(isPaused: boolean): Later<undefined> {
    this.#isPaused = isPaused;
    return this.#recordStored();
  }

  #recordStored(): Later<undefined> {
    const stored = this.#writer.stored(this.#writer.recordChangedAwaited());
    this.#goOn();
    return later(stored.then(() => undefined));
  }

  #configure(settings: QueueSettings): void {
    const { rateLimit } = settings;
    const { max, perMs } = this.#settings.rateLimit ?? {};
    if (rateLimit?.max !== max || rateLimit?.perMs !== perMs) {
      this.#starts = rateLimit && new StartLog(rateLimit, this.#starts?.recent(this.#wallMs));
    }
    this.#settings = settings;
    this.#goOn();
  }

  #tell(id: string, record: JobRecord): void {
    if (this.#listeners.size === 0) return;
    const change = changeOf(id, record, this.#running.get(id), this.#parts);
    for (const listener of this.#listeners) listener(change);
  }

  get #wallMs(): number {
    return this.#context.clock.wallMs();
  }
}
