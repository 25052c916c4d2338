/**
 * Memory of executions that wait, in a process of its own, a minute after the last was started; and how late their timers fire when all are due
 * at about the same time.
 */
import { join } from 'node:path';
import { histogramOfMs } from '../harness/histogram.js';
import { inChild } from '../subjects/in-child.js';
import { onlyCounted, plainSubject } from '../subjects/subject.js';

const KIB = 1_024;

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'workflow-memory',
  title: 'Memory of workflows that wait',
  question:
    'How much memory does each of ten thousand executions take that wait for their time, or for a signal, and how late does their time come?',
  unit: 'KiB of heap and external memory per execution',
  figures: { resident: 'KiB of anonymous memory per execution' },
  variants: ['timers', 'signals'],
  quickVariants: ['timers'],
  bars: [
    { figure: 'value', subject: 'troupe', against: '', bar: 2, aim: 1 },
    { figure: 'resident', subject: 'troupe', against: '', bar: 3, aim: 2 },
  ],
  rounds: { full: 1, quick: 1 },
  async subjects({ quick, directory, variant = 'timers' }) {
    const size = quick ? { executions: 2_000, settleMs: 1_000 } : { executions: 10_000, settleMs: 60_000 };
    const options = { kind: variant, ...size, quick, dataDir: join(directory, 'troupe') };
    const round = async () => {
      const child = inChild('child-workflow-memory.js', options);
      try {
        const { bytes, anonBytes, lateMs } = await child.next();
        const late = /** @type {number[]} */ (lateMs);
        return {
          value: Number(bytes) / KIB,
          figures: { resident: Number(anonBytes) / KIB },
          // The clock of a journal has milliseconds; one that seems to come early came on time.
          ...(late.length > 0 ? { latenciesUs: histogramOfMs(late.map((ms) => Math.max(0, ms))) } : {}),
        };
      } finally {
        child.close();
      }
    };
    return [plainSubject('troupe', onlyCounted(round))];
  },
};
