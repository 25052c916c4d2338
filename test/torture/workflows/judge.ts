/**
 * What must hold of the journals on disk and of what the functions have noted, from one end of a host to the next, and at the very end.
 *
 * That the journal after is the one before and more makes the state after a recovery the one before: a state is nothing but the fold of its journal.
 */
import type { ExecutionEvent } from '../../../src/workflow-composition/events.ts';
import type { Findings } from '../support/findings.ts';
import { canonical, type Disk, isEnd, settledSteps } from './disk.ts';
import type { Note } from './notes.ts';
import type { PlannedExecution } from './plan.ts';
import { keyOf, type Need, type Run, shapeOf } from './shapes.ts';

/** Those of two threads, or processes, on one machine. */
const CLOCKS_DIFFER_MS = 20;

export class Judge {
  readonly #executions: readonly PlannedExecution[];
  readonly #runs: ReadonlyMap<string, Run>;
  readonly #findings: Findings;
  /** What each run was given: the same each time. */
  readonly #values = new Map<string, number>();
  readonly #firstBegun = new Map<string, number>();

  constructor(executions: readonly PlannedExecution[], findings: Findings) {
    this.#executions = executions;
    this.#findings = findings;
    const runs = executions.flatMap(({ id, shape, input, durability }) =>
      shapeOf(shape).runs({ id, input, isStrict: durability === 'strict', after: [] }),
    );
    this.#runs = new Map(runs.map((run) => [keyOf(run), run]));
  }

  /** One life of a host: what was on disk before it, what is now, and what its functions have noted in between. */
  life(name: string, before: Disk, after: Disk, notes: readonly Note[]): void {
    for (const fault of after.faults) this.#findings.add(`${name}: ${fault}`);
    this.#judgePrefixes(name, before, after);
    this.#judgeNotes(name, before, after, notes);
  }

