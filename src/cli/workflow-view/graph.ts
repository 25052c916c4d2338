/** The steps of an execution as a graph, top to bottom: each on a line with its state, dynamic ones indented under the step in whose place they run. Pure. */
import type { Colors } from '../terminal.ts';
import type { Item } from './folding.ts';
import { type LaneRow, laneRows, NODE } from './lanes.ts';
import { markOf, painter, stateWords, tookMs } from './state-words.ts';
import { stateOfAll } from './steps.ts';
import { cut, fill, timeSpan, widest } from './words.ts';

export interface View {
  readonly columns: number;
  readonly colors: Colors;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
}

interface Row {
  /** Lines, and `NODE` for the mark of the item. */
  readonly lines: string;
  readonly item?: Item;
  /** Where the lines do not say it: what it follows. */
  readonly follows?: string;
}

/** A lane has two columns, and the rest of a line is for words. */
const COLUMNS_PER_LANE = 5;
const INDENT = '  ';
/** So many names are told where lines cannot. */
const MOST_FOLLOWED = 3;

export function graphLines(items: readonly Item[], view: View): string[] {
  const rows = rowsOf(items, '', view.columns);
  const shown = rows.filter((row) => row.item !== undefined);
  const nameColumns = Math.min(widest(shown.map(leftOf)), Math.floor(view.columns * 0.55));
  const labels = shown.map(({ item }) => labelOf(item));
  const labelColumns = Math.min(widest(labels), Math.floor(view.columns * 0.2));
  return rows.map((row) => lineOf(row, { nameColumns, labelColumns }, view));
}

function rowsOf(items: readonly Item[], prefix: string, columns: number): Row[] {
  const maxLanes = Math.max(1, Math.floor((columns - prefix.length) / COLUMNS_PER_LANE));
  const drawn = laneRows(items, maxLanes) ?? listed(items);
  const isList = drawn.every(({ text }) => text === NODE) && items.some(({ after }) => after.length > 0);
  return drawn.flatMap(({ text, node, below }): Row[] => {
    const item = node === undefined ? undefined : items[node];
    if (!item) return [{ lines: `${prefix}${text}` }];
    const inside = `${prefix}${below.padEnd(text.indexOf(NODE) + 1)}${INDENT}`;
    const follows = isList && item.after.length > 0 ? followed(item, items) : undefined;
    const own = { lines: `${prefix}${text}`, item, ...(follows !== undefined && { follows }) };
    return [own, ...rowsOf(item.children, inside, columns)];
  });
}

/** More edges than there is room for lines: one after the other, in an order in which each may run. */
function listed(items: readonly Item[]): LaneRow[] {
  return items.map((_, node) => ({ node, text: NODE, below: '' }));
}

function followed({ after }: Item, items: readonly Item[]): string {
  const names = after.slice(0, MOST_FOLLOWED).map((index) => items[index]?.name ?? '');
  const others = after.length - names.length;
  return `after ${names.join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
}

function leftOf({ lines, item }: Row): string {
  return `${lines} ${item?.name ?? ''}`;
}

/** What it runs, where its name does not say so. */
function labelOf(item: Item | undefined): string {
  return !item || item.label === item.name || item.steps.length > 1 ? '' : item.label;
}

function lineOf(
  row: Row,
  { nameColumns, labelColumns }: { readonly nameColumns: number; readonly labelColumns: number },
  { columns, colors, nowMs }: View,
): string {
  const { lines, item, follows } = row;
  if (!item) return colors.dim(lines).trimEnd();
  const state = stateOfAll(item.states);
  const [before = '', after = ''] = lines.split(NODE);
  const name = fill(item.name, Math.max(1, nameColumns - lines.length - 1));
  const label = labelColumns > 0 ? `  ${fill(labelOf(item), labelColumns)}` : '';
  const used = lines.length + 1 + [...name].length + [...label].length + 2;
  const facts = [stateWords(item, nowMs), tookOf(item, nowMs), follows ?? ''].filter(Boolean);
  const words = cut(facts.join('  '), columns - used);
  return `${colors.dim(before)}${markOf(state, colors)}${colors.dim(after)} ${name}${colors.dim(label)}  ${painter(state, colors)(words)}`.trimEnd();
}

/** Of those in its place, the Gantt chart tells. */
function tookOf({ steps, states }: Item, nowMs: number): string {
  const [only] = steps;
  const took = steps.length === 1 && only && only.state === states[0] ? tookMs(only, nowMs) : undefined;
  return took === undefined ? '' : timeSpan(took);
}
