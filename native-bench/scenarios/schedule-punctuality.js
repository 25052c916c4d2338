/** How late schedules fire of which many exist, each at another time of its minute: by the clock of the function that is called. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTroupe } from '../../dist/index.js';
import { manyAtATime } from '../harness/load.js';
import { onlyCounted, plainSubject } from '../subjects/subject.js';

const EVERY_MS = 60_000;
const SETTING = 64;
const CODE = 'export default ({ scheduledAtMs }) => Date.now() - scheduledAtMs;';

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'schedule-punctuality',
  title: 'Schedules on time',
  question: 'How many milliseconds late do schedules fire, of which 10,000 exist?',
  unit: 'ms late, p99',
  figures: { p50: 'ms late, p50', worst: 'ms late at most' },
  bars: [{ figure: 'value', subject: 'troupe', against: '', bar: 5, aim: 2 }],
  rounds: { full: 1, quick: 1 },
  async subjects({ quick, directory }) {
    const { schedules, forMs } = quick ? { schedules: 1_000, forMs: 5_000 } : { schedules: 10_000, forMs: 30_000 };
    const troupe = await createTroupe({ dataDir: join(directory, 'troupe') });
    const source = /** @type {const} */ ({ language: 'js', code: CODE });
    await troupe.deploy({ name: 'late', source, concurrency: 64, minInstances: 1, maxInstances: 1 });
    await troupe.invoke('late', { scheduledAtMs: 0 });
    /** @type {number[]} */
    let lateMs = [];
    troupe.jobs.watch(({ id, status }) => {
      if (status === 'succeeded') void troupe.job(id).then(({ result }) => lateMs.push(Number(result)));
    });
    let count = 0;
    const firstAtMs = Date.now() + (quick ? 2_000 : 10_000);
    await manyAtATime(
      () => {
        const index = count++;
        const startAt = firstAtMs + Math.round((index * EVERY_MS) / schedules);
        return troupe.schedules.set(`late-${index}`, { function: 'late', everyMs: EVERY_MS, startAt });
      },
      schedules,
      SETTING,
    );
    const round = async () => {
      await sleep(firstAtMs - Date.now());
      lateMs = [];
      await sleep(forMs);
      const sorted = lateMs.sort((one, other) => one - other);
      const at = (/** @type {number} */ part) => sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN;
      return { value: at(0.99), figures: { p50: at(0.5), worst: at(1) } };
    };
    return [{ ...plainSubject('troupe', onlyCounted(round)), close: () => troupe.close() }];
  },
};