  #judgePrefixes(name: string, before: Disk, after: Disk): void {
    for (const [id, events] of before.journals) {
      const now = after.journals.get(id) ?? [];
      const differs = events.findIndex((event, index) => {
        const same = now[index];
        return !same || canonical(event) !== canonical(same);
      });
      if (differs < 0) continue;
      const [was, is] = [events[differs], now[differs]].map((event) => event && canonical(event));
      this.#findings.add(`${name}: event ${differs} of ${id} was ${was}, and is ${is}`);
    }
  }

  #judgeNotes(name: string, before: Disk, after: Disk, notes: readonly Note[]): void {
    const succeededBefore = successes(before);
    const begun = new Map<string, number>();
    const failed = new Map<string, number>();
    for (const { what, key, value, atMs } of notes) {
      const told = this.#values.get(key) ?? value;
      this.#values.set(key, told);
      this.#check(told === value, () => `${name}: ${key} was given what makes ${told}, and then ${value}`);
      if (what === 'fail') failed.set(key, (failed.get(key) ?? 0) + 1);
      if (what !== 'begin') continue;
      const times = (begun.get(key) ?? 0) + 1;
      begun.set(key, times);
      this.#firstBegun.set(key, this.#firstBegun.get(key) ?? atMs);
      this.#check(!succeededBefore.has(key), () => `${name}: ${key} ran, and its success was on disk before`);
      this.#check(
        times <= 1 + (failed.get(key) ?? 0),
        () => `${name}: ${key} began ${times} times and failed ${failed.get(key) ?? 0} times`,
      );
      const run = this.#runs.get(key);
      if (!run) this.#findings.add(`${name}: ${key} ran, and is no step of any execution`);
      for (const need of run?.needs ?? [])
        this.#check(isThere(after, need), () => `${name}: ${key} ran, and ${show(need)} is not on disk after the end`);
    }
    for (const [key, times] of begun) {
      const run = this.#runs.get(key);
      // A strict step begins again once it is on disk that it has failed.
      if (!run?.isStrict) continue;
      const told = failuresOf(after, run) - failuresOf(before, run);
      this.#check(told >= times - 1, () => `${name}: ${key} began ${times} times, and ${told} failures are on disk`);
    }
  }

  /** After the last host has closed. `histories`: as it told them. */
  end(disk: Disk, histories: ReadonlyMap<string, readonly Pick<ExecutionEvent, 'type'>[]>): void {
    this.#check(disk.open.size === 0, () => `unfinished at the end: ${[...disk.open].join(', ')}`);
    for (const [id, events] of disk.journals) {
      this.#judgeJournal(id, events);
      const told = histories.get(id)?.map(outline);
      this.#check(
        show(told) === show(events.map(outline)),
        () => `the history of ${id} is told as ${show(told)}, and on disk it is ${show(events.map(outline))}`,
      );
    }
    const isPartial = new Set(this.#executions.filter(({ shape }) => shapeOf(shape).isPartial).map(({ id }) => id));
    for (const [key, { id, step, timer }] of this.#runs) {
      if (isPartial.has(id)) continue;
      this.#check(this.#values.has(key), () => `${key} never ran`);
      const events = disk.journals.get(id) ?? [];
      this.#check(settledSteps(events).has(step), () => `${key} has no end in the journal`);
      if (timer !== undefined) this.#judgeTimer(key, { events, timer });
    }
    for (const execution of this.#executions) this.#judgeSent(execution, disk.journals.get(execution.id) ?? []);
  }

  /** No transition twice. */
  #judgeJournal(id: string, events: readonly ExecutionEvent[]): void {
    const seen = new Set<string>();
    const attempts = new Map<string, number>();
    const once = (what: string) => {
      this.#check(!seen.has(what), () => `${what} stands twice in the journal of ${id}`);
      seen.add(what);
    };
    for (const [index, event] of events.entries()) {
      if (event.type === 'executionStarted') once('the start');
      if (isEnd(event)) once('the end');
      const isPlaced = (event.type === 'executionStarted') === (index === 0);
      this.#check(isPlaced, () => `event ${index} of ${id} is ${event.type}`);
      if (event.type === 'timerStarted' || event.type === 'signalAwaited') once(`the wait of ${event.step}`);
      if (event.type !== 'stepSucceeded' && event.type !== 'stepFailed') continue;
      if (event.type === 'stepSucceeded' || event.retryAtMs === undefined) once(`the end of ${event.step}`);
      const attempt = (attempts.get(event.step) ?? 0) + 1;
      attempts.set(event.step, attempt);
      this.#check(event.attempt === attempt, () => `attempt ${attempt} of ${id}/${event.step} says ${event.attempt}`);
    }
    const last = events.at(-1);
    this.#check(last !== undefined && isEnd(last), () => `the journal of ${id} does not end with its end`);
  }

  #judgeTimer(key: string, { events, timer }: { events: readonly ExecutionEvent[]; timer: string }): void {
    const waits = events.find(
      (event) => (event.type === 'timerStarted' || event.type === 'signalAwaited') && event.step === timer,
    );
    const dueAtMs = waits && 'dueAtMs' in waits ? (waits.dueAtMs ?? 0) : Number.POSITIVE_INFINITY;
    const begunAtMs = this.#firstBegun.get(key) ?? 0;
    this.#check(
      begunAtMs >= dueAtMs - CLOCKS_DIFFER_MS,
      () => `${key} began at ${begunAtMs}, and ${timer} was due at ${dueAtMs}`,
    );
  }

  /** Each signal came once, and they were taken in order. */
  #judgeSent({ id, shape, input }: PlannedExecution, events: readonly ExecutionEvent[]): void {
    const sent = (shapeOf(shape).sent?.(input) ?? []).filter(({ kind }) => kind === 'signal').length;
    const count = (type: string, isOf: (event: ExecutionEvent) => boolean = () => true) =>
      events.filter((event) => event.type === type && isOf(event)).length;
    const received = count('signalReceived');
    const taken = count('stepSucceeded', (event) => 'tookSignal' in event && event.tookSignal !== undefined);
    this.#check(
      received === sent && taken === sent,
      () => `${id} was sent ${sent} signals, has had ${received}, took ${taken}`,
    );
  }

  #check(holds: boolean, what: () => string): void {
    this.#findings.check(holds, what);
  }
}

function isThere({ journals }: Disk, { id, step }: Need): boolean {
  const events = journals.get(id) ?? [];
  return step === undefined ? events.some(isEnd) : settledSteps(events).has(step);
}

function successes({ journals }: Disk): Set<string> {
  const keys = new Set<string>();
  for (const [id, events] of journals)
    for (const event of events) if (event.type === 'stepSucceeded') keys.add(keyOf({ id, step: event.step }));
  return keys;
}

function failuresOf({ journals }: Disk, { id, step }: Run): number {
  return (journals.get(id) ?? []).filter((event) => event.type === 'stepFailed' && event.step === step).length;
}

/** What is told of an event through the API, but for its values. */
function outline(event: Pick<ExecutionEvent, 'type'>): unknown {
  const { type, atMs, step, attempt, signal } = event as Record<string, unknown>;
  return [type, atMs, step, attempt, signal];
}

const show = (what: unknown): string => JSON.stringify(what);
