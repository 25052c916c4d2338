/** What the charts share: escaping, scales, ticks, and the look of each subject. Pure. */

/** Of a text in HTML and in its attributes. @param {unknown} text @returns {string} */
export function escapeText(text) {
  return String(text).replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

/** All charts are drawn this wide and scale with the page. */
export const WIDTH = 640;

/** @param {number} value @returns {string} short: pages hold thousands of them */
export function at(value) {
  return String(Math.round(value * 10) / 10);
}

/** Maps [low, high] to [from, to], each value seen through `shape` first. @param {{ low: number, high: number, from: number, to: number, shape?: (value: number) => number }} options */
export function scale({ low, high, from, to, shape = (value) => value }) {
  const [first, last] = [shape(low), shape(high)];
  return (/** @type {number} */ value) => from + ((shape(value) - first) / (last - first || 1)) * (to - from);
}

/** Powers of ten that cover the values, at least one decade. @param {readonly number[]} values above 0 @returns {[low: number, high: number]} */
export function decades(values) {
  const low = 10 ** Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  const high = 10 ** Math.ceil(Math.log10(Math.max(...values)) - 1e-9);
  return [low, high > low ? high : low * 10];
}

/** Round steps from 0 to at least the highest value, about four of them. @param {number} highest @returns {number[]} */
export function steps(highest) {
  const rough = (highest || 1) / 4;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * magnitude >= rough) ?? 10) * magnitude;
  return Array.from({ length: Math.ceil((highest || 1) / step - 1e-9) + 1 }, (_, index) => index * step);
}

/** Each kind of subject has a colour; whatever else there is, bare Node and C, is a floor and grey. */
const FAMILIES = ['troupe', 'piscina', 'tinypool', 'workerpool', 'poolifier', 'workerd'];
const DASHES = ['', '7 3', '2 3', '9 3 2 3', '4 2', '12 4'];

/**
 * The class that colours a subject, and the dashes that tell it from its kin.
 * @param {string} subject @param {readonly string[]} subjects all of the chart @returns {{ family: string, dash: string }}
 */
export function lookOf(subject, subjects) {
  const kinOf = (/** @type {string} */ name) => FAMILIES.find((family) => name.startsWith(family)) ?? 'floor';
  const family = kinOf(subject);
  const position = subjects.filter((other) => kinOf(other) === family).indexOf(subject);
  return { family: `c-${family}`, dash: DASHES[position % DASHES.length] ?? '' };
}

/** @param {{ family: string, dash: string }} look @param {string} path */
export function line({ family, dash }, path) {
  return `<path class="line ${family}" d="${path}"${dash ? ` stroke-dasharray="${dash}"` : ''}/>`;
}

/** @param {readonly (readonly [x: number, y: number])[]} points */
export function pathOf(points) {
  return points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${at(x)} ${at(y)}`).join('');
}

/**
 * A chart with a legend that is its read-out: it shows the values at `positions[initial]`, and at whatever else the reader points to.
 * @param {object} chart
 * @param {string} chart.label    what it shows, for those who cannot see it
 * @param {string} chart.content  of the SVG
 * @param {number} chart.height
 * @param {'x' | 'y'} chart.axis  along which one points
 * @param {readonly { at: number, title: string }[]} chart.positions  on that axis
 * @param {number} chart.initial
 * @param {readonly { name: string, swatch: string, values: readonly string[] }[]} chart.series  `values` by position
 * @returns {string}
 */
export function readable({ label, content, height, axis, positions, initial, series }) {
  const guide = axis === 'x' ? `x1="0" x2="0" y1="0" y2="${height}"` : `x1="0" x2="${WIDTH}" y1="0" y2="0"`;
  const data = {
    axis,
    positions: positions.map((position) => Math.round(position.at * 10) / 10),
    titles: positions.map(({ title }) => title),
    values: series.map(({ values }) => values),
    initial,
  };
  const entries = series.map(
    ({ name, swatch, values }) =>
      `<li><svg class="swatch" viewBox="0 0 28 10" aria-hidden="true">${swatch}</svg><span>${escapeText(name)}</span><output>${escapeText(values[initial] ?? '')}</output></li>`,
  );
  return `<figure class="chart" data-chart="${escapeText(JSON.stringify(data))}">
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeText(label)}">${content}<line class="guide" ${guide}/></svg>
<figcaption><b class="where">${escapeText(positions[initial]?.title ?? '')}</b><ul class="legend">${entries.join('')}</ul></figcaption>
</figure>`;
}

/** A line of a subject, for a legend. @param {{ family: string, dash: string }} look */
export function lineSwatch(look) {
  return line(look, 'M1 5L27 5');
}
