/**
 * The torture runner: rounds of seeded trouble against the built package. One line per round, a summary, and `N passed, N failed`.
 *
 * Invariant: `--rounds 1 --seed X` repeats the choices of the round whose line says X.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { callsSuite } from './calls/calls-suite.ts';
import { deploysSuite } from './deploys/deploys-suite.ts';
import { faultsSuite } from './faults/faults-suite.ts';
import { jobsSuite } from './jobs/jobs-suite.ts';
import { describeThrown, Findings } from './support/findings.ts';
import { parseOptions, usage } from './support/options.ts';
import { isService, markedProcesses, showProcess } from './support/processes.ts';
import type { Suite, SuiteRun } from './support/suite.ts';
import { within } from './support/within.ts';
import { workflowsSuite } from './workflows/workflows-suite.ts';

const SUITES: readonly Suite[] = [callsSuite, faultsSuite, deploysSuite, workflowsSuite, jobsSuite];
const CLOSE_LIMIT_MS = 60_000;

interface Outcome {
  readonly suite: string;
  passed: number;
  failed: number;
  notes: readonly string[];
  violations: { readonly seed: number; readonly lines: readonly string[] }[];
  seconds: number;
}

export async function main(args: readonly string[], place: { root: string; directory: string }): Promise<number> {
  const names = SUITES.map(({ name }) => name);
  const options = parseOptions(args, names);
  if (typeof options === 'string') {
    console.error(`${options}\n${usage(names)}`);
    return 2;
  }
  const say = (line: string) => (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  // Marks every process that is started from here on, and gathers what they leave behind.
  process.env['TMPDIR'] = await mkdtemp(join(place.directory, 'tmp-'));
  const outcomes: Outcome[] = [];
  for (const suite of SUITES.filter(({ name }) => options.suites.includes(name))) {
    const directory = join(place.directory, suite.name);
    await mkdir(directory);
    outcomes.push(await runSuite(suite, { ...options, say, root: place.root, directory }));
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
  report(outcomes, say);
  if (options.json) process.stdout.write(`${JSON.stringify({ seed: options.seed, outcomes })}\n`);
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
  say(`${outcomes.reduce((sum, { passed }) => sum + passed, 0)} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

interface SuiteOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly root: string;
  readonly directory: string;
  say(line: string): void;
}

async function runSuite(suite: Suite, { rounds, seed, say, ...place }: SuiteOptions): Promise<Outcome> {
  const outcome: Outcome = { suite: suite.name, passed: 0, failed: 0, notes: [], violations: [], seconds: 0 };
  const startedMs = performance.now();
  say(`${suite.name}: ${suite.purpose}`);
  const run = await suite.open(place);
  let last = seed;
  for (let index = 0; index < rounds && outcome.failed === 0; index++) {
    last = (seed + index) >>> 0;
    const findings = new Findings();
    const roundStartedMs = performance.now();
    const figures = await runRound(suite, run, { seed: last, index, findings });
    const seconds = ((performance.now() - roundStartedMs) / 1_000).toFixed(1);
    const verdict = findings.count === 0 ? 'ok' : 'FAILED';
    say(`${suite.name}  ${index + 1}/${rounds}  seed ${last}  ${verdict}  ${seconds} s  ${figures}`);
    conclude(outcome, last, findings, say);
  }
  await closeSuite(suite, run, { outcome, seed: last, say });
  outcome.seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  return outcome;
}

async function runRound(suite: Suite, run: SuiteRun, round: Parameters<SuiteRun['round']>[0]): Promise<string> {
  const { findings } = round;
  const unhandled = (thrown: unknown) => findings.add(`Unhandled in the host: ${describeThrown(thrown)}`);
  process.on('unhandledRejection', unhandled);
  process.on('uncaughtException', unhandled);
  try {
    return await within(run.round(round), suite.roundLimitMs, 'The round');
  } catch (thrown) {
    findings.add(describeThrown(thrown));
    return '';
  } finally {
    process.off('unhandledRejection', unhandled);
    process.off('uncaughtException', unhandled);
  }
}

interface Closing {
  readonly outcome: Outcome;
  readonly seed: number;
  say(line: string): void;
}

/** What is still there after the end counts against the last round. */
async function closeSuite(suite: Suite, run: SuiteRun, { outcome, seed, say }: Closing): Promise<void> {
  const findings = new Findings();
  try {
    outcome.notes = await within(run.close(findings), CLOSE_LIMIT_MS, 'Closing');
  } catch (thrown) {
    findings.add(`At the end: ${describeThrown(thrown)}`);
  }
  for (const left of markedProcesses().filter((process) => !isService(process))) {
    findings.add(`A process is left behind: ${showProcess(left)}`);
    process.kill(left.pid, 'SIGKILL');
  }
  if (findings.count === 0) return;
  say(`${suite.name}  end  FAILED`);
  if (outcome.failed === 0 && outcome.passed > 0) outcome.passed--;
  if (outcome.failed > 0) outcome.failed--;
  conclude(outcome, seed, findings, say);
}

function conclude(outcome: Outcome, seed: number, findings: Findings, say: (line: string) => void): void {
  if (findings.count === 0) {
    outcome.passed++;
    return;
  }
  outcome.failed++;
  outcome.violations.push({ seed, lines: findings.lines() });
  for (const line of findings.lines()) say(`    violated: ${line}`);
  say(`    again: npm run torture -- --suite ${outcome.suite} --rounds 1 --seed ${seed}`);
}

function report(outcomes: readonly Outcome[], say: (line: string) => void): void {
  say('');
  say('suite      passed  failed  seconds');
  for (const { suite, passed, failed, seconds, notes } of outcomes) {
    say(
      [suite.padEnd(10), String(passed).padStart(6), String(failed).padStart(7), seconds.toFixed(1).padStart(8)].join(
        ' ',
      ),
    );
    for (const note of notes) say(`  ${note}`);
  }
}
