/** A Buffer there and back, one call at a time. Nothing is transferred: the caller keeps what it sent. */
import { postMessageCaller } from '../floors/node-floor.js';
import { oneAtATime } from '../harness/load.js';
import { piscinaCaller } from '../peers/piscina.js';
import { lasting, openSubjects, paceOf } from '../subjects/subject.js';
import { troupeCaller } from '../subjects/troupe.js';
import { work } from '../subjects/work.js';

/** @type {Record<string, number>} */
const SIZES = {
  '16 B': 16,
  '1 KB': 1_024,
  '64 KB': 65_536,
  '1 MB': 1_048_576,
};

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'payloads',
  title: 'Payloads',
  question: 'How long does a call take that carries so many bytes, and carries them back?',
  chart: 'cdf',
  variants: Object.keys(SIZES),
  quickVariants: ['64 KB', '1 MB'],
  bars: [
    { figure: 'p50', subject: 'troupe inline', against: 'piscina', bar: 1 / 2, aim: 1 / 4, variant: '64 KB' },
    { figure: 'p50', subject: 'troupe inline', against: 'piscina', bar: 0.8, aim: 0.6, variant: '1 MB' },
  ],
  async subjects({ quick, directory, variant = '16 B' }) {
    const bytes = SIZES[variant] ?? 16;
    const echo = work(directory, 'echo', Buffer.alloc(bytes, 7));
    const firstTimes = 50;
    return openSubjects(
      {
        'troupe inline': () => troupeCaller(echo),
        ...(quick ? {} : { 'troupe agent process': () => troupeCaller(echo, { host: { agent: 'process' } }) }),
        piscina: () => piscinaCaller(echo),
        postMessage: () => postMessageCaller(echo),
      },
      paceOf(quick),
      (call) => lasting({ ...paceOf(quick), firstTimes }, (times) => oneAtATime(call, times)),
    );
  },
};
