/** A host with functions that call each other. */
import { createTroupe } from '../../dist/index.js';
import { EVENT, work } from './work.js';

const LOOP = `export default async ({ times, payload }, context) => {
  const tookMs = [];
  for (let call = 0; call < times; call++) {
    const beganMs = performance.now();
    await context.invoke('callee', payload);
    tookMs.push(performance.now() - beganMs);
  }
  return tookMs;
};`;
const PASS_ON = `export default (event, context) => context.invoke('callee', event);`;

/**
 * @typedef {object} Chain
 * @property {() => Promise<unknown>} callee  calls the callee from outside
 * @property {() => Promise<unknown>} chain   calls a function that calls the callee once
 * @property {(times: number) => Promise<number[]>} loop  what each call of the callee took within one invocation of another function, in ms
 * @property {() => Promise<void>} close
 */

/** @param {string} directory @param {import('../../dist/index.js').HostOptions} options @returns {Promise<Chain>} */
export async function openChain(directory, options) {
  const troupe = await createTroupe(options);
  const functions = { callee: work(directory, 'echo').code, 'pass-on': PASS_ON, loop: LOOP };
  try {
    for (const [name, code] of Object.entries(functions)) {
      await troupe.deploy({ name, source: { language: 'js', code }, minInstances: 1, maxInstances: 1 });
    }
    await troupe.invoke('pass-on', EVENT);
  } catch (error) {
    await troupe.close();
    throw error;
  }
  return {
    callee: () => troupe.invoke('callee', EVENT),
    chain: () => troupe.invoke('pass-on', EVENT),
    loop: (times) => troupe.invoke('loop', { times, payload: EVENT }),
    close: () => troupe.close(),
  };
}
