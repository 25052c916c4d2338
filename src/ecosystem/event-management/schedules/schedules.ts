/**
 * Schedules: an actor that wakes when the next one is due, and has the queues call its function. What it fires is handed on before anything is written;
 * what came of it is noted once the job is on disk, and a crash between the two is mended by the key of the job (invariants 1 to 3).
 */
import type { TroupeError } from '../../../errors.ts';
import { later } from '../../../kernel/actor-system.ts';
import type { ActorContext, ActorDefinition, ActorRef, Handlers } from '../../../kernel/protocol.ts';
import type { KeyValueStore } from '../../../store/protocol.ts';
import { Alarm } from '../jobs/alarm.ts';
import type { JobsMessages, OpenQueues } from '../jobs/jobs-protocol.ts';
import { decide, GRACE_MS } from './firing.ts';
import { type Firing, type FiringEnd, Firings } from './firings.ts';
import { JobDoor } from './job-door.ts';
import { type Entry, Roster } from './roster.ts';
import { ScheduleControls } from './schedule-controls.ts';
import type { Codec } from './schedule-job.ts';
import { noState, type ScheduleState } from './schedule-record.ts';
import type { ScheduleStore } from './schedule-store.ts';
import { ScheduleWriter } from './schedule-writer.ts';
import type { SchedulesMessages } from './schedules-protocol.ts';

/** Looked at in one turn; the others in the next ones. */
const DUE_AT_ONCE = 500;
/** Of those that are late, which is dearer, and less urgent than what is due now. */
const LATE_AT_ONCE = 5;

export interface SchedulesParts extends Codec {
  readonly database: KeyValueStore;
  readonly store: ScheduleStore;
  readonly jobs: ActorRef<JobsMessages>;
  readonly queues: OpenQueues;
  readonly isDeployed: (name: string) => boolean;
  /** Of schedules that say none. */
  readonly hostTimeZone: string;
  /** Changes where the rules of time zones do. */
  readonly zoneRules: string;
  readonly nextTurn: (callback: () => void) => void;
  readonly onFault: (fault: string) => void;
}

interface Stage {
  hasBegun: boolean;
  isDraining: boolean;
}

export function schedulesActor(parts: SchedulesParts): ActorDefinition<SchedulesMessages> {
  // Beside the actor, so that one that starts again knows it.
  const stage = { hasBegun: false, isDraining: false };
  return {
    name: 'schedules',
    start: (context) => new Schedules(context, parts, stage).start(),
    controlMessages: ['begin', 'drain', 'goOn', 'again', 'ended'],
  };
}

class Schedules {
  readonly #context: ActorContext<SchedulesMessages>;
  readonly #parts: SchedulesParts;
  readonly #stage: Stage;
  readonly #roster: Roster;
  readonly #writer: ScheduleWriter;
  readonly #firings: Firings;
  readonly #controls: ScheduleControls;
  readonly #alarm: Alarm;
  readonly #late: Entry[] = [];
  #isGoingOn = false;

