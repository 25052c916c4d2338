/** A closed loop: so many callers, each of which calls again when it has its answer. One thread answers. */
import { postMessageCaller } from '../floors/node-floor.js';
import { manyAtATime } from '../harness/load.js';
import { piscinaCaller } from '../peers/piscina.js';
import { poolifierCaller } from '../peers/poolifier.js';
import { tinypoolCaller } from '../peers/tinypool.js';
import { workerpoolCaller } from '../peers/workerpool.js';
import { lasting, openSubjects } from '../subjects/subject.js';
import { troupeCaller } from '../subjects/troupe.js';
import { work } from '../subjects/work.js';

/** The most that a function may be given at a time; further calls wait in the router. */
const MOST_INSIDE = 1_000;
/** What the bars are about; the others are left out of a quick run at other numbers in flight. */
const JUDGED = '256';

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'throughput',
  title: 'Throughput',
  question:
    'How many calls of a function that does nothing does one thread answer in a second, with so many in flight?',
  chart: 'throughput',
  variants: ['1', '16', JUDGED, '4096'],
  bars: [
    ['piscina, 1 task per worker', 12, 20],
    ['piscina, 256 tasks per worker', 1.8, 3],
    ['postMessage', 0.8, 1],
  ].map(([against, bar, aim]) => ({
    figure: 'perSecond',
    subject: 'troupe inline',
    against: String(against),
    bar: Number(bar),
    aim: Number(aim),
    variant: JUDGED,
  })),
  async subjects({ quick, directory, variant }) {
    const inFlight = Number(variant);
    const echo = work(directory, 'echo');
    const config = { concurrency: Math.min(inFlight, MOST_INSIDE) };
    const judged = {
      'troupe inline': () => troupeCaller(echo, { function: config }),
      'piscina, 1 task per worker': () => piscinaCaller(echo),
      'piscina, 256 tasks per worker': () => piscinaCaller(echo, { concurrentTasksPerWorker: 256 }),
      postMessage: () => postMessageCaller(echo),
    };
    const others = {
      'troupe agent process': () => troupeCaller(echo, { host: { agent: 'process' }, function: config }),
      tinypool: () => tinypoolCaller(echo),
      workerpool: () => workerpoolCaller(echo),
      poolifier: () => poolifierCaller(echo),
    };
    const isShort = quick && variant !== JUDGED;
    return openSubjects({ ...judged, ...(isShort ? {} : others) }, (call) =>
      lasting(quick ? 50 : 300, Math.max(quick ? 500 : 2_000, 2 * inFlight), (times) =>
        manyAtATime(call, times, inFlight),
      ),
    );
  },
};
