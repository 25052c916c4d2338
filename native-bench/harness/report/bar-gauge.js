/** How far a bar was cleared or missed: the bar in the middle line, better to the right, each mark a factor of two. Pure. */
import { at, scale } from './svg.js';

const SIZE = { width: 220, height: 26 };
const MARKS = [0.25, 0.5, 1, 2, 4, 8];

/** @param {import('../rounds.js').Judgement} bar @returns {string} '' without a measurement */
export function barGauge(bar) {
  const { measured, ci95, verdict } = bar;
  if (measured === undefined || bar.bar <= 0) return '';
  // Better than the bar is above 1 for latencies and rates alike.
  const better = (/** @type {number} */ value) =>
    Math.min(8, Math.max(0.25, bar.figure === 'perSecond' ? value / bar.bar : bar.bar / Math.max(value, 1e-12)));
  const x = scale({ low: 0.25, high: 8, from: 7, to: SIZE.width - 7, shape: Math.log });
  const middle = SIZE.height / 2;
  const marks = MARKS.map((mark) => `<path class="grid" d="M${at(x(mark))} ${middle - 3}V${middle + 3}"/>`);
  const ends = (ci95 ?? [measured, measured]).map((value) => x(better(value))).sort((one, other) => one - other);
  const aim = `<path class="aim" d="M${at(x(better(bar.aim)))} ${middle - 8}V${middle + 8}"/>`;
  return `<svg class="gauge ${verdict}" viewBox="0 0 ${SIZE.width} ${SIZE.height}" aria-hidden="true"><path class="grid" d="M7 ${middle}H${SIZE.width - 7}"/>${marks.join('')}
<path class="limit" d="M${at(x(1))} 2V${SIZE.height - 2}"/>${aim}<path class="spread" d="M${at(ends[0] ?? 0)} ${middle}H${at(ends[1] ?? 0)}"/><circle cx="${at(x(better(measured)))}" cy="${middle}" r="5"/></svg>`;
}
