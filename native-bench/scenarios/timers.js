/** A caller that loops over `await` must still let its own timers run on time: here an interval of 10 ms beside the loop. */
import { piscinaCaller } from '../peers/piscina.js';
import { openSubjects, paceOf } from '../subjects/subject.js';
import { troupeCaller } from '../subjects/troupe.js';
import { work } from '../subjects/work.js';

const INTERVAL_MS = 10;

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'timers',
  title: 'Timers of a busy caller',
  question:
    'How late, at the 99th percentile, is an interval timer of 10 ms in a caller that awaits one call after the other?',
  bars: [{ figure: 'p99', subject: 'troupe inline', against: '', bar: 1_500, aim: 700 }],
  rounds: { full: 10, quick: 2 },
  async subjects({ quick, directory }) {
    const echo = work(directory, 'echo');
    return openSubjects(
      {
        'troupe inline': () => troupeCaller(echo),
        piscina: () => piscinaCaller(echo),
        'a loop of setImmediate': async () => ({
          call: () => new Promise((resolve) => setImmediate(resolve)),
          close: async () => undefined,
        }),
      },
      paceOf(quick),
      (call) => () => lateness(call, quick ? 300 : 2_000),
    );
  },
};

/** @param {() => Promise<unknown>} call @param {number} forMs @returns {Promise<import('../harness/scenario.js').Measurement>} */
async function lateness(call, forMs) {
  /** @type {number[]} */
  const lateMs = [];
  const beganMs = performance.now();
  let lastMs = beganMs;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    lateMs.push(Math.max(0, nowMs - lastMs - INTERVAL_MS));
    lastMs = nowMs;
  }, INTERVAL_MS);
  try {
    while (performance.now() - beganMs < forMs) await call();
  } finally {
    clearInterval(timer);
  }
  // A timer that never ran at all is as late as the loop was long.
  lateMs.push(Math.max(0, performance.now() - lastMs - INTERVAL_MS));
  lateMs.sort((one, other) => one - other);
  return { p99Us: (lateMs[Math.ceil(lateMs.length * 0.99) - 1] ?? 0) * 1_000 };
}
