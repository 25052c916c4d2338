/** The live view of jobs: what each function has, what runs, and what went wrong last. Pure. */
import pc from 'picocolors';
import type { JobStatus, QueueView } from '../../ecosystem/event-management/protocol.ts';
import { type Colors, table } from '../terminal.ts';
import { cut, fill, oneLine, timeSpan, widest } from '../workflow-view/words.ts';
import { errorText, type ListedJob } from './job-table.ts';
import { progressText } from './progress.ts';
import type { Rates } from './rates.ts';

export interface Board {
  readonly queues: readonly QueueView[];
  readonly ratesOf: (name: string) => Rates;
  readonly running: readonly ListedJob[];
  readonly failed: readonly ListedJob[];
}

export interface BoardView {
  readonly columns: number;
  readonly colors: Colors;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
}

const NO_COLORS = pc.createColors(false);
const BAR_COLUMNS = 20;
/** Parts of the bar, by marks that need no colour. */
const MARKS: readonly (readonly [mark: string, words: string, statuses: readonly JobStatus[]])[] = [
  ['█', 'succeeded', ['succeeded']],
  ['▓', 'running', ['running']],
  ['▒', 'retrying', ['retrying']],
  ['░', 'waiting, delayed', ['waiting', 'delayed']],
  ['x', 'failed', ['failed']],
];

export function boardLines({ queues, ratesOf, running, failed }: Board, view: BoardView): string[] {
  const { colors, columns } = view;
  const parts = [
    queueLines(queues, ratesOf),
    part(
      'running',
      running.map((job) => runningCells(job, view)),
    ),
    part(
      'failed last',
      failed.map((job) => failedCells(job, view)),
    ),
  ].filter((lines) => lines.length > 0);
  const [head = [], ...others] = parts.map((lines) => lines.map((line) => cut(line, columns)));
  return [...paintedHead(head, colors), ...others.flatMap((lines) => ['', ...paintedHead(lines, colors)])];
}

function paintedHead([head, ...rest]: readonly string[], { dim }: Colors): string[] {
  return head === undefined ? [] : [dim(head), ...rest];
}

function queueLines(queues: readonly QueueView[], ratesOf: Board['ratesOf']): string[] {
  if (queues.length === 0) return ['No function has had a job yet.'];
  const rows = [...queues]
    .sort((one, other) => (one.function < other.function ? -1 : 1))
    .map(({ function: name, isPaused, counts }) => {
      const rates = ratesOf(name);
      return [
        oneLine(name),
        ...([counts.waiting, counts.delayed, counts.running, counts.retrying] as const).map(String),
        `${counts.succeeded} ${rateText(rates.succeeded)}`,
        `${counts.failed} ${rateText(rates.failed)}`,
        barOf(counts),
        isPaused ? 'paused' : '',
      ];
    });
  const head = ['FUNCTION', 'WAITING', 'DELAYED', 'RUNNING', 'RETRYING', 'SUCCEEDED', 'FAILED', '', ''];
  // Cut first, painted then: a line that is cut must not lose the end of its colour.
  return table(NO_COLORS, head, rows);
}

function rateText(perSecond: number): string {
  if (perSecond <= 0) return '';
  return `${perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond)}/s`;
}

/** Every status that there is has a column at least; the longest part gives way. */
function barOf(counts: QueueView['counts']): string {
  const sizes = MARKS.map(([, , statuses]) => statuses.reduce((sum, status) => sum + counts[status], 0));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total === 0) return '';
  const widths = sizes.map((size) => (size === 0 ? 0 : Math.max(1, Math.round((size / total) * BAR_COLUMNS))));
  const longest = widths.indexOf(Math.max(...widths));
  widths[longest] = (widths[longest] ?? 0) + BAR_COLUMNS - widths.reduce((sum, width) => sum + width, 0);
  return MARKS.map(([mark], index) => mark.repeat(widths[index] ?? 0)).join('');
}

type Cells = readonly [id: string, name: string, time: string, text: string];

function part(title: string, rows: readonly Cells[]): string[] {
  if (rows.length === 0) return [];
  const widths = [0, 1, 2].map((column) => widest(rows.map((row) => row[column] ?? '')));
  const line = (row: Cells) =>
    [...row.slice(0, 3).map((cell, column) => fill(cell, widths[column] ?? 0)), row[3]].join('  ').trimEnd();
  return [title, ...rows.map((row) => `  ${line(row)}`)];
}

function runningCells({ id, function: name, startedAtMs, attempts, progress }: ListedJob, { nowMs }: BoardView): Cells {
  const tookMs = startedAtMs === undefined ? 0 : Math.max(0, nowMs - startedAtMs);
  const again = attempts > 1 ? `attempt ${attempts}  ` : '';
  const text = progress === undefined ? '' : progressText(progress, BAR_COLUMNS);
  return [oneLine(id), oneLine(name), timeSpan(tookMs), `${again}${text}`];
}

function failedCells({ id, function: name, endedAtMs, errors }: ListedJob, { nowMs }: BoardView): Cells {
  const last = errors.at(-1)?.error;
  const ago = endedAtMs === undefined ? '-' : `${timeSpan(Math.max(0, nowMs - endedAtMs))} ago`;
  return [oneLine(id), oneLine(name), ago, last ? errorText(last) : ''];
}

/** What the marks of the bars mean. */
export function legend(): string {
  return MARKS.map(([mark, words]) => `${mark} ${words}`).join('   ');
}
