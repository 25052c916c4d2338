/** The events of a journal as lines for people. Pure. */
import type { SerializedError } from '../../errors.ts';
import type { StepTiming } from '../../workflow-composition/events.ts';
import type { HistoryEvent } from '../../workflows.ts';
import { type Colors, table } from '../terminal.ts';
import { cut, fill, oneLine, timeSpan } from './words.ts';

const LONGEST_VALUE = 60;
/** As wide as the longest there is, so that lines which come one by one stand under each other. */
const TIME_COLUMNS = 14;
const TYPE_COLUMNS = 20;

type Cells = readonly [time: string, event: string, step: string, detail: string];

/** From the start of the execution on. */
export function historyLines(
  history: readonly HistoryEvent[],
  { columns, colors }: { readonly columns: number; readonly colors: Colors },
): string[] {
  const startedAtMs = history[0]?.atMs ?? 0;
  const rows = history.map((event) => cellsOf(event, startedAtMs));
  return table(colors, ['TIME', 'EVENT', 'STEP', 'DETAIL'], rows).map((line, index) => {
    const shown = cut(line, Math.max(columns, TIME_COLUMNS));
    return index > 0 && isBad(history[index - 1]) ? colors.red(shown) : shown;
  });
}

export function eventLine(event: HistoryEvent, startedAtMs: number, colors: Colors): string {
  const [time, type, step, detail] = cellsOf(event, startedAtMs);
  const paint = isBad(event) ? colors.red : (text: string) => text;
  const facts = [step, detail].filter(Boolean).join('  ');
  return `${colors.dim(fill(time, TIME_COLUMNS))}${paint(`${fill(type, TYPE_COLUMNS)}  ${facts}`)}`.trimEnd();
}

function isBad(event: HistoryEvent | undefined): boolean {
  return event?.type === 'stepFailed' || event?.type === 'executionFailed';
}

function cellsOf(event: HistoryEvent, startedAtMs: number): Cells {
  const { type, atMs, step } = event;
  const time = `+${timeSpan(Math.max(0, atMs - startedAtMs))}`;
  return [time, inWords(type), typeof step === 'string' ? oneLine(step) : '', oneLine(detailOf(event).join(', '))];
}

/** `stepSucceeded` is "step succeeded". */
function inWords(type: string): string {
  return type.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function detailOf(event: HistoryEvent): string[] {
  const { workflow, version, input, durability, attempt, output, timing, error, retryAtMs, atMs } = event;
  const { dueAtMs, signal, tookSignal, payload, reason, steps, outputOf, deadlineAtMs } = event;
  const until = (time: unknown) => timeSpan(Math.max(0, Number(time) - atMs));
  const parts: (string | false)[] = [
    typeof workflow === 'string' && `${workflow}@${version}`,
    durability !== undefined && durability !== 'strict' && `${durability}`,
    deadlineAtMs !== undefined && `at most ${until(deadlineAtMs)}`,
    typeof attempt === 'number' && attempt > 1 && `attempt ${attempt}`,
    timing !== undefined && timingWords(timing as StepTiming),
    error !== undefined && errorWords(error as SerializedError),
    retryAtMs !== undefined && `again in ${until(retryAtMs)}`,
    typeof signal === 'string' && `signal ${signal}`,
    typeof tookSignal === 'string' && `took signal ${tookSignal}`,
    dueAtMs !== undefined && `${event.type === 'timerStarted' ? 'for' : 'at most'} ${until(dueAtMs)}`,
    typeof reason === 'string' && reason,
    Array.isArray(steps) && `runs again: ${steps.slice(0, 5).join(', ')}${steps.length > 5 ? ' …' : ''}`,
    typeof outputOf === 'string' && `the output of ${outputOf}`,
    valueWords('input', input),
    valueWords('payload', payload),
    valueWords('output', output),
  ];
  return parts.filter((part) => part !== false);
}

function timingWords({ queueMs, coldStartMs, runMs }: StepTiming): string {
  const parts = [`ran ${timeSpan(runMs)}`];
  if (coldStartMs > 0) parts.push(`cold start ${timeSpan(coldStartMs)}`);
  if (queueMs >= 1) parts.push(`queue ${timeSpan(queueMs)}`);
  return parts.join(', ');
}

function errorWords({ code, name, message }: SerializedError): string {
  return `${code ?? name}: ${message}`;
}

function valueWords(name: string, value: unknown): string | false {
  if (value === undefined || value === null) return false;
  return `${name} ${cut(JSON.stringify(value), LONGEST_VALUE)}`;
}
