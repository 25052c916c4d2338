/**
 * Anonymous resident memory that each warm instance adds, in a process of its own. Spares are off: they would be counted as instances. With one
 * instance, what the first one brings up (the second version, pages that V8 keeps) is in its figure; with a hundred it is shared.
 */
import { inChild } from '../subjects/in-child.js';
import { onlyCounted, plainSubject } from '../subjects/subject.js';

const MIB = 1_048_576;

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'idle-memory',
  title: 'Memory of idle instances',
  question: 'How much anonymous memory does each warm instance add?',
  unit: 'MiB per instance',
  bars: [],
  rounds: { full: 3, quick: 1 },
  async subjects({ quick }) {
    const counts = quick ? [10] : [1, 10, 100];
    return counts.flatMap((instances) =>
      Object.entries({
        [`troupe, ${instances} of them`]: { kind: 'troupe', instances, spares: 0 },
        [`new Worker, ${instances} of them`]: { kind: 'threads', instances },
      }).map(([name, options]) =>
        plainSubject(
          name,
          onlyCounted(async () => {
            const child = inChild('child-idle.js', options);
            try {
              const { bytesPerInstance } = await child.next();
              return { value: Number(bytesPerInstance) / MIB };
            } finally {
              child.close();
            }
          }),
        ),
      ),
    );
  },
};
