/** What is to be known of an execution before one looks at its steps. Pure. */
import type { ExecutionStatus } from '../../workflow-composition/execution-state.ts';
import type { ExecutionDetails } from '../../workflows.ts';
import type { Colors } from '../terminal.ts';
import type { View } from './graph.ts';
import type { ShownStep } from './steps.ts';
import { cut, oneLine, timeSpan, wrapped } from './words.ts';

export type HeadedExecution = Omit<ExecutionDetails, 'graph' | 'known' | 'running'>;

const LABEL_COLUMNS = 11;

export function headerLines(details: HeadedExecution, steps: readonly ShownStep[], view: View): string[] {
  const { id, workflow, version, status, durability, parent } = details;
  const { colors, columns } = view;
  const line = (label: string, text: string) =>
    `${colors.dim(label.padEnd(LABEL_COLUMNS))}${cut(oneLine(text), Math.max(1, columns - LABEL_COLUMNS))}`;
  const lines = [
    ...wrapped(oneLine(id), columns).map((part) => colors.bold(part)),
    `${colors.dim('workflow'.padEnd(LABEL_COLUMNS))}${workflow}@${version}  ${statusPainter(status, colors)(status)}`,
    line('started', startedWords(details, view.nowMs)),
    line('steps', stepWords(details, steps)),
  ];
  if (durability !== 'strict') lines.push(line('durability', durability));
  if (parent) lines.push(line('part of', `${parent.executionId}, step ${parent.step}`));
  return [
    ...lines,
    ...Array.from(waitLines(details, view.nowMs), ([label, text]) => line(label, text)),
    ...endLines(details, view),
  ];
}

export function statusPainter(status: ExecutionStatus, colors: Colors): (text: string) => string {
  const { green, red, cyan, yellow } = colors;
  return { running: cyan, paused: yellow, cancelling: yellow, succeeded: green, failed: red, cancelled: yellow }[
    status
  ];
}

function startedWords({ startedAtMs, endedAtMs }: HeadedExecution, nowMs: number): string {
  const took = timeSpan(Math.max(0, (endedAtMs ?? nowMs) - startedAtMs));
  const at = new Date(startedAtMs).toISOString().replace('T', ' ');
  return endedAtMs === undefined ? `${at}, ${took} ago` : `${at}, took ${took}`;
}

function stepWords({ steps: succeeded }: HeadedExecution, steps: readonly ShownStep[]): string {
  const inState = (state: ShownStep['state']) => steps.filter((step) => step.state === state).length;
  const parts = (['failed', 'running', 'retrying', 'sleeping', 'awaiting', 'not started'] as const)
    .map((state) => [inState(state), state] as const)
    .filter(([count]) => count > 0)
    .map(([count, state]) => `, ${count} ${state}`);
  // A compacted one has no steps any more, but their number.
  return `${Math.max(succeeded, inState('succeeded'))} succeeded${parts.join('')}`;
}

function* waitLines(
  { remainingMs, wakeAtMs, deadlineAtMs, endedAtMs }: HeadedExecution,
  nowMs: number,
): Generator<[label: string, text: string]> {
  if (endedAtMs !== undefined) return;
  if (remainingMs)
    yield ['remaining', `about ${timeSpan(remainingMs.p50)}, 9 of 10 within ${timeSpan(remainingMs.p90)}`];
  if (wakeAtMs !== undefined) yield ['goes on', `in ${timeSpan(Math.max(0, wakeAtMs - nowMs))}`];
  if (deadlineAtMs !== undefined) yield ['deadline', `in ${timeSpan(Math.max(0, deadlineAtMs - nowMs))}`];
}

/** An error is told in full: whoever looks at an execution that failed looks for it. */
function endLines({ error, failedStep, output }: HeadedExecution, { colors, columns }: View): string[] {
  const block = (label: string, text: string, paint: (line: string) => string) =>
    wrapped(oneLine(text), columns - LABEL_COLUMNS).map(
      (line, index) => `${colors.dim((index === 0 ? label : '').padEnd(LABEL_COLUMNS))}${paint(line)}`,
    );
  if (!error) {
    if (output === undefined) return [];
    return [`${colors.dim('output'.padEnd(LABEL_COLUMNS))}${cut(JSON.stringify(output), columns - LABEL_COLUMNS)}`];
  }
  const where = failedStep === undefined ? '' : ` (step ${failedStep})`;
  const lines = block('error', `${error.code ?? error.name}: ${error.message}${where}`, colors.red);
  const { cause } = error;
  if (!cause || cause.message === error.message) return lines;
  return [...lines, ...block('because', `${cause.code ?? cause.name}: ${cause.message}`, (line) => line)];
}
