/** What happens to the steps of one execution, made into events: what they are to do, what came of it, and what their time, or a signal, brings. */
import { type SerializedError, serializeError, TroupeError } from '../../errors.ts';
import type { DueQueue } from '../../kernel/due-queue.ts';
import { retryDelayMs } from '../../kernel/retry-policy.ts';
import type { ExecutionEvent } from '../events.ts';
import type { ExecutionState } from '../execution-state.ts';
import type { StepAction } from '../language.ts';
import type { ExecutionHost, Run } from './execution-protocol.ts';
import type { StepOutcome } from './protocol.ts';
import type { StepRunner } from './step-runner.ts';

export interface StepJournalParts {
  readonly host: ExecutionHost;
  readonly state: ExecutionState;
  readonly steps: StepRunner;
  readonly due: DueQueue<string>;
  readonly record: (event: ExecutionEvent) => void;
  /** From its beginning: the language is asked what it is to do. */
  readonly start: (step: string) => void;
}

export class StepJournal {
  readonly #parts: StepJournalParts;

  constructor(parts: StepJournalParts) {
    this.#parts = parts;
  }

  /** What the language has it do: what can be done at once is, the rest is queued. */
  perform(run: Run, action: StepAction): void {
    const { step, attempt } = run;
    const atMs = this.#wallMs;
    switch (action.kind) {
      case 'call':
      case 'http':
        run.action = action;
        return this.#parts.steps.queue(run, this.#state.length);
      case 'output':
        this.#parts.steps.end(run);
        return this.#store(step, () => {
          const { encode } = this.#host;
          const inputs = action.inputs === undefined ? {} : { inputs: encode(action.inputs) };
          return { type: 'stepSucceeded', step, attempt, output: encode(action.output ?? null), ...inputs, atMs };
        });
      case 'fail':
        this.#parts.steps.end(run);
        return this.fail(step, action.error);
      case 'sleep': {
        this.#parts.steps.end(run);
        const dueAtMs = atMs + Math.max(0, action.durationMs);
        this.#parts.due.push(dueAtMs, step);
        return this.#parts.record({ type: 'timerStarted', step, dueAtMs, atMs });
      }
      case 'await':
        this.#parts.steps.end(run);
        return this.#await(step, action);
    }
  }

  /** It has come back from where it ran. */
  settled(run: Run, outcome: StepOutcome): void {
    if (outcome.kind === 'failed') return this.#retryOrFail(run, outcome);
    const { step, attempt, action } = run;
    const { headers, payload, timing } = outcome;
    this.#parts.steps.end(run);
    this.#store(step, () => {
      const inputs = action?.inputs === undefined ? {} : { inputs: this.#host.encode(action.inputs) };
      const output = payload.length === 0 ? this.#host.encode(null) : payload;
      const atMs = this.#wallMs;
      return { type: 'stepSucceeded', step, attempt, output, ...inputs, ...(headers && { headers }), timing, atMs };
    });
  }

  /** The next attempt, of which the action may be known still. */
  retry(step: string, attempt: number): void {
    const { steps, start } = this.#parts;
    const run = steps.get(step);
    if (!run?.action) return start(step);
    if (run.phase !== 'pausing') return;
    run.attempt = attempt;
    steps.queue(run, this.#state.length);
  }

  /** The step that has waited longest for it, if one does, has it; else it is kept. */
  signal(signal: string, payload: Uint8Array): void {
    this.#parts.record({ type: 'signalReceived', signal, payload, atMs: this.#wallMs });
    const step = this.#awaiting(signal);
    const pending = step === undefined ? undefined : this.#state.signals.find((each) => each.signal === signal);
    if (step !== undefined && pending) this.#take(step, pending);
  }

  #await(step: string, { signal, timeoutMs }: Extract<StepAction, { kind: 'await' }>): void {
    const atMs = this.#wallMs;
    const pending = this.#state.signals.find((each) => each.signal === signal);
    if (pending) return this.#take(step, pending);
    const due = timeoutMs === undefined ? {} : { dueAtMs: atMs + timeoutMs };
    if (due.dueAtMs !== undefined) this.#parts.due.push(due.dueAtMs, step);
    this.#parts.record({ type: 'signalAwaited', step, signal, ...due, atMs });
  }

  #take(step: string, { signal: tookSignal, payload: output }: ExecutionState['signals'][number]): void {
    this.#parts.record({ type: 'stepSucceeded', step, attempt: 1, output, tookSignal, atMs: this.#wallMs });
  }

  /** A host that ended between a signal's arrival and its being taken. */
  takeBufferedSignals(): void {
    for (const pending of [...this.#state.signals]) {
      const step = this.#awaiting(pending.signal);
      if (step !== undefined) this.#take(step, pending);
    }
  }

  #awaiting(signal: string): string | undefined {
    for (const each of this.#state.steps.values())
      if (each.status === 'awaiting' && each.signal === signal) return each.step;
    return undefined;
  }

  #retryOrFail(run: Run, { error, timing }: Extract<StepOutcome, { kind: 'failed' }>): void {
    const { step, attempt, action } = run;
    const failure = serializeError(error);
    const { random } = this.#host;
    const delayMs = retryDelayMs(failure, { attempt, policy: action?.retry, random });
    const atMs = this.#wallMs;
    if (delayMs === undefined) {
      this.#parts.steps.end(run);
      return this.#parts.record({ type: 'stepFailed', step, attempt, error: failure, timing, atMs });
    }
    const retryAtMs = atMs + delayMs;
    run.phase = 'pausing';
    delete run.cancel;
    this.#parts.record({ type: 'stepFailed', step, attempt, error: failure, retryAtMs, timing, atMs });
    this.#parts.due.push(retryAtMs, step);
  }

  /** What it has put out may be too large, or nothing that can be stored: then the step has failed. */
  #store(step: string, event: () => ExecutionEvent): void {
    let made: ExecutionEvent;
    try {
      made = event();
    } catch (thrown) {
      return this.fail(step, serializeError(thrown));
    }
    this.#parts.record(made);
  }

  /** Nothing happens to one that has ended. */
  fail(step: string, error: SerializedError): void {
    const known = this.#state.steps.get(step);
    if (known?.status === 'succeeded' || known?.status === 'failed') return;
    const attempt = (known?.attempts ?? 0) + 1;
    this.#parts.record({ type: 'stepFailed', step, attempt, error, atMs: this.#wallMs });
  }

  /** Its time, or that of one of its attempts, has come. */
  dueNow(step: string): void {
    const known = this.#state.steps.get(step);
    // One of its earlier times.
    if (!known || known.dueAtMs === undefined || known.dueAtMs > this.#wallMs) return;
    if (known.status === 'sleeping') {
      this.#store(step, () => ({
        type: 'stepSucceeded',
        step,
        attempt: 1,
        output: this.#host.encode(null),
        atMs: this.#wallMs,
      }));
    } else if (known.status === 'awaiting') {
      this.fail(step, serializeError(new TroupeError('TIMEOUT', `No signal "${known.signal}" came in time.`)));
    } else if (known.status === 'retrying' && this.#state.status !== 'paused') this.retry(step, known.attempts + 1);
  }

  get #state(): ExecutionState {
    return this.#parts.state;
  }

  get #host(): ExecutionHost {
    return this.#parts.host;
  }

  get #wallMs(): number {
    return this.#host.clock.wallMs();
  }
}
