/** Calls a no-op so many times, and tells the memory after each of the numbers that it was given. */
import { createTroupe } from '../../dist/index.js';
import { manyAtATime } from '../harness/load.js';
import { childOptions, report, rssAnonBytes } from './own-process.js';
import { EVENT } from './work.js';

/** @type {{ times: number[], inFlight: number }} */
const { times, inFlight } = childOptions();
const troupe = await createTroupe();
const source = /** @type {const} */ ({ language: 'js', code: 'export default (event) => event;' });
await troupe.deploy({ name: 'echo', source, minInstances: 1, maxInstances: 1, concurrency: inFlight });
const held = [];
let done = 0;
for (const upTo of times) {
  await manyAtATime(() => troupe.invoke('echo', EVENT), upTo - done, inFlight);
  done = upTo;
  held.push(await rssAnonBytes());
}
report({ rssAnonBytes: held });
await troupe.close();
process.exit();
