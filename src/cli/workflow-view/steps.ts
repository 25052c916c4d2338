/** What is to be shown of an execution: its steps, each with its state, by their places in the graph. Pure. */
import type { GraphNode } from '../../workflow-composition/language.ts';
import type { ExecutionDetails, ExecutionStep } from '../../workflows.ts';
import { oneLine } from './words.ts';

/** In the order in which one of them stands for several. */
export const STEP_STATES = [
  'failed',
  'running',
  'retrying',
  'awaiting',
  'sleeping',
  'not started',
  'succeeded',
] as const;
export type StepState = (typeof STEP_STATES)[number];

export interface ShownStep {
  readonly step: string;
  /** Without the name of the step in whose place it runs. */
  readonly name: string;
  readonly label: string;
  readonly after: readonly string[];
  readonly within: string | undefined;
  readonly state: StepState;
  readonly known: ExecutionStep | undefined;
  /** The attempt that is under way. */
  readonly running: { readonly attempt: number; readonly startedAtMs: number } | undefined;
}

/** As the host tells it. */
export type ShownExecution = Pick<ExecutionDetails, 'graph' | 'known' | 'running'>;

/** Those of the graph in its order, then those that it does not have. */
export function shownSteps({ graph, known, running }: ShownExecution): ShownStep[] {
  const knownBy = new Map(known.map((each) => [each.step, each]));
  const runningBy = new Map(running.map((each) => [each.step, each]));
  const inGraph = new Set(graph.nodes.map(({ step }) => step));
  const others = [...knownBy.keys(), ...runningBy.keys()].filter((step) => !inGraph.has(step));
  const nodes = [...graph.nodes, ...[...new Set(others)].map((step): GraphNode => ({ step, label: '', after: [] }))];
  return nodes.map(({ step, label, after, within }) => {
    const knownOf = knownBy.get(step);
    const runningOf = runningBy.get(step);
    return {
      step,
      name: oneLine(nameWithin(step, within)),
      label: oneLine(label),
      after,
      within: within !== undefined && inGraph.has(within) ? within : undefined,
      state: stateOf(knownOf, runningOf !== undefined),
      known: knownOf,
      running: runningOf,
    };
  });
}

/** `each/do_1` within `each` is `do_1`. */
function nameWithin(step: string, within: string | undefined): string {
  if (within === undefined || !step.startsWith(within)) return step;
  return /^[^\p{L}\p{N}]+(.+)$/u.exec(step.slice(within.length))?.[1] ?? step;
}

/** A step that waits to be tried again is known of; so is one whose next attempt is under way. */
function stateOf(known: ExecutionStep | undefined, isRunning: boolean): StepState {
  if (isRunning && (known === undefined || known.status === 'retrying')) return 'running';
  return known?.status ?? 'not started';
}

/** The one state that several steps have together. */
export function stateOfAll(states: Iterable<StepState>): StepState {
  let first = STEP_STATES.length - 1;
  for (const state of states) first = Math.min(first, STEP_STATES.indexOf(state));
  return STEP_STATES[first] ?? 'succeeded';
}
