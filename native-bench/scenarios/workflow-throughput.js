/** Five steps that do nothing, many workflows at a time. A quick run is without the peers: their servers take seconds to start. */
import { manyAtATime } from '../harness/load.js';
import { peersFiveSteps, troupeFiveSteps, workflowPace } from '../subjects/five-steps.js';
import { lasting, openSubjects } from '../subjects/subject.js';

/** What the bars are about. */
const JUDGED = '64';

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'workflow-throughput',
  title: 'Workflows in a second',
  question: 'How many workflows of five steps that do nothing are done in a second, with so many in flight?',
  chart: 'throughput',
  variants: ['16', JUDGED],
  quickVariants: [JUDGED],
  bars: ['Restate', 'DBOS'].map((against) => ({
    figure: 'perSecond',
    subject: 'troupe strict',
    against,
    bar: 12,
    aim: 20,
    variant: JUDGED,
  })),
  rounds: { full: 10, quick: 2 },
  async subjects({ quick, directory, variant }) {
    const pace = workflowPace(quick);
    const inFlight = Number(variant);
    const options = { directory, inFlight };
    const openers = { ...(await troupeFiveSteps(options)), ...(quick ? {} : peersFiveSteps(options)) };
    return openSubjects(openers, pace, (call) =>
      lasting(pace, (times) => manyAtATime(call, Math.max(times, 2 * inFlight), inFlight)),
    );
  },
};
