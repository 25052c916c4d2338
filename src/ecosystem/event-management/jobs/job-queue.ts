/**
 * The jobs of one function: an actor. Takes them in, has them run in their turn, and writes down what came of each (invariants 1 to 5).
 */
import { serializeError } from '../../../errors.ts';
import { later } from '../../../kernel/actor-system.ts';
import type { ActorContext, ActorDefinition, Handlers, Later } from '../../../kernel/protocol.ts';
import { Alarm } from './alarm.ts';
import type { AttemptEnd } from './attempt.ts';
import { draining, hostEnded } from './faults.ts';
import { Intake } from './intake.ts';
import { JobBook } from './job-book.ts';
import { JobControls } from './job-controls.ts';
import { JobDispatch } from './job-dispatch.ts';
import * as fate from './job-fate.ts';
import { isOver, type JobRecord, orderingOf } from './job-record.ts';
import { JobStarts } from './job-starts.ts';
import { JobWriter, type Written } from './job-writer.ts';
import type { JobQueueParts } from './queue-parts.ts';
import type { EnqueueRequest, JobListener, JobQueueMessages, QueueSettings } from './queue-protocol.ts';
import { countsOf, noCounts, type QueueRecord } from './queue-record.ts';
import { failureOf, RunningJobs } from './running-jobs.ts';
import { changeOf, queueViewOf } from './views.ts';
import { WaitingJobs } from './waiting-jobs.ts';

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
  readonly #starts: JobStarts;
  readonly #due: Alarm;
  readonly #dispatch: JobDispatch;
  #settings: QueueSettings;
  #isPaused: boolean;
  #isDraining = false;
  /** Up to there all places in line are on their way to the disk. */
  #sequenceUnderWay = 0;

  constructor(context: ActorContext<JobQueueMessages>, parts: JobQueueParts) {
    this.#context = context;
    this.#parts = parts;
    this.#settings = parts.settings;
    const { queue, store, database, newId } = parts;
    const kept = store.queue(queue);
    const counts = kept ? countsOf(kept) : noCounts();
    this.#isPaused = kept?.isPaused ?? false;
    const { self } = context;
    const wallMs = () => context.clock.wallMs();
    this.#writer = new JobWriter({
      queue,
      store: database,
      counts: { ...counts },
      after: context.after,
      nextTurn: parts.nextTurn,
      standing: () => this.#standing(),
      written: (outcome) => {
        // At once: an attempt at one of them that has ended in this moment must not bring it back.
        if (outcome.kind === 'refused') this.#book.drop(outcome.dropped);
        self.tell('written', outcome);
      },
    });
    this.#running = new RunningJobs({
      ...parts,
      clock: context.clock,
      ended: (end) => void self.tell('attemptEnded', end),
      progressed: (running) => this.#tell(running.id, running.record),
    });
    this.#book = new JobBook({
      store,
      writer: this.#writer,
      counts,
      lastSequence: store.lastSequence(queue),
      changed: (id, record) => this.#changed(id, record),
    });
    this.#starts = new JobStarts({
      ...parts,
      clock: context.clock,
      after: context.after,
      startsMs: kept?.startsMs,
      calls: () => this.#running.calls,
      waiting: () => counts.waiting - this.#running.size,
      goOn: () => this.#goOn(),
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
      limited: (limitKey, after, limit) => store.limited(queue, limitKey, after, limit),
      rememberLimit: (limitKey, mark) => this.#writer.limits(limitKey, mark),
      putAside: (place, from) => {
        const sequence = this.#book.nextSequence();
        this.#book.change(place.id, { from, to: fate.limited(from, sequence) });
        this.#dispatch.limitsChanged(from);
        return { ...place, sequence };
      },
      freeAt: (limitKey, atMs) =>
        void context.after(Math.max(1, atMs - wallMs()), () => void self.tell('keyFree', { limitKey })),
      wallMs,
      perKey: parts.settings.perKey,
      isStored: counts.waiting > 0,
    });
    this.#dispatch = new JobDispatch({
      store,
      book: this.#book,
      writer: this.#writer,
      waiting: this.#waiting,
      running: this.#running,
      starts: this.#starts,
      wallMs,
      mayBegin: () => parts.mayBegin() && !this.#isPaused && !this.#isDraining,
      settle: (id, from, to) => this.#settle(id, from, to),
      toLine: (id, record) => this.#toLine(id, record),
      changed: (id, record) => this.#tell(id, record),
      failed: (running, error) => void self.tell('attemptEnded', { running, outcome: { kind: 'failed', error } }),
      beginLater: () => void self.tell('goOn', undefined),
    });
    this.#intake = new Intake({ queue, book: this.#book, writer: this.#writer, store, newId });
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
      keyFree: ({ limitKey }) => {
        this.#waiting.woken(limitKey);
        this.#dispatch.limitsChanged({ limitKey });
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
    for (const { limitKey, mark } of store.limits(queue)) {
      this.#waiting.recallLimit(limitKey, mark);
      this.#dispatch.limitsChanged({ limitKey });
    }
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
    if (next.status !== 'waiting') return;
    this.#waiting.keep({ id, ...orderingOf(record) });
    // One that was begun before it was on disk stands in no line there.
    if (record.isBegun && record.sequence !== undefined)
      this.#waiting.goesFirst({ id, sequence: record.sequence, ...orderingOf(record) });
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
    this.#dispatch.begin();
    this.#writer.write();
  }

  #attemptEnded({ running, outcome }: AttemptEnd): void {
    const { id, record, startedAtMs } = running;
    const isHeld =
      outcome.kind === 'failed' && running.stopped !== 'cancelled' && this.#starts.isRefused(outcome.error);
    if (isHeld) {
      this.#dispatch.comeBack(running);
      return this.#goOn();
    }
    this.#running.remove(running);
    this.#writer.recordChanged();
    this.#waiting.ended(record);
    this.#dispatch.limitsChanged(record);
    const ending = { atMs: this.#wallMs, startedAtMs, random: this.#parts.random };
    if (outcome.kind === 'succeeded') {
      this.#starts.accepted();
      this.#settle(id, record, fate.succeeded(record, outcome.payload, ending));
    } else if (running.stopped === 'cancelled') {
      this.#settle(id, record, fate.cancelled(record, ending));
    } else if (outcome.error.code === 'SHUTTING_DOWN') {
      // It has not failed: the host ends, and the next one goes on with it.
      this.#tell(id, this.#book.returns(id, record));
    } else {
      const failure = serializeError(failureOf(running, outcome.error));
      this.#settle(id, record, fate.failed(record, failure, ending));
    }
    this.#goOn();
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
    if (next) this.#toLine(next.place.id, next.record);
  }

  #toLine(id: string, from: JobRecord): void {
    const to = fate.inLine(from, this.#book.nextSequence());
    this.#book.change(id, { from, to });
    this.#join(id, to);
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
    const startsMs = this.#starts.writing();
    return { isPaused: this.#isPaused, running: this.#running.ids(), ...(startsMs && { startsMs }) };
  }

  #written(outcome: Written): void {
    if (outcome.kind === 'refused') {
      for (const [id, record] of outcome.dropped) if (record) this.#waiting.withdrawn(id, record);
    } else {
      this.#waiting.stored(this.#sequenceUnderWay);
      this.#setAlarm();
    }
    for (const first of this.#starts.written(outcome.kind === 'stored')) this.#dispatch.call(first);
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
      this.#toLine(id, from);
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
    this.#starts.configure(settings);
    this.#waiting.limit(settings.perKey);
    for (const limitKey of this.#waiting.limitKeys()) this.#dispatch.limitsChanged({ limitKey });
    this.#settings = settings;
    this.#goOn();
  }

  #changed(id: string, record: JobRecord): void {
    if (record.limitKey !== undefined && isOver(record)) {
      this.#waiting.withdrawn(id, record);
      this.#dispatch.limitsChanged(record);
    }
    this.#tell(id, record);
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
