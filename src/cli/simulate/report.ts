/** Figures as text, at most 80 columns wide. Pure. */
import type { Colors } from '../terminal.ts';
import type { PolicyFigures } from './figures.ts';
import type { Found, Goal } from './search.ts';
import type { Curves, Outcome, RatedFigures } from './simulation.ts';
import { callsOf, type Trace } from './trace.ts';

export interface Results {
  readonly trace: Trace;
  /** What the others are compared with. */
  readonly fixed: Outcome;
  readonly policies: readonly Outcome[];
  readonly chosen: { readonly goal: Goal; readonly found: Found<RatedFigures> } | undefined;
  readonly curves: Curves | undefined;
}

const TITLES = ['policy', 'cold', 'avoidable', 'x fixed', 'GB-min', 'x fixed', 'p50', 'p75'];
const GAP = '  ';

export function report(results: Results, colors: Colors): string[] {
  const { trace, policies, chosen, curves } = results;
  const fixed = results.fixed.figures;
  const isShown = policies.some(({ figures }) => figures.policy === fixed.policy);
  const rows = [...(isShown ? [] : [fixed]), ...policies.map(({ figures }) => figures)];
  return [
    colors.bold(describeTrace(trace, fixed)),
    '',
    ...figureTable(rows, fixed, colors),
    '',
    'cold: minutes with calls that began cold; avoidable: all but the first of each',
    'function; GB-min: memory that waited for calls; p50, p75: what part of the',
    'minutes began cold, of the median function and of the one at the third quartile.',
    ...(chosen ? ['', ...describeChoice(chosen)] : []),
    ...(curves ? ['', ...curveLines(curves, fixed, colors)] : []),
  ];
}

export function describeTrace(trace: Trace, { activeMinutes }: PolicyFigures): string {
  const functions = `${number(trace.functions.length)} functions, ${number(trace.minutes)} minutes`;
  return `${functions}, ${number(callsOf(trace))} calls in ${number(activeMinutes)} active minutes`;
}

/** Names to the left, figures to the right. */
function figureTable(rows: readonly PolicyFigures[], fixed: PolicyFigures, colors: Colors): string[] {
  const cells = rows.map((row) => [row.policy, ...cellsOf(row, fixed)]);
  const widths = TITLES.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = ([name = '', ...figures]: readonly string[]) =>
    [name.padEnd(widths[0] ?? 0), ...figures.map((figure, index) => figure.padStart(widths[index + 1] ?? 0))].join(GAP);
  return [colors.dim(line(TITLES)), ...cells.map(line)];
}

function cellsOf(row: PolicyFigures, fixed: PolicyFigures): string[] {
  return [
    number(row.coldStarts),
    number(row.avoidableColdStarts),
    ratio(row.avoidableColdStarts, fixed.avoidableColdStarts),
    number(Math.round(row.wasteGbMinutes)),
    ratio(row.wasteGbMinutes, fixed.wasteGbMinutes),
    percent(row.p50FunctionColdPercent),
    percent(row.p75FunctionColdPercent),
  ];
}

export function describeChoice({ goal, found }: NonNullable<Results['chosen']>): string[] {
  const { point, isMet } = found;
  const limit =
    'wasteGbMinutes' in goal
      ? `a waste of ${number(goal.wasteGbMinutes)} GB-min or less`
      : `${number(goal.avoidableColdStarts)} avoidable cold starts or fewer`;
  const best = 'wasteGbMinutes' in goal ? 'the fewest cold starts' : 'the least waste';
  const what = isMet ? `${best} for ${limit}` : `as near as the curve comes to ${limit}`;
  const rate = `${point.rate.toExponential()} ms per MB-second`;
  return [`predictive: ${what},`, `at an exchange rate of ${rate} (its option msPerMbSecond).`];
}

function curveLines({ fixed: kept, predictive }: Curves, fixed: PolicyFigures, colors: Colors): string[] {
  return [
    colors.bold('The curve of predictive, by its exchange rate in ms per MB-second'),
    ...figureTable(predictive, fixed, colors),
    '',
    colors.bold('The curve of fixed, by its keep-alive in minutes'),
    ...figureTable(kept, fixed, colors),
  ];
}

export function number(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 2 });
}

export function ratio(value: number, of: number): string {
  if (of === 0) return value === 0 ? '1.00' : '-';
  return (value / of).toFixed(2);
}

export function percent(value: number): string {
  return `${value.toFixed(1)} %`;
}
