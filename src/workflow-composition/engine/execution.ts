/**
 * One execution: an actor. It asks the language what follows, has it done, and journals what came of it. Nothing else changes its state, and that
 * only by events (invariant 1).
 */
import { serializeError, TroupeError } from '../../errors.ts';
import { later } from '../../kernel/actor-system.ts';
import type { CancelTimer } from '../../kernel/clock.ts';
import { DueQueue } from '../../kernel/due-queue.ts';
import type { ActorContext, ActorDefinition, Handlers, Later } from '../../kernel/protocol.ts';
import type { ExecutionEvent } from '../events.ts';
import type { ExecutionState, ExecutionStatus } from '../execution-state.ts';
import { MAX_JOURNAL_EVENTS } from '../execution-store/protocol.ts';
import { apply, isOver } from '../fold.ts';
import type { Decision, StepAction } from '../language.ts';
import { type EndingDecision, endingOf } from './ending.ts';
import type { ExecutionMessages, ExecutionParts, Run } from './execution-protocol.ts';
import { alreadyOver, DEADLINE, journalTooLong, notRedrivable } from './faults.ts';
import { JournalWriter, type Standing } from './journal-writer.ts';
import { LookAhead } from './look-ahead.ts';
import type { StepOutcome } from './protocol.ts';
import { StepJournal } from './step-journal.ts';
import { StepRunner } from './step-runner.ts';
import { openOf, summaryOf, viewOf } from './views.ts';

/** Rounds of decisions before others get a turn. */
const ROUNDS_PER_TURN = 64;
/** What is due sooner is waited for in memory. */
const SHORTEST_SLEEP_MS = 1_000;
/** A crash takes back so much of what is `pipelined`, and its steps run again. */
const WRITE_LATER_MS = 5;
/** A step's own time, or the whole execution's. */
const WHOLE = '';

export function executionActor(name: string, parts: ExecutionParts): ActorDefinition<ExecutionMessages> {
  return {
    name,
    start: (context) => new Execution(context, parts).handlers(),
    controlMessages: ['written', 'stepSettled', 'actionReady'],
    supervision: { onFailure: 'stop' },
  };
}

class Execution {
  readonly #context: ActorContext<ExecutionMessages>;
  readonly #parts: ExecutionParts;
  readonly #state: ExecutionState;
  readonly #journal: JournalWriter;
  readonly #steps: StepRunner;
  readonly #outcomes: StepJournal;
  readonly #due = new DueQueue<string>();
  readonly #watchers = new Set<(event: ExecutionEvent) => void>();
  readonly #lookAhead: LookAhead;
  #timer: { readonly atMs: number; readonly cancel: CancelTimer } | undefined;
  /** The next write, where that has time. */
  #later: CancelTimer | undefined;
  #isHeld: boolean;
  #hasTold = false;
  #handled = 0;

