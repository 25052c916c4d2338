/** A no-op with 256 calls in flight. */
import { manyAtATime } from '../measure.js';
import { piscinaCaller, postMessageCaller, troupeCaller } from '../subjects.js';

const IN_FLIGHT = 256;

/** @param {{ quick: boolean, directory: string }} options */
export async function subjects({ quick, directory }) {
  const times = quick ? 10_000 : 50_000;
  const callers = {
    'troupe inline': await troupeCaller({ agent: 'inline' }, { concurrency: IN_FLIGHT }),
    'piscina, 1 task per worker': await piscinaCaller(directory),
    'piscina, 256 tasks per worker': await piscinaCaller(directory, { concurrentTasksPerWorker: IN_FLIGHT }),
    postMessage: await postMessageCaller(),
  };
  return Object.entries(callers).map(([name, { call, close }]) => ({
    name,
    close,
    round: () => manyAtATime(call, times, IN_FLIGHT),
  }));
}
