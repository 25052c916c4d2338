/** Peers are packages of native-bench alone; one that is not installed is left out. */
import { skip } from '../harness/skipped.js';

/** @template Package @param {string} name @param {() => Promise<Package>} load @returns {Promise<Package | undefined>} undefined when it is not there */
export async function loadPeer(name, load) {
  try {
    return await load();
  } catch (error) {
    if (/** @type {{ code?: unknown }} */ (error).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    skip(name, '`npm ci --prefix native-bench --ignore-scripts` adds it.');
    return undefined;
  }
}
