/**
 * W2, the workflow engine: knows every execution that has not ended, has those in memory that have something to do, and wakes the others when
 * their time has come. What becomes of one is the execution's own business (`execution.ts`).
 */
import { serializeError, TroupeError } from '../../errors.ts';
import type { WorkflowCall } from '../../function-management/router/protocol.ts';
import { later } from '../../kernel/actor-system.ts';
import type { ActorContext, ActorDefinition, ActorRef, Handlers, Later } from '../../kernel/protocol.ts';
import type { ExecutionEvent } from '../events.ts';
import type { ExecutionState, ExecutionStatus } from '../execution-state.ts';
import type { ExecutionStore, ExecutionSummary } from '../execution-store/protocol.ts';
import type { CompiledWorkflow, WorkflowTable } from '../registry/protocol.ts';
import type { OutlookGate, WorkflowSchedulerMessages } from '../scheduler/protocol.ts';
import { Archive } from './archive.ts';
import { Children } from './children.ts';
import type { ChildStart, EngineMessages, ExecutionHost, ExecutionMessages } from './execution-protocol.ts';
import { alreadyOver, checkExecutionId, otherWorkflow } from './faults.ts';
import { Invocations, settleCall } from './invocations.ts';
import { listExecutions } from './listing.ts';
import type {
  CallFunction,
  ExecutionResult,
  ExecutionView,
  SendRequest,
  StartExecution,
  StartedExecution,
  StepOutcome,
  WorkflowEngineStats,
} from './protocol.ts';
import { type Resident, Residents } from './residents.ts';
import { appendFailure, resultOf } from './results.ts';
import { type NewExecution, startedState } from './started-state.ts';
import { keepTidy } from './tidying.ts';
import { summaryOfStart, viewOf } from './views.ts';

export interface WorkflowEngineOptions {
  readonly store: ExecutionStore;
  readonly workflows: WorkflowTable;
  readonly callFunction: CallFunction;
  readonly sendRequest: SendRequest;
  readonly encode: (value: unknown) => Uint8Array;
  readonly scheduler: ActorRef<WorkflowSchedulerMessages>;
  readonly gate: OutlookGate;
  readonly random: () => number;
  /** Unique for ever. */
  readonly newId: () => string;
  readonly maxDepth: number;
  /** After its end an execution keeps its history, and then its result, for so long. */
  readonly keepHistoryMs: number;
  readonly keepResultsMs: number;
  /** Told of what an operator should see. */
  readonly onFault: (fault: string) => void;
}

export function workflowEngineActor(options: WorkflowEngineOptions): ActorDefinition<EngineMessages> {
  return {
    name: 'workflow-engine',
    start: (context) => new WorkflowEngine(context, options).start(),
    mailboxCapacity: 100_000,
    controlMessages: ['drain'],
  };
}

class WorkflowEngine {
  readonly #context: ActorContext<EngineMessages>;
  readonly #options: WorkflowEngineOptions;
  readonly #residents: Residents;
  readonly #archive: Archive;
  readonly #children = new Children();
  readonly #waiters = new Map<string, ((result: ExecutionResult) => void)[]>();
  readonly #invocations = new Invocations();
  readonly #counts = { started: 0, succeeded: 0, failed: 0, cancelled: 0, steps: 0 };
  #isDraining = false;

