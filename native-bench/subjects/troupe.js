/** troupe, behind the same shape as its peers. */
import { createTroupe } from '../../dist/index.js';

/** @typedef {import('./subject.js').Caller} Caller @typedef {import('./work.js').Work} Work */

/**
 * A host with one function, kept warm.
 * @param {Work} work
 * @param {{ host?: import('../../dist/index.js').HostOptions, function?: import('../../dist/index.js').FunctionConfig }} [options]
 * @returns {Promise<Caller>}
 */
export async function troupeCaller({ name, code, payload }, { host = {}, function: config = {} } = {}) {
  const troupe = await createTroupe(host);
  try {
    const source = /** @type {const} */ ({ language: 'js', code });
    await troupe.deploy({ name, source, minInstances: 1, maxInstances: 1, ...config });
    await troupe.invoke(name, payload);
  } catch (error) {
    await troupe.close();
    throw error;
  }
  return { call: () => troupe.invoke(name, payload), close: () => troupe.close() };
}
