/**
 * Where the time goes. For each subject a thin bar for the whole, on one scale for all, and under it, as wide as the page, the whole cut into its
 * components: a start of half a millisecond is as readable as one of fifty. Pure.
 */
import { time } from './format.js';
import { at, escapeText, lookOf, readable, scale, WIDTH } from './svg.js';

const ROW = { label: 22, whole: 7, gap: 4, parts: 24, below: 18 };
/** Component colours in the style sheet. */
const COLOURS = 8;
/** A component narrower than this is not named in the bar. */
const NAMED_PX = 96;

/** @param {readonly import('../runner.js').ScenarioRow[]} rows @returns {string} '' if no subject tells its components */
export function phasesChart(rows) {
  const shown = rows.flatMap((row) => {
    const parts = Object.entries(row.phasesUs ?? {}).filter(([, us]) => us > 0);
    const whole = row.p50Us ?? parts.reduce((sum, [, us]) => sum + us, 0);
    return whole > 0 ? [{ subject: row.subject, whole, parts }] : [];
  });
  // The longest list knows the order best.
  const lists = shown.map(({ parts }) => parts.map(([phase]) => phase)).sort((one, other) => other.length - one.length);
  const phases = [...new Set(lists.flat())];
  if (phases.length === 0) return '';
  const x = scale({ low: 0, high: Math.max(...shown.map(({ whole }) => whole)), from: 0, to: WIDTH });
  const names = shown.map(({ subject }) => subject);
  let top = 0;
  const bars = [];
  const positions = [];
  for (const { subject, whole, parts } of shown) {
    const { family } = lookOf(subject, names);
    bars.push(
      `<text class="name" x="0" y="${top + ROW.label - 6}">${escapeText(subject)}</text><text class="name" x="${WIDTH}" y="${top + ROW.label - 6}" text-anchor="end">${escapeText(time(whole))}</text>`,
      `<rect class="whole ${family}" x="0" y="${top + ROW.label}" width="${at(Math.max(1.5, x(whole)))}" height="${ROW.whole}" rx="2"/>`,
      cut(parts, phases, top + ROW.label + ROW.whole + ROW.gap),
    );
    positions.push({ at: top + (ROW.label + ROW.whole + ROW.parts) / 2, title: `${subject}, ${time(whole)}` });
    top += ROW.label + ROW.whole + (parts.length > 0 ? ROW.gap + ROW.parts : 0) + ROW.below;
  }
  return readable({
    label: `Components of ${names.join(', ')}`,
    content: bars.join(''),
    height: top,
    axis: 'y',
    positions,
    initial: Math.max(
      0,
      shown.findIndex(({ parts }) => parts.length > 0),
    ),
    series: phases.map((phase, index) => ({
      name: phase,
      swatch: `<rect class="part k${index % COLOURS}" width="28" height="10" rx="2"/>`,
      values: shown
        .map(({ parts }) => parts.find(([name]) => name === phase)?.[1])
        .map((us) => (us === undefined ? '' : time(us))),
    })),
  });
}

/** @param {readonly (readonly [string, number])[]} parts @param {readonly string[]} phases @param {number} top */
function cut(parts, phases, top) {
  const sum = parts.reduce((all, [, us]) => all + us, 0);
  let left = 0;
  return parts
    .map(([phase, us]) => {
      const width = (us / sum) * WIDTH;
      const name = `${phase} ${time(us)}`;
      const text =
        width > NAMED_PX
          ? `<text class="part-name" x="${at(left + 6)}" y="${top + ROW.parts - 8}">${escapeText(name)}</text>`
          : '';
      const rect = `<rect class="part k${phases.indexOf(phase) % COLOURS}" x="${at(left)}" y="${top}" width="${at(Math.max(0.6, width - 1))}" height="${ROW.parts}" rx="1.5"><title>${escapeText(name)}</title></rect>`;
      left += width;
      return rect + text;
    })
    .join('');
}
