/**
 * The steps of one execution that have been started and have not ended. Sends them to where they run once the journal allows it, and takes them
 * back. Says what came of each; what that means for the execution is not its business.
 */
import { serializeError, TroupeError, toTroupeError } from '../../errors.ts';
import { FifoQueue } from '../../kernel/fifo-queue.ts';
import { Heartbeat } from '../../kernel/heartbeat.ts';
import type { ExecutionState } from '../execution-state.ts';
import { deedOf } from '../fold.ts';
import type { ExecutionHost, Run } from './execution-protocol.ts';
import { noSignOfLife } from './faults.ts';
import type { StepCall, StepOutcome } from './protocol.ts';

/** An HTTP answer that a task sets no time for. */
const HTTP_TIMEOUT_MS = 30_000;

export interface StepRunnerParts {
  readonly host: ExecutionHost;
  readonly state: ExecutionState;
  /** In a later turn. */
  readonly settled: (run: Run, outcome: StepOutcome) => void;
}

export class StepRunner {
  readonly #parts: StepRunnerParts;
  readonly #runs = new Map<string, Run>();
  readonly #ready = new FifoQueue<{ readonly run: Run; readonly after: number }>();

  constructor(parts: StepRunnerParts) {
    this.#parts = parts;
  }

  get(step: string): Run | undefined {
    return this.#runs.get(step);
  }

  /** Whether nothing would come by itself but what has a time of its own, or ends in an execution of its own. */
  get isQuiet(): boolean {
    for (const { phase, isChild } of this.#runs.values()) if (phase !== 'pausing' && !isChild) return false;
    return true;
  }

  get hasChildren(): boolean {
    for (const { isChild } of this.#runs.values()) if (isChild) return true;
    return false;
  }

  /** Whether one of them is to be an execution of its own. */
  get hasWorkflows(): boolean {
    for (const { action } of this.#runs.values())
      if (action?.kind === 'call' && this.#parts.host.isWorkflow(action.target)) return true;
    return false;
  }

  all(): Iterable<Run> {
    return this.#runs.values();
  }

  begin(step: string, attempt: number): Run {
    const { clock } = this.#parts.host;
    const run: Run = { step, attempt, phase: 'preparing', startedAtMs: clock.wallMs(), startedMs: clock.nowMs() };
    this.#runs.set(step, run);
    return run;
  }

  /** It has ended, or was never sent. */
  end(run: Run): void {
    if (this.#runs.get(run.step) === run) this.#runs.delete(run.step);
  }

  isCurrent(run: Run): boolean {
    return this.#runs.get(run.step) === run;
  }

  /** To be sent once so many events are on disk. */
  queue(run: Run, after: number): void {
    run.phase = 'ready';
    this.#ready.push({ run, after });
  }

  /** `isFlushed`: whether what a step may have seen cannot be taken back any more. */
  send(isFlushed: (length: number) => boolean): void {
    for (let next = this.#ready.peek(); next && isFlushed(next.after); next = this.#ready.peek()) {
      this.#ready.shift();
      if (this.isCurrent(next.run)) this.#start(next.run);
    }
  }

  take(step: string): void {
    const run = this.#runs.get(step);
    this.#runs.delete(step);
    run?.cancel?.();
  }

  /** Executions of their own go on; whoever goes on with this one finds them. */
  leave(): void {
    for (const { step, isChild } of [...this.#runs.values()]) if (!isChild) this.take(step);
  }

  takeAll(): void {
    for (const step of [...this.#runs.keys()]) this.take(step);
  }

  #start(run: Run): void {
    const { host, state, settled } = this.#parts;
    const { action } = run;
    if (!action) return;
    run.phase = 'inside';
    run.startedAtMs = host.clock.wallMs();
    run.startedMs = host.clock.nowMs();
    const tell = (outcome: StepOutcome) => settled(run, outcome);
    if (action.kind === 'http') return this.#request(run, action, tell);
    try {
      const payload = host.encode(action.input);
      const { target, timeoutMs } = action;
      const depth = state.started.depth + 1;
      const limit = timeoutMs === undefined ? {} : { timeoutMs };
      const { redrivenAtMs } = state;
      const redriven = redrivenAtMs === undefined ? {} : { redrivenAtMs };
      const deed = deedOf(state, run.step);
      run.isChild = host.isWorkflow(target);
      const handle = run.isChild
        ? host.startChild(
            {
              parentId: state.id,
              step: run.step,
              deed,
              attempt: run.attempt,
              workflow: target,
              input: payload,
              depth,
              ...limit,
              ...redriven,
            },
            tell,
          )
        : this.#call(
            run,
            { functionName: target, payload, idempotencyKey: `${state.id}/${deed}`, depth, ...limit },
            tell,
          );
      run.cancel = () => handle.cancel();
    } catch (thrown) {
      tell(this.#failed(run, thrown));
    }
  }

  #call(run: Run, call: StepCall, tell: (outcome: StepOutcome) => void): { cancel(): void } {
    const { callFunction, clock } = this.#parts.host;
    const heartbeatMs = run.action?.kind === 'call' ? run.action.heartbeatMs : undefined;
    if (heartbeatMs === undefined) return callFunction(call, tell);
    let isOver = false;
    const end = (outcome: StepOutcome) => {
      if (isOver) return;
      isOver = true;
      heartbeat.stop();
      tell(outcome);
    };
    const heartbeat = new Heartbeat(clock, heartbeatMs, () => {
      end(this.#failed(run, noSignOfLife(run.step, heartbeatMs)));
      handle.cancel();
    });
    const handle = callFunction({ ...call, alive: () => heartbeat.beat() }, end);
    return {
      cancel() {
        heartbeat.stop();
        handle.cancel();
      },
    };
  }

  #request(run: Run, action: Extract<Run['action'], { kind: 'http' }>, tell: (outcome: StepOutcome) => void): void {
    const { host } = this.#parts;
    const controller = new AbortController();
    run.cancel = () => controller.abort();
    const timeoutMs = action.timeoutMs ?? HTTP_TIMEOUT_MS;
    host.sendRequest(action.request, { signal: controller.signal, timeoutMs }).then(
      ({ body, headers }) => {
        try {
          tell({ kind: 'succeeded', payload: host.encode(body), headers, timing: this.#timing(run), isCold: false });
        } catch (thrown) {
          tell(this.#failed(run, thrown));
        }
      },
      (thrown: unknown) => tell(this.#failed(run, thrown)),
    );
  }

  #failed(run: Run, thrown: unknown): StepOutcome {
    const error = thrown instanceof TroupeError ? thrown : toTroupeError(serializeError(thrown));
    return { kind: 'failed', error, timing: this.#timing(run), isCold: false };
  }

  #timing({ startedAtMs, startedMs }: Run) {
    const runMs = this.#parts.host.clock.nowMs() - startedMs;
    return { startedAtMs, queueMs: 0, coldStartMs: 0, runMs };
  }
}
