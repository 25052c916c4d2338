/** An execution for people: what it is, its graph, and where its time went. Pure. */
import type { ExecutionDetails, HistoryEvent } from '../../workflows.ts';
import { itemsOf } from './folding.ts';
import { ganttLines } from './gantt.ts';
import { graphLines, type View } from './graph.ts';
import { headerLines } from './header.ts';
import { shownSteps } from './steps.ts';

export function executionLines(details: ExecutionDetails, view: View, history: readonly HistoryEvent[] = []): string[] {
  const steps = shownSteps(details);
  const items = itemsOf(steps);
  const parts = [headerLines(details, steps, view), graphLines(items, view), ganttLines(items, details, view, history)];
  return parts.filter((lines) => lines.length > 0).flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]));
}

/** Whether a drawing gains by the history: by attempts before the last one, and by waits that are over. */
export function isHistoryNeeded({ known }: Pick<ExecutionDetails, 'known'>): boolean {
  return known.some(({ attempts, timing, status }) => attempts > 1 || status === 'retrying' || timing === undefined);
}
