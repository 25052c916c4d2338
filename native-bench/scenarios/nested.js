/**
 * Functions that call functions. One calls another a thousand times within one invocation and times each call itself; the same callee is called
 * from outside. And a call from outside that makes one call within, with and without spinning: three threads on however many cores there are.
 */
import { histogramOfMs } from '../harness/histogram.js';
import { oneAtATime } from '../harness/load.js';
import { closeAll } from '../harness/rounds.js';
import { openChain } from '../subjects/chain.js';

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
    const times = quick ? 300 : 1_000;
    const opened = [];
    try {
      const inline = await openChain(directory, {});
      opened.push(inline);
      const parked = await openChain(directory, { spin: false });
      opened.push(parked);
      const agent = quick ? undefined : await openChain(directory, { agent: 'process' });
      return [
        {
          name: 'troupe, from a function',
          round: async () => ({ latenciesUs: histogramOfMs(await inline.loop(times)) }),
          close: inline.close,
        },
        subject('troupe, from outside', inline.callee, times),
        subject('troupe, outside -> A -> B', inline.chain, times),
        { ...subject('troupe, outside -> A -> B, no spin', parked.chain, times), close: parked.close },
        ...(agent
          ? [
              {
                name: 'troupe agent process, from a function',
                round: async () => ({ latenciesUs: histogramOfMs(await agent.loop(times)) }),
                close: agent.close,
              },
              subject('troupe agent process, from outside', agent.callee, times),
            ]
          : []),
      ];
    } catch (error) {
      await closeAll(opened.map((chain) => ({ ...chain, name: 'a host', round: async () => ({}) })));
      throw error;
    }
  },
};

/** @param {string} name @param {() => Promise<unknown>} call @param {number} times @returns {import('../harness/scenario.js').Subject} */
function subject(name, call, times) {
  return { name, round: () => oneAtATime(call, times), close: async () => undefined };
}
