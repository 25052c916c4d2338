/** The results as one page for people who would rather look than read: needs nothing but itself. Pure. */
import { barGauge } from './bar-gauge.js';
import { cdfChart } from './cdf-chart.js';
import { claim, digits, direction, limit, quantity, rate, time, times } from './format.js';
import { phasesChart } from './phases-chart.js';
import { readOut } from './read-out.js';
import { STYLE } from './style.js';
import { escapeText } from './svg.js';
import { throughputChart } from './throughput-chart.js';

/**
 * @typedef {import('../runner.js').Outcome} Outcome
 * @typedef {import('../runner.js').ScenarioRow} ScenarioRow
 * @typedef {import('../runner.js').ScenarioBar} ScenarioBar
 * @typedef {import('./json.js').Results} Results
 */

const METHOD = `Subjects take turns, round by round, after one round that does not count, so that whatever else the machine does hits all of them alike.
Each figure is the median of its rounds, and each ratio the median of the ratios within the rounds, with its 95 % bootstrap interval in brackets.
Absolute figures belong to this machine; ratios travel better.`;

/** @param {Results} results @returns {string} */
export function htmlOf(results) {
  const { environment, outcomes } = results;
  const shown = outcomes.filter(({ rows }) => rows.length > 0);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>troupe, measured</title><link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body><main>
<h1>troupe, measured</h1>
<p class="soft">${escapeText(subtitle(environment))}</p>
${troubles(results)}${barsSection(outcomes)}${shown.map(scenario).join('\n')}
<h2>Method</h2><p>${escapeText(METHOD)}</p>
<h2>Environment</h2><div class="card"><dl>${facts(results)}</dl></div>
</main><script>(${readOut})();</script></body></html>
`;
}

/** @param {Results['environment']} environment */
function subtitle({ date, troupe, commit, node, cores, cpu, mode }) {
  const version = commit ? `${troupe} (${commit})` : troupe;
  const kind = mode === 'quick' ? ' A quick run: for a look, not for a claim.' : '';
  return `Version ${version} on Node ${node}, ${cores} x ${cpu}, ${date.slice(0, 16).replace('T', ' ')} UTC.${kind}`;
}

/** @param {Results} results */
function troubles({ failures }) {
  if (failures.length === 0) return '';
  const lines = failures.map(
    ({ name, variant, message }) =>
      `<p><b>${escapeText(name)}${variant ? ` (${escapeText(variant)})` : ''}</b> failed: ${escapeText(message)}</p>`,
  );
  return `<div class="card trouble">${lines.join('')}</div>`;
}

/** @param {readonly Outcome[]} outcomes */
function barsSection(outcomes) {
  const bars = outcomes.flatMap((outcome) => outcome.bars);
  if (bars.length === 0) return '';
  const count = (/** @type {string} */ verdict) => bars.filter((bar) => bar.verdict === verdict).length;
  const unmeasured = count('not measured');
  const lead = `${count('met')} of ${bars.length} bars are met, ${bars.filter((bar) => bar.aimMet).length} of them with their aim${unmeasured ? `; ${unmeasured} could not be measured` : ''}.`;
  const tally = bars.map(
    (bar, index) =>
      `<li><a class="${bar.verdict.split(' ')[0]}" href="#bar-${index}" title="${escapeText(`${bar.name}: ${bar.verdict}`)}" aria-label="${escapeText(`${bar.name}: ${bar.verdict}`)}"></a></li>`,
  );
  const items = bars.map(barItem);
  return `<p class="lead">${lead}</p><ul class="tally">${tally.join('')}</ul>
<div class="card"><ul class="bars">${items.join('\n')}</ul></div>
<p class="soft">In each gauge the upright line is the bar and the dashed one the aim; a mark to either side is a factor of two, better to the right.</p>`;
}

const SIGNS = { met: '✓ met', missed: '✕ missed', 'not measured': '– not measured' };

/** @param {ScenarioBar} bar @param {number} index */
function barItem(bar, index) {
  const { name, variant, measured, verdict, aimMet, ci95 } = bar;
  const asked = `bar ${direction(bar)} ${limit(bar, bar.bar)}, aim ${limit(bar, bar.aim)}`;
  const value =
    measured === undefined ? '' : `${limit(bar, measured)}<small>[${(ci95 ?? []).map(digits).join(', ')}]</small>`;
  return `<li id="bar-${index}"><div class="claim">${escapeText(claim(bar))}<small><a href="#${escapeText(name)}" style="color:inherit">${escapeText(name)}</a>${variant === undefined ? '' : `, ${escapeText(variant)}`}; ${escapeText(asked.replace('<=', '≤').replace('>=', '≥'))}</small></div>
<div class="hold">${barGauge(bar)}</div><div class="verdict ${verdict.split(' ')[0]}">${SIGNS[verdict]}${aimMet ? ', aim too' : ''}<small>${value}</small></div></li>`;
}

/** @param {Outcome} outcome */
function scenario({ name, title, question, chart, variants, rows, unit, figures = {} }) {
  const drawnOnce = chart === 'throughput' ? `<div class="card">${throughputChart(rows, variants)}</div>` : '';
  const parts = (variants.length > 0 ? variants : [undefined]).map((variant) => {
    const own = rows.filter((row) => row.variant === variant);
    if (own.length === 0) return '';
    const drawn = chart === 'cdf' ? cdfChart(own) : chart === 'phases' ? phasesChart(own) : '';
    return `${variant === undefined ? '' : `<h3>${escapeText(variant)}</h3>`}<div class="card">${drawn}${table(own, { unit, named: figures })}</div>`;
  });
  return `<h2 id="${escapeText(name)}">${escapeText(title[0]?.toUpperCase() + title.slice(1))}</h2><p class="soft">${escapeText(question)}</p>${drawnOnce}${parts.join('')}`;
}

/** @param {readonly ScenarioRow[]} rows @param {{ unit: string | undefined, named: Readonly<Record<string, string>> }} units */
function table(rows, { unit, named }) {
  const own = Object.entries(named).map(([title, itsUnit]) => ({ title, of: namedFigure(title, itsUnit) }));
  const figures = [...FIGURE_COLUMNS, ...own].filter(({ of }) => rows.some((row) => of(row, unit) !== ''));
  const compared = rows.filter((row) => Object.keys(row.ratios).length > 0);
  const head = [...figures.map(({ title }) => title), ...compared.map(({ subject }) => `${subject} / it`)];
  const lines = rows.map((row) => {
    const ratios = compared.map((other) => {
      const ratio = other.ratios[row.subject];
      const middle = ratio?.[ratio.ci95Of];
      return ratio && middle !== undefined
        ? `${times(middle)}<small>[${ratio.ci95.map(digits).join(', ')}]</small>`
        : '';
    });
    const cells = [...figures.map(({ of }) => escapeText(of(row, unit))), ...ratios].map((cell) => `<td>${cell}</td>`);
    return `<tr${compared.includes(row) ? ' class="own"' : ''}><td>${escapeText(row.subject)}</td>${cells.join('')}</tr>`;
  });
  return `<div class="scroll"><table><thead><tr><th></th>${head.map((cell) => `<th>${escapeText(cell)}</th>`).join('')}</tr></thead><tbody>${lines.join('')}</tbody></table></div>`;
}

/** @type {readonly { title: string, of: (row: ScenarioRow, unit?: string) => string }[]} */
const FIGURE_COLUMNS = [
  { title: 'p50', of: ({ p50Us }) => (p50Us === undefined ? '' : time(p50Us)) },
  { title: 'p99', of: ({ p99Us }) => (p99Us === undefined ? '' : time(p99Us)) },
  { title: 'throughput', of: ({ perSecond }) => (perSecond === undefined ? '' : rate(perSecond)) },
  { title: 'figure', of: ({ value }, unit) => (value === undefined ? '' : quantity(value, unit)) },
];

/** @param {string} name @param {string} unit @returns {(row: ScenarioRow) => string} */
function namedFigure(name, unit) {
  return ({ figures }) => (figures?.[name] === undefined ? '' : quantity(figures[name], unit));
}

/** @param {Results} results */
function facts({ environment, skipped, tookMs }) {
  const { platform, kernel, cpu, cores, memoryMb, governor, node, v8, peers, loadAverage, mode } = environment;
  /** @type {[string, string][]} */
  const lines = [
    ['Machine', `${cores} x ${cpu}, ${digits(memoryMb)} MiB`],
    ['System', `${platform}, kernel ${kernel}${governor ? `, governor ${governor}` : ''}`],
    ['Node.js', `${node}, V8 ${v8}`],
    ['Load average', `${loadAverage.before} before, ${loadAverage.after ?? '-'} after`],
    ['Run', `${mode}, ${Math.round(tookMs / 1_000)} s`],
    [
      'Packages',
      Object.entries(peers)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    ...skipped.map(({ name, howToAdd }) => /** @type {[string, string]} */ ([`Without ${name}`, howToAdd])),
  ];
  return lines.map(([term, fact]) => `<dt>${escapeText(term)}</dt><dd>${escapeText(fact)}</dd>`).join('');
}
