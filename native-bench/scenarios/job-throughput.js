/**
 * Jobs by 64 producers, each of which enqueues its next one when the one before is acknowledged: how many are done in a second, or, where none begins,
 * acknowledged. A quick run is without the peer, whose servers take seconds to start.
 */
import { manyAtATime } from '../harness/load.js';
import { jobSubjects, PAYLOAD, PRODUCERS, runners } from '../subjects/jobs.js';

const FINISHED = 'finished';
const ACKNOWLEDGED = 'acknowledged, none begins';

/** @param {string} variant @param {number} bar @param {number} aim @returns {import('../harness/scenario.js').Bar[]} */
const against = (variant, bar, aim) =>
  ['BullMQ everysec', 'BullMQ always'].map((peer) => ({
    figure: 'perSecond',
    subject: 'troupe',
    against: peer,
    bar,
    aim,
    variant,
  }));

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'job-throughput',
  title: 'Jobs in a second',
  question: `How many jobs are done in a second with ${PRODUCERS} producers, one enqueue at a time each, every acknowledgement on disk?`,
  chart: 'none',
  variants: [FINISHED, ACKNOWLEDGED],
  quickVariants: [FINISHED],
  bars: [...against(FINISHED, 3, 5), ...against(ACKNOWLEDGED, 1.5, 2)],
  rounds: { full: 10, quick: 2 },
  async subjects({ quick, directory, variant }) {
    const forMs = quick ? 200 : 1_000;
    return jobSubjects(runners(directory, quick), (runner) => {
      const measure = variant === ACKNOWLEDGED ? acknowledged : finished;
      let times = 2_000;
      return async () => {
        const { perSecond } = await measure(runner, times);
        times = Math.max(1_000, Math.round((perSecond * forMs) / 1_000));
        return { perSecond };
      };
    });
  },
};

/** From the first enqueue to the record of the last end. @param {import('../subjects/jobs.js').JobRunner} runner @param {number} times */
async function finished(runner, times) {
  const beganMs = performance.now();
  await manyAtATime(() => runner.enqueue(PAYLOAD), times, PRODUCERS);
  await runner.drained();
  return { perSecond: (times * 1_000) / (performance.now() - beganMs) };
}

/** @param {import('../subjects/jobs.js').JobRunner} runner @param {number} times */
async function acknowledged(runner, times) {
  await runner.pause();
  const { perSecond = 0 } = await manyAtATime(() => runner.enqueue(PAYLOAD), times, PRODUCERS);
  await runner.forget();
  return { perSecond };
}
