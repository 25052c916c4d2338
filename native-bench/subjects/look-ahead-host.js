/**
 * A host with one look-ahead policy on which a workflow begins with no instance at all: how long it takes then, and what was prewarmed for it. What
 * has to be learned is learned before. Functions are scaled by `reactive`, which forecasts nothing: whoever comes early is the look-ahead.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { stepsFor } from './work.js';
import { openWorkflows, workflowStats } from './workflows.js';

/**
 * @typedef {import('../../dist/workflow-composition/scheduler/protocol.js').LookAheadPolicyName} LookAheadPolicyName
 *
 * @typedef {object} Play
 * @property {Record<string, { loadMs: number, runMs: number }>} functions  by name: how long its top-level code computes, and a call waits
 * @property {string} workflow  its definition
 * @property {(execution: number) => unknown} inputOf
 * @property {number} executions  in a round, each from all-cold
 * @property {number} learning  executions before the first round
 *
 * @typedef {object} LookAheadHost
 * @property {() => Promise<number>} execute  how long one took, in ms, from no instance
 * @property {() => Promise<{ wasteMs: number }>} executeWatched  instance-ms that stood idle before their first call, or without one until the end
 * @property {() => Promise<{ planningMs: number, steps: number, prewarmed: number, hits: number }>} counts
 * @property {() => Promise<void>} close
 */

/** Long enough for an instance to outlast the pause between two steps, short enough for all to be gone by the next turn. */
const KEEP_ALIVE_MS = 300;
/** After its last instance: the spares that were taken, here or by the host before, are back. */
const SETTLE_MS = 1_200;
const COLD_WITHIN_MS = 15_000;
const POLL_MS = 20;
/** How often instances are counted: rarely enough not to be what is measured. */
const SAMPLE_MS = 10;
/** More than the functions of a workflow: a start without a spare takes twice as long, and how fast they come back is none of the policies' doing. */
const SPARES = 12;
const WORKFLOW = 'looked-ahead';

/**
 * @param {LookAheadPolicyName | 'all warm'} policy @param {Play} play @param {{ isolation?: 'thread' | 'process' }} [options]
 * @returns {Promise<LookAheadHost>}
 */
export async function openLookAhead(policy, { functions, workflow, inputOf }, { isolation = 'thread' } = {}) {
  const isWarm = policy === 'all warm';
  const names = Object.keys(functions);
  const config = { isolation, maxInstances: 2, keepAliveMs: KEEP_ALIVE_MS, ...(isWarm ? { minInstances: 1 } : {}) };
  const opened = await openWorkflows({
    host: { scaling: 'reactive', spares: SPARES, lookAhead: isWarm ? 'horizon' : policy },
    functions: Object.fromEntries(names.map((name) => [name, { code: codeOf(functions[name]), ...config }])),
    workflows: { [WORKFLOW]: workflow },
  });
  const { troupe, run, close } = opened;
  let executions = 0;
  const begin = async () => {
    const input = inputOf(executions++);
    const beganMs = performance.now();
    // Without a data directory everything is in memory: what the disk takes is not the question.
    await run(WORKFLOW, input, 'memory');
    return performance.now() - beganMs;
  };
  const execute = async () => {
    if (!isWarm) await allCold(troupe);
    return begin();
  };
  if (isWarm) for (const name of names) await troupe.invoke(name, {});
  return {
    execute,
    async executeWatched() {
      if (!isWarm) await allCold(troupe);
      let isOver = false;
      const watching = watchWaste(troupe, () => isOver);
      try {
        await begin();
      } finally {
        isOver = true;
      }
      return { wasteMs: await watching };
    },
    async counts() {
      const { engine, scheduler } = await workflowStats(opened);
      return {
        planningMs: scheduler.planningMs,
        prewarmed: scheduler.prewarmed,
        hits: scheduler.hits,
        steps: engine.steps,
      };
    },
    close,
  };
}

/** Top-level code that computes for a while; what it has computed is used, or it would be left out. @param {Play['functions'][string] | undefined} times */
function codeOf({ loadMs, runMs } = { loadMs: 0, runMs: 0 }) {
  const steps = loadMs === 0 ? 0 : stepsFor(loadMs).steps;
  return `const state = (() => {
  let state = 1;
  for (let step = 0; step < ${steps}; step++) state = (Math.imul(state ^ step, 2654435761) + 1) | 0;
  return state;
})();
export default (event) => new Promise((resolve) => setTimeout(() => resolve({ ...event, state }), ${runMs}));`;
}

/** @param {import('../../dist/index.js').Troupe} troupe */
async function allCold(troupe) {
  const untilMs = performance.now() + COLD_WITHIN_MS;
  while ((await troupe.stats()).instances.length > 0) {
    if (performance.now() > untilMs) throw new Error('Instances are still there long after their keep-alive.');
    await sleep(POLL_MS);
  }
  await sleep(SETTLE_MS);
}

/** @param {import('../../dist/index.js').Troupe} troupe @param {() => boolean} isOver @returns {Promise<number>} */
async function watchWaste(troupe, isOver) {
  /** Functions that have been called: from then on an instance is kept for the next call, and that is not the look-ahead's. @type {Set<string>} */
  const called = new Set();
  let wasteMs = 0;
  let lastMs = performance.now();
  while (!isOver()) {
    const { routes } = await troupe.stats();
    const sinceMs = performance.now() - lastMs;
    lastMs += sinceMs;
    for (const { name, ready, inFlight } of routes) {
      if (inFlight > 0) called.add(name);
      if (!called.has(name)) wasteMs += ready * sinceMs;
    }
    await sleep(SAMPLE_MS);
  }
  return wasteMs;
}
