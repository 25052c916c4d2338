/** The smallest language that an engine can be tested with: JSON, one level of tasks, no expressions. */
import { serializeError, TroupeError } from '../../../src/errors.ts';
import type { RetryPolicy } from '../../../src/kernel/retry-policy.ts';
import { decodePayload } from '../../../src/transport/codec.ts';
import type { ExecutionState, StepState } from '../../../src/workflow-composition/execution-state.ts';
import type { Decision, Language, StepAction } from '../../../src/workflow-composition/language.ts';

export interface GraphTask {
  /** A function or a workflow; the input is the outputs of `after`, or the execution's own. */
  readonly run?: string;
  readonly after?: readonly string[];
  readonly sleepMs?: number;
  readonly signal?: string;
  readonly signalTimeoutMs?: number;
  readonly output?: unknown;
  readonly retry?: Partial<RetryPolicy>;
  readonly timeoutMs?: number;
  readonly heartbeatMs?: number;
  /** Called in reverse order once the execution has failed or is cancelled. */
  readonly undo?: string;
}

export interface Graph {
  readonly tasks: Readonly<Record<string, GraphTask>>;
  readonly output: string;
  readonly timeoutMs?: number;
}

const RETRY: RetryPolicy = { maxAttempts: 1, delayMs: 1_000, backoff: 2, maxDelayMs: 60_000, jitter: 'none' };

export const graphLanguage: Language<Graph> = {
  name: 'graph',
  parse: (source) => JSON.parse(source) as Graph,
  decide,
  prepare,
  redrive: (_, { steps }) =>
    [...steps.values()]
      .filter(({ status, step }) => status !== 'succeeded' || step.startsWith('undo-') || steps.has(`undo-${step}`))
      .map(({ step }) => step),
  outlook: ({ tasks }, { steps }, limit) =>
    Object.entries(tasks)
      .filter(([step]) => !steps.has(step))
      .slice(0, limit)
      .map(([key, { run, after = [] }]) => ({ key, target: run, after })),
  profileKey: (step) => step,
  graph: ({ tasks }) => ({
    nodes: Object.entries(tasks).map(([step, { run, after = [] }]) => ({ step, label: run ?? step, after })),
  }),
  describe: ({ tasks, timeoutMs }) => ({
    description: '',
    targets: Object.entries(tasks).flatMap(([by, { run }]) => (run === undefined ? [] : [{ name: run, by }])),
    tasks: Object.keys(tasks).length,
    ...(timeoutMs !== undefined && { timeoutMs }),
  }),
};

function decide(graph: Graph, state: ExecutionState): readonly Decision[] {
  state.derived ??= new Set<string>();
  const named = state.derived as Set<string>;
  state.changed.length = 0;
  const isCancelling = state.status === 'cancelling';
  const failed = isCancelling ? undefined : [...state.steps.values()].find(isFailed);
  if (failed || isCancelling) return unwind(graph, state, named, failed?.step);
  if (state.steps.get(graph.output)?.status === 'succeeded') return [{ kind: 'succeed', outputOf: graph.output }];
  if (state.status === 'paused') return [];
  return Object.entries(graph.tasks)
    .filter(([step, { after = [] }]) => {
      const isReady = after.every((each) => state.steps.get(each)?.status === 'succeeded');
      return isReady && !state.steps.has(step) && !named.has(step);
    })
    .map(([step]) => {
      named.add(step);
      return { kind: 'start', step };
    });
}

function isFailed({ status, step, error }: StepState): boolean {
  return status === 'failed' && error?.code !== 'CANCELLED' && !step.startsWith('undo-');
}

function unwind(graph: Graph, state: ExecutionState, named: Set<string>, failed: string | undefined): Decision[] {
  const over = (step: string) => ['succeeded', 'failed'].includes(state.steps.get(step)?.status ?? '');
  const running = [...named, ...state.steps.keys()].filter((step) => !step.startsWith('undo-') && !over(step));
  if (running.length > 0) {
    for (const step of running) named.delete(step);
    return running.map((step) => ({ kind: 'cancel', step }));
  }
  const done = [...state.steps.values()].filter(
    ({ status, step }) => status === 'succeeded' && graph.tasks[step]?.undo,
  );
  for (const { step } of done.reverse()) {
    const undo = `undo-${step}`;
    if (over(undo)) continue;
    if (named.has(undo)) return [];
    named.add(undo);
    return [{ kind: 'start', step: undo }];
  }
  if (failed === undefined) return [{ kind: 'cancelled' }];
  const cause = state.steps.get(failed)?.error;
  const error = serializeError(new TroupeError('STEP_FAILED', `Task "${failed}" failed: ${cause?.message}`));
  return [{ kind: 'fail', step: failed, error: { ...error, ...(cause && { cause }) } }];
}

function prepare({ tasks }: Graph, state: ExecutionState, step: string): StepAction {
  if (step.startsWith('undo-')) return { kind: 'call', target: tasks[step.slice(5)]?.undo ?? '', input: step };
  const task = tasks[step] ?? {};
  if (task.sleepMs !== undefined) return { kind: 'sleep', durationMs: task.sleepMs };
  if (task.signal !== undefined) {
    const patience = task.signalTimeoutMs === undefined ? {} : { timeoutMs: task.signalTimeoutMs };
    return { kind: 'await', signal: task.signal, ...patience };
  }
  const outputs = (task.after ?? []).map((each) => decoded(state.steps.get(each)?.output));
  if (task.run === undefined) return { kind: 'output', output: task.output ?? outputs };
  const input = outputs.length > 0 ? outputs : decoded(state.started.input);
  return {
    kind: 'call',
    target: task.run,
    input,
    ...(task.retry && { retry: { ...RETRY, ...task.retry } }),
    ...(task.timeoutMs !== undefined && { timeoutMs: task.timeoutMs }),
    ...(task.heartbeatMs !== undefined && { heartbeatMs: task.heartbeatMs }),
  };
}

function decoded(bytes: Uint8Array | undefined): unknown {
  return bytes && bytes.length > 0 ? decodePayload(bytes) : undefined;
}
