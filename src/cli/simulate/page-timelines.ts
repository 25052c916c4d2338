/** The functions that fare worst: when each was called, and when each policy had an instance for it. Pure. */
import { type FunctionFigures, functionFigures } from './figures.ts';
import { at, escapeText, WIDTH } from './page-svg.ts';
import { number } from './report.ts';
import type { Outcome } from './simulation.ts';
import { memoryOf, type Trace } from './trace.ts';

/** One after the other: where minutes share a pixel, the later state is drawn. */
const STATES = ['away', 'idle', 'warm', 'cold'] as const;

const SHOWN = 8;
const NAME_WIDTH = 118;
const FIGURES_WIDTH = 150;
const STRIP = { from: NAME_WIDTH, to: WIDTH - FIGURES_WIDTH, height: 12, gap: 6 };

type Figure = 'avoidableColdStarts' | 'wasteGbMinutes';

/** Ranked by what the last policy does to them; those that it does nothing to are left out. */
export function worstFunctions(trace: Trace, outcomes: readonly Outcome[], figure: Figure): string {
  const byPolicy = outcomes.map(({ warm }) => functionFigures(trace, warm));
  const ranked = [...(byPolicy.at(-1) ?? [])].sort(
    (a, b) => b[figure] - a[figure] || b.wasteGbMinutes - a.wasteGbMinutes,
  );
  const worst = ranked.filter((figures) => figures[figure] > 0).slice(0, SHOWN);
  if (worst.length === 0) return '<p class="soft">There is none.</p>';
  return worst.map(({ index }) => timeline(trace, index, { outcomes, byPolicy })).join('\n');
}

interface Compared {
  readonly outcomes: readonly Outcome[];
  readonly byPolicy: readonly (readonly FunctionFigures[])[];
}

function timeline(trace: Trace, index: number, { outcomes, byPolicy }: Compared): string {
  const traced = trace.functions[index];
  if (!traced) return '';
  const calls = traced.counts.reduce((sum, count) => sum + count, 0);
  const facts = [
    ...(traced.trigger === undefined ? [] : [traced.trigger]),
    `${number(Math.round(memoryOf(traced)))} MB`,
    `${number(calls)} calls in ${number(traced.minutes.length)} minutes`,
  ];
  const rows = outcomes.map((outcome, position) => {
    const top = position * (STRIP.height + STRIP.gap) + 2;
    return strip(trace, { outcome, index, top, figures: byPolicy[position]?.[index] });
  });
  const height = outcomes.length * (STRIP.height + STRIP.gap) + 2;
  const name = traced.id.length > 16 ? `${traced.id.slice(0, 12)}…` : traced.id;
  return `<div class="function"><p><b title="${escapeText(traced.id)}">${escapeText(name)}</b> <span class="soft">${escapeText(facts.join(' · '))}</span></p>
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="When ${escapeText(name)} was called, and when it was warm">${rows.join('')}</svg></div>`;
}

interface StripOptions {
  readonly outcome: Outcome;
  readonly index: number;
  readonly top: number;
  readonly figures: FunctionFigures | undefined;
}

function strip(trace: Trace, { outcome, index, top, figures }: StripOptions): string {
  const middle = top + STRIP.height - 2;
  const label = `<text class="name" x="0" y="${middle}">${escapeText(outcome.figures.policy)}</text>`;
  const said = `${number(figures?.avoidableColdStarts ?? 0)} cold · ${(figures?.wasteGbMinutes ?? 0).toFixed(1)} GB-min`;
  const text = `<text x="${WIDTH}" y="${middle}" text-anchor="end">${said}</text>`;
  const base = `<rect class="away" x="${STRIP.from}" y="${top}" width="${STRIP.to - STRIP.from}" height="${STRIP.height}"/>`;
  return `${label}${base}${stateRuns(statesOf(trace, index, outcome), top)}${text}`;
}

/** The state of each column of pixels: the most telling of its minutes. */
function statesOf({ functions, minutes }: Trace, index: number, { warm }: Outcome): Uint8Array {
  const columns = new Uint8Array(Math.min(minutes, STRIP.to - STRIP.from));
  const called = new Set(functions[index]?.minutes);
  for (let minute = 0; minute < minutes; minute++) {
    const column = Math.floor((minute * columns.length) / minutes);
    const isWarm = warm.has(index, minute);
    const state = called.has(minute) ? (isWarm ? 2 : 3) : isWarm ? 1 : 0;
    columns[column] = Math.max(columns[column] ?? 0, state);
  }
  return columns;
}

/** One path for all runs of a state. */
function stateRuns(columns: Uint8Array, top: number): string {
  const width = (STRIP.to - STRIP.from) / columns.length;
  const paths = STATES.map(() => '');
  for (let from = 0, to = 0; from < columns.length; from = to) {
    const state = columns[from] ?? 0;
    while (to < columns.length && columns[to] === state) to++;
    paths[state] +=
      `M${at(STRIP.from + from * width)} ${top}H${at(STRIP.from + to * width)}v${STRIP.height}H${at(STRIP.from + from * width)}z`;
  }
  return STATES.map((state, index) =>
    index === 0 || paths[index] === '' ? '' : `<path class="${state}" d="${paths[index]}"/>`,
  ).join('');
}
