/** Journal -> state. Pure. `apply` changes the state that it is given: an execution of a thousand steps must not copy a thousand of them each time. */
import { TroupeError } from '../errors.ts';
import type { ExecutionEvent, ExecutionStarted } from './events.ts';
import type { ExecutionState, StepState } from './execution-state.ts';

/** Throws `JOURNAL_UNREADABLE` where the journal does not begin with a start, or has an event that this program does not know. */
export function fold(id: string, events: readonly ExecutionEvent[]): ExecutionState {
  const [first, ...rest] = events;
  if (first?.type !== 'executionStarted') throw unreadable(id, 0, 'does not begin with the start of an execution');
  const state = begin(id, first);
  for (const event of rest) apply(state, event);
  return state;
}

export function begin(id: string, { type: _, ...started }: ExecutionStarted): ExecutionState {
  return {
    id,
    started,
    status: 'running',
    length: 1,
    steps: new Map(),
    signals: [],
    takenBack: new Map(),
    updatedAtMs: started.atMs,
    changed: [],
    derived: undefined,
  };
}

/** The step as those outside know it: the same for each attempt, and another one once it was taken back and runs anew. */
export function deedOf({ takenBack }: Pick<ExecutionState, 'takenBack'>, step: string): string {
  const times = takenBack.get(step);
  return times === undefined ? step : `${step}#${times + 1}`;
}

export function isOver({ status }: Pick<ExecutionState, 'status'>): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled';
}

export function apply(state: ExecutionState, event: ExecutionEvent): void {
  const step = applied(state, event);
  if (step) state.changed.push(step.step);
  state.length++;
  state.updatedAtMs = event.atMs;
}

/** The step that it was about. */
function applied(state: ExecutionState, event: ExecutionEvent): StepState | undefined {
  switch (event.type) {
    case 'stepSucceeded': {
      if (event.tookSignal !== undefined) takeSignal(state, event.tookSignal);
      const { attempt: attempts, output, headers, inputs, timing } = event;
      return change(state, event, { status: 'succeeded', attempts, output, headers, inputs, timing });
    }
    case 'stepFailed': {
      const { attempt: attempts, error, retryAtMs: dueAtMs, timing } = event;
      const status = dueAtMs === undefined ? 'failed' : 'retrying';
      return change(state, event, { status, attempts, error, dueAtMs, timing });
    }
    case 'timerStarted':
      return change(state, event, { status: 'sleeping', attempts: 0, dueAtMs: event.dueAtMs });
    case 'signalAwaited': {
      const { dueAtMs, signal } = event;
      return change(state, event, { status: 'awaiting', attempts: 0, dueAtMs, signal });
    }
    case 'signalReceived':
      state.signals.push({ signal: event.signal, payload: event.payload });
      return undefined;
    case 'executionRedriven':
      for (const step of event.steps) {
        if (state.steps.get(step)?.status === 'succeeded')
          state.takenBack.set(step, (state.takenBack.get(step) ?? 0) + 1);
        state.steps.delete(step);
      }
      reopen(state, event.atMs);
      return undefined;
    default:
      applyToWhole(state, event);
      return undefined;
  }
}

function applyToWhole(state: ExecutionState, event: ExecutionEvent): void {
  switch (event.type) {
    case 'executionPaused':
      state.status = 'paused';
      return;
    case 'executionResumed':
      state.status = 'running';
      return;
    case 'cancelRequested':
      state.status = 'cancelling';
      state.cancelReason = event.reason;
      return;
    case 'executionSucceeded': {
      state.status = 'succeeded';
      const output = event.outputOf === undefined ? event.output : state.steps.get(event.outputOf)?.output;
      if (output !== undefined) state.output = output;
      break;
    }
    case 'executionFailed':
      state.status = 'failed';
      state.error = event.error;
      if (event.step !== undefined) state.failedStep = event.step;
      break;
    case 'executionCancelled':
      state.status = 'cancelled';
      state.cancelReason = event.reason;
      break;
    default:
      throw unreadable(state.id, state.length, `has an event of type ${JSON.stringify(event.type)}`);
  }
  state.endedAtMs = event.atMs;
}

type Outcome = Pick<StepState, 'status' | 'attempts'> & {
  readonly [Key in Exclude<keyof StepState, 'step' | 'status' | 'attempts' | 'atMs'>]?: StepState[Key] | undefined;
};

function change(
  state: ExecutionState,
  { step, atMs }: { readonly step: string; readonly atMs: number },
  outcome: Outcome,
): StepState {
  const next: StepState = { step, atMs, status: outcome.status, attempts: outcome.attempts };
  const { output, headers, inputs, error, dueAtMs, signal, timing } = outcome;
  if (output !== undefined) next.output = output;
  if (headers !== undefined) next.headers = headers;
  if (inputs !== undefined) next.inputs = inputs;
  if (error !== undefined) next.error = error;
  if (dueAtMs !== undefined) next.dueAtMs = dueAtMs;
  if (signal !== undefined) next.signal = signal;
  if (timing !== undefined) next.timing = timing;
  state.steps.set(step, next);
  return next;
}

function takeSignal(state: ExecutionState, name: string): void {
  const index = state.signals.findIndex(({ signal }) => signal === name);
  if (index >= 0) state.signals.splice(index, 1);
}

/** Whatever the language has derived counted on the steps that are gone. */
function reopen(state: ExecutionState, atMs: number): void {
  state.redrivenAtMs = atMs;
  state.status = 'running';
  state.derived = undefined;
  state.changed = [...state.steps.keys()];
  delete state.endedAtMs;
  delete state.error;
  delete state.failedStep;
  delete state.cancelReason;
  delete state.output;
}

function unreadable(id: string, index: number, why: string): TroupeError {
  return new TroupeError(
    'JOURNAL_UNREADABLE',
    `The journal of execution "${id}" ${why}, at event ${index}: this program cannot go on with it.`,
    { details: { executionId: id, event: index } },
  );
}
