/**
 * Calls come on a schedule that no answer delays, and latency counts from the time a call was due. All subjects get the same schedule: half of
 * what the slowest of them answers at most, as measured here before.
 */
import { postMessageCaller } from '../floors/node-floor.js';
import { manyAtATime, openLoop } from '../harness/load.js';
import { piscinaCaller } from '../peers/piscina.js';
import { poolifierCaller } from '../peers/poolifier.js';
import { tinypoolCaller } from '../peers/tinypool.js';
import { workerpoolCaller } from '../peers/workerpool.js';
import { openSubjects, paceOf } from '../subjects/subject.js';
import { troupeCaller } from '../subjects/troupe.js';
import { work } from '../subjects/work.js';

const IN_FLIGHT = 64;

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'open-loop',
  title: 'Latency under load',
  question: 'How long does a call take while calls come at half the rate that the slowest subject can answer?',
  chart: 'cdf',
  bars: [],
  async subjects({ quick, directory }) {
    const echo = work(directory, 'echo');
    /** @type {(() => Promise<unknown>)[]} */
    const calls = [];
    let ratePerSecond = 0;
    return openSubjects(
      {
        'troupe inline': () => troupeCaller(echo, { function: { concurrency: IN_FLIGHT } }),
        'troupe agent process': () =>
          troupeCaller(echo, { host: { agent: 'process' }, function: { concurrency: IN_FLIGHT } }),
        'piscina, 1 task per worker': () => piscinaCaller(echo),
        'piscina, 64 tasks per worker': () => piscinaCaller(echo, { concurrentTasksPerWorker: IN_FLIGHT }),
        tinypool: () => tinypoolCaller(echo),
        workerpool: () => workerpoolCaller(echo),
        poolifier: () => poolifierCaller(echo),
        postMessage: () => postMessageCaller(echo),
      },
      paceOf(quick),
      (call) => {
        calls.push(call);
        return async () => {
          ratePerSecond ||= (await slowest(calls, quick ? 500 : 5_000)) / 2;
          return openLoop(call, { perSecond: ratePerSecond, forMs: quick ? 100 : 500 });
        };
      },
    );
  },
};

/** @param {readonly (() => Promise<unknown>)[]} calls @param {number} times of each @returns {Promise<number>} calls in a second */
async function slowest(calls, times) {
  let least = Number.POSITIVE_INFINITY;
  for (const call of calls) {
    await manyAtATime(call, times, IN_FLIGHT);
    const { perSecond = least } = await manyAtATime(call, times, IN_FLIGHT);
    least = Math.min(least, perSecond);
  }
  return least;
}
