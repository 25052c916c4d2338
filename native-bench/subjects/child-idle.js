/**
 * Holds so many warm instances and does nothing. Says `up`, with the memory before and with them; then, when told to, waits until all has
 * settled, and says what share of a core the process took after that.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createTroupe } from '../../dist/index.js';
import { childOptions, report, rssAnonBytes } from './own-process.js';
import { EVENT } from './work.js';

/** Before memory is read. */
const CALM_MS = 500;
const CODE = 'export default (event) => event;';
const THREAD = `require('node:worker_threads').parentPort.on('message', (event) => require('node:worker_threads').parentPort.postMessage(event));`;

/** @type {{ kind: 'troupe' | 'threads', instances: number, spares?: number }} */
const { kind, instances, spares } = childOptions();
const beforeBytes = kind === 'troupe' ? await startTroupe() : await startThreads();
await sleep(CALM_MS);
report({ bytesPerInstance: ((await rssAnonBytes()) - beforeBytes) / instances });

const [{ settleMs, forMs }] = await once(process, 'message');
await sleep(settleMs);
const [beganMs, before] = [performance.now(), process.cpuUsage()];
await sleep(forMs);
const { user, system } = process.cpuUsage(before);
report({ cpuPercent: (user + system) / 10 / (performance.now() - beganMs) });

/** @returns {Promise<number>} memory with the host and a function, but without instances */
async function startTroupe() {
  // Room for all of them on any machine: it is a promise, nothing is taken.
  const troupe = await createTroupe({
    memoryBudgetMb: 128 * (instances + 8),
    ...(spares === undefined ? {} : { spares }),
  });
  const source = /** @type {const} */ ({ language: 'js', code: CODE });
  await troupe.deploy({ name: 'echo', source, maxInstances: instances });
  await sleep(CALM_MS);
  const bytes = await rssAnonBytes();
  await troupe.deploy({ name: 'echo', source, minInstances: instances, maxInstances: instances });
  for (;;) {
    const { instances: up } = await troupe.describe('echo');
    if (up.filter(({ state }) => state === 'ready').length >= instances) break;
    await sleep(50);
  }
  await Promise.all(Array.from({ length: instances }, () => troupe.invoke('echo', EVENT)));
  return bytes;
}

/** The same of threads without anything in them. */
async function startThreads() {
  const bytes = await rssAnonBytes();
  for (let started = 0; started < instances; started++) {
    const worker = new Worker(THREAD, { eval: true });
    worker.postMessage(EVENT);
    await once(worker, 'message');
  }
  return bytes;
}
