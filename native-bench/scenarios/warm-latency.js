/**
 * One call at a time, each sent when the answer to the one before is there. Rounds last equally long for all, and not only so many calls: the
 * operating system takes some tens of milliseconds to decide whether two threads that wake each other share a core, and that decides the
 * latency of every subject here.
 */
import { cFloor } from '../floors/c-floor.js';
import { atomicsCaller, postMessageCaller } from '../floors/node-floor.js';
import { oneAtATime } from '../harness/load.js';
import { piscinaCaller } from '../peers/piscina.js';
import { poolifierCaller } from '../peers/poolifier.js';
import { tinypoolCaller } from '../peers/tinypool.js';
import { workerpoolCaller } from '../peers/workerpool.js';
import { lasting, openSubjects, paceOf } from '../subjects/subject.js';
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
    const echo = work(directory, 'echo');
    const callers = await openSubjects(
      {
        'troupe inline': () => troupeCaller(echo),
        'troupe agent process': () => troupeCaller(echo, { host: { agent: 'process' } }),
        'piscina, atomics sync': () => piscinaCaller(echo, { atomics: 'sync' }),
        'piscina, atomics async': () => piscinaCaller(echo, { atomics: 'async' }),
        'piscina, atomics disabled': () => piscinaCaller(echo, { atomics: 'disabled' }),
        ...(quick ? {} : others(echo)),
        postMessage: () => postMessageCaller(echo),
        'Atomics.wait': atomicsCaller,
      },
      paceOf(quick),
      (call) => lasting(paceOf(quick), (times) => oneAtATime(call, times)),
    );
    const times = quick ? 500 : 5_000;
    const floors = await cFloor(directory, {
      'C, parked': { mode: 'parked', times },
      'C, spinning': { mode: 'spinning', times },
    });
    return [...callers, ...floors];
  },
};

/** Judged by no bar. @param {import('../subjects/work.js').Work} echo */
function others(echo) {
  return {
    tinypool: () => tinypoolCaller(echo),
    workerpool: () => workerpoolCaller(echo),
    poolifier: () => poolifierCaller(echo),
  };
}
