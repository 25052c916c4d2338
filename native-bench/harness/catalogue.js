/** Finds the scenarios: one file each, which exports `scenario` under the name of the file. */
import { readdirSync } from 'node:fs';

/** @typedef {import('./scenario.js').Scenario} Scenario */

const FOLDER = new URL('../scenarios/', import.meta.url);

/** What the most people ask first comes first; the rest follows by name. */
const FIRST = ['micro', 'warm-latency', 'throughput', 'cold-start', 'workflow-latency', 'workflow-throughput'];

/** @returns {string[]} */
export function scenarioNames() {
  const names = readdirSync(FOLDER)
    .filter((file) => file.endsWith('.js'))
    .map((file) => file.slice(0, -3))
    .sort();
  return [...FIRST.filter((name) => names.includes(name)), ...names.filter((name) => !FIRST.includes(name))];
}

/** @param {string} name @returns {Promise<Scenario>} @throws {Error} if the file has no scenario, or one of another name */
export async function loadScenario(name) {
  const { scenario } = await import(new URL(`${name}.js`, FOLDER).href);
  if (scenario?.name !== name) throw new Error(`scenarios/${name}.js does not export a \`scenario\` named "${name}".`);
  return scenario;
}
