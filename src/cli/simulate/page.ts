/** The results as one page for people who would rather look than read: needs nothing but itself, not even a script. Pure. */
import type { PolicyFigures } from './figures.ts';
import { functionsChart, tradeOffChart } from './page-curves.ts';
import { STYLE } from './page-style.ts';
import { colorClass, escapeText } from './page-svg.ts';
import { worstFunctions } from './page-timelines.ts';
import { describeChoice, describeTrace, number, percent, type Results, ratio } from './report.ts';
import type { Outcome } from './simulation.ts';

const DEFINITIONS = [
  ['Cold start', 'A minute in which a function is called, and at whose beginning no instance of it was there.'],
  ['Avoidable', 'All cold starts but that of the first minute in which a function is called.'],
  [
    'Wasted memory',
    'The memory of a function for every minute in which an instance was there and nobody called, from its first call to the end of the trace.',
  ],
  ['p50, p75', 'Cold starts in percent of the minutes with calls, of the median function and of the third quartile.'],
  ['No look at the future', 'Each minute was decided by the code that the host runs, from the minutes before it.'],
] as const;

export function pageOf(results: Results): string {
  const { trace, fixed, policies, curves } = results;
  const outcomes = policies.includes(fixed) ? policies : [fixed, ...policies];
  const figures = outcomes.map((outcome) => outcome.figures);
  const compared = outcomes.length > 1 ? [fixed, ...outcomes.filter((each) => each !== fixed)] : outcomes;
  const last = compared.at(-1)?.figures.policy ?? '';
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cold starts against memory</title><link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body><main>
<h1>Cold starts against memory</h1>
<p class="soft">${escapeText(describeTrace(trace, fixed.figures))}</p>
<p class="lead">${escapeText(lead(compared))}</p>
${results.chosen ? `<p class="soft">${escapeText(describeChoice(results.chosen).join(' '))}</p>` : ''}
${curves ? tradeOffChart(curves, figures) : ''}
<p class="soft">The nearer to the lower left corner, the better. Point at a dot for its figures.</p>
<div class="card scroll"><table><thead><tr><th>policy</th><th>cold starts</th><th>avoidable</th><th>x fixed</th><th>GB-minutes</th><th>x fixed</th><th>p50</th><th>p75</th></tr></thead>
<tbody>${figures.map((each) => row(each, fixed.figures)).join('\n')}</tbody></table></div>
<h2>How functions fare</h2><p class="soft">A cold start is felt by whoever calls that one function: what counts is how many functions start cold often.</p>
${functionsChart(trace, outcomes)}
<h2>Most cold starts with ${escapeText(last)}</h2>${STATE_LEGEND}
<div class="card">${worstFunctions(trace, compared, 'avoidableColdStarts')}</div>
<h2>Most memory wasted with ${escapeText(last)}</h2>${STATE_LEGEND}
<div class="card">${worstFunctions(trace, compared, 'wasteGbMinutes')}</div>
<h2>What the figures mean</h2><div class="card"><dl>${DEFINITIONS.map(([term, meaning]) => `<dt>${term}</dt><dd>${meaning}</dd>`).join('')}</dl></div>
</main></body></html>
`;
}

const STATE_LEGEND = `<ul class="legend"><li><i class="cold"></i>called, and cold</li><li><i class="warm"></i>called, and warm</li><li><i class="idle"></i>warm for nothing</li><li><i class="away"></i>not there</li></ul>`;

function lead(compared: readonly Outcome[]): string {
  const [fixed, ...others] = compared.map(({ figures }) => figures);
  const last = others.at(-1);
  if (!fixed) return '';
  const said = ({ avoidableColdStarts, wasteGbMinutes }: PolicyFigures) =>
    `${number(avoidableColdStarts)} avoidable cold starts and ${number(Math.round(wasteGbMinutes))} GB-minutes of wasted memory`;
  if (!last) return `${fixed.policy}: ${said(fixed)}.`;
  return `${last.policy}: ${said(last)}. ${fixed.policy}: ${said(fixed)}.`;
}

function row(figures: PolicyFigures, fixed: PolicyFigures): string {
  const { policy, coldStarts, avoidableColdStarts, wasteGbMinutes, p50FunctionColdPercent, p75FunctionColdPercent } =
    figures;
  const cells = [
    number(coldStarts),
    number(avoidableColdStarts),
    ratio(avoidableColdStarts, fixed.avoidableColdStarts),
    number(Math.round(wasteGbMinutes)),
    ratio(wasteGbMinutes, fixed.wasteGbMinutes),
    percent(p50FunctionColdPercent),
    percent(p75FunctionColdPercent),
  ];
  return `<tr class="${colorClass(policy)}"><td>${escapeText(policy)}</td>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}
