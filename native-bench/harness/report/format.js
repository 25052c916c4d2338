/** Figures as people read them. Pure. */

/** @param {number} us @returns {string} */
export function time(us) {
  if (us < 0.9995) return `${digits(us * 1_000)} ns`;
  if (us < 999.5) return `${digits(us)} us`;
  return us < 999_500 ? `${digits(us / 1_000)} ms` : `${digits(us / 1_000_000)} s`;
}

/** @param {number} perSecond @returns {string} */
export function rate(perSecond) {
  return `${perSecond < 100 ? digits(perSecond) : Math.round(perSecond).toLocaleString('en-US')}/s`;
}

/** For axes. @param {number} perSecond @returns {string} */
export function shortRate(perSecond) {
  if (perSecond >= 1e6) return `${digits(perSecond / 1e6)} M/s`;
  return perSecond >= 1e3 ? `${digits(perSecond / 1e3)} k/s` : `${digits(perSecond)}/s`;
}

/** Three significant digits, without an exponent where that can be. @param {number} value @returns {string} */
export function digits(value) {
  if (value !== 0 && Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

/** @param {number} ratio @returns {string} */
export function times(ratio) {
  return `${digits(ratio)}x`;
}

/** @param {number} value @param {string} [unit] @returns {string} */
export function quantity(value, unit = '') {
  return `${digits(value)} ${unit}`.trim();
}

/** @param {string} figure @returns {string} */
export function figureName(figure) {
  return { perSecond: 'throughput', value: 'figure' }[figure] ?? figure;
}

/** What a bar claims, without its limits. @param {import('../rounds.js').Judgement} bar @returns {string} */
export function claim({ figure, subject, against, chosen }) {
  const what = `${subject}, ${figureName(figure)}`;
  if (against === '') return what;
  return against.endsWith('*')
    ? `${what} against the best of ${against}${chosen ? ` (${chosen})` : ''}`
    : `${what} against ${against}`;
}

/** Of a ratio with an `x`, else with the unit. @param {import('../rounds.js').Judgement & { unit?: string }} bar @param {number} value @returns {string} */
export function limit({ against, figure, unit }, value) {
  if (against !== '') return times(value);
  if (figure === 'perSecond') return rate(value);
  return figure === 'p50' || figure === 'p99' ? time(value) : quantity(value, unit);
}

/** @param {import('../rounds.js').Judgement} bar @returns {'<=' | '>='} */
export function direction({ figure }) {
  return figure === 'perSecond' ? '>=' : '<=';
}
