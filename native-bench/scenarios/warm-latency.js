/** A no-op called one at a time. */
import { oneAtATime } from '../measure.js';
import { piscinaCaller, postMessageCaller, troupeCaller } from '../subjects.js';

/** @param {{ quick: boolean, directory: string }} options */
export async function subjects({ quick, directory }) {
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
