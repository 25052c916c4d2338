/** Functions that do something: what is left of the difference between callers when the function itself takes a millisecond or more. */
import { availableParallelism } from 'node:os';
import { postMessageCaller } from '../floors/node-floor.js';
import { manyAtATime } from '../harness/load.js';
import { piscinaCaller } from '../peers/piscina.js';
import { poolifierCaller } from '../peers/poolifier.js';
import { tinypoolCaller } from '../peers/tinypool.js';
import { workerpoolCaller } from '../peers/workerpool.js';
import { lasting, openSubjects, paceOf } from '../subjects/subject.js';
import { troupeCaller } from '../subjects/troupe.js';
import { stepsFor, work } from '../subjects/work.js';

const CPU = '1 ms CPU';
const WAIT = '5 ms wait';

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'work',
  title: 'Functions that work and that wait',
  question: `How many calls are answered in a second: of 1 ms of work, on as many threads as cores and twice as many in flight; and of 5 ms of waiting, on one thread with 16 in flight?`,
  variants: [CPU, WAIT],
  quickVariants: [CPU],
  bars: [],
  async subjects({ quick, directory, variant }) {
    const waits = variant === WAIT;
    const threads = waits ? 1 : availableParallelism();
    const inFlight = waits ? 16 : 2 * threads;
    const task = waits ? work(directory, 'wait', { waitMs: 5 }) : work(directory, 'cpu', stepsFor(1));
    const concurrency = waits ? inFlight : 1;
    const config = { concurrency, minInstances: threads, maxInstances: threads };
    const pool = { threads, concurrentTasksPerWorker: concurrency };
    return openSubjects(
      {
        'troupe inline': () => troupeCaller(task, { function: config }),
        ...(quick
          ? {}
          : { 'troupe agent process': () => troupeCaller(task, { host: { agent: 'process' }, function: config }) }),
        piscina: () => piscinaCaller(task, pool),
        tinypool: () => tinypoolCaller(task, pool),
        // One task a worker at a time is all that it does.
        workerpool: () => workerpoolCaller(task, { threads }),
        poolifier: () => poolifierCaller(task, { threads }),
        ...(waits ? { postMessage: () => postMessageCaller(task) } : {}),
      },
      paceOf(quick),
      (call) => lasting({ ...paceOf(quick), firstTimes: 2 * inFlight }, (times) => manyAtATime(call, times, inFlight)),
    );
  },
};
