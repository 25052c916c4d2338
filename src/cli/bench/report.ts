/** Figures as text, at most 80 columns wide. Pure. */
import { bytes, type Colors, duration } from '../terminal.ts';
import { type BenchFigures, type CallFigures, COMPONENTS, type LoadFigures } from './figures.ts';
import { drawHistogram } from './histogram.ts';

interface Column {
  readonly title: string;
  readonly figures: CallFigures;
  readonly quantile: (typeof QUANTILES)[number];
}

interface Group {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly width: number;
}

const QUANTILES = ['p50', 'p90', 'p99', 'max'] as const;
const NAME_WIDTH = 10;
const COLUMN_WIDTH = 9;
const GAP = '   ';
const REASONS: Readonly<Record<string, string>> = {
  first: 'the first instance of a function',
  'scaled-to-zero': 'no instance was left',
  burst: 'all instances were busy',
  'new-version': 'the first instance of a version',
  replaced: 'an instance was lost',
};

export function report(figures: BenchFigures, colors: Colors): string[] {
  const { warm, cold, load } = figures;
  return [
    ...heading(figures, colors),
    '',
    ...componentTable(figures, colors),
    '',
    ...coldAgainstWarm(figures),
    ...coldStartLines(figures),
    ...(cold.spare && cold.spare.withoutSpare > 0 ? [withoutSpare(cold.spare)] : []),
    ...(load ? loadLines(load) : []),
    ...(figures.logLines ? [`The function wrote ${count(figures.logLines)} lines of log, which takes time.`] : []),
    ...(warm ? ['', colors.bold('Warm calls, one at a time')] : []),
    ...(warm ? drawHistogram(warm.histogram, warm.totalUs, colors) : []),
  ];
}

function heading(
  { function: name, host, agent, isolation, deploy, environment }: BenchFigures,
  colors: Colors,
): string[] {
  const where = host === null ? `agent ${agent}` : `on ${host}`;
  const built = deploy ? `, ${bytes(deploy.bytes)}, built in ${Math.round(deploy.buildMs)} ms` : '';
  const { node, cores, cpu } = environment;
  return [`${colors.bold(name)}: ${isolation}, ${where}${built}`, colors.dim(`Node.js ${node}, ${cores} x ${cpu}`)];
}

/** The columns of the table: cold and warm, where there are any. */
function groupsOf({ cold, warm }: BenchFigures): Group[] {
  const coldColumn = (title: string, figures: CallFigures | null): Column[] =>
    figures ? [{ title, figures, quantile: 'p50' }] : [];
  const measured = [...coldColumn('spare', cold.spare), ...coldColumn('fresh', cold.fresh)];
  const coldColumns = measured.length > 0 ? measured : coldColumn('met', cold.met);
  const warmColumns = warm ? QUANTILES.map((quantile): Column => ({ title: quantile, figures: warm, quantile })) : [];
  return [
    group(coldColumns, (calls) => `cold, p50 of ${calls}`),
    group(warmColumns, (calls) => `warm, ${calls} ${calls === '1' ? 'call' : 'calls'}`),
  ].filter(({ columns }) => columns.length > 0);
}

function group(columns: readonly Column[], over: (calls: string) => string): Group {
  const title = over(count(columns[0]?.figures.calls ?? 0));
  return { title, columns, width: Math.max(title.length, columns.length * COLUMN_WIDTH) };
}

/** Every column is a quantile of each component by itself, so it does not add up to its total. */
function componentTable(figures: BenchFigures, colors: Colors): string[] {
  const groups = groupsOf(figures);
  const line = (name: string, cells: (group: Group) => string) =>
    [name.padEnd(NAME_WIDTH), ...groups.map((each) => cells(each).padStart(each.width))].join(GAP).trimEnd();
  const row = (name: string, cell: (column: Column) => string) =>
    line(name, ({ columns }) => columns.map((column) => cell(column).padStart(COLUMN_WIDTH)).join(''));
  const value = (us: number) => (us === 0 ? '-' : duration(us));
  return [
    colors.dim(line('', ({ title }) => title)),
    colors.dim(row('', ({ title }) => title)),
    ...COMPONENTS.map((component) =>
      row(component, (column) => value(column.figures.componentsUs[component][column.quantile])),
    ),
    colors.bold(row('total', (column) => value(column.figures.totalUs[column.quantile]))),
  ];
}

function coldAgainstWarm({ cold, warm }: BenchFigures): string[] {
  if (!warm) return ['No call was warm.'];
  const times = ({ totalUs }: CallFigures) => count(totalUs.p50 / Math.max(warm.totalUs.p50, 0.001));
  const kinds = [
    ...(cold.spare ? [`${times(cold.spare)} times a warm one from a spare`] : []),
    ...(cold.fresh ? [`${times(cold.fresh)} times fresh`] : []),
  ];
  return kinds.length === 0 ? [] : [`A cold call takes ${kinds.join(', ')}.`];
}

function coldStartLines({ coldStarts }: BenchFigures): string[] {
  const reasons = Object.entries(coldStarts);
  if (reasons.length === 0) return ['Cold starts: none'];
  return reasons.map(([reason, times], index) => {
    const before = index === 0 ? 'Cold starts: ' : ' '.repeat('Cold starts: '.length);
    return `${before}${count(times)} ${reason}: ${REASONS[reason] ?? 'of unknown meaning'}`;
  });
}

function withoutSpare({ withoutSpare: times, calls }: NonNullable<BenchFigures['cold']['spare']>): string {
  return `No spare was there for ${times} of the ${calls}: short of memory, or slow to start.`;
}

function loadLines({ inFlight, perSecond, instances, totalUs }: LoadFigures): string[] {
  const on = instances === 1 ? '1 instance' : `${count(instances)} instances`;
  const latencies = QUANTILES.map((quantile) => `${quantile} ${duration(totalUs[quantile])}`);
  return [
    `${count(inFlight)} in flight: ${count(perSecond)} calls/s on ${on}`,
    `  in a closed loop: ${latencies.join(', ')}`,
  ];
}

/** Two figures at least. */
function count(value: number): string {
  const digits = value < 10 && !Number.isInteger(value) ? 1 : 0;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
