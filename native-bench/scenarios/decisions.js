/** What the autoscaler costs a warm call: the same host with it, and with its actor stopped once the function is warm. */
import { resolveHostConfig } from '../../dist/config.js';
import { startRuntime } from '../../dist/runtime.js';
import { Troupe } from '../../dist/troupe.js';
import { oneAtATime } from '../harness/load.js';
import { lasting, openSubjects, paceOf } from '../subjects/subject.js';
import { EVENT, work } from '../subjects/work.js';

/** So many that a decision is work. */
const OTHERS = 200;

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'decisions',
  title: 'What deciding costs',
  question: `How long does a warm call take in a host of ${OTHERS} functions, with its autoscaler and without?`,
  chart: 'none',
  bars: [{ figure: 'p50', subject: 'troupe, deciding', against: 'troupe, not deciding', bar: 1.02, aim: 1 }],
  rounds: { full: 30, quick: 3 },
  async subjects({ quick, directory }) {
    const echo = work(directory, 'echo');
    const others = quick ? 10 : OTHERS;
    return openSubjects(
      {
        'troupe, deciding': () => host(echo, others),
        'troupe, not deciding': () => host(echo, others, { isStopped: true }),
      },
      paceOf(quick),
      (call) => lasting(paceOf(quick), (times) => oneAtATime(call, times)),
    );
  },
};

/** @param {import('../subjects/work.js').Work} echo @param {number} others @param {{ isStopped?: boolean }} [options] */
async function host({ name, code }, others, { isStopped = false } = {}) {
  const runtime = await startRuntime(resolveHostConfig({}));
  const troupe = new Troupe(runtime);
  const source = /** @type {const} */ ({ language: 'js', code });
  for (let other = 0; other < others; other++) await troupe.deploy({ name: `other-${other}`, source });
  await troupe.deploy({ name, source, minInstances: 1, maxInstances: 1 });
  await troupe.invoke(name, EVENT);
  if (isStopped) await runtime.system.stop(runtime.autoscaler);
  return { call: () => troupe.invoke(name, EVENT), close: () => troupe.close() };
}
