/** What a step does, or several of them, in a mark, a colour and words. Pure. */
import type { Colors } from '../terminal.ts';
import type { Item } from './folding.ts';
import { type ShownStep, STEP_STATES, type StepState } from './steps.ts';
import { oneLine, timeSpan } from './words.ts';

const MARKS: Readonly<Record<StepState, string>> = {
  succeeded: '✓',
  failed: '✗',
  running: '●',
  retrying: '↻',
  sleeping: '◷',
  awaiting: '◇',
  'not started': '○',
};

export function markOf(state: StepState, colors: Colors): string {
  return painter(state, colors)(MARKS[state]);
}

export function painter(state: StepState, colors: Colors): (text: string) => string {
  const { green, red, cyan, yellow, blue, magenta, dim } = colors;
  const painters = {
    succeeded: green,
    failed: red,
    running: cyan,
    retrying: yellow,
    sleeping: blue,
    awaiting: magenta,
    'not started': dim,
  };
  return painters[state];
}

export function stateWords({ steps, states }: Item, nowMs: number): string {
  const [only] = steps;
  const [whole] = states;
  if (steps.length === 1 && only) return whole === undefined || whole === only.state ? stepWords(only, nowMs) : whole;
  const counts = STEP_STATES.map((state) => [states.filter((each) => each === state).length, state] as const);
  // Most people look for what is done first, then for what is not.
  return [...counts.slice(-1), ...counts.slice(0, -1)]
    .filter(([count]) => count > 0)
    .map(([count, state]) => `${count} ${state}`)
    .join(', ');
}

function stepWords({ state, known, running }: ShownStep, nowMs: number): string {
  const left = known?.dueAtMs === undefined ? undefined : timeSpan(Math.max(0, known.dueAtMs - nowMs));
  switch (state) {
    case 'running':
      return running && running.attempt > 1 ? `running, attempt ${running.attempt}` : 'running';
    case 'succeeded':
      return known && known.attempts > 1 ? `succeeded, attempt ${known.attempts}` : 'succeeded';
    case 'failed':
      return `failed${known?.error ? `: ${nameOf(known.error)}` : ''}`;
    case 'retrying':
      return `retrying in ${left ?? '0 ms'}${known?.error ? `: ${nameOf(known.error)}` : ''}`;
    case 'sleeping':
      return left === undefined ? 'sleeping' : `sleeping, ${left} left`;
    case 'awaiting': {
      const signal = oneLine(known?.signal ?? '');
      return `awaiting ${signal}${left === undefined ? '' : `, ${left} left`}`;
    }
    default:
      return state;
  }
}

function nameOf({ code, name }: { readonly code?: string; readonly name: string }): string {
  return oneLine(code ?? name);
}

/** From its start to its end, or to now; the last attempt of it. Undefined where that is not known. */
export function tookMs({ known, running }: ShownStep, nowMs: number): number | undefined {
  if (running) return Math.max(0, nowMs - running.startedAtMs);
  if (!known?.timing) return undefined;
  const { queueMs, coldStartMs, runMs } = known.timing;
  return queueMs + coldStartMs + runMs;
}
