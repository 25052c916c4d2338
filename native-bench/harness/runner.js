/**
 * Runs scenarios, variant by variant, and gathers what they showed. One that fails is told and does not keep the others from running. With a
 * budget each run gets an equal share of the time that is left, and ends its rounds early rather than exceed it.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadScenario } from './catalogue.js';
import { cdfOf } from './cdf.js';
import { isInterrupted, open } from './clean-up.js';
import { Progress } from './progress.js';
import { judge, measure, rowsOf } from './rounds.js';
import { skip } from './skipped.js';

/**
 * @typedef {import('./scenario.js').Scenario} Scenario
 * @typedef {import('./rounds.js').Row & { name: string, variant?: string, rounds: number, cdf?: import('./cdf.js').Cdf }} ScenarioRow
 * @typedef {import('./rounds.js').Judgement & { name: string, variant?: string, unit?: string }} ScenarioBar
 * @typedef {{ name: string, variant?: string, message: string }} Failure
 * @typedef {Pick<Scenario, 'name' | 'title' | 'question'> & { chart: NonNullable<Scenario['chart']>, unit?: string, figures?: NonNullable<Scenario['figures']>, variants: string[], rows: ScenarioRow[], bars: ScenarioBar[], tookMs: number }} Outcome
 * @typedef {{ scenario: Scenario, variant: string | undefined }} Run
 */

const ROUNDS = { full: 10, quick: 3 };

/**
 * @param {readonly string[]} names @param {{ quick: boolean, directory: string, budgetMs: number, trace?: string }} options
 * @returns {Promise<{ outcomes: Outcome[], failures: Failure[] }>}
 */
export async function runAll(names, { quick, directory, budgetMs, ...given }) {
  const endsMs = performance.now() + budgetMs;
  /** @type {Failure[]} */
  const failures = [];
  const scenarios = await loadAll(names, failures);
  const outcomes = new Map(scenarios.map((scenario) => [scenario, outcomeOf(scenario, variantsOf(scenario, quick))]));
  /** @type {Run[]} */
  const runs = scenarios.flatMap((scenario) =>
    (variantsOf(scenario, quick) ?? [undefined]).map((variant) => ({ scenario, variant })),
  );
  const progress = new Progress(endsMs);
  for (const [index, run] of runs.entries()) {
    const { scenario, variant } = run;
    const rounds = scenario.rounds?.[quick ? 'quick' : 'full'] ?? ROUNDS[quick ? 'quick' : 'full'];
    const beganMs = performance.now();
    const outcome = outcomes.get(scenario);
    if (beganMs > endsMs) {
      skip(titleOf(run), 'no time was left in this quick run; run it with --only.');
      outcome?.bars.push(...judged(run, new Map()));
      continue;
    }
    progress.begin({ title: titleOf(run), rounds, position: index + 1, total: runs.length });
    try {
      const room = join(directory, `run-${index}`);
      mkdirSync(room);
      const shareMs = (endsMs - beganMs) / (runs.length - index);
      const { rows, bars } = await runOne(run, { quick, directory: room, rounds, shareMs, progress, ...given });
      outcome?.rows.push(...rows);
      outcome?.bars.push(...bars);
    } catch (error) {
      // Whatever was closed under a call is no news.
      if (isInterrupted()) await new Promise(() => undefined);
      failures.push(failureOf(error, scenario.name, variant));
      outcome?.bars.push(...judged(run, new Map()));
    }
    progress.end();
    if (outcome) outcome.tookMs += Math.round(performance.now() - beganMs);
  }
  return { outcomes: [...outcomes.values()], failures };
}

/** @param {readonly string[]} names @param {Failure[]} failures */
async function loadAll(names, failures) {
  const scenarios = [];
  for (const name of names) {
    try {
      scenarios.push(await loadScenario(name));
    } catch (error) {
      failures.push(failureOf(error, name));
    }
  }
  return scenarios;
}

/** @param {Scenario} scenario @param {boolean} quick */
function variantsOf({ variants, quickVariants }, quick) {
  return quick ? (quickVariants ?? variants) : variants;
}

/** @param {Scenario} scenario @param {readonly string[]} [variants] @returns {Outcome} */
function outcomeOf({ name, title, question, chart = 'none', unit, figures }, variants = []) {
  return {
    name,
    title,
    question,
    chart,
    ...(unit ? { unit } : {}),
    ...(figures ? { figures } : {}),
    variants: [...variants],
    rows: [],
    bars: [],
    tookMs: 0,
  };
}

/** @param {Run} run @param {{ quick: boolean, directory: string, rounds: number, shareMs: number, progress: Progress, trace?: string }} options */
async function runOne({ scenario, variant }, { rounds, shareMs, progress, ...options }) {
  const beganMs = performance.now();
  const subjects = await scenario.subjects({ ...options, variant });
  open.subjects = subjects;
  let roundBeganMs = performance.now();
  const measured = await measure(subjects, {
    rounds,
    onRound: (round) => {
      roundBeganMs = performance.now();
      progress.round(round);
    },
    enough: () => performance.now() - beganMs + (performance.now() - roundBeganMs) > shareMs,
  });
  open.subjects = [];
  const rows = rowsOf(measured, barsOf({ scenario, variant })).map((row) => {
    const own = measured.get(row.subject) ?? [];
    const cdf = scenario.chart === 'cdf' ? cdfOf(own) : undefined;
    return { ...labelOf({ scenario, variant }), ...row, rounds: own.length, ...(cdf ? { cdf } : {}) };
  });
  return { rows, bars: judged({ scenario, variant }, measured) };
}

/** @param {Run} run @param {import('./rounds.js').Measured} measured @returns {ScenarioBar[]} */
function judged(run, measured) {
  const { unit, figures = {} } = run.scenario;
  return barsOf(run).map((bar) => {
    const itsUnit = bar.figure === 'value' ? unit : figures[bar.figure];
    return { ...judge(measured, bar), ...labelOf(run), ...(itsUnit ? { unit: itsUnit } : {}) };
  });
}

/** @param {Run} run */
function barsOf({ scenario, variant }) {
  return scenario.bars.filter((bar) => bar.variant === undefined || bar.variant === variant);
}

/** @param {Run} run */
function labelOf({ scenario, variant }) {
  return { name: scenario.name, ...(variant === undefined ? {} : { variant }) };
}

/** @param {Run} run */
function titleOf({ scenario, variant }) {
  return variant === undefined ? scenario.name : `${scenario.name} (${variant})`;
}

/** @param {unknown} error @param {string} name @param {string} [variant] @returns {Failure} */
function failureOf(error, name, variant) {
  const message = error instanceof Error ? error.message : String(error);
  console.error(`\n${name} failed: ${error instanceof Error ? error.stack : message}`);
  return { name, ...(variant === undefined ? {} : { variant }), message };
}
