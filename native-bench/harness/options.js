/** The command line of `npm run bench`. Pure, but for the usage that it carries. */
import { parseArgs } from 'node:util';

/** @typedef {{ quick: boolean, json: boolean, check: boolean, list: boolean, help: boolean, only: string[] | undefined, out: string, trace: string | undefined }} Options */

export const USAGE = `Usage: npm run bench -- [options]

Measures troupe against its floors and its peers, prints a table and writes results.json and report.html.

  --only NAME[,NAME]  only these scenarios
  --quick             at most 90 s: fewer rounds and calls; for a look, not for a claim
  --json              the results as JSON on standard output (progress goes to standard error)
  --check             exit 1 if a bar is missed or could not be measured
  --out DIR           where to write (default: bench-report)
  --trace FILE        calls by the minute, in the format of Azure Functions 2019, for the scenario autoscaler
                      (default: calls made up from a seed)
  --list              what there is to measure
  --help              this

Example: npm run bench -- --only warm-latency,throughput
`;

/** @param {readonly string[]} args @returns {Options} @throws {Error} what is wrong with them, and how to mend it */
export function optionsOf(args) {
  const flag = /** @type {const} */ ({ type: 'boolean', default: false });
  const { values } = parse([...args], {
    quick: flag,
    json: flag,
    check: flag,
    list: flag,
    help: flag,
    only: { type: 'string', multiple: true },
    out: { type: 'string', default: 'bench-report' },
    trace: { type: 'string' },
  });
  const only = values.only?.flatMap((names) => names.split(',')).map((name) => name.trim());
  if (only?.includes('')) throw new Error('--only needs names with a comma between them. `--list` shows them.');
  return { ...values, only, trace: values.trace };
}

/** @template {import('node:util').ParseArgsConfig['options']} T @param {string[]} args @param {T} options */
function parse(args, options) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false });
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n\`--help\` shows what there is.`);
  }
}

/**
 * @param {readonly string[]} known @param {readonly string[] | undefined} only @returns {string[]} in the order of `known`
 * @throws {Error} a name that is not known
 */
export function chosen(known, only) {
  const unknown = only?.filter((name) => !known.includes(name)) ?? [];
  if (unknown.length > 0) {
    throw new Error(
      `There is no scenario ${unknown.map((name) => `"${name}"`).join(', ')}. There are: ${known.join(', ')}.`,
    );
  }
  return known.filter((name) => only === undefined || only.includes(name));
}
