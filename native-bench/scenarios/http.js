/** HTTP to a function, over 1 and 32 connections. */
import { newHistogram } from '../harness/histogram.js';
import { requestFor } from '../http/functions.js';
import { load, loadGenerator } from '../http/load.js';
import { startInlineServer, startNodeServer, startServe, startWorkerd } from '../http/servers.js';

/** The function called as such, and the same fetch handler that workerd runs, which answers the request itself. */
const INVOCATION = '/functions/plain/invocations';
const FETCH = '/fn/fetch/';

/** Of one round. */
const FULL = { warmMs: 60, measureMs: 300 };
const QUICK = { warmMs: 20, measureMs: 60 };

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'http',
  title: 'HTTP to a function, by connections',
  question:
    'JSON in, the same JSON out: what does a function cost behind HTTP, as an invocation and as a fetch handler, against workerd and bare node:http?',
  chart: 'cdf',
  variants: ['1', '32'],
  quickVariants: ['32'],
  bars: [
    { figure: 'p50', subject: 'troupe inline', against: 'node:http', bar: 1.5, aim: 1.15, variant: '1' },
    { figure: 'p50', subject: 'troupe serve', against: 'node:http', bar: 3, aim: 2, variant: '1' },
    { figure: 'perSecond', subject: 'troupe inline', against: 'workerd', bar: 2, aim: 3, variant: '32' },
    { figure: 'perSecond', subject: 'troupe serve', against: 'workerd', bar: 1.2, aim: 1.8, variant: '32' },
  ],
  subjects,
};

/** @param {import('../harness/scenario.js').SubjectOptions} options @returns {Promise<import('../harness/scenario.js').Subject[]>} */
async function subjects({ quick, directory, variant }) {
  const run = { generator: loadGenerator(directory), directory, connections: Number(variant), quick };
  /** @type {import('../http/servers.js').Server[]} */
  const servers = [];
  const started = async (/** @type {Promise<import('../http/servers.js').Server | undefined>} */ starting) => {
    const server = await starting;
    if (server) servers.push(server);
    return server;
  };
  try {
    const inline = await started(startInlineServer());
    const serve = await started(startServe(directory));
    const workerd = await started(startWorkerd(directory));
    const node = await started(startNodeServer());
    return [
      ...subjectOf('troupe inline', inline, INVOCATION, run),
      ...subjectOf('troupe serve', serve, INVOCATION, run),
      ...subjectOf('troupe inline, fetch handler', inline, FETCH, run),
      ...subjectOf('troupe serve, fetch handler', serve, FETCH, run),
      ...subjectOf('workerd', workerd, '/', run),
      ...subjectOf('node:http', node, '/', run),
    ];
  } catch (thrown) {
    await Promise.all(servers.map((server) => server.close()));
    throw thrown;
  }
}

/**
 * @param {string} name @param {import('../http/servers.js').Server | undefined} server none: it is skipped @param {string} path
 * @param {{ generator: import('../http/load.js').Generator, directory: string, connections: number, quick: boolean }} run
 * @returns {import('../harness/scenario.js').Subject[]}
 */
function subjectOf(name, server, path, { quick, ...run }) {
  if (!server) return [];
  const { port, close } = server;
  const request = requestFor(path, port);
  let isWarm = false;
  const round = async () => {
    // Many connections, whatever the variant: what is to be compiled is so sooner.
    if (!isWarm) await load({ ...run, connections: 32, port, request, warmMs: quick ? 400 : 1_500, measureMs: 1 });
    isWarm = true;
    const { latenciesNs, perSecond } = await load({ ...run, port, request, ...(quick ? QUICK : FULL) });
    const latenciesUs = newHistogram();
    for (const took of latenciesNs) latenciesUs.recordValue(took);
    return { latenciesUs, perSecond };
  };
  return [{ name, round, close }];
}
