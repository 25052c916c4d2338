/** A no-op with 256 calls in flight. */
import { manyAtATime } from '../harness/load.js';
import { piscinaCaller, postMessageCaller, troupeCaller } from '../subjects.js';

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'throughput',
  title: 'a no-op, many calls in flight',
  question: 'How many calls a second does one instance answer?',
  chart: 'throughput',
  variants: ['1', '16', '256', '4096'],
  bars: [
    {
      figure: 'perSecond',
      subject: 'troupe inline',
      against: 'piscina, 1 task per worker',
      bar: 12,
      aim: 20,
      variant: '256',
    },
    {
      figure: 'perSecond',
      subject: 'troupe inline',
      against: 'piscina, 256 tasks per worker',
      bar: 1.8,
      aim: 3,
      variant: '256',
    },
    { figure: 'perSecond', subject: 'troupe inline', against: 'postMessage', bar: 0.8, aim: 1, variant: '256' },
  ],
  subjects,
};

/** @param {import('../harness/scenario.js').SubjectOptions} options */
async function subjects({ quick, directory, variant }) {
  const inFlight = Number(variant);
  const times = Math.min(quick ? 5_000 : 50_000, inFlight * 10_000);
  const callers = {
    'troupe inline': await troupeCaller({ agent: 'inline' }, { concurrency: Math.min(inFlight, 1_000) }),
    'piscina, 1 task per worker': await piscinaCaller(directory),
    'piscina, 256 tasks per worker': await piscinaCaller(directory, { concurrentTasksPerWorker: inFlight }),
    postMessage: await postMessageCaller(),
  };
  return Object.entries(callers).map(([name, { call, close }]) => ({
    name,
    close,
    round: () => manyAtATime(call, times, inFlight),
  }));
}
