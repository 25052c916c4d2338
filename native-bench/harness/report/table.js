/** The results as text for a terminal. Pure. */
import { claim, digits, direction, limit, quantity, rate, time, times } from './format.js';

/**
 * @typedef {import('../runner.js').Outcome} Outcome
 * @typedef {import('../runner.js').ScenarioRow} ScenarioRow
 * @typedef {import('./json.js').Results} Results
 */

/** @param {Results} results @returns {string} */
export function tableOf({ environment, outcomes, skipped, failures }) {
  const { cpu, cores, node, mode, loadAverage } = environment;
  const machine = `Node ${node}, ${cores} x ${cpu}, load ${loadAverage.before} before; ${mode} run, medians over rounds`;
  const blocks = [
    machine,
    ...outcomes.filter(({ rows }) => rows.length > 0).map(scenario),
    ...[summary(outcomes)].filter(Boolean),
    ...skipped.map(({ name, howToAdd }) => `skipped ${name}: ${howToAdd}`),
    ...failures.map(({ name, variant, message }) => `FAILED ${name}${variant ? ` (${variant})` : ''}: ${message}`),
  ];
  return `${blocks.join('\n\n')}\n`;
}

/** @param {Outcome} outcome */
function scenario({ name, title, variants, rows, bars, unit, figures: named = {} }) {
  const lines = [`${name}: ${title}`];
  for (const variant of variants.length > 0 ? variants : [undefined]) {
    const [own, held] = [rows.filter((row) => row.variant === variant), bars.filter((bar) => bar.variant === variant)];
    if (own.length === 0) continue;
    if (variant !== undefined) lines.push(`  ${variant}`);
    lines.push(...figures(own, { unit, named }), ...held.map((bar) => `    ${barLine(bar)}`));
  }
  return lines.join('\n');
}

/**
 * A line for each subject. Those that have ratios get a letter, and the lines of their peers say the ratios: `A 0.08x [0.07, 0.09]` is A's
 * figure over that of the line.
 * @param {readonly ScenarioRow[]} rows @param {{ unit: string | undefined, named: Readonly<Record<string, string>> }} units
 */
function figures(rows, { unit, named }) {
  const compared = rows.filter((row) => Object.keys(row.ratios).length > 0);
  const letterOf = (/** @type {ScenarioRow} */ row) => String.fromCharCode(65 + compared.indexOf(row));
  const widths = { subject: Math.max(...rows.map((row) => row.subject.length)), figure: 12 };
  return rows.map((row) => {
    const cells = [
      row.p50Us === undefined ? '' : `p50 ${time(row.p50Us)}`,
      row.p99Us === undefined ? '' : `p99 ${time(row.p99Us)}`,
      row.perSecond === undefined ? '' : rate(row.perSecond),
      row.value === undefined ? '' : quantity(row.value, unit),
      ...Object.entries(row.figures ?? {}).map(([name, value]) => `${name} ${quantity(value, named[name])}`),
    ].filter(Boolean);
    const ratios = compared.flatMap((other) => {
      const ratio = other.ratios[row.subject];
      const middle = ratio?.[ratio.ci95Of];
      return ratio && middle !== undefined ? [`${letterOf(other)} ${times(middle)} ${interval(ratio.ci95)}`] : [];
    });
    const letter = compared.includes(row) ? letterOf(row) : ' ';
    const own = cells.map((cell) => cell.padEnd(widths.figure)).join(' ');
    return `    ${letter} ${row.subject.padEnd(widths.subject)}  ${own}  ${ratios.join('  ')}`.trimEnd();
  });
}

/** @param {[number, number]} ci95 */
function interval([low, high]) {
  return `[${digits(low)}, ${digits(high)}]`;
}

/** As `bar <= 0.1x, aim 0.067x: 0.084x met`. @param {import('../rounds.js').Judgement & { unit?: string }} bar @returns {string} */
export function barLine(bar) {
  const head = `bar ${direction(bar)} ${limit(bar, bar.bar)}, aim ${limit(bar, bar.aim)}`;
  if (bar.measured === undefined) return `${head}: not measured   ${claim(bar)}`;
  const spread = bar.ci95 ? ` ${interval(bar.ci95)}` : '';
  return `${head}: ${limit(bar, bar.measured)} ${bar.verdict}${bar.aimMet ? ', aim too' : ''}   ${claim(bar)}${spread}`;
}

/** @param {readonly Outcome[]} outcomes */
function summary(outcomes) {
  const bars = outcomes.flatMap((outcome) => outcome.bars);
  if (bars.length === 0) return '';
  const count = (/** @type {string} */ verdict) => bars.filter((bar) => bar.verdict === verdict).length;
  const aims = bars.filter((bar) => bar.aimMet).length;
  return `bars: ${count('met')} met (${aims} with their aim), ${count('missed')} missed, ${count('not measured')} not measured`;
}
