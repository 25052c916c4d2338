/** Executions to draw, written shortly. Times are milliseconds from the start. */
import pc from 'picocolors';
import type { View } from '../../../src/cli/workflow-view/graph.ts';
import type { GraphNode } from '../../../src/workflow-composition/language.ts';
import type { ExecutionDetails, ExecutionStep } from '../../../src/workflows.ts';

export const START_MS = Date.UTC(2026, 0, 1);

export const view = (nowMs: number, columns = 80, isColored = false): View => ({
  columns,
  colors: pc.createColors(isColored),
  nowMs: START_MS + nowMs,
});

export function node(step: string, after: readonly string[] = [], more: Partial<GraphNode> = {}): GraphNode {
  return { step, label: step, after, ...more };
}

export interface Ended {
  readonly atMs?: number;
  readonly queueMs?: number;
  readonly coldStartMs?: number;
  readonly runMs?: number;
}

export function succeeded(step: string, ended: Ended = {}, more: Partial<ExecutionStep> = {}): ExecutionStep {
  const { atMs = 0, queueMs = 0, coldStartMs = 0, runMs = 0 } = ended;
  return {
    step,
    status: 'succeeded',
    attempts: 1,
    atMs: START_MS + atMs + queueMs + coldStartMs + runMs,
    timing: { startedAtMs: START_MS + atMs, queueMs, coldStartMs, runMs },
    ...more,
  };
}

export function running(step: string, atMs = 0, attempt = 1): ExecutionDetails['running'][number] {
  return { step, attempt, startedAtMs: START_MS + atMs };
}

export function execution(nodes: readonly GraphNode[], more: Partial<ExecutionDetails> = {}): ExecutionDetails {
  const known = more.known ?? [];
  return {
    id: 'order-17',
    workflow: 'order',
    version: 3,
    status: 'running',
    durability: 'strict',
    startedAtMs: START_MS,
    steps: known.filter(({ status }) => status === 'succeeded').length,
    graph: { nodes },
    known,
    running: [],
    ...more,
  };
}

/** A drawing as it stands in a test: without its first line, and without the indentation of its last one. */
export function block(text: string): string {
  const lines = text.split('\n').slice(1);
  const indentation = lines.pop() ?? '';
  return lines.map((line) => (line.startsWith(indentation) ? line.slice(indentation.length) : line)).join('\n');
}
