/**
 * BullMQ: jobs on Redis. Producer and worker are in the benchmark's process, which favours it: its jobs run where they were enqueued, isolated from
 * nothing. What is known of a job is kept for a day, as troupe keeps it.
 */
import { until } from '../subjects/until.js';
import { loadPeer } from './load-peer.js';
import { startRedis } from './redis.js';

const QUEUE = 'bench';
const KEPT = { removeOnComplete: { age: 86_400 }, removeOnFail: { age: 86_400 } };

/**
 * `isToldByWorker`: that a job is done is heard of from the worker itself, which only one in the same process can; else as any producer hears of it.
 * @param {'everysec' | 'always'} fsync @param {{ concurrency?: number, isToldByWorker?: boolean }} options
 * @returns {Promise<import('../subjects/jobs.js').JobRunner | undefined>}
 */
export async function bullmqRunner(fsync, { concurrency = 64, isToldByWorker = false } = {}) {
  const bullmq = await loadPeer('bullmq', () => import('bullmq'));
  const redis = bullmq && (await startRedis(fsync));
  if (!redis) return undefined;
  const { Queue, QueueEvents, Worker } = bullmq;
  const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null };
  const queue = new Queue(QUEUE, { connection });
  const worker = new Worker(QUEUE, async ({ data }) => data, { connection, concurrency });
  const events = new QueueEvents(QUEUE, { connection });
  /** @type {Map<string, () => void>} */
  const waiting = new Map();
  let finished = 0;
  let failure;
  worker.on('completed', ({ id }) => {
    finished++;
    waiting.get(id ?? '')?.();
  });
  worker.on('error', (error) => {
    failure = error;
  });
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady(), events.waitUntilReady()]);
  let enqueued = 0;
  return {
    async enqueue(payload) {
      enqueued++;
      await queue.add('echo', payload, KEPT);
    },
    async run(payload) {
      enqueued++;
      if (!isToldByWorker) {
        const job = await queue.add('echo', payload, KEPT);
        await job.waitUntilFinished(events);
        return;
      }
      const id = `job-${enqueued}`;
      const done = new Promise((resolve) => {
        waiting.set(id, () => resolve(undefined));
      });
      await Promise.all([queue.add('echo', payload, { ...KEPT, jobId: id }), done]);
      waiting.delete(id);
    },
    drained: () =>
      until(() => {
        if (failure) throw failure;
        return finished >= enqueued;
      }),
    pause: () => worker.pause(),
    resume: async () => worker.resume(),
    async forget() {
      await queue.drain(true);
      finished = enqueued;
    },
    async close() {
      await events.close();
      await worker.close();
      await queue.close();
      await redis.close();
    },
  };
}
