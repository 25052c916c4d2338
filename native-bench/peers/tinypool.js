/** tinypool: piscina made small; what vitest runs tests on. */
import { loadPeer } from './load-peer.js';

/**
 * @param {import('../subjects/work.js').Work} work @param {{ threads?: number, concurrentTasksPerWorker?: number }} [options]
 * @returns {Promise<import('../subjects/subject.js').Caller | undefined>}
 */
export async function tinypoolCaller({ file, payload }, { threads = 1, ...options } = {}) {
  const loaded = await loadPeer('tinypool', () => import('tinypool'));
  if (!loaded) return undefined;
  const pool = new loaded.Tinypool({ filename: file, minThreads: threads, maxThreads: threads, ...options });
  return { call: () => pool.run(payload), close: () => pool.destroy() };
}
