/** Fifty calls at once, where nothing is warm yet. The function waits 5 ms, as one that asks a database would. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createTroupe } from '../../dist/index.js';
import { postMessageCaller } from '../floors/node-floor.js';
import { histogramOfMs } from '../harness/histogram.js';
import { piscinaCaller } from '../peers/piscina.js';
import { onlyCounted, plainSubject } from '../subjects/subject.js';
import { work } from '../subjects/work.js';

const CALLS = 50;
/** Until the spares of the host are there again. */
const PAUSE_MS = 300;

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'burst',
  title: 'Burst from nothing',
  question: `How long do ${CALLS} calls at once take where no instance is there?`,
  chart: 'cdf',
  bars: [],
  rounds: { full: 10, quick: 1 },
  async subjects({ quick, directory }) {
    const task = work(directory, 'wait', { waitMs: 5 });
    const few = await troupeBurst(`troupe, ${CALLS} calls per instance`, task, CALLS);
    try {
      return [
        few,
        await troupeBurst('troupe, 1 call per instance', task, 1),
        plainSubject(
          'piscina, up to 50 threads',
          onlyCounted(async () => {
            const pool = await piscinaCaller(task, { threads: CALLS, minThreads: 0 });
            return pool ? burst(pool.call).finally(pool.close) : {};
          }),
        ),
        ...(quick
          ? []
          : [
              plainSubject(
                'new Worker for each',
                onlyCounted(() => threadEach(task)),
              ),
            ]),
      ];
    } catch (error) {
      await few.close();
      throw error;
    }
  },
};

/** @param {() => Promise<unknown>} call @returns {Promise<import('../harness/scenario.js').Measurement>} */
async function burst(call) {
  const beganMs = performance.now();
  const timed = async () => {
    await call();
    return performance.now() - beganMs;
  };
  const tookMs = await Promise.all(Array.from({ length: CALLS }, timed));
  return { latenciesUs: histogramOfMs(tookMs), perSecond: (CALLS * 1_000) / (performance.now() - beganMs) };
}

/**
 * Each round has a function of its own, so that no instance is there; its code is built before.
 * @param {string} name @param {import('../subjects/work.js').Work} task @param {number} concurrency @returns {Promise<import('../harness/scenario.js').Subject>}
 */
async function troupeBurst(name, task, concurrency) {
  const troupe = await createTroupe();
  const source = /** @type {const} */ ({ language: 'js', code: task.code });
  await troupe.deploy({ name: 'anchor', source });
  let count = 0;
  return {
    name,
    async round() {
      const target = `burst-${++count}`;
      await troupe.deploy({ name: target, source, concurrency, maxInstances: CALLS });
      await sleep(PAUSE_MS);
      const measurement = await burst(() => troupe.invoke(target, task.payload));
      await troupe.remove(target);
      return measurement;
    },
    close: () => troupe.close(),
  };
}

/** @param {import('../subjects/work.js').Work} task */
async function threadEach(task) {
  /** @type {import('../subjects/subject.js').Caller[]} */
  const started = [];
  try {
    return await burst(async () => {
      const caller = await postMessageCaller(task);
      started.push(caller);
      await caller.call();
    });
  } finally {
    for (const { close } of started) await close();
  }
}
