/**
 * A workflow that begins with no instance at all, under each look-ahead policy, against the same with all instances warm. Three workflows, since no
 * single one answers all questions:
 *
 * - `short steps`: what look-ahead saves. The first step is a light function that waits for something, as the first step often is; four follow that
 *   have 70 ms of top-level code each and run for 15 ms. Were the first as heavy as the others, nobody could look ahead of it: with a cold start of
 *   x times the run time everywhere, the best possible is (x + 5) / (5x + 5) of the time without looking ahead and (x + 5) / 5 of the warm one. Were it
 *   shorter, it would be over before two processors can load all four, and they would be what is measured.
 * - `long steps`: what it costs. Whoever prewarms everything at the start holds four instances for nothing while the first steps run.
 * - `branch`: whether it guesses right. One of ten executions takes the other way, at turns that are fixed.
 *
 * Only `just-in-time` learns, so only it does so before the first round.
 */
import { histogramOfMs } from '../harness/histogram.js';
import { closeAll } from '../harness/rounds.js';
import { openLookAhead } from '../subjects/look-ahead-host.js';
import { onlyCounted } from '../subjects/subject.js';
import { chainOf } from '../subjects/workflows.js';

/** @typedef {import('../subjects/look-ahead-host.js').Play} Play @typedef {import('../subjects/look-ahead-host.js').LookAheadHost} LookAheadHost */
/** @typedef {import('../harness/scenario.js').Measurement} Measurement */

const POLICIES = /** @type {const} */ (['horizon', 'prewarm-all', 'prewarm-horizon', 'just-in-time', 'all warm']);
const LOAD_MS = 70;
const JUDGED = 'troupe, just-in-time';
const FIVE = ['one', 'two', 'three', 'four', 'five'];

/** @param {number} firstMs @param {number} runMs @returns {Play['functions']} the first has nothing to load */
const light = (firstMs, runMs) =>
  Object.fromEntries(FIVE.map((name, index) => [name, index === 0 ? step(0, firstMs) : step(LOAD_MS, runMs)]));
/** @param {number} loadMs @param {number} runMs */
const step = (loadMs, runMs) => ({ loadMs, runMs });
const chain = { workflow: chainOf(FIVE), inputOf: () => ({}) };

const BRANCH = `output: Branch
tasks:
  Decide: { run: decide, inputs: "{ param() }" }
  Branch:
    run: if
    inputs:
      if: "{ output('Decide').usual }"
      then: { run: usual, inputs: "{ output('Decide') }" }
      else: { run: unusual, inputs: "{ output('Decide') }" }
    requires: [Decide]
`;

/** @type {Record<string, Play & { isolation?: 'process', isWatched?: boolean }>} */
const PLAYS = {
  'short steps': { ...chain, functions: light(120, 15), executions: 1, learning: 24 },
  'short steps, processes': { ...chain, functions: light(240, 30), executions: 1, learning: 24, isolation: 'process' },
  'long steps': { ...chain, functions: light(200, 200), executions: 1, learning: 32, isWatched: true },
  branch: {
    functions: { decide: step(0, 120), usual: step(LOAD_MS, 15), unusual: step(LOAD_MS, 15) },
    workflow: BRANCH,
    inputOf: (execution) => ({ usual: execution % 10 !== 4 }),
    executions: 10,
    learning: 30,
  },
};

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'workflow-look-ahead',
  title: 'Looking ahead in a workflow',
  question:
    'How long does a workflow take that begins with no instance, by look-ahead policy, and what is prewarmed in vain?',
  chart: 'cdf',
  figures: { waste: 'instance-ms', misses: '% of prewarmed', planning: 'µs of CPU per step' },
  variants: Object.keys(PLAYS),
  quickVariants: ['short steps'],
  bars: [
    { figure: 'p50', subject: JUDGED, against: 'troupe, horizon', bar: 0.45, aim: 0.4, variant: 'short steps' },
    { figure: 'p50', subject: JUDGED, against: 'troupe, all warm', bar: 1.3, aim: 1.1, variant: 'short steps' },
    { figure: 'waste', subject: JUDGED, against: 'troupe, prewarm-all', bar: 0.15, aim: 0.08, variant: 'long steps' },
    { figure: 'misses', subject: JUDGED, against: '', bar: 15, aim: 11, variant: 'branch' },
  ],
  rounds: { full: 10, quick: 3 },
  async subjects({ quick, variant = 'short steps' }) {
    const play = PLAYS[variant];
    if (!play) throw new Error(`There is no workflow named ${variant}.`);
    const { isolation } = play;
    /** @type {(LookAheadHost & { name: string, round: () => Promise<Measurement> })[]} */
    const subjects = [];
    try {
      // One after the other: each is idle when the next one learns, and what is learned under load is wrong.
      for (const policy of policiesOf({ quick, variant })) {
        const host = await openLookAhead(policy, play, isolation ? { isolation } : {});
        if (!host) return [];
        subjects.push({ ...host, name: `troupe, ${policy}`, round: onlyCounted(() => roundOf(host, play)) });
      }
      for (const { name, execute } of subjects) {
        const learning = name !== JUDGED ? 2 : quick ? 3 : play.learning;
        for (let learned = 0; learned < learning; learned++) await execute();
      }
    } catch (error) {
      await closeAll(subjects);
      throw error;
    }
    return subjects;
  },
};

/** @param {{ quick: boolean, variant: string }} options */
function policiesOf({ quick, variant }) {
  if (quick) return /** @type {const} */ (['horizon', 'just-in-time', 'all warm']);
  return variant === 'branch' ? /** @type {const} */ (['just-in-time']) : POLICIES;
}

/** @param {LookAheadHost} host @param {Play & { isWatched?: boolean }} play @returns {Promise<Measurement>} */
async function roundOf(host, { executions, isWatched = false }) {
  const before = await host.counts();
  const tookMs = [];
  let wasteMs = 0;
  for (let execution = 0; execution < executions; execution++) {
    if (isWatched) wasteMs += (await host.executeWatched()).wasteMs;
    else tookMs.push(await host.execute());
  }
  const after = await host.counts();
  const prewarmed = after.prewarmed - before.prewarmed;
  const steps = after.steps - before.steps;
  const figures = {
    ...(isWatched ? { waste: wasteMs / executions } : {}),
    ...(prewarmed > 0 ? { misses: 100 - (100 * (after.hits - before.hits)) / prewarmed } : {}),
    ...(steps > 0 ? { planning: (1_000 * (after.planningMs - before.planningMs)) / steps } : {}),
  };
  // Watching costs what the machine would rather have for the workflow: its times are not told.
  return { ...(isWatched ? {} : { latenciesUs: histogramOfMs(tookMs) }), figures };
}
