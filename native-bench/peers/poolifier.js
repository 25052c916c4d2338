/** poolifier: a pool of worker threads on `postMessage`, with a choice of strategies. As it comes: each task is posted at once. */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { loadPeer } from './load-peer.js';

/**
 * @param {import('../subjects/work.js').Work} work @param {{ threads?: number }} [options]
 * @returns {Promise<import('../subjects/subject.js').Caller | undefined>}
 */
export async function poolifierCaller({ file, payload }, { threads = 1 } = {}) {
  const loaded = await loadPeer('poolifier', () => import('poolifier'));
  if (!loaded) return undefined;
  const script = `${file}.poolifier.mjs`;
  writeFileSync(
    script,
    `import { ThreadWorker } from ${JSON.stringify(import.meta.resolve('poolifier'))};
import run from ${JSON.stringify(pathToFileURL(file).href)};
export default new ThreadWorker(run);`,
  );
  const pool = new loaded.FixedThreadPool(threads, script);
  return { call: () => pool.execute(payload), close: () => pool.destroy() };
}
