/** piscina: a pool of worker threads; the tier that troupe's own `shared` isolation will stand on. */
import { loadPeer } from './load-peer.js';

/**
 * @param {import('../subjects/work.js').Work} work
 * @param {{ threads?: number, minThreads?: number, concurrentTasksPerWorker?: number, atomics?: 'sync' | 'async' | 'disabled' }} [options]
 *   `atomics`: how an idle thread waits; 'sync' is what it comes with, and blocks the thread's event loop
 * @returns {Promise<import('../subjects/subject.js').Caller | undefined>}
 */
export async function piscinaCaller({ file, payload }, { threads = 1, minThreads = threads, ...options } = {}) {
  const loaded = await loadPeer('piscina', () => import('piscina'));
  if (!loaded) return undefined;
  const pool = new loaded.Piscina({ filename: file, minThreads, maxThreads: threads, ...options });
  return { call: () => pool.run(payload), close: () => pool.destroy() };
}
