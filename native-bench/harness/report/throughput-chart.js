/** Calls a second against calls in flight: a line for each subject, a place on x for each variant. Pure. */
import { rate, shortRate } from './format.js';
import { at, escapeText, line, lineSwatch, lookOf, pathOf, readable, scale, steps, WIDTH } from './svg.js';

const HEIGHT = 340;
const PLOT = { top: 26, bottom: HEIGHT - 34, left: 64, right: WIDTH - 40 };

/** @param {readonly import('../runner.js').ScenarioRow[]} rows @param {readonly string[]} variants @returns {string} '' if there is nothing to draw */
export function throughputChart(rows, variants) {
  const places = variants.filter((variant) =>
    rows.some((row) => row.variant === variant && row.perSecond !== undefined),
  );
  const names = [...new Set(rows.filter(({ perSecond }) => perSecond !== undefined).map(({ subject }) => subject))];
  if (places.length === 0 || names.length === 0) return '';
  const ticks = steps(Math.max(...rows.map(({ perSecond }) => perSecond ?? 0)));
  const y = scale({ low: 0, high: ticks.at(-1) ?? 1, from: PLOT.bottom, to: PLOT.top });
  const x = scale({ low: 0, high: Math.max(1, places.length - 1), from: PLOT.left, to: PLOT.right });
  const rateAt = (/** @type {string} */ subject, /** @type {string} */ place) =>
    rows.find((row) => row.subject === subject && row.variant === place)?.perSecond;
  const lines = names.map((subject) => drawn(subject, { names, places, x, y, rateAt }));
  return readable({
    label: `Throughput of ${names.join(', ')} by calls in flight`,
    content: `${grid(ticks, y)}${labels(places, x)}${lines.reverse().join('')}`,
    height: HEIGHT,
    axis: 'x',
    positions: places.map((place, index) => ({ at: x(index), title: `${place} in flight` })),
    initial: places.length - 1,
    series: names.map((name) => ({
      name,
      swatch: lineSwatch(lookOf(name, names)),
      values: places.map((place) => rateAt(name, place)).map((value) => (value === undefined ? '' : rate(value))),
    })),
  });
}

/**
 * @param {string} subject
 * @param {{ names: readonly string[], places: readonly string[], x: (index: number) => number, y: (value: number) => number, rateAt: (subject: string, place: string) => number | undefined }} chart
 */
function drawn(subject, { names, places, x, y, rateAt }) {
  const look = lookOf(subject, names);
  /** @type {(readonly [number, number])[]} */
  const points = places.flatMap((place, index) => {
    const value = rateAt(subject, place);
    return value === undefined ? [] : [/** @type {const} */ ([x(index), y(value)])];
  });
  const dots = points.map(
    ([left, top]) => `<circle class="dot ${look.family}" cx="${at(left)}" cy="${at(top)}" r="3.5"/>`,
  );
  return `${line(look, pathOf(points))}${dots.join('')}`;
}

/** @param {readonly number[]} ticks @param {(value: number) => number} y */
function grid(ticks, y) {
  return ticks
    .map((tick) => {
      const label =
        tick === 0 ? '' : `<text class="inside" x="4" y="${at(y(tick) - 4)}">${escapeText(shortRate(tick))}</text>`;
      return `<path class="grid" d="M0 ${at(y(tick))}H${WIDTH}"/>${label}`;
    })
    .join('');
}

/** @param {readonly string[]} places @param {(index: number) => number} x */
function labels(places, x) {
  return places
    .map(
      (place, index) => `<text x="${at(x(index))}" y="${HEIGHT - 10}" text-anchor="middle">${escapeText(place)}</text>`,
    )
    .join('');
}