  constructor(context: ActorContext<SchedulesMessages>, parts: SchedulesParts, stage: Stage) {
    const { clock, self, after } = context;
    this.#context = context;
    this.#parts = parts;
    this.#stage = stage;
    this.#roster = new Roster(parts.zoneRules);
    const door = new JobDoor({ ...parts, after });
    this.#firings = new Firings({ ...parts, door, ended: (end) => void self.tell('ended', end) });
    this.#alarm = new Alarm({ wallMs: () => clock.wallMs(), after, ring: () => this.#wake() });
    this.#writer = new ScheduleWriter({
      store: parts.database,
      after,
      stateOf: (name) => {
        const entry = this.#roster.get(name);
        return entry?.isGoing ? undefined : entry?.state;
      },
    });
    this.#controls = new ScheduleControls({
      ...parts,
      door,
      roster: this.#roster,
      writer: this.#writer,
      wallMs: () => clock.wallMs(),
      isDraining: () => stage.isDraining,
      changed: (entry) => this.#changed(entry),
    });
    context.onStop(async () => {
      await this.#controls.settled();
      await this.#writer.close();
    });
  }

  start(): Handlers<SchedulesMessages> {
    this.#load();
    this.#wake();
    return {
      set: (request) => later(this.#controls.set(request)),
      remove: ({ name }) => later(this.#controls.remove(name)),
      get: ({ name }) => this.#controls.details(name),
      list: (query) => this.#controls.list(query),
      pause: ({ name }) => later(this.#controls.setPaused(name, true)),
      resume: ({ name }) => later(this.#controls.setPaused(name, false)),
      next: ({ name, count }) => this.#controls.next(name, count),
      backfill: ({ name, range }) => later(this.#controls.backfill(name, range)),
      begin: () => {
        this.#stage.hasBegun = true;
        this.#wake();
      },
      drain: () => {
        this.#stage.isDraining = true;
        this.#alarm.set(Number.POSITIVE_INFINITY);
      },
      goOn: () => {
        this.#isGoingOn = false;
        this.#wake();
      },
      again: (firing) => this.#again(firing),
      ended: (end) => this.#ended(end),
    };
  }

  #load(): void {
    const { store, onFault } = this.#parts;
    const damaged = (name: string) => onFault(`Schedule "${name}" is damaged and does not fire. Set it again.`);
    for (const { name, record, state } of store.all(damaged)) {
      if (!state)
        onFault(
          `What has come of schedule "${name}" so far is damaged or missing: it fires from now on, and catches up with nothing.`,
        );
      const entry = this.#roster.add(name, record, state ?? { ...noState(), handledMs: this.#wallMs });
      if (!state) this.#writer.changed(name);
      this.#roster.plan(entry);
    }
  }

  /** Fires what is due. */
  #wake(): void {
    if (!this.#mayFire) return;
    const wallMs = this.#wallMs;
    const firings: Firing[] = [];
    for (let looked = 0; looked < DUE_AT_ONCE; looked++) {
      const entry = this.#roster.takeDue(wallMs);
      if (!entry) break;
      if ((entry.dueMs ?? wallMs) < wallMs - GRACE_MS) this.#late.push(entry);
      else this.#consider(entry, firings);
    }
    const isMoreDue = this.#roster.nextMs <= wallMs;
    if (!isMoreDue) for (const entry of this.#late.splice(0, LATE_AT_ONCE)) this.#consider(entry, firings);
    this.#firings.send(firings);
    if (isMoreDue || this.#late.length > 0) this.#goOn();
    else this.#setAlarm();
  }

  #goOn(): void {
    if (this.#isGoingOn) return;
    this.#isGoingOn = true;
    this.#parts.nextTurn(() => void this.#context.self.tell('goOn', undefined));
  }

  #setAlarm(): void {
    this.#alarm.set(this.#mayFire ? this.#roster.nextMs : Number.POSITIVE_INFINITY);
  }

  #consider(entry: Entry, firings: Firing[]): void {
    const { record, name } = entry;
    if (this.#roster.get(name) !== entry || entry.isFiring || record.isPaused) return;
    entry.dueMs = undefined;
    const wallMs = this.#wallMs;
    const standing = { cadence: record.cadence, handledMs: this.#roster.handledMs(entry), missed: record.spec.missed };
    const decision = decide(standing, wallMs, this.#roster.next(entry));
    if (decision.kind === 'wait') return this.#roster.plan(entry);
    const { atMs, missed } = decision;
    if (decision.kind === 'pass') {
      const reason = 'the host did not run at that time, or its clock jumped';
      const last = { scheduledAtMs: atMs, atMs: wallMs, outcome: 'skipped', reason } as const;
      return this.#note(entry, { ...entry.state, handledMs: atMs, missed: entry.state.missed + missed, last });
    }
    entry.isFiring = true;
    firings.push({ entry, revision: record.revision, atMs, missed, tries: 0 });
  }

  #ended(end: FiringEnd): void {
    const { firing } = end;
    const { entry, atMs, missed } = firing;
    if (this.#roster.get(entry.name) !== entry) return;
    const { state } = entry;
    const handled = { handledMs: Math.max(atMs, state.handledMs), missed: state.missed + missed };
    const times = { scheduledAtMs: atMs, atMs: this.#wallMs };
    if (end.kind === 'enqueued') {
      const { jobId, function: target } = end;
      entry.isFaultTold = false;
      const last = { ...times, outcome: 'fired', jobId } as const;
      const lastJob = { id: jobId, function: target };
      return this.#settle(entry, { ...state, ...handled, fired: state.fired + 1, last, lastJob });
    }
    if (end.kind === 'refused' && this.#isTriedAgain(firing, end.error)) return;
    const reason =
      end.kind === 'overlapping'
        ? `job ${end.jobId} of an earlier firing has not ended`
        : `${end.error.code}: ${end.error.message}`;
    if (end.kind === 'refused') this.#tellFault(entry, reason);
    const last = { ...times, outcome: 'skipped', reason } as const;
    this.#settle(entry, { ...state, ...handled, skipped: state.skipped + 1, last });
  }

  #isTriedAgain(firing: Firing, error: TroupeError): boolean {
    // It is not noted: the host that starts next finds it.
    if (this.#stage.isDraining) return true;
    const pauseMs = this.#firings.pauseMs(firing, error);
    if (pauseMs === undefined) return false;
    const next = { ...firing, tries: firing.tries + 1 };
    this.#context.after(pauseMs, () => void this.#context.self.tell('again', next));
    return true;
  }

  /** Unless something was done to the schedule meanwhile. */
  #again(firing: Firing): void {
    const { entry, revision } = firing;
    if (this.#roster.get(entry.name) !== entry || !this.#mayFire) return;
    if (entry.record.revision === revision) return this.#firings.send([firing]);
    entry.isFiring = false;
    this.#roster.plan(entry);
    this.#wake();
  }

  #tellFault(entry: Entry, reason: string): void {
    if (!entry.isFaultTold) this.#parts.onFault(`Schedule "${entry.name}" cannot fire, and skips its times: ${reason}`);
    entry.isFaultTold = true;
  }

  #settle(entry: Entry, state: ScheduleState): void {
    entry.isFiring = false;
    this.#note(entry, state);
    this.#setAlarm();
  }

  #note(entry: Entry, state: ScheduleState): void {
    entry.state = this.#roster.withNext(entry.record, state);
    this.#writer.changed(entry.name);
    this.#roster.plan(entry);
  }

  /** It is another schedule than before. */
  #changed(entry: Entry): void {
    entry.isFaultTold = false;
    this.#note(entry, entry.state);
    this.#wake();
  }

  get #mayFire(): boolean {
    return this.#stage.hasBegun && !this.#stage.isDraining;
  }

  get #wallMs(): number {
    return this.#context.clock.wallMs();
  }
}
