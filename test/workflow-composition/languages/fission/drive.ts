/**
 * An engine without I/O: loops decide, prepare and fold with a table of functions until the execution is over. Time is the count of events.
 * A test may take it step by step instead, choose which step ends next, write events of its own, or begin again from any part of the journal.
 */
import { type SerializedError, serializeError, TroupeError } from '../../../../src/errors.ts';
import { decodePayload, encodePayload } from '../../../../src/transport/codec.ts';
import type { ExecutionEvent } from '../../../../src/workflow-composition/events.ts';
import type { ExecutionState } from '../../../../src/workflow-composition/execution-state.ts';
import { apply, fold, isOver } from '../../../../src/workflow-composition/fold.ts';
import type { Decision, HttpStep, Language, StepAction } from '../../../../src/workflow-composition/language.ts';
import type { FissionDefinition } from '../../../../src/workflow-composition/languages/fission/definition.ts';
import type { Expressions } from '../../../../src/workflow-composition/languages/fission/expression.ts';
import { fissionLanguage } from '../../../../src/workflow-composition/languages/fission/language.ts';
import { fakeExpressions } from './fake-expressions.ts';

export interface CallContext {
  readonly step: string;
  readonly attempt: number;
}

export type FakeFunction = (input: never, context: CallContext) => unknown;

export interface DriveOptions {
  readonly input?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly functions?: Readonly<Record<string, FakeFunction>>;
  /** What a server answers with; it has these headers too. */
  readonly http?: (request: HttpStep) => unknown;
  readonly httpHeaders?: Readonly<Record<string, string>>;
  readonly signals?: readonly { readonly signal: string; readonly payload: unknown }[];
  readonly expressions?: Expressions;
  /** Which of those that run ends next; the oldest unless told. */
  readonly pick?: (running: readonly string[]) => number;
}

export type Outcome =
  | { readonly status: 'succeeded'; readonly output: unknown }
  | { readonly status: 'failed'; readonly error: SerializedError; readonly step: string | undefined }
  | { readonly status: 'cancelled' };

/** Without what the type does not tell. */
type Untimed<Event> = Event extends unknown ? Omit<Event, 'atMs'> : never;
export type NewEvent = Untimed<ExecutionEvent>;

/** More events than any test needs. */
const MAX_EVENTS = 100_000;

export class Drive {
  readonly language: Language<FissionDefinition>;
  readonly definition: FissionDefinition;
  readonly options: DriveOptions;
  readonly journal: ExecutionEvent[];
  /** Every decision so far. */
  readonly decisions: Decision[] = [];
  /** Whatever was prepared last, by step. */
  readonly actions = new Map<string, StepAction>();
  /** In the order in which they started. */
  readonly running = new Map<string, { readonly action: StepAction; readonly attempt: number }>();
  readonly calls: { readonly step: string; readonly target: string; readonly input: unknown }[] = [];
  state: ExecutionState;

  constructor(source: string | FissionDefinition, options: DriveOptions = {}, journal?: readonly ExecutionEvent[]) {
    this.options = options;
    this.language = fissionLanguage(options.expressions ?? fakeExpressions());
    this.definition = typeof source === 'string' ? this.language.parse(source, { file: 'test.wf.yaml' }) : source;
    this.journal = [...(journal ?? [startedWith(options)])];
    this.state = fold('execution-1', this.journal);
  }

  get started(): readonly string[] {
    return this.decisions.flatMap((decision) => (decision.kind === 'start' ? [decision.step] : []));
  }

  get isOver(): boolean {
    return isOver(this.state);
  }

  append(...events: readonly NewEvent[]): void {
    for (const event of events) {
      const timed = { ...event, atMs: this.journal.length } as ExecutionEvent;
      this.journal.push(timed);
      apply(this.state, timed);
    }
    if (this.journal.length > MAX_EVENTS) throw new Error('The execution goes on without end.');
  }

  /** As if the host had crashed now: all that is left is the journal. */
  restart(length = this.journal.length): Drive {
    const next = new Drive(this.definition, this.options, this.journal.slice(0, length));
    for (const step of next.state.steps.values()) next.#rearm(step.step);
    return next;
  }

  /** Decides, and does what can be done at once, until nothing more follows. */
  async advance(): Promise<this> {
    for (;;) {
      const decisions = this.isOver ? [] : this.language.decide(this.definition, this.state);
      if (decisions.length === 0) return this;
      this.decisions.push(...decisions);
      for (const decision of decisions) await this.#follow(decision);
    }
  }

  /** One of those that run comes to its end. */
  async end(step: string): Promise<this> {
    const running = this.running.get(step);
    if (running === undefined) throw new Error(`"${step}" does not run, but ${[...this.running.keys()].join(', ')}.`);
    this.running.delete(step);
    await this.#conclude(step, running);
    return this.advance();
  }

  async run(): Promise<Outcome> {
    await this.advance();
    while (!this.isOver) {
      const steps = [...this.running.keys()];
      const step = steps[this.options.pick?.(steps) ?? 0];
      if (step === undefined)
        throw new Error(`Nothing runs and it is not over: ${JSON.stringify([...this.state.steps])}`);
      await this.end(step);
    }
    return this.outcome();
  }

  outcome(): Outcome {
    const { status, output, error, failedStep } = this.state;
    if (status === 'succeeded') return { status, output: output && decodePayload(output) };
    if (status === 'failed' && error) return { status, error, step: failedStep };
    if (status === 'cancelled') return { status };
    throw new Error(`It is ${status}.`);
  }

