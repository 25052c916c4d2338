/**
 * From no instance to the first answer. Each call is a cold start: the same code is deployed under a new name, without its build time. Spares
 * are given the time to be complete between two calls. The phases are the ledger's, of the call in the middle.
 */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTroupe } from '../../dist/index.js';
import { BUNDLES } from '../bundles.js';
import { cFloor } from '../floors/c-floor.js';
import { forkFirstResult, newWorkerFirstResult } from '../floors/node-floor.js';
import { histogramOfMs } from '../harness/histogram.js';
import { closeAll } from '../harness/rounds.js';
import { median } from '../harness/statistics.js';
import { plainSubject } from '../subjects/subject.js';
import { EVENT } from '../subjects/work.js';

/** @typedef {'thread' | 'process'} Isolation @typedef {import('../harness/scenario.js').Subject} Subject */

/** Until the spares of a class are up again, and everything else is quiet. */
const PAUSE_MS = { thread: 250, process: 500 };
const QUICK_PAUSE_MS = { thread: 120, process: 250 };
const BETWEEN_FLOORS_MS = 20;
const CACHED_AFTER_MS = 300;
const ISOLATIONS = /** @type {const} */ (['thread', 'process']);

/** @param {string} variant @param {number} bar @param {number} aim @returns {import('../harness/scenario.js').Bar} */
const threadBar = (variant, bar, aim) => ({
  figure: 'p50',
  subject: 'troupe thread, spare',
  against: 'new Worker',
  bar: 1 / bar,
  aim: 1 / aim,
  variant,
});

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'cold-start',
  title: 'Cold start',
  question: 'How long does the first call of a function take that has no instance, for bundles of several sizes?',
  chart: 'phases',
  variants: Object.keys(BUNDLES),
  bars: [
    threadBar('1 KB', 15, 25),
    threadBar('400 KB', 6, 10),
    threadBar('lodash + zod + yaml', 3, 4),
    { figure: 'p50', subject: 'troupe process, spare', against: 'fork', bar: 1 / 10, aim: 1 / 15, variant: '400 KB' },
  ],
  rounds: { full: 10, quick: 1 },
  async subjects({ quick, directory, variant = '1 KB' }) {
    const code = await BUNDLES[/** @type {keyof typeof BUNDLES} */ (variant)]();
    const times = quick ? 1 : 2;
    const pauseMs = quick ? QUICK_PAUSE_MS : PAUSE_MS;
    /** @type {Subject[]} */
    const subjects = [];
    try {
      const spares = await coldHost(code, { dataDir: join(directory, 'spares') });
      subjects.push(
        spares.subject('troupe thread, spare', { isolation: 'thread', times, pauseMs }),
        spares.subject('troupe process, spare', { isolation: 'process', times, pauseMs }),
      );
      if (!quick) {
        const dataDir = join(directory, 'no-cache');
        const uncached = await coldHost(code, { dataDir });
        const before = () => removeCodeCaches(dataDir);
        subjects.push(
          uncached.subject('troupe thread, spare, no code cache', { isolation: 'thread', times, pauseMs, before }),
        );
        const fresh = await coldHost(code, { dataDir: join(directory, 'fresh'), spares: 0 });
        subjects.push(
          fresh.subject('troupe thread, fresh', { isolation: 'thread', times, pauseMs }),
          fresh.subject('troupe process, fresh', { isolation: 'process', times, pauseMs }),
        );
      }
      return [...subjects, ...(await floors(code, { directory, times, quick }))];
    } catch (error) {
      await closeAll(subjects);
      throw error;
    }
  },
};

/** @param {string} code @param {{ directory: string, times: number, quick: boolean }} options @returns {Promise<Subject[]>} */
async function floors(code, { directory, times, quick }) {
  const bundle = join(directory, 'bundle.cjs');
  writeFileSync(bundle, code);
  const script = join(directory, 'child.cjs');
  writeFileSync(
    script,
    `const handler = require(${JSON.stringify(bundle)}); process.once('message', (event) => process.send(handler(event)));`,
  );
  const bare = [
    plainSubject('new Worker', () => timed(() => newWorkerFirstResult(bundle, EVENT), times)),
    plainSubject('fork', () => timed(() => forkFirstResult(script, EVENT), times)),
  ];
  if (quick) return bare;
  return [
    ...bare,
    ...(await cFloor(directory, {
      'C, fork': { mode: 'fork', times: 20 },
      'C, fork and exec': { mode: 'exec', times: 20 },
    })),
  ];
}

/** @param {() => Promise<unknown>} call @param {number} times @returns {Promise<import('../harness/scenario.js').Measurement>} */
async function timed(call, times) {
  const tookMs = [];
  for (let index = 0; index < times; index++) {
    await sleep(BETWEEN_FLOORS_MS);
    const beganMs = performance.now();
    await call();
    tookMs.push(performance.now() - beganMs);
  }
  return { latenciesUs: histogramOfMs(tookMs) };
}

/**
 * @typedef {object} ColdCalls
 * @property {Isolation} isolation
 * @property {number} times  in a round
 * @property {Record<Isolation, number>} pauseMs  before each
 * @property {() => void} [before]  each
 */

/** A host on which every call is a cold start. @param {string} code @param {import('../../dist/index.js').HostOptions} options */
async function coldHost(code, options) {
  const troupe = await createTroupe(options);
  const source = /** @type {const} */ ({ language: 'js', code });
  // They hold the artifact while the others come and go, and have been called: what compiled code the host keeps of a function, it has by then.
  for (const isolation of ISOLATIONS) {
    await troupe.deploy({ name: `anchor-${isolation}`, source, isolation });
    await troupe.invoke(`anchor-${isolation}`, EVENT);
  }
  await sleep(CACHED_AFTER_MS);
  let count = 0;
  /** @param {ColdCalls} calls @returns {Promise<import('../harness/scenario.js').Measurement>} */
  const round = async ({ isolation, times, pauseMs, before = () => undefined }) => {
    const names = Array.from({ length: times }, () => `cold-${isolation}-${++count}`);
    for (const name of names) await troupe.deploy({ name, source, isolation });
    const tookMs = [];
    const phases = [];
    for (const name of names) {
      await sleep(pauseMs[isolation]);
      before();
      const beganMs = performance.now();
      const { invocation } = await troupe.invokeWithDetails(name, EVENT);
      tookMs.push(performance.now() - beganMs);
      phases.push(invocation.phasesUs);
      if (!invocation.coldStart) throw new Error(`The call of ${name} was no cold start.`);
    }
    for (const name of names) await troupe.remove(name);
    return { latenciesUs: histogramOfMs(tookMs), phasesUs: medians(phases) };
  };
  return {
    /** @param {string} name @param {ColdCalls} calls @returns {Subject} */
    subject: (name, calls) => ({ name, round: () => round(calls), close: () => troupe.close() }),
  };
}

/** @param {readonly Readonly<Record<string, number>>[]} phases */
function medians(phases) {
  return Object.fromEntries(
    Object.keys(phases[0] ?? {}).map((phase) => [phase, median(phases.map((one) => one[phase] ?? 0))]),
  );
}

/** @param {string} dataDir of a host */
function removeCodeCaches(dataDir) {
  const artifacts = join(dataDir, 'artifacts');
  for (const file of readdirSync(artifacts, { recursive: true, encoding: 'utf8' })) {
    if (/cache-\d+\.bin$/.test(file)) rmSync(join(artifacts, file), { force: true });
  }
}
