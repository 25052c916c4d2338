/** A closed loop: so many callers, each of which calls again when it has its answer. One thread answers. */
import { postMessageCaller } from '../floors/node-floor.js';
import { manyAtATime } from '../harness/load.js';
import { piscinaCaller } from '../peers/piscina.js';
import { poolifierCaller } from '../peers/poolifier.js';
import { tinypoolCaller } from '../peers/tinypool.js';
import { workerpoolCaller } from '../peers/workerpool.js';
import { lasting, openSubjects, paceOf } from '../subjects/subject.js';
import { troupeCaller } from '../subjects/troupe.js';
import { work } from '../subjects/work.js';

/** The most that a function may be given at a time; further calls wait in the router. */
const MOST_INSIDE = 1_000;
/** What the bars are about; a quick run has only two subjects at other numbers in flight. */
const JUDGED = '256';

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'throughput',
  title: 'Throughput',
  question:
    'How many calls of a function that does nothing does one thread answer in a second, with so many in flight?',
  chart: 'throughput',
  variants: ['1', '16', JUDGED, '4096'],
  quickVariants: [JUDGED],
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
      postMessage: () => postMessageCaller(echo),
    };
    const pools = {
      'piscina, 1 task per worker': () => piscinaCaller(echo),
      'piscina, 256 tasks per worker': () => piscinaCaller(echo, { concurrentTasksPerWorker: 256 }),
    };
    const others = {
      'troupe agent process': () => troupeCaller(echo, { host: { agent: 'process' }, function: config }),
      tinypool: () => tinypoolCaller(echo),
      workerpool: () => workerpoolCaller(echo),
      poolifier: () => poolifierCaller(echo),
    };
    const openers = { ...judged, ...(quick && variant !== JUDGED ? {} : pools), ...(quick ? {} : others) };
    return openSubjects(openers, paceOf(quick), (call) =>
      lasting(paceOf(quick), (times) => manyAtATime(call, Math.max(times, 2 * inFlight), inFlight)),
    );
  },
};
