/**
 * Where the time of an execution went: a line for each step, over one axis, in which every attempt is split into queue, cold start and run, and
 * the pauses between them are seen. A column shows what most of its time went to. Pure.
 */
import type { HistoryEvent } from '../../workflows.ts';
import type { Colors } from '../terminal.ts';
import type { Item } from './folding.ts';
import type { View } from './graph.ts';
import { type ShownStep, stateOfAll } from './steps.ts';
import { cut, fill, timeSpan, widest } from './words.ts';

const KINDS = ['queue', 'cold start', 'run', 'running', 'failed run', 'retry wait', 'sleep or signal'] as const;
type Kind = (typeof KINDS)[number];

const MARKS: Readonly<Record<Kind, string>> = {
  queue: '░',
  'cold start': '▒',
  run: '█',
  // Whether it waits, starts or runs is told at its end.
  running: '▄',
  'failed run': '▓',
  'retry wait': '┄',
  'sleep or signal': '─',
};

const LEGEND_GAP = '   ';

interface Segment {
  readonly kind: Kind;
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface GanttSpan {
  readonly startedAtMs: number;
  /** Absent while it runs. */
  readonly endedAtMs?: number;
}

/** Shorter than this, and there is no room for bars. */
const FEWEST_BAR_COLUMNS = 10;
/** Of all columns. */
const MOST_NAME_PART = 0.35;
/** Of a column, for it to be drawn at all. */
const LEAST_PART = 0.5;

/** `history` may be left out; with it, attempts before the last one and waits that are over are shown too. */
export function ganttLines(
  items: readonly Item[],
  { startedAtMs, endedAtMs }: GanttSpan,
  { columns, colors, nowMs }: View,
  history: readonly HistoryEvent[] = [],
): string[] {
  const events = byStep(history);
  const untilMs = Math.max(endedAtMs ?? nowMs, startedAtMs + 1);
  const rows = flattened(items, 0).flatMap(({ item, depth }) => {
    const segments = item.steps.flatMap((step) => segmentsOf(step, events.get(step.step) ?? [], untilMs));
    const isFailed = stateOfAll(item.states) === 'failed';
    return segments.length === 0 ? [] : [{ name: `${'  '.repeat(depth)}${item.name}`, segments, isFailed }];
  });
  if (rows.length === 0) return [];
  const nameColumns = Math.min(widest(rows.map(({ name }) => name)), Math.floor(columns * MOST_NAME_PART));
  const tookColumns = Math.max(...rows.map(({ segments }) => timeSpan(lengthOf(segments)).length));
  const barColumns = Math.max(FEWEST_BAR_COLUMNS, columns - nameColumns - tookColumns - 4);
  const axis = { startedAtMs, msPerColumn: (untilMs - startedAtMs) / barColumns, columns: barColumns };
  const used = new Set<Kind>();
  const lines = rows.map(({ name, segments, isFailed }) => {
    const cells = cellsOf(segments, axis);
    for (const kind of cells) if (kind) used.add(kind);
    const took = timeSpan(lengthOf(segments)).padStart(tookColumns);
    const shownName = fill(name, nameColumns);
    return `${isFailed ? colors.red(shownName) : shownName}  ${painted(cells, colors)}  ${took}`;
  });
  return [axisLine(axis, nameColumns), ...lines, '', ...legend(used, colors, columns)];
}

function flattened(items: readonly Item[], depth: number): { readonly item: Item; readonly depth: number }[] {
  return items.flatMap((item) => [{ item, depth }, ...flattened(item.children, depth + 1)]);
}

function byStep(history: readonly HistoryEvent[]): Map<string, HistoryEvent[]> {
  const events = new Map<string, HistoryEvent[]>();
  for (const event of history) {
    const step = event['step'];
    if (typeof step !== 'string') continue;
    const known = events.get(step);
    if (known) known.push(event);
    else events.set(step, [event]);
  }
  return events;
}

function segmentsOf(step: ShownStep, events: readonly HistoryEvent[], untilMs: number): Segment[] {
  const segments = events.length > 0 ? pastSegments(events) : knownSegments(step);
  const { state, known, running } = step;
  if (running) segments.push({ kind: 'running', fromMs: running.startedAtMs, untilMs });
  else if (known && state === 'retrying') segments.push({ kind: 'retry wait', fromMs: known.atMs, untilMs });
  else if (known && (state === 'sleeping' || state === 'awaiting')) {
    segments.push({ kind: 'sleep or signal', fromMs: known.atMs, untilMs });
  }
  return segments;
}

type Timing = NonNullable<NonNullable<ShownStep['known']>['timing']>;

/** Every attempt, and every wait that is over. */
function pastSegments(events: readonly HistoryEvent[]): Segment[] {
  const segments: Segment[] = [];
  let waitsSinceMs: number | undefined;
  let failedAtMs: number | undefined;
  for (const { type, atMs, timing } of events) {
    const times = timing as Timing | undefined;
    if (failedAtMs !== undefined && times) {
      segments.push({ kind: 'retry wait', fromMs: failedAtMs, untilMs: times.startedAtMs });
    }
    if (waitsSinceMs !== undefined) segments.push({ kind: 'sleep or signal', fromMs: waitsSinceMs, untilMs: atMs });
    waitsSinceMs = type === 'timerStarted' || type === 'signalAwaited' ? atMs : undefined;
    failedAtMs = type === 'stepFailed' ? atMs : undefined;
    if (times) segments.push(...attempt(times, type === 'stepFailed'));
    else if (type === 'stepSucceeded' && segments.length === 0)
      segments.push({ kind: 'run', fromMs: atMs, untilMs: atMs });
  }
  return segments;
}

/** The last attempt that has ended. */
function knownSegments({ known, state }: ShownStep): Segment[] {
  if (!known) return [];
  if (known.timing) return attempt(known.timing, known.error !== undefined);
  return state === 'succeeded' || state === 'failed' ? [{ kind: 'run', fromMs: known.atMs, untilMs: known.atMs }] : [];
}

function attempt({ startedAtMs, queueMs, coldStartMs, runMs }: Timing, hasFailed: boolean): Segment[] {
  const coldFromMs = startedAtMs + queueMs;
  const runFromMs = coldFromMs + coldStartMs;
  const segments: Segment[] = [
    { kind: 'queue', fromMs: startedAtMs, untilMs: coldFromMs },
    { kind: 'cold start', fromMs: coldFromMs, untilMs: runFromMs },
    { kind: hasFailed ? 'failed run' : 'run', fromMs: runFromMs, untilMs: runFromMs + runMs },
  ];
  // What took no time is left out, but for the run: that it was is seen by it.
  return segments.filter(({ kind, fromMs, untilMs }) => untilMs > fromMs || kind.endsWith('run'));
}

function lengthOf(segments: readonly Segment[]): number {
  const from = segments.reduce((least, { fromMs }) => Math.min(least, fromMs), Number.POSITIVE_INFINITY);
  const until = segments.reduce((most, { untilMs }) => Math.max(most, untilMs), 0);
  return until - from;
}

interface Axis {
  readonly startedAtMs: number;
  readonly msPerColumn: number;
  readonly columns: number;
}

function cellsOf(segments: readonly Segment[], { startedAtMs, msPerColumn, columns }: Axis): (Kind | undefined)[] {
  const totals = Array.from({ length: columns }, () => new Map<Kind, number>());
  const columnOf = (atMs: number) => Math.min(columns - 1, Math.max(0, Math.floor((atMs - startedAtMs) / msPerColumn)));
  for (const { kind, fromMs, untilMs } of segments) {
    for (let column = columnOf(fromMs); column <= columnOf(untilMs); column++) {
      const columnFromMs = startedAtMs + column * msPerColumn;
      const overlapMs = Math.min(untilMs, columnFromMs + msPerColumn) - Math.max(fromMs, columnFromMs);
      const total = totals[column];
      if (overlapMs > 0) total?.set(kind, (total.get(kind) ?? 0) + overlapMs);
    }
  }
  const cells: (Kind | undefined)[] = totals.map((total) => mostOf(total, msPerColumn * LEAST_PART));
  // Shorter than the clock can tell.
  const [last] = segments.slice(-1);
  if (last && !cells.some((cell) => cell !== undefined)) cells[columnOf(last.fromMs)] = last.kind;
  return cells;
}

function mostOf(total: ReadonlyMap<Kind, number>, leastMs: number): Kind | undefined {
  let most: Kind | undefined;
  let sumMs = 0;
  for (const [kind, ms] of total) {
    sumMs += ms;
    if (most === undefined || ms > (total.get(most) ?? 0)) most = kind;
  }
  return sumMs >= leastMs ? most : undefined;
}

function painterOf(kind: Kind, { yellow, blue, green, cyan, red, magenta, dim }: Colors): (text: string) => string {
  return {
    queue: yellow,
    'cold start': blue,
    run: green,
    running: cyan,
    'failed run': red,
    'retry wait': magenta,
    'sleep or signal': dim,
  }[kind];
}

/** Runs of one kind are painted in one go. */
function painted(cells: readonly (Kind | undefined)[], colors: Colors): string {
  let text = '';
  for (let start = 0, end = 0; start < cells.length; start = end) {
    const kind = cells[start];
    for (end = start; end < cells.length && cells[end] === kind; end++);
    const run = (kind === undefined ? ' ' : MARKS[kind]).repeat(end - start);
    text += kind === undefined ? run : painterOf(kind, colors)(run);
  }
  return text;
}

/** Beginning, middle and end. */
function axisLine({ columns, msPerColumn }: Axis, nameColumns: number): string {
  const end = timeSpan(columns * msPerColumn);
  const middle = timeSpan((columns * msPerColumn) / 2);
  const half = Math.floor(columns / 2);
  const left = fill('0', half) + middle;
  return cut(`${' '.repeat(nameColumns + 2)}${left.padEnd(columns - end.length)}${end}`, nameColumns + 2 + columns);
}

function legend(used: ReadonlySet<Kind>, colors: Colors, columns: number): string[] {
  const lines: { text: string; length: number }[] = [];
  for (const kind of KINDS.filter((each) => used.has(each))) {
    const text = `${painterOf(kind, colors)(MARKS[kind])} ${kind}`;
    const length = kind.length + 2;
    const line = lines.at(-1);
    if (line && line.length + LEGEND_GAP.length + length <= columns) {
      line.text += LEGEND_GAP + text;
      line.length += LEGEND_GAP.length + length;
    } else lines.push({ text, length });
  }
  return lines.map(({ text }) => text);
}
