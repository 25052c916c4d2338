/** The results as data. Pure. */

/**
 * @typedef {object} Results
 * @property {import('../environment.js').Environment} environment
 * @property {import('../runner.js').Outcome[]} outcomes
 * @property {{ name: string, howToAdd: string }[]} skipped
 * @property {import('../runner.js').Failure[]} failures
 * @property {number} tookMs
 */

/**
 * What `--json` prints: flat, one entry for each subject of each scenario and variant. Times are in microseconds. A ratio is subject / peer, the
 * median of the ratios within the rounds; `ci95` is the interval of the figure that `ci95Of` names.
 * @param {Results} results
 */
export function jsonOf({ environment, outcomes, skipped, failures, tookMs }) {
  const scenarios = outcomes.flatMap(({ rows, unit }) =>
    rows.map(({ cdf: _, value, ...row }) => ({ ...row, ...(value === undefined ? {} : { value, unit: unit ?? '' }) })),
  );
  return { environment, scenarios, bars: outcomes.flatMap(({ bars }) => bars), skipped, failures, tookMs };
}

/** What results.json holds: the same, with the distributions that the page draws. @param {Results} results */
export function fullJsonOf(results) {
  const distributions = results.outcomes.flatMap(({ rows }) =>
    rows.flatMap(({ name, variant, subject, cdf }) => (cdf ? [{ name, variant, subject, cdf }] : [])),
  );
  return { ...jsonOf(results), distributions };
}
