/**
 * Functions that call functions. One calls another a thousand times within one invocation and times each call itself; the same callee is called
 * from outside. And a call from outside that makes one call within, with and without spinning: three threads on however many cores there are.
 */
import { histogramOfMs } from '../harness/histogram.js';
import { oneAtATime } from '../harness/load.js';
import { closeAll } from '../harness/rounds.js';
import { openChain } from '../subjects/chain.js';
import { lasting, paceOf, warmUp } from '../subjects/subject.js';

/** @typedef {import('../subjects/chain.js').Chain} Chain @typedef {import('../harness/scenario.js').Measurement} Measurement */

const IN_ONE = 1_000;

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'nested',
  title: 'Functions that call functions',
  question: 'How long does a call from function to function take, against a call from outside?',
  chart: 'cdf',
  bars: [
    { figure: 'p50', subject: 'troupe, from a function', against: 'troupe, from outside', bar: 1.5, aim: 1 },
    {
      figure: 'p50',
      subject: 'troupe, outside -> A -> B',
      against: 'troupe, outside -> A -> B, no spin',
      bar: 1.1,
      aim: 0.9,
    },
  ],
  async subjects({ quick, directory }) {
    const pace = paceOf(quick);
    /** @type {import('../harness/scenario.js').Subject[]} */
    const subjects = [];
    /** @param {Chain} chain @param {Record<string, (times: number) => Promise<Measurement>>} measures */
    const add = ({ close }, measures) => {
      for (const [name, measure] of Object.entries(measures)) {
        subjects.push({ name, round: lasting(pace, measure), close });
      }
    };
    try {
      const inline = await openChain(directory, {});
      add(inline, {
        'troupe, from a function': (times) => fromFunction(inline, times),
        'troupe, from outside': (times) => oneAtATime(inline.callee, times),
        'troupe, outside -> A -> B': (times) => oneAtATime(inline.chain, times),
      });
      const parked = await openChain(directory, { spin: false });
      add(parked, { 'troupe, outside -> A -> B, no spin': (times) => oneAtATime(parked.chain, times) });
      for (const { callee, chain } of [inline, parked])
        for (const call of [callee, chain]) await warmUp(call, pace.warmMs);
      if (quick) return subjects;
      const agent = await openChain(directory, { agent: 'process' });
      add(agent, {
        'troupe agent process, from a function': (times) => fromFunction(agent, times),
        'troupe agent process, from outside': (times) => oneAtATime(agent.callee, times),
      });
      return subjects;
    } catch (error) {
      await closeAll(subjects);
      throw error;
    }
  },
};

/** Within invocations of a thousand calls each. @param {Chain} chain @param {number} times @returns {Promise<Measurement>} */
async function fromFunction(chain, times) {
  const beganMs = performance.now();
  const tookMs = [];
  while (tookMs.length < times) tookMs.push(...(await chain.loop(Math.min(IN_ONE, times - tookMs.length))));
  return { latenciesUs: histogramOfMs(tookMs), perSecond: (times * 1_000) / (performance.now() - beganMs) };
}
