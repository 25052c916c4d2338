/** Jobs that wait, in a process of its own: the anonymous memory that they add, and how soon a host that starts on them begins the first. */
import { join } from 'node:path';
import { inChild } from '../subjects/in-child.js';
import { onlyCounted, plainSubject } from '../subjects/subject.js';

const MIB = 2 ** 20;

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'job-memory',
  title: 'Memory of jobs that wait',
  question: 'How much memory do jobs take that wait, and how soon does a host that starts begin the first of them?',
  unit: 'MiB of anonymous memory',
  figures: { recovery: 'ms from start to first job' },
  variants: ['1,000,000 jobs', '100,000 jobs'],
  quickVariants: ['100,000 jobs'],
  bars: [
    { figure: 'value', subject: 'troupe', against: '', bar: 150, aim: 80, variant: '1,000,000 jobs' },
    { figure: 'recovery', subject: 'troupe', against: '', bar: 1_000, aim: 300, variant: '100,000 jobs' },
  ],
  rounds: { full: 1, quick: 1 },
  async subjects({ directory, variant = '' }) {
    const jobs = Number(variant.replace(/\D/g, ''));
    const dataDir = join(directory, 'troupe');
    const round = async () => {
      const { bytes } = await result({ step: 'fill', jobs, dataDir });
      const { recoveryMs } = await result({ step: 'recover', jobs, dataDir });
      return { value: Number(bytes) / MIB, figures: { recovery: Number(recoveryMs) } };
    };
    return [plainSubject('troupe', onlyCounted(round))];
  },
};

/** @param {Record<string, unknown>} options */
async function result(options) {
  const child = inChild('child-waiting-jobs.js', options);
  try {
    return await child.next();
  } finally {
    child.close();
  }
}
