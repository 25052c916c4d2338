/**
 * What warm instances take while nobody calls them: processor time of a process that holds so many, after it has settled. All processes are
 * watched during the same time.
 */
import { inChild } from '../subjects/in-child.js';
import { onlyCounted } from '../subjects/subject.js';

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'idle-cpu',
  title: 'Processor time of idle instances',
  question: 'What share of a core do warm instances take while nobody calls them?',
  unit: '% of a core',
  bars: [{ figure: 'value', subject: 'troupe, 10 instances', against: '', bar: 0.5, aim: 0.1 }],
  // Each would start everything anew; the time of 30 s itself is the average.
  rounds: { full: 1, quick: 1 },
  async subjects({ quick }) {
    const window = quick ? { settleMs: 2_000, forMs: 3_000 } : { settleMs: 15_000, forMs: 30_000 };
    const subjects = {
      'troupe, 10 instances': { kind: 'troupe', instances: 10 },
      'new Worker, 10 of them': { kind: 'threads', instances: 10 },
      ...(quick
        ? {}
        : {
            'troupe, 1 instance': { kind: 'troupe', instances: 1 },
            'troupe, 100 instances': { kind: 'troupe', instances: 100 },
          }),
    };
    const children = Object.entries(subjects).map(([name, options]) => ({
      name,
      child: inChild('child-idle.js', options),
    }));
    /** @type {Promise<void> | undefined} */
    let allUp;
    const startWindow = async () => {
      for (const { child } of children) await child.next();
      for (const { child } of children) child.send(window);
    };
    return children.map(({ name, child }) => ({
      name,
      round: onlyCounted(async () => {
        allUp ??= startWindow();
        await allUp;
        const { cpuPercent } = await child.next();
        return { value: Number(cpuPercent) };
      }),
      close: async () => child.close(),
    }));
  },
};
