/** @param {any} results */
export function htmlOf(results) {
  return JSON.stringify(results).slice(0, 10);
}
