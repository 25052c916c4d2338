/** `npm run bench`: measures, prints what it showed, and writes it down. Results go to standard output, all else to standard error (invariant 2). */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { loadScenario, scenarioNames } from './harness/catalogue.js';
import { cleanUpAtExit } from './harness/clean-up.js';
import { environmentNow, withLoadAfter } from './harness/environment.js';
import { chosen, optionsOf, USAGE } from './harness/options.js';
import { htmlOf } from './harness/report/html.js';
import { fullJsonOf, jsonOf } from './harness/report/json.js';
import { tableOf } from './harness/report/table.js';
import { runAll } from './harness/runner.js';
import { skipped } from './harness/skipped.js';

/** @typedef {import('./harness/options.js').Options} Options @typedef {import('./harness/report/json.js').Results} Results */

/** With the build and the installation before it, a quick run has to end within 90 s. */
const QUICK_BUDGET_MS = 66_000;

const FAILED = 1;
const USAGE_ERROR = 2;

/** @returns {Options & { names: string[] }} */
function askedFor() {
  try {
    const options = optionsOf(process.argv.slice(2));
    return { ...options, names: chosen(scenarioNames(), options.only) };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(USAGE_ERROR);
  }
}

/** @param {readonly string[]} names */
async function list(names) {
  for (const name of names) {
    const { title, question, bars, variants = [] } = await loadScenario(name);
    const facts = [
      variants.length > 0 ? `variants: ${variants.join(', ')}` : '',
      bars.length > 0 ? `${bars.length} bars` : '',
    ];
    console.log(`${name.padEnd(20)} ${title}\n${''.padEnd(21)}${[question, ...facts.filter(Boolean)].join(' | ')}`);
  }
}

/** @param {readonly string[]} names @param {Options} options @returns {Promise<Results>} */
async function measureAll(names, { quick, trace }) {
  const directory = mkdtempSync(join(tmpdir(), 'troupe-bench-'));
  cleanUpAtExit({ removeFiles: () => rmSync(directory, { recursive: true, force: true }) });
  const before = environmentNow({ quick });
  if (before.loadAverage.before > before.cores / 2) {
    console.error(
      `The machine is busy (load ${before.loadAverage.before}): ratios will be noisy, absolute figures wrong.`,
    );
  }
  const beganMs = performance.now();
  const budgetMs = quick ? QUICK_BUDGET_MS : Number.POSITIVE_INFINITY;
  const { outcomes, failures } = await runAll(names, {
    quick,
    directory,
    budgetMs,
    ...(trace ? { trace: resolve(trace) } : {}),
  });
  const tookMs = Math.round(performance.now() - beganMs);
  return { environment: withLoadAfter(before), outcomes, failures, skipped: skipped(), tookMs };
}

/** @param {Results} results @param {string} folder */
function write(results, folder) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'results.json'), `${JSON.stringify(fullJsonOf(results), null, 1)}\n`);
  writeFileSync(join(folder, 'report.html'), htmlOf(results));
  console.error(`\nwrote ${join(folder, 'results.json')} and report.html`);
}

/** @param {Results} results @param {boolean} check @returns {number} */
function exitCodeOf({ outcomes, failures }, check) {
  const notMet = outcomes.flatMap(({ bars }) => bars).some(({ verdict }) => verdict !== 'met');
  return failures.length > 0 || (check && notMet) ? FAILED : 0;
}

const options = askedFor();
if (options.help) console.log(USAGE);
else if (options.list) await list(options.names);
else {
  const results = await measureAll(options.names, options);
  console.log(options.json ? JSON.stringify(jsonOf(results)) : tableOf(results));
  write(results, resolve(options.out));
  process.exit(exitCodeOf(results, options.check));
}