  constructor(context: ActorContext<ExecutionMessages>, parts: ExecutionParts) {
    this.#context = context;
    this.#parts = parts;
    const { host, state } = parts;
    this.#state = state;
    this.#isHeld = parts.isInvoked;
    this.#journal = new JournalWriter(
      {
        id: state.id,
        store: host.store,
        clock: host.clock,
        durability: state.started.durability,
        flushed: parts.flushed,
        written: (outcome) => void context.self.tell('written', outcome),
      },
      parts.listed,
    );
    this.#steps = new StepRunner({
      host,
      state,
      settled: (run, outcome) => void context.self.tell('stepSettled', { run, outcome }),
    });
    this.#outcomes = new StepJournal({
      host,
      state,
      steps: this.#steps,
      due: this.#due,
      record: (event) => this.#record(event),
      start: (step) => this.#start(step),
    });
    this.#lookAhead = new LookAhead({ ...parts, steps: this.#steps, after: context.after });
    context.onStop(() => this.#stop());
  }

  handlers(): Handlers<ExecutionMessages> {
    return {
      begin: () => this.#counted(() => this.#durably(() => this.#begin(), undefined)),
      beginUnasked: () => this.#counted(() => this.#begin()),
      confirm: () => this.#counted(() => this.#durably(() => this.#advance(), undefined)),
      actionReady: ({ run, action }) => this.#actionReady(run, action),
      stepSettled: ({ run, outcome }) => this.#stepSettled(run, outcome),
      written: (outcome) => this.#written(outcome),
      goOn: () => this.#advance(),
      signal: (signal) => this.#counted(() => this.#durably(() => this.#signal(signal), undefined)),
      cancel: ({ reason }) => this.#counted(() => this.#durably(() => this.#cancel(reason))),
      giveUp: ({ reason }) => this.#counted(() => this.#cancel(reason)),
      pause: () => this.#counted(() => this.#durably(() => this.#pause())),
      resume: () => this.#counted(() => this.#durably(() => this.#resume())),
      redrive: () => this.#counted(() => this.#durably(() => this.#redrive())),
      show: () => this.#counted(() => this.#show()),
      history: () => this.#counted(() => this.#journal.events()),
      watch: ({ event }) => this.#counted(() => this.#watch(event)),
    };
  }

  #counted<R>(handle: () => R): R {
    this.#handled++;
    return handle();
  }

  /** Answers once all that it has led to is durable. */
  #durably(act: () => void, reply: undefined): Later<undefined>;
  #durably(act: () => void): Later<ExecutionStatus>;
  #durably(act: () => void): Later<ExecutionStatus | undefined> {
    this.#isHeld = false;
    act();
    const { status } = this.#state;
    const durable = this.#journal.whenFlushed(this.#journal.length);
    // What had time to be written has none now.
    this.#write();
    return later(durable.then(() => status));
  }

  #begin(): void {
    const { state, flushed } = this.#parts;
    // What `begin` of the fold made is not in the writer yet.
    if (flushed === 0) this.#journal.record({ type: 'executionStarted', ...state.started });
    const { deadlineAtMs } = state.started;
    if (deadlineAtMs !== undefined) this.#due.push(deadlineAtMs, WHOLE);
    for (const { step, dueAtMs } of state.steps.values()) if (dueAtMs !== undefined) this.#due.push(dueAtMs, step);
    if (flushed > 0) this.#outcomes.takeBufferedSignals();
    this.#advance();
  }

  /** Decides until nothing follows any more, then sends, writes and looks ahead. */
  #advance(): void {
    let rounds = 0;
    while (!isOver(this.#state)) {
      const decisions = this.#decide();
      if (decisions.length === 0) break;
      for (const decision of decisions) if (!isOver(this.#state)) this.#carryOut(decision);
      if (++rounds < ROUNDS_PER_TURN) continue;
      this.#context.self.tell('goOn', undefined);
      break;
    }
    this.#steps.send((length) => this.#maySend(length));
    this.#write();
    this.#arm();
    if (isOver(this.#state)) return this.#over();
    this.#lookAhead.changed();
    this.#rest();
  }

  #decide(): readonly Decision[] {
    const { compiled } = this.#parts;
    if (this.#state.length >= MAX_JOURNAL_EVENTS)
      return [{ kind: 'fail', error: serializeError(journalTooLong(this.#state.id, MAX_JOURNAL_EVENTS)) }];
    try {
      return compiled.language.decide(compiled.definition, this.#state);
    } catch (thrown) {
      return [{ kind: 'fail', error: serializeError(thrown) }];
    }
  }

  #carryOut(decision: Decision): void {
    switch (decision.kind) {
      case 'start':
        if (!this.#steps.get(decision.step)) this.#start(decision.step);
        return;
      case 'cancel':
        this.#steps.take(decision.step);
        return this.#outcomes.fail(
          decision.step,
          serializeError(new TroupeError('CANCELLED', 'The step was not needed any more.')),
        );
      default:
        return this.#end(decision);
    }
  }

  #end(decision: EndingDecision): void {
    this.#steps.takeAll();
    this.#record(endingOf(decision, this.#state, { atMs: this.#wallMs, encode: this.#parts.host.encode }));
  }

  #start(step: string): void {
    const { compiled } = this.#parts;
    const run = this.#steps.begin(step, (this.#state.steps.get(step)?.attempts ?? 0) + 1);
    const action = compiled.language.prepare(compiled.definition, this.#state, step);
    if (!(action instanceof Promise)) return this.#outcomes.perform(run, action);
    const { self } = this.#context;
    action.then(
      (ready) => void self.tell('actionReady', { run, action: ready }),
      (thrown) => void self.tell('actionReady', { run, action: { kind: 'fail', error: serializeError(thrown) } }),
    );
  }

  #actionReady(run: Run, action: StepAction): void {
    if (!this.#steps.isCurrent(run) || isOver(this.#state)) return;
    this.#outcomes.perform(run, action);
    this.#advance();
  }

  #stepSettled(run: Run, outcome: StepOutcome): void {
    // What comes of an execution comes by the engine, which counts it.
    if (run.isChild) this.#handled++;
    if (!this.#steps.isCurrent(run) || run.phase !== 'inside' || isOver(this.#state)) return;
    // It has not failed: the host ends, and the next one goes on with it.
    if (outcome.kind === 'failed' && outcome.error.code === 'SHUTTING_DOWN') return;
    this.#outcomes.settled(run, outcome);
    this.#lookAhead.stepEnded(run, outcome);
    this.#advance();
  }

  #wake(): void {
    this.#timer = undefined;
    const wallMs = this.#wallMs;
    for (let step = this.#due.takeDue(wallMs); step !== undefined; step = this.#due.takeDue(wallMs)) {
      if (isOver(this.#state)) break;
      if (step === WHOLE) this.#requestCancel(DEADLINE);
      else this.#outcomes.dueNow(step);
    }
    this.#advance();
  }

  #signal({ signal, payload }: { readonly signal: string; readonly payload: Uint8Array }): void {
    if (isOver(this.#state)) throw alreadyOver(this.#state);
    this.#outcomes.signal(signal, payload);
    this.#advance();
  }

  #cancel(reason: string): void {
    if (!isOver(this.#state)) this.#requestCancel(reason);
    this.#advance();
  }

  #requestCancel(reason: string): void {
    if (this.#state.status !== 'cancelling') this.#record({ type: 'cancelRequested', reason, atMs: this.#wallMs });
  }

  #pause(): void {
    if (isOver(this.#state) || this.#state.status === 'cancelling') throw alreadyOver(this.#state);
    if (this.#state.status !== 'paused') this.#record({ type: 'executionPaused', atMs: this.#wallMs });
    this.#advance();
  }

  #resume(): void {
    if (isOver(this.#state) || this.#state.status === 'cancelling') throw alreadyOver(this.#state);
    if (this.#state.status === 'paused') {
      this.#record({ type: 'executionResumed', atMs: this.#wallMs });
      for (const { step, status, attempts, dueAtMs = 0 } of this.#state.steps.values())
        if (status === 'retrying' && dueAtMs <= this.#wallMs) this.#outcomes.retry(step, attempts + 1);
    }
    this.#advance();
  }

  #redrive(): void {
    const { language, definition } = this.#parts.compiled;
    if (this.#state.status !== 'failed' && this.#state.status !== 'cancelled') throw notRedrivable(this.#state);
    const steps = language.redrive(definition, this.#state);
    this.#hasTold = false;
    this.#record({ type: 'executionRedriven', steps, atMs: this.#wallMs });
    this.#advance();
  }

  #record(event: ExecutionEvent): void {
    apply(this.#state, event);
    this.#journal.record(event);
    this.#lookAhead.recorded(event);
    for (const watcher of this.#watchers) watcher(event);
  }

  /** `strict`: what a step may have seen is on disk. Nothing has come of a start alone. */
  #maySend(length: number): boolean {
    return this.#state.started.durability !== 'strict' || length === 1 || this.#journal.isFlushed(length);
  }

  #write(): void {
    if (this.#isHeld && this.#state.length === 1 && !this.#steps.hasWorkflows) return;
    this.#isHeld = false;
    if (this.#mayWriteLater()) {
      this.#later ??= this.#context.after(WRITE_LATER_MS, () => {
        this.#later = undefined;
        this.#writeNow();
      });
      return;
    }
    this.#later?.();
    this.#later = undefined;
    this.#writeNow();
  }

  /** `pipelined`: nobody sees what is not on disk, so all that comes in a few milliseconds is written at once. */
  #mayWriteLater(): boolean {
    if (this.#state.started.durability !== 'pipelined' || this.#journal.isAwaited) return false;
    return !isOver(this.#state) && !this.#steps.isQuiet;
  }

  #writeNow(): void {
    this.#journal.write(() => this.#standing());
  }

  #standing(): Standing {
    if (isOver(this.#state)) return { open: undefined, ended: summaryOf(this.#state) };
    // With a child it is taken up again by each host: that child may have ended, or not yet begun, when the one before did.
    const isWaiting = this.#steps.isQuiet && !this.#steps.hasChildren;
    return { open: openOf(this.#state, { wakeAtMs: this.#due.nextMs, isWaiting }), ended: undefined };
  }

  #written(outcome: 'appended' | 'conflict'): void {
    if (outcome === 'conflict')
      throw new TroupeError('INTERNAL', `Somebody else wrote to the journal of "${this.#state.id}".`);
    this.#steps.send((length) => this.#maySend(length));
    this.#write();
    if (isOver(this.#state)) this.#over();
    else this.#rest();
  }

  /** Once the end is where it is to be, everybody may know. */
  #over(): void {
    this.#timer?.cancel();
    if (this.#hasTold || !this.#journal.isSettled) return;
    this.#hasTold = true;
    this.#lookAhead.ended();
    this.#parts.host.ended(this.#state);
  }

  /** Waits for nothing but its time, a signal, or its being resumed: it need not be in memory. */
  #rest(): void {
    if (!this.#steps.isQuiet || !this.#journal.isSettled || !this.#journal.isDurable || this.#watchers.size > 0) return;
    if (this.#due.nextMs - this.#wallMs < SHORTEST_SLEEP_MS) return;
    const open = openOf(this.#state, { wakeAtMs: this.#due.nextMs, isWaiting: true });
    this.#parts.host.idle(this.#state.id, this.#handled, open);
  }

  #arm(): void {
    const atMs = this.#due.nextMs;
    if (isOver(this.#state) || this.#timer?.atMs === atMs || atMs === Number.POSITIVE_INFINITY) return;
    this.#timer?.cancel();
    this.#timer = { atMs, cancel: this.#context.after(Math.max(0, atMs - this.#wallMs), () => this.#wake()) };
  }

  #show() {
    const view = viewOf(this.#state, this.#parts.compiled, {
      running: this.#steps.all(),
      wakeAtMs: this.#due.nextMs,
    });
    return { view, outlook: this.#lookAhead.outlook() };
  }

  #watch(event: (event: ExecutionEvent) => void): { readonly stop: () => void } {
    for (const past of this.#journal.events()) event(past);
    this.#watchers.add(event);
    return { stop: () => void this.#watchers.delete(event) };
  }

  async #stop(): Promise<void> {
    // Before the steps are let go: an execution whose steps run does not wait.
    const standing = this.#standing();
    this.#steps.leave();
    await this.#journal.close(() => standing);
  }

  get #wallMs(): number {
    return this.#parts.host.clock.wallMs();
  }
}
