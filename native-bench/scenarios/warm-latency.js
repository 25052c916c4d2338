/** One call at a time, each sent when the answer to the one before is there. */
import { cFloor } from '../floors/c-floor.js';
import { atomicsCaller, postMessageCaller } from '../floors/node-floor.js';
import { oneAtATime } from '../harness/load.js';
import { piscinaCaller } from '../peers/piscina.js';
import { poolifierCaller } from '../peers/poolifier.js';
import { tinypoolCaller } from '../peers/tinypool.js';
import { workerpoolCaller } from '../peers/workerpool.js';
import { openSubjects } from '../subjects/subject.js';
import { troupeCaller } from '../subjects/troupe.js';
import { work } from '../subjects/work.js';

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'warm-latency',
  title: 'Warm latency',
  question: 'How long does one call of a function that does nothing take, one at a time?',
  chart: 'cdf',
  bars: [
    { figure: 'p50', subject: 'troupe inline', against: 'piscina*', bar: 1 / 10, aim: 1 / 15 },
    { figure: 'p99', subject: 'troupe inline', against: 'piscina*', bar: 1 / 2, aim: 1 / 4 },
    { figure: 'p50', subject: 'troupe agent process', against: 'piscina*', bar: 1, aim: 1 / 2 },
  ],
  async subjects({ quick, directory }) {
    const times = quick ? 500 : 5_000;
    const echo = work(directory, 'echo');
    const callers = await openSubjects(
      {
        'troupe inline': () => troupeCaller(echo),
        'troupe agent process': () => troupeCaller(echo, { host: { agent: 'process' } }),
        'piscina, atomics sync': () => piscinaCaller(echo, { atomics: 'sync' }),
        'piscina, atomics async': () => piscinaCaller(echo, { atomics: 'async' }),
        'piscina, atomics disabled': () => piscinaCaller(echo, { atomics: 'disabled' }),
        tinypool: () => tinypoolCaller(echo),
        workerpool: () => workerpoolCaller(echo),
        poolifier: () => poolifierCaller(echo),
        postMessage: () => postMessageCaller(echo),
        'Atomics.wait': atomicsCaller,
      },
      (call) => () => oneAtATime(call, times),
    );
    const floors = await cFloor(directory, {
      'C, parked': { mode: 'parked', times },
      'C, spinning': { mode: 'spinning', times },
    });
    return [...callers, ...floors];
  },
};
