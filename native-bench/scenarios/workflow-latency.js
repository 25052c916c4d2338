/** Five steps that do nothing, one workflow at a time, everything warm. A quick run is without the peers: their servers take seconds to start. */
import { oneAtATime } from '../harness/load.js';
import { peersFiveSteps, troupeFiveSteps, workflowPace } from '../subjects/five-steps.js';
import { lasting, openSubjects } from '../subjects/subject.js';

/** @param {string} subject @param {string} against @param {number} bar @param {number} aim @returns {import('../harness/scenario.js').Bar} */
const p50 = (subject, against, bar, aim) => ({ figure: 'p50', subject, against, bar, aim });

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'workflow-latency',
  title: 'Latency of a workflow',
  question: 'How long does a workflow of five steps take that do nothing, one at a time, by durability?',
  chart: 'cdf',
  bars: [
    p50('troupe strict', 'Restate', 0.4, 0.28),
    p50('troupe strict', 'DBOS', 0.4, 0.28),
    p50('troupe pipelined', 'Restate', 0.1, 0.07),
    p50('troupe pipelined', 'DBOS', 0.1, 0.07),
    p50('troupe memory', 'troupe, five invokes', 5, 3),
  ],
  async subjects({ quick, directory }) {
    const pace = workflowPace(quick);
    const openers = { ...(await troupeFiveSteps({ directory })), ...(quick ? {} : peersFiveSteps({ directory })) };
    return openSubjects(openers, pace, (call) => lasting(pace, (times) => oneAtATime(call, times)));
  },
};
