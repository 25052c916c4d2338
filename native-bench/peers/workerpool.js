/** workerpool: a pool of worker threads on `postMessage`. */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { loadPeer } from './load-peer.js';

/**
 * @param {import('../subjects/work.js').Work} work @param {{ threads?: number }} [options]
 * @returns {Promise<import('../subjects/subject.js').Caller | undefined>}
 */
export async function workerpoolCaller({ file, payload }, { threads = 1 } = {}) {
  const loaded = await loadPeer('workerpool', () => import('workerpool'));
  if (!loaded) return undefined;
  const script = `${file}.workerpool.mjs`;
  writeFileSync(
    script,
    `import workerpool from ${JSON.stringify(import.meta.resolve('workerpool'))};
import run from ${JSON.stringify(pathToFileURL(file).href)};
workerpool.worker({ run });`,
  );
  const pool = loaded.default.pool(script, { minWorkers: threads, maxWorkers: threads, workerType: 'thread' });
  const args = [payload];
  return { call: async () => pool.exec('run', args), close: async () => void (await pool.terminate(true)) };
}