  constructor(context: ActorContext<EngineMessages>, options: WorkflowEngineOptions) {
    this.#context = context;
    this.#options = options;
    const { store, workflows, onFault } = options;
    this.#archive = new Archive(store);
    this.#residents = new Residents({
      context,
      host: this.#makeHost(),
      store,
      workflows,
      onFault,
      failed: (id, resident, error) => this.#failed(id, resident, error),
    });
    context.onStop(() => this.#invocations.refuseAll());
  }

  start(): Handlers<EngineMessages> {
    this.#residents.recover();
    keepTidy(this.#context, this.#options);
    return {
      start: (request) => this.#start(request),
      invoke: (call) => this.#invoke(call),
      abandon: (call) => this.#abandon(call),
      result: ({ id }) => this.#result(id),
      show: ({ id }) => this.#show(id),
      history: ({ id }) => this.#history(id),
      list: (query) =>
        listExecutions(query, {
          open: this.#open(),
          ended: this.#options.store.ended(query),
          memory: this.#archive.inMemory(),
        }),
      signal: ({ id, ...signal }) => this.#ask(id, 'signal', signal),
      cancel: ({ id, reason }) => this.#ask(id, 'cancel', { reason }),
      pause: ({ id }) => this.#ask(id, 'pause', undefined),
      resume: ({ id }) => this.#ask(id, 'resume', undefined),
      redrive: ({ id }) => this.#redrive(id),
      watch: ({ id, event }) => this.#watch(id, event),
      idle: ({ id, handled, open }) => this.#residents.idle(id, handled, open),
      ended: ({ state }) => this.#ended(state),
      startChild: ({ child, settled }) => this.#startChild(child, settled),
      drain: ({ timeoutMs }) => this.#drain(timeoutMs),
      stats: () => this.#stats(),
    };
  }

  #makeHost(): ExecutionHost {
    const { store, callFunction, sendRequest, encode, scheduler, gate, random, workflows } = this.#options;
    const { self, clock } = this.#context;
    return {
      clock,
      random,
      store,
      callFunction,
      sendRequest,
      encode,
      gate,
      isWorkflow: (name) => workflows.has(name),
      startChild: (child, settled) => {
        self.tell('startChild', { child, settled });
        return {
          cancel: () =>
            this.#children.giveUp(child, (id) => this.#giveUp(id, 'the step that waited for it was cancelled')),
        };
      },
      tellScheduler: (type, body) => void (scheduler as ActorRef<Record<string, { body: unknown }>>).tell(type, body),
      idle: (id, handled, open) => void self.tell('idle', { id, handled, open }),
      ended: (state) => void self.tell('ended', { state }),
    };
  }

  #start(request: StartExecution): Later<StartedExecution> {
    const { workflow, version, alias } = request;
    const id = request.id === undefined ? this.#options.newId() : checkExecutionId(request.id);
    const known = request.id === undefined ? undefined : this.#known(id);
    if (known) {
      if (known.workflow !== workflow) throw otherWorkflow(id, known.workflow);
      const first = { id, workflow, version: known.version, isNew: false };
      return later(this.#residents.whenStarted(id).then(() => first));
    }
    const compiled = this.#resolve(workflow, { version, alias });
    const resident = this.#spawnNew(id, compiled, request, false);
    resident.sent++;
    const started = resident.ref.ask('begin', undefined);
    const { version: number } = compiled;
    return later(started.then(() => ({ id, workflow, version: number, isNew: true })));
  }

  #invoke(call: WorkflowCall): void {
    try {
      const { functionName, version, alias, payload, depth, timeoutMs, http, idempotencyKey } = call;
      if (this.#isDraining && depth === 0)
        throw new TroupeError('SHUTTING_DOWN', 'The host is draining and starts no new workflows.');
      const id =
        idempotencyKey === undefined ? this.#options.newId() : checkExecutionId(`${functionName}:${idempotencyKey}`);
      const known = idempotencyKey === undefined ? undefined : this.#known(id);
      if (known) return this.#join(id, call);
      const compiled = this.#resolve(functionName, { version, alias });
      const limit = timeoutMs === undefined ? {} : { timeoutMs };
      const request = { workflow: functionName, input: payload, depth, ...limit, ...http };
      const resident = this.#spawnNew(id, compiled, request, true);
      this.#invocations.begin(call, id);
      resident.sent++;
      resident.ref.tell('beginUnasked', undefined);
    } catch (thrown) {
      call.failed(
        thrown instanceof TroupeError ? thrown : new TroupeError('INTERNAL', String(thrown), { cause: thrown }),
      );
    }
  }

  /** The second call of the same key waits for what the first one began. */
  #join(id: string, call: WorkflowCall): void {
    this.#whenEnded(id, (result) => settleCall(call, result));
  }

  #resolve(
    workflow: string,
    which: { readonly version: number | undefined; readonly alias: string | undefined },
  ): CompiledWorkflow {
    const { version, alias } = which;
    return this.#options.workflows.resolve(workflow, {
      ...(version !== undefined && { version }),
      ...(alias !== undefined && { alias }),
    });
  }

  #spawnNew(id: string, compiled: CompiledWorkflow, request: NewExecution, isInvoked: boolean): Resident {
    const state = startedState(id, compiled, request, {
      atMs: this.#context.clock.wallMs(),
      maxDepth: this.#options.maxDepth,
    });
    this.#counts.started++;
    return this.#residents.spawn(state, compiled, { flushed: 0, isInvoked });
  }

  #ask<T extends 'signal' | 'cancel' | 'pause' | 'resume' | 'redrive'>(
    id: string,
    type: T,
    body: ExecutionMessages[T]['body'],
  ) {
    const resident = this.#residents.bring(id);
    if (!resident) throw alreadyOver(this.#archive.state(id));
    resident.sent++;
    return later(resident.ref.ask(type, body) as Promise<never>);
  }

  #redrive(id: string): Later<ExecutionStatus> {
    if (this.#archive.isInMemory(id))
      throw new TroupeError('CONFLICT', `Execution "${id}" was in memory only: start it again.`);
    if (this.#residents.isOpen(id)) return this.#ask(id, 'redrive', undefined);
    this.#archive.state(id);
    const resident = this.#residents.load(id);
    resident.sent++;
    return later(resident.ref.ask('redrive', undefined));
  }

  #watch(id: string, event: (event: ExecutionEvent) => void) {
    const resident = this.#residents.bring(id);
    if (!resident) {
      for (const past of this.#history(id) as readonly ExecutionEvent[]) event(past);
      return { stop: () => undefined };
    }
    resident.sent++;
    return later(resident.ref.ask('watch', { event }));
  }

  #result(id: string): Later<ExecutionResult> {
    return later(new Promise((resolve) => this.#whenEnded(id, resolve)));
  }

  #whenEnded(id: string, settled: (result: ExecutionResult) => void): void {
    if (!this.#residents.isOpen(id)) return settled(this.#archive.result(id));
    const waiters = this.#waiters.get(id);
    if (waiters) waiters.push(settled);
    else this.#waiters.set(id, [settled]);
  }

  #show(id: string): ExecutionView | Later<ExecutionView> {
    const resident = this.#residents.get(id);
    if (resident) {
      resident.sent++;
      return later(resident.ref.ask('show', undefined).then(({ view, outlook }) => this.#estimated(view, outlook)));
    }
    const state = this.#archive.state(id);
    const { workflow, version } = state.started;
    const compiled = this.#options.workflows.resolve(workflow, { version });
    return viewOf(state, compiled, {
      running: [],
      wakeAtMs: this.#residents.waiting(id)?.wakeAtMs ?? Number.POSITIVE_INFINITY,
    });
  }

  async #estimated(
    view: ExecutionView,
    outlook: WorkflowSchedulerMessages['estimate']['body'],
  ): Promise<ExecutionView> {
    const remainingMs = await this.#options.scheduler.ask('estimate', outlook).catch(() => undefined);
    return remainingMs ? { ...view, remainingMs } : view;
  }

  #history(id: string) {
    const resident = this.#residents.get(id);
    if (resident) {
      resident.sent++;
      return later(resident.ref.ask('history', undefined));
    }
    return this.#archive.history(id);
  }

  #known(id: string): { readonly workflow: string; readonly version: number } | undefined {
    return this.#residents.get(id)?.started ?? this.#residents.waiting(id) ?? this.#archive.workflowOf(id);
  }

  #ended(state: ExecutionState): void {
    const { id, status } = state;
    const resident = this.#residents.remove(id);
    if (!resident) return;
    if (status === 'succeeded' || status === 'failed' || status === 'cancelled') this.#counts[status]++;
    this.#counts.steps += state.steps.size;
    if (state.started.durability === 'memory' && !this.#invocations.has(id)) this.#archive.keep(state);
    this.#settle(id, resident, resultOf(state));
  }

  #settle(id: string, { started }: Resident, result: ExecutionResult): void {
    const { parent } = started;
    this.#invocations.settle(id, result);
    const waiters = this.#waiters.get(id);
    if (waiters) {
      this.#waiters.delete(id);
      for (const waiter of waiters) waiter(result);
    }
    if (!parent) return;
    this.#children.settle(id, result);
    // Where it is not in memory it goes on by asking for this child again.
    if (this.#residents.waiting(parent.executionId)) this.#residents.wake(parent.executionId);
  }

  /** A bug of ours: it fails, and everybody who waits is told. */
  #failed(id: string, resident: Resident, error: TroupeError): void {
    const { store, onFault } = this.#options;
    this.#counts.failed++;
    onFault(`Execution "${id}" failed: ${error.message}`);
    const result: ExecutionResult = { kind: 'failed', error: serializeError(error) };
    const settle = () => this.#settle(id, resident, result);
    if (resident.started.durability === 'memory') return settle();
    appendFailure(store, id, { error: result.error, atMs: this.#context.clock.wallMs() })
      .catch((thrown: unknown) => onFault(`That execution "${id}" failed is not on disk: ${thrown}`))
      .finally(settle);
  }

  #startChild(child: ChildStart, settled: (outcome: StepOutcome) => void): void {
    const parent = this.#residents.get(child.parentId);
    const id = this.#children.begin(child, {
      nowMs: this.#context.clock.nowMs(),
      wallMs: this.#context.clock.wallMs(),
      settled: (outcome) => {
        if (parent) parent.sent++;
        settled(outcome);
      },
    });
    try {
      const { workflow, input, depth, timeoutMs, parentId: executionId, step } = child;
      if (this.#residents.isOpen(id)) return;
      const ended = this.#known(id) && this.#archive.state(id);
      const isStale = ended?.status !== 'succeeded' && (ended?.endedAtMs ?? 0) <= (child.redrivenAtMs ?? -1);
      if (ended && !isStale) return this.#children.settle(id, resultOf(ended));
      if (ended) return void this.#redrive(id);
      const limit = timeoutMs === undefined ? {} : { timeoutMs };
      const compiled = this.#resolve(workflow, { version: undefined, alias: undefined });
      const resident = this.#spawnNew(
        id,
        compiled,
        { workflow, input, depth, parent: { executionId, step }, ...limit },
        false,
      );
      resident.sent++;
      resident.ref.tell('beginUnasked', undefined);
    } catch (thrown) {
      this.#children.settle(id, { kind: 'failed', error: serializeError(thrown) });
    }
  }

  #giveUp(id: string, reason: string): void {
    try {
      const resident = this.#residents.bring(id);
      if (!resident) return;
      resident.sent++;
      resident.ref.tell('giveUp', { reason });
    } catch (thrown) {
      this.#options.onFault(`Execution "${id}" could not be cancelled: ${thrown}`);
    }
  }

  #abandon(call: WorkflowCall): void {
    const id = this.#invocations.executionOf(call);
    if (id !== undefined) this.#giveUp(id, 'its caller gave it up');
  }

  /** Invoked executions may end; all others go on with the next host. */
  #drain(timeoutMs: number): Later<undefined> {
    this.#isDraining = true;
    const late = new Promise<void>((resolve) => {
      this.#context.after(timeoutMs, resolve);
    });
    return later(
      Promise.race([this.#invocations.whenSettled(), late]).then(() => {
        this.#invocations.refuseAll();
        return undefined;
      }),
    );
  }

  *#open(): Iterable<ExecutionSummary> {
    for (const open of this.#residents.allWaiting()) yield { ...open, durability: 'strict', steps: 0 };
    for (const [id, { started }] of this.#residents.entries()) yield summaryOfStart(id, started);
  }

  #stats(): WorkflowEngineStats {
    return { resident: this.#residents.size, waiting: this.#residents.waitingCount, ...this.#counts };
  }
}
