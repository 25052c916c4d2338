/** Jobs of a quick function, at an even pace, alone and beside a function whose queue is long and whose jobs are slow. */
import { join } from 'node:path';
import { createTroupe } from '../../dist/index.js';
import { openLoop } from '../harness/load.js';
import { onlyCounted } from '../subjects/subject.js';

const PER_SECOND = 100;
const ALONE = 'alone';
const BESIDE = 'beside a slow one';
/** They wait, as functions that ask a database do; what computes takes processors from everybody. */
const SLOW = 'export default (ms) => new Promise((resolve) => setTimeout(resolve, ms));';
const BACKLOG = 2_000;

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'job-neighbour',
  title: 'Jobs beside slow jobs',
  question: 'How long do jobs of a quick function take while the queue of a slow one is long?',
  chart: 'cdf',
  bars: [{ figure: 'p99', subject: BESIDE, against: ALONE, bar: 1.2, aim: 1.1 }],
  rounds: { full: 10, quick: 2 },
  async subjects({ quick, directory }) {
    const forMs = quick ? 300 : 3_000;
    return Promise.all(
      [ALONE, BESIDE].map(async (name) => {
        const troupe = await createTroupe({ dataDir: join(directory, name.split(' ')[0] ?? name) });
        const common = { concurrency: 64, minInstances: 1, maxInstances: 1 };
        const deploy = (/** @type {string} */ function_, /** @type {string} */ code) =>
          troupe.deploy({ name: function_, source: { language: 'js', code }, ...common });
        await deploy('quick', 'export default (event) => event;');
        await deploy('slow', SLOW);
        if (name === BESIDE) {
          const jobs = Array.from({ length: 1_000 }, () => ({ payload: 2_000 }));
          for (let count = 0; count < BACKLOG; count += jobs.length) await troupe.jobs.enqueueMany('slow', jobs);
        }
        const run = async () => troupe.jobs.result((await troupe.enqueue('quick', 1)).id);
        return {
          name,
          round: onlyCounted(() => openLoop(run, { perSecond: PER_SECOND, forMs, arrivals: 'even' })),
          close: () => troupe.close(),
        };
      }),
    );
  },
};
