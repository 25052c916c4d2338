/** Latency distributions: x is time (logarithmic), y the part of calls that took at most so long (logit, so that both tails have room). Pure. */
import { time } from './format.js';
import { at, decades, escapeText, line, lineSwatch, lookOf, pathOf, readable, scale, WIDTH } from './svg.js';

const HEIGHT = 360;
const PLOT = { top: 14, bottom: HEIGHT - 34, left: 0, right: WIDTH };
const LOWEST = 0.01;
const TICKS = [0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999];

/** @param {readonly import('../runner.js').ScenarioRow[]} rows @returns {string} '' if none has a distribution */
export function cdfChart(rows) {
  const shown = rows.flatMap(({ subject, cdf }) =>
    cdf && cdf.length > 1 ? [{ subject, points: cdf.filter(([part]) => part >= LOWEST) }] : [],
  );
  const quantiles = [...new Set(shown.flatMap(({ points }) => points.map(([part]) => part)))].sort(
    (one, other) => one - other,
  );
  const highest = quantiles.at(-1);
  if (highest === undefined || quantiles.length < 2) return '';
  const [low, high] = decades(shown.flatMap(({ points }) => points.map(([, us]) => Math.max(us, 0.001))));
  const x = scale({ low, high, from: PLOT.left, to: PLOT.right, shape: Math.log });
  const logit = (/** @type {number} */ part) => Math.log(part / (1 - part));
  const y = scale({ low: LOWEST, high: highest, from: PLOT.bottom, to: PLOT.top, shape: logit });
  const names = shown.map(({ subject }) => subject);
  const lines = shown.map(({ subject, points }) =>
    line(lookOf(subject, names), pathOf(points.map(([part, us]) => [x(Math.max(us, 0.001)), y(part)]))),
  );
  const middle = quantiles.findIndex((part) => part >= 0.5);
  return readable({
    label: `Latency distribution of ${names.join(', ')}`,
    content: `${timeGrid(low, high, x)}${partGrid(highest, y)}${lines.reverse().join('')}`,
    height: HEIGHT,
    axis: 'y',
    positions: quantiles.map((part) => ({ at: y(part), title: `p${Number((part * 100).toFixed(4))}` })),
    initial: Math.max(0, middle),
    series: shown.map(({ subject, points }) => {
      const byPart = new Map(points);
      const values = quantiles.map((part) => byPart.get(part)).map((us) => (us === undefined ? '' : time(us)));
      return { name: subject, swatch: lineSwatch(lookOf(subject, names)), values };
    }),
  });
}

/** @param {number} low @param {number} high @param {(us: number) => number} x */
function timeGrid(low, high, x) {
  const marks = [];
  for (let decade = low; decade < high * 1.01; decade *= 10) {
    const place = x(decade);
    const anchor = place < 40 ? 'start' : place > WIDTH - 40 ? 'end' : 'middle';
    marks.push(
      `<path class="grid" d="M${at(place)} ${PLOT.top}V${PLOT.bottom}"/>`,
      `<text x="${at(place)}" y="${HEIGHT - 10}" text-anchor="${anchor}">${escapeText(time(decade))}</text>`,
    );
    if (decade < high * 0.99) {
      for (const factor of [2, 5])
        marks.push(`<path class="grid faint" d="M${at(x(decade * factor))} ${PLOT.top}V${PLOT.bottom}"/>`);
    }
  }
  return marks.join('');
}

/** @param {number} highest @param {(part: number) => number} y */
function partGrid(highest, y) {
  return TICKS.filter((part) => part <= highest)
    .map((part) => {
      const place = y(part);
      return `<path class="grid" d="M${PLOT.left} ${at(place)}H${PLOT.right}"/><text class="inside" x="4" y="${at(place - 4)}">${Number((part * 100).toFixed(2))} %</text>`;
    })
    .join('');
}
