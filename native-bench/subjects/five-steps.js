/**
 * Five steps that do nothing, one after the other, on a warm instance: as a workflow of each durability, and without a workflow. Its peers run the
 * same five.
 */
import { join } from 'node:path';
import { dbosCaller } from '../peers/dbos.js';
import { restateCaller } from '../peers/restate.js';
import { EVENT } from './work.js';
import { chainOf, openWorkflows } from './workflows.js';

/** @typedef {import('./subject.js').Caller} Caller @typedef {Record<string, () => Promise<Caller | undefined>>} Openers */

export const STEPS = 5;
const DURABILITIES = /** @type {const} */ (['strict', 'pipelined', 'memory']);
const STEP = 'export default (event) => event;';
const COORDINATOR = `export default async (event, context) => {
  let value = event;
  for (let step = 0; step < ${STEPS}; step++) value = await context.invoke('step', value);
  return value;
};`;

/**
 * All of troupe's are in one host, and invoked for their results as the peers are: their start is on disk with their first step. One that is started
 * is acknowledged before that, so its start is on disk by itself.
 * @param {{ directory: string, inFlight?: number }} options @returns {Promise<Openers>}
 */
export async function troupeFiveSteps({ directory, inFlight = 1 }) {
  const warm = { minInstances: 1, maxInstances: 1, concurrency: inFlight };
  const opened = await openWorkflows({
    host: { dataDir: join(directory, 'troupe') },
    functions: { step: { code: STEP, ...warm }, coordinator: { code: COORDINATOR, ...warm } },
    workflows: Object.fromEntries(
      DURABILITIES.map((durability) => [
        `five-${durability}`,
        `durability: ${durability}\n${chainOf(new Array(STEPS).fill('step'))}`,
      ]),
    ),
  });
  const { troupe, run, close } = opened;
  /** @param {Caller['call']} call */
  const opener = (call) => async () => ({ call, close });
  return {
    ...Object.fromEntries(
      DURABILITIES.map((name) => [`troupe ${name}`, opener(() => troupe.invoke(`five-${name}`, EVENT))]),
    ),
    'troupe strict, started': opener(() => run('five-strict', EVENT, 'strict')),
    'troupe, coordinator function': opener(() => troupe.invoke('coordinator', EVENT)),
    'troupe, five invokes': opener(async () => {
      /** @type {unknown} */
      let value = EVENT;
      for (let step = 0; step < STEPS; step++) value = await troupe.invoke('step', value);
      return value;
    }),
  };
}

/** Each with a server of its own. @param {{ directory: string, inFlight?: number }} options @returns {Openers} */
export function peersFiveSteps(options) {
  return {
    Restate: () => restateCaller({ ...options, payload: EVENT }),
    DBOS: () => dbosCaller({ payload: EVENT }),
  };
}

/** Rounds are longer than those of single calls, which are over in microseconds. @param {boolean} quick */
export function workflowPace(quick) {
  return quick ? { warmMs: 300, forMs: 80, firstTimes: 10 } : { warmMs: 3_000, forMs: 600, firstTimes: 30 };
}
