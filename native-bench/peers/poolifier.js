/** poolifier: a pool of worker threads on `postMessage`, with a choice of strategies. As it comes: each task is posted at once. */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { loadPeer } from './load-peer.js';

const CLOSE_WITHIN_MS = 2_000;

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
  const started = pool.workerNodes.map(({ worker }) => worker);
  const close = async () => {
    // Now and then it waits for ever for a thread to say that it has ended.
    await Promise.race([pool.destroy(), sleep(CLOSE_WITHIN_MS, undefined, { ref: false })]);
    await Promise.all(started.map((thread) => thread.terminate()));
  };
  return { call: () => pool.execute(payload), close };
}