  output(step: string): unknown {
    const output = this.state.steps.get(step)?.output;
    return output && decodePayload(output);
  }

  async #follow(decision: Decision): Promise<void> {
    switch (decision.kind) {
      case 'start':
        return this.#start(decision.step, 1);
      case 'cancel':
        this.running.delete(decision.step);
        return;
      case 'succeed':
        if ('outputOf' in decision) return this.append({ type: 'executionSucceeded', outputOf: decision.outputOf });
        return this.append({ type: 'executionSucceeded', output: encodePayload(decision.output) });
      case 'fail':
        return this.append({
          type: 'executionFailed',
          error: decision.error,
          ...(decision.step !== undefined && { step: decision.step }),
        });
      case 'cancelled':
        return this.append({ type: 'executionCancelled', reason: this.state.cancelReason ?? '' });
    }
  }

  async #start(step: string, attempt: number): Promise<void> {
    const action = await this.language.prepare(this.definition, this.state, step);
    this.actions.set(step, action);
    if (action.kind === 'output') return this.#succeed(step, { attempt, output: action.output, inputs: action.inputs });
    if (action.kind === 'fail') return this.append({ type: 'stepFailed', step, attempt, error: action.error });
    if (action.kind === 'sleep') {
      this.append({ type: 'timerStarted', step, dueAtMs: this.journal.length + action.durationMs });
    } else if (action.kind === 'await') {
      this.append({ type: 'signalAwaited', step, signal: action.signal });
    }
    this.running.set(step, { action, attempt });
  }

  async #conclude(step: string, { action, attempt }: { action: StepAction; attempt: number }): Promise<void> {
    try {
      const { output, headers, tookSignal } = await this.#outputOf(step, action, attempt);
      const inputs = 'inputs' in action ? action.inputs : undefined;
      this.#succeed(step, { attempt, output, headers, inputs, tookSignal });
    } catch (thrown) {
      const error = serializeError(thrown);
      const retry = 'retry' in action ? action.retry : undefined;
      if (retry === undefined || attempt >= retry.maxAttempts) {
        this.append({ type: 'stepFailed', step, attempt, error });
        return;
      }
      this.append({ type: 'stepFailed', step, attempt, error, retryAtMs: this.journal.length + retry.delayMs });
      await this.#start(step, attempt + 1);
    }
  }

  async #outputOf(step: string, action: StepAction, attempt: number): Promise<Ended> {
    switch (action.kind) {
      case 'call': {
        this.calls.push({ step, target: action.target, input: action.input });
        const called = this.options.functions?.[action.target];
        if (called === undefined)
          throw new TroupeError('FUNCTION_NOT_FOUND', `There is no function "${action.target}".`);
        return { output: await callFake(called, action.input, { step, attempt }) };
      }
      case 'http':
        return { output: await this.options.http?.(action.request), headers: this.options.httpHeaders };
      case 'await': {
        const given = this.options.signals?.find(({ signal }) => signal === action.signal);
        if (given === undefined) throw new TroupeError('TIMEOUT', `There was no signal "${action.signal}".`);
        return { output: given.payload, tookSignal: action.signal };
      }
      default:
        return { output: undefined };
    }
  }

  #succeed(
    step: string,
    { attempt, output, headers, inputs, tookSignal }: Ended & { attempt: number; inputs?: unknown },
  ): void {
    this.append({
      type: 'stepSucceeded',
      step,
      attempt,
      output: encodePayload(output),
      ...(headers && { headers }),
      ...(inputs !== undefined && { inputs: encodePayload(inputs) }),
      ...(tookSignal !== undefined && { tookSignal }),
    });
  }

  /** What the journal knows as unfinished waits on. */
  #rearm(step: string): void {
    const { status, attempts, signal } = this.state.steps.get(step) ?? {};
    if (status === 'sleeping') this.running.set(step, { action: { kind: 'sleep', durationMs: 0 }, attempt: 1 });
    if (status === 'awaiting') this.running.set(step, { action: { kind: 'await', signal: signal ?? '' }, attempt: 1 });
    if (status !== 'retrying') return;
    const action = this.language.prepare(this.definition, this.state, step);
    if (action instanceof Promise) throw new Error('A retry whose inputs come later cannot be armed again here.');
    this.running.set(step, { action, attempt: (attempts ?? 0) + 1 });
  }
}

interface Ended {
  readonly output: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly tookSignal?: string | undefined;
}

/** Runs it to its end. */
export async function drive(source: string, options: DriveOptions = {}): Promise<Outcome & { readonly drive: Drive }> {
  const driven = new Drive(source, options);
  return { ...(await driven.run()), drive: driven };
}

async function callFake(called: FakeFunction, input: unknown, context: CallContext): Promise<unknown> {
  try {
    return await called(input as never, context);
  } catch (thrown) {
    if (thrown instanceof TroupeError) throw thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    throw new TroupeError('FUNCTION_ERROR', `It threw: ${message}`, { cause: thrown });
  }
}

function startedWith({ input, headers, query }: DriveOptions): ExecutionEvent {
  return {
    type: 'executionStarted',
    atMs: 0,
    workflow: 'test',
    version: 3,
    input: encodePayload(input),
    durability: 'strict',
    depth: 0,
    ...(headers && { headers }),
    ...(query && { query }),
  };
}
