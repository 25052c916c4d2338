/** Memory of the host after many calls, in a process of its own: what a call leaves behind shows as growth. */
import { inChild } from '../subjects/in-child.js';
import { onlyCounted, plainSubject } from '../subjects/subject.js';

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'memory-growth',
  title: 'Memory after many calls',
  question:
    'How much more anonymous memory is resident after 1,000,000 calls than after 100,000 (quick: 100,000 and 10,000)?',
  unit: 'times',
  bars: [{ figure: 'value', subject: 'troupe, one at a time', against: '', bar: 1.1, aim: 1.02 }],
  rounds: { full: 3, quick: 1 },
  async subjects({ quick }) {
    const times = quick ? [10_000, 100_000] : [100_000, 1_000_000];
    /** @param {string} name @param {number} inFlight */
    const growth = (name, inFlight) =>
      plainSubject(
        name,
        onlyCounted(async () => {
          const child = inChild('child-memory-growth.js', { times, inFlight });
          try {
            const { rssAnonBytes } = await child.next();
            const [before, after] = /** @type {number[]} */ (rssAnonBytes);
            return { value: (after ?? 0) / (before ?? 1) };
          } finally {
            child.close();
          }
        }),
      );
    const one = growth('troupe, one at a time', 1);
    return quick ? [one] : [one, growth('troupe, 64 in flight', 64)];
  },
};
