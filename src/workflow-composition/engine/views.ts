/** What is shown of an execution, from its state. Pure. */
import type { ExecutionState } from '../execution-state.ts';
import type { ExecutionSummary, OpenExecution } from '../execution-store/protocol.ts';
import type { CompiledWorkflow } from '../registry/protocol.ts';
import type { WorkflowSchedulerMessages } from '../scheduler/protocol.ts';
import type { Run } from './execution-protocol.ts';
import type { ExecutionView } from './protocol.ts';

export function openOf(
  { id, started, status }: ExecutionState,
  { wakeAtMs, isWaiting }: { readonly wakeAtMs: number; readonly isWaiting: boolean },
): OpenExecution {
  const { workflow, version, atMs: startedAtMs } = started;
  const wake = isWaiting && wakeAtMs !== Number.POSITIVE_INFINITY ? { wakeAtMs } : {};
  return { id, workflow, version, startedAtMs, isWaiting, status, ...wake };
}

export function summaryOf(state: ExecutionState): ExecutionSummary {
  const { id, started, status, endedAtMs, error, failedStep } = state;
  const { workflow, version, durability, atMs: startedAtMs, parent } = started;
  let steps = 0;
  for (const step of state.steps.values()) if (step.status === 'succeeded') steps++;
  return {
    id,
    workflow,
    version,
    status,
    durability,
    startedAtMs,
    steps,
    ...(endedAtMs !== undefined && { endedAtMs }),
    ...(parent && { parent }),
    ...(error && { error }),
    ...(failedStep !== undefined && { failedStep }),
  };
}

/** Of one that has not ended and is not looked into. */
export function summaryOfStart(
  id: string,
  { workflow, version, durability, atMs: startedAtMs, parent }: ExecutionState['started'],
): ExecutionSummary {
  return { id, workflow, version, durability, startedAtMs, status: 'running', steps: 0, ...(parent && { parent }) };
}

export function viewOf(
  state: ExecutionState,
  { language, definition }: CompiledWorkflow,
  { running, wakeAtMs }: { readonly running: Iterable<Run>; readonly wakeAtMs: number },
): ExecutionView {
  const { output, started } = state;
  const { deadlineAtMs } = started;
  return {
    ...summaryOf(state),
    running: Array.from(running)
      .filter(({ phase }) => phase !== 'pausing')
      .map(({ step, attempt, startedAtMs, action }) => ({
        step,
        attempt,
        startedAtMs,
        ...(action?.kind === 'call' && { target: action.target }),
      })),
    known: [...state.steps.values()],
    graph: language.graph(definition, state),
    ...(output && { output }),
    ...(wakeAtMs !== Number.POSITIVE_INFINITY && { wakeAtMs }),
    ...(deadlineAtMs !== undefined && { deadlineAtMs }),
  };
}

/** How often each step has run, by key, and which step decided on it. */
export function runsOf(
  state: ExecutionState,
  { name, version, language }: CompiledWorkflow,
  decidedBy: ReadonlyMap<string, string>,
): WorkflowSchedulerMessages['executionEnded']['body'] {
  const times = new Map<string, number>();
  for (const step of state.steps.keys()) {
    const key = language.profileKey(step);
    times.set(key, (times.get(key) ?? 0) + 1);
  }
  // What might have run and has not counts too: that is what a branch not taken looks like.
  for (const key of decidedBy.keys()) if (!times.has(key)) times.set(key, 0);
  const runs = Array.from(times, ([key, count]) => {
    const decider = decidedBy.get(key);
    return { key, times: count, ...(decider !== undefined && { decidedBy: decider }) };
  });
  return { executionId: state.id, workflow: name, version, runs };
}
