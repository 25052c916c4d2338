/** What could not be measured here, and how to add it: told at once on standard error, and again in the report. */

/** @type {Map<string, string>} */
const reasons = new Map();

/** Says it once a name. @param {string} name of a peer or a floor @param {string} howToAdd one sentence */
export function skip(name, howToAdd) {
  if (reasons.has(name)) return;
  reasons.set(name, howToAdd);
  console.error(`${name} is skipped: ${howToAdd}`);
}

/** @returns {{ name: string, howToAdd: string }[]} */
export function skipped() {
  return [...reasons].map(([name, howToAdd]) => ({ name, howToAdd }));
}
