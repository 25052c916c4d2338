/** A Buffer there and back, one call at a time. Nothing is transferred: the caller keeps what it sent. */
import { postMessageCaller } from '../floors/node-floor.js';
import { oneAtATime } from '../harness/load.js';
import { piscinaCaller } from '../peers/piscina.js';
import { openSubjects } from '../subjects/subject.js';
import { troupeCaller } from '../subjects/troupe.js';
import { work } from '../subjects/work.js';

/** @type {Record<string, { bytes: number, times: number }>} */
const SIZES = {
  '16 B': { bytes: 16, times: 2_000 },
  '1 KB': { bytes: 1_024, times: 2_000 },
  '64 KB': { bytes: 65_536, times: 1_000 },
  '1 MB': { bytes: 1_048_576, times: 150 },
};

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'payloads',
  title: 'Payloads',
  question: 'How long does a call take that carries so many bytes, and carries them back?',
  chart: 'cdf',
  variants: Object.keys(SIZES),
  bars: [
    { figure: 'p50', subject: 'troupe inline', against: 'piscina', bar: 1 / 2, aim: 1 / 4, variant: '64 KB' },
    { figure: 'p50', subject: 'troupe inline', against: 'piscina', bar: 0.8, aim: 0.6, variant: '1 MB' },
  ],
  async subjects({ quick, directory, variant = '16 B' }) {
    const { bytes = 16, times = 1_000 } = SIZES[variant] ?? {};
    const echo = work(directory, 'echo', Buffer.alloc(bytes, 7));
    return openSubjects(
      {
        'troupe inline': () => troupeCaller(echo),
        ...(quick ? {} : { 'troupe agent process': () => troupeCaller(echo, { host: { agent: 'process' } }) }),
        piscina: () => piscinaCaller(echo),
        postMessage: () => postMessageCaller(echo),
      },
      (call) => () => oneAtATime(call, quick ? Math.ceil(times / 5) : times),
    );
  },
};
