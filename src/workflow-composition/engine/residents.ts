/**
 * Which unfinished executions are in memory, and which are on disk only until their time comes or somebody asks for them. One that has nothing to
 * do leaves memory when nothing that it was sent is still on its way to it (invariant 5).
 */
import { TroupeError } from '../../errors.ts';
import type { CancelTimer } from '../../kernel/clock.ts';
import { DueQueue } from '../../kernel/due-queue.ts';
import type { ActorContext, ActorRef } from '../../kernel/protocol.ts';
import type { ExecutionStarted } from '../events.ts';
import type { ExecutionState } from '../execution-state.ts';
import type { ExecutionStore, OpenExecution } from '../execution-store/protocol.ts';
import { fold } from '../fold.ts';
import type { CompiledWorkflow, WorkflowTable } from '../registry/protocol.ts';
import { executionActor } from './execution.ts';
import type { EngineMessages, ExecutionHost, ExecutionMessages } from './execution-protocol.ts';
import { executionNotFound } from './faults.ts';

/** Executions that are taken up again in one turn after a start. */
const RESUMED_PER_TURN = 64;

export interface Resident {
  readonly ref: ActorRef<ExecutionMessages>;
  readonly started: Omit<ExecutionStarted, 'type'>;
  /** Messages that it was sent and that it counts. */
  sent: number;
}

export interface ResidentsParts {
  readonly context: ActorContext<EngineMessages>;
  readonly host: ExecutionHost;
  readonly store: ExecutionStore;
  readonly workflows: WorkflowTable;
  readonly onFault: (fault: string) => void;
  /** Its actor has failed: a bug. It is not resident any more. */
  readonly failed: (id: string, resident: Resident, error: TroupeError) => void;
}

export class Residents {
  readonly #parts: ResidentsParts;
  readonly #residents = new Map<string, Resident>();
  /** Unfinished, on disk, and with nothing to do. */
  readonly #waiting = new Map<string, OpenExecution>();
  readonly #due = new DueQueue<string>();
  /** One that is brought back may come before its last life has quite ended. */
  #spawned = 0;
  #timer: { readonly atMs: number; readonly cancel: CancelTimer } | undefined;

  constructor(parts: ResidentsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#residents.size;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  get(id: string): Resident | undefined {
    return this.#residents.get(id);
  }

  waiting(id: string): OpenExecution | undefined {
    return this.#waiting.get(id);
  }

  isOpen(id: string): boolean {
    return this.#residents.has(id) || this.#waiting.has(id);
  }

  entries(): Iterable<[string, Resident]> {
    return this.#residents;
  }

  allWaiting(): Iterable<OpenExecution> {
    return this.#waiting.values();
  }

  /** Every unfinished execution goes on: those that only wait when it is their time, the others now. */
  recover(): void {
    const { store, context } = this.#parts;
    const ready: string[] = [];
    for (const open of store.open()) {
      this.#leave(open);
      if (!open.isWaiting) ready.push(open.id);
    }
    const next = () => {
      for (const id of ready.splice(0, RESUMED_PER_TURN)) this.wake(id);
      if (ready.length > 0) context.after(0, next);
    };
    // What they call is loaded and announced by then.
    if (ready.length > 0) context.after(0, next);
    this.#arm();
  }

  /** In memory from now on; undefined where there is no such unfinished execution. Throws where its journal cannot be read. */
  bring(id: string): Resident | undefined {
    const resident = this.#residents.get(id);
    if (resident) return resident;
    const open = this.#waiting.get(id);
    if (!open) return undefined;
    const loaded = this.load(id, open);
    loaded.sent++;
    loaded.ref.tell('beginUnasked', undefined);
    return loaded;
  }

  /** One that has ended, too. It does nothing yet. */
  load(id: string, listed?: OpenExecution): Resident {
    const { store, workflows } = this.#parts;
    const events = store.read(id);
    if (!events) throw executionNotFound(id);
    const state = fold(id, events);
    const { workflow, version } = state.started;
    const compiled = workflows.resolve(workflow, { version });
    this.#waiting.delete(id);
    return this.spawn(state, compiled, { flushed: events.length, isInvoked: false, ...(listed && { listed }) });
  }

  spawn(
    state: ExecutionState,
    compiled: CompiledWorkflow,
    rest: { readonly flushed: number; readonly isInvoked: boolean; readonly listed?: OpenExecution },
  ): Resident {
    const { context, host, failed } = this.#parts;
    const { id, started } = state;
    const ref = context.spawn(
      executionActor(`${encodeURIComponent(id)}.${(this.#spawned++).toString(36)}`, { host, compiled, state, ...rest }),
    );
    const resident: Resident = { ref, started, sent: 0 };
    this.#residents.set(id, resident);
    context.watch(ref, ({ reason, error }) => {
      if (reason !== 'failed' || this.#residents.get(id) !== resident) return;
      this.#residents.delete(id);
      failed(id, resident, error ?? new TroupeError('INTERNAL', `Execution "${id}" ended without a word.`));
    });
    return resident;
  }

  /** Resolves once the start of this execution is durable: a second start is told no earlier than the first one. */
  async whenStarted(id: string): Promise<void> {
    const resident = this.#residents.get(id);
    // One that is not in memory came from the disk.
    if (!resident) return;
    resident.sent++;
    try {
      await resident.ref.ask('confirm', undefined);
    } catch (thrown) {
      // It may have ended meanwhile, which is durable too.
      if (this.#residents.get(id) === resident) throw thrown;
    }
  }

  wake(id: string): void {
    try {
      this.bring(id);
    } catch (thrown) {
      // It stays as it is: a newer program, or a repaired store, may go on with it.
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      this.#parts.onFault(`Execution "${id}" cannot go on: ${why}`);
    }
  }

  /** It has nothing to do; `handled` messages have reached it. */
  idle(id: string, handled: number, open: OpenExecution): void {
    const resident = this.#residents.get(id);
    if (!resident || resident.sent !== handled) return;
    this.#end(id, resident);
    this.#leave(open);
    this.#arm();
  }

  /** It has ended. */
  remove(id: string): Resident | undefined {
    const resident = this.#residents.get(id);
    if (resident) this.#end(id, resident);
    return resident;
  }

  #end(id: string, { ref }: Resident): void {
    this.#residents.delete(id);
    this.#parts.context.stop(ref);
  }

  #leave(open: OpenExecution): void {
    this.#waiting.set(open.id, open);
    if (open.wakeAtMs !== undefined) this.#due.push(open.wakeAtMs, open.id);
  }

  #arm(): void {
    const atMs = this.#due.nextMs;
    if (this.#timer?.atMs === atMs || atMs === Number.POSITIVE_INFINITY) return;
    this.#timer?.cancel();
    const { context } = this.#parts;
    const delayMs = Math.max(0, atMs - context.clock.wallMs());
    this.#timer = { atMs, cancel: context.after(delayMs, () => this.#wakeDue()) };
  }

  #wakeDue(): void {
    this.#timer = undefined;
    const wallMs = this.#parts.context.clock.wallMs();
    for (let id = this.#due.takeDue(wallMs); id !== undefined; id = this.#due.takeDue(wallMs)) {
      const wakeAtMs = this.#waiting.get(id)?.wakeAtMs;
      if (wakeAtMs !== undefined && wakeAtMs <= wallMs) this.wake(id);
    }
    this.#arm();
  }
}
