/**
 * One job at a time: from the call of `enqueue` until whoever called it knows that the job is done. A quick run is without the peer.
 */
import { oneAtATime } from '../harness/load.js';
import { bullmqRunner } from '../peers/bullmq.js';
import { jobSubjects, PAYLOAD, runners } from '../subjects/jobs.js';
import { lasting } from '../subjects/subject.js';

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'job-latency',
  title: 'From enqueue to done',
  question: 'How long does a job take from the call that enqueues it until it is done, with everything idle?',
  chart: 'cdf',
  bars: [
    { figure: 'p50', subject: 'troupe', against: 'BullMQ everysec', bar: 1.2, aim: 1 },
    { figure: 'p50', subject: 'troupe', against: 'BullMQ always', bar: 0.6, aim: 0.5 },
  ],
  rounds: { full: 10, quick: 2 },
  async subjects({ quick, directory }) {
    const pace = quick ? { forMs: 100, firstTimes: 50 } : { forMs: 600, firstTimes: 300 };
    const toldByWorker = () => bullmqRunner('everysec', { isToldByWorker: true });
    const openers = {
      ...runners(directory, quick),
      ...(quick ? {} : { 'BullMQ everysec, told by its worker': toldByWorker }),
    };
    return jobSubjects(openers, (runner) => lasting(pace, (times) => oneAtATime(() => runner.run(PAYLOAD), times)));
  },
};
