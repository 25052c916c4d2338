/**
 * A thread that computes without end takes one core; callers and functions share the rest. Spinning must not make that worse: every subject of
 * troupe runs with and without.
 */
import { busyThread, postMessageCaller } from '../floors/node-floor.js';
import { manyAtATime, oneAtATime } from '../harness/load.js';
import { piscinaCaller } from '../peers/piscina.js';
import { openChain } from '../subjects/chain.js';
import { beside, lasting, openSubjects, paceOf } from '../subjects/subject.js';
import { troupeCaller } from '../subjects/troupe.js';
import { work } from '../subjects/work.js';

const ONE = 'one at a time';
const MANY = '256 in flight';
const LARGE = '64 KB';
const NESTED = 'outside -> A -> B';
const IN_FLIGHT = 256;
const SPINNING = 'troupe inline';
const PARKED = 'troupe inline, no spin';

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'neighbour',
  title: 'Beside a busy thread',
  question: 'What do calls cost while another thread takes a whole core?',
  chart: 'cdf',
  variants: [ONE, NESTED, LARGE, MANY],
  quickVariants: [ONE],
  bars: [
    ...[ONE, NESTED, LARGE].map(
      (variant) =>
        /** @type {const} */ ({ figure: 'p50', subject: SPINNING, against: PARKED, bar: 1.1, aim: 0.9, variant }),
    ),
    { figure: 'perSecond', subject: SPINNING, against: PARKED, bar: 1 / 1.1, aim: 1 / 0.9, variant: MANY },
  ],
  async subjects({ quick, directory, variant }) {
    return beside(await busyThread(), () =>
      openSubjects(openersOf(variant, directory, quick), paceOf(quick), (call) =>
        lasting(paceOf(quick), (times) =>
          variant === MANY ? manyAtATime(call, Math.max(times, 2 * IN_FLIGHT), IN_FLIGHT) : oneAtATime(call, times),
        ),
      ),
    );
  },
};

/** @param {string | undefined} variant @param {string} directory @param {boolean} quick @returns {Parameters<typeof openSubjects>[0]} */
function openersOf(variant, directory, quick) {
  if (variant === NESTED) {
    /** @param {boolean} spin */
    const chain = async (spin) => {
      const { chain, close } = await openChain(directory, { spin });
      return { call: chain, close };
    };
    return { [SPINNING]: () => chain(true), [PARKED]: () => chain(false) };
  }
  const echo = work(directory, 'echo', variant === LARGE ? Buffer.alloc(65_536, 7) : undefined);
  const concurrency = variant === MANY ? IN_FLIGHT : 1;
  const config = { concurrency };
  return {
    [SPINNING]: () => troupeCaller(echo, { function: config }),
    [PARKED]: () => troupeCaller(echo, { host: { spin: false }, function: config }),
    ...(quick
      ? {}
      : {
          piscina: () => piscinaCaller(echo, { concurrentTasksPerWorker: concurrency }),
          postMessage: () => postMessageCaller(echo),
        }),
  };
}
