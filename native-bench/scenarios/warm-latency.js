/** A no-op called one at a time. */
import { oneAtATime } from '../harness/load.js';
import { piscinaCaller, postMessageCaller, troupeCaller } from '../subjects.js';

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'warm-latency',
  title: 'a no-op, one call at a time',
  question: 'How long does a call take when the instance is warm and nothing else is in flight?',
  chart: 'cdf',
  bars: [
    { figure: 'p50', subject: 'troupe inline', against: 'piscina*', bar: 1 / 10, aim: 1 / 15 },
    { figure: 'p99', subject: 'troupe inline', against: 'piscina*', bar: 1 / 2, aim: 1 / 4 },
    { figure: 'p50', subject: 'troupe agent process', against: 'piscina*', bar: 1, aim: 1 / 2 },
  ],
  subjects,
};

/** @param {{ quick: boolean, directory: string }} options */
async function subjects({ quick, directory }) {
  const times = quick ? 1_000 : 5_000;
  const callers = {
    'troupe inline': await troupeCaller({ agent: 'inline' }),
    'troupe agent process': await troupeCaller({ agent: 'process' }),
    piscina: await piscinaCaller(directory),
    postMessage: await postMessageCaller(),
  };
  return Object.entries(callers).map(([name, { call, close }]) => ({
    name,
    close,
    round: () => oneAtATime(call, times),
  }));
}
