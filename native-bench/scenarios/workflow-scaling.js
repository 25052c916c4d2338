/**
 * What a step costs in a large workflow, against a small one. In memory nothing hides what the engine computes; on disk the large one has to make
 * as much of each flush.
 */
import { join } from 'node:path';
import { histogramOfMs } from '../harness/histogram.js';
import { plainSubject } from '../subjects/subject.js';
import { chainOf, fanOutOf, openWorkflows } from '../subjects/workflows.js';

/** @typedef {import('../subjects/workflows.js').Durability} Durability */

const SMALL = 10;
const LARGE = 1_000;
const STEP = 'export default (event) => event;';
const SHAPES = ['fan-out', 'chain'];
const DURABILITIES = ['memory', 'strict'];
/** Steps in a round, for each size. */
const STEPS_PER_ROUND = { quick: 1_000, full: 4_000 };

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'workflow-scaling',
  title: 'Large workflows, by the step',
  question: `What does a step cost in a workflow of ${LARGE} steps, side by side or one after the other, against one of ${SMALL}?`,
  chart: 'none',
  variants: SHAPES.flatMap((shape) => DURABILITIES.map((durability) => `${shape}, ${durability}`)),
  quickVariants: SHAPES.map((shape) => `${shape}, memory`),
  bars: [{ figure: 'p50', subject: nameOf(LARGE), against: nameOf(SMALL), bar: 1.5, aim: 1 }],
  rounds: { full: 10, quick: 2 },
  async subjects({ quick, directory, variant = 'chain, memory' }) {
    const [shape, durability] = /** @type {[string, Durability]} */ (variant.split(', '));
    const opened = await openWorkflows({
      host: { dataDir: join(directory, 'troupe') },
      functions: { step: { code: STEP, minInstances: 1, maxInstances: 1, concurrency: LARGE } },
      workflows: {
        'fan-out': fanOutOf('step'),
        [`chain-${SMALL}`]: chainOf(new Array(SMALL).fill('step')),
        [`chain-${LARGE}`]: chainOf(new Array(LARGE).fill('step')),
      },
    });
    return [LARGE, SMALL].map((size) => {
      const workflow = shape === 'chain' ? `chain-${size}` : 'fan-out';
      const input = shape === 'chain' ? 1 : Array.from({ length: size }, (_, index) => index);
      const times = Math.max(2, STEPS_PER_ROUND[quick ? 'quick' : 'full'] / size);
      const round = async () => {
        const perStepMs = [];
        for (let time = 0; time < times; time++) {
          const beganMs = performance.now();
          await opened.run(workflow, input, durability);
          perStepMs.push((performance.now() - beganMs) / size);
        }
        return { latenciesUs: histogramOfMs(perStepMs) };
      };
      return { ...plainSubject(nameOf(size), round), close: opened.close };
    });
  },
};

/** @param {number} steps */
function nameOf(steps) {
  return `troupe, a step of ${steps}`;
}
