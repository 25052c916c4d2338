// @ts-check
/** The part of the tour that runs workflows. */
import { TroupeError } from 'troupe';
import { duration, quantile } from './tour-format.js';

const LATER_RUNS = 5;

/**
 * @param {import('troupe').Troupe} troupe
 * @param {import('./samples.js').SampleWorkflow} workflow
 * @param {string} directory that it may write to
 */
export async function visitWorkflow(troupe, workflow, directory) {
  await deployWorkflow(troupe, workflow);
  const first = await run(troupe, workflow, directory);
  const laterMs = [];
  while (laterMs.length < LATER_RUNS) laterMs.push((await run(troupe, workflow, directory)).tookMs);
  laterMs.sort((one, other) => one - other);
  return {
    row: [
      workflow.name,
      String(Object.keys(workflow.functions).length),
      String(first.steps),
      duration(first.tookMs),
      duration(quantile(laterMs, 0.5)),
    ],
    saw: `${workflow.name}: ${workflow.describe(first.result)}`,
  };
}

/** A function that is there already may be one of several workflows. @param {import('troupe').Troupe} troupe @param {import('./samples.js').SampleWorkflow} workflow */
async function deployWorkflow(troupe, { name, source, functions }) {
  const deployed = new Set((await troupe.list()).map((each) => each.name));
  for (const [functionName, file] of Object.entries(functions)) {
    if (!deployed.has(functionName)) await troupe.deploy({ name: functionName, source: file });
  }
  await troupe.workflows.deploy({ name, source });
}

/** @param {import('troupe').Troupe} troupe @param {import('./samples.js').SampleWorkflow} workflow @param {string} directory */
async function run(troupe, { name, input, signal }, directory) {
  const given = await input(directory);
  const startedMs = performance.now();
  const execution = await troupe.workflows.start(name, given);
  if (signal) await execution.signal(signal.name, signal.payload);
  const result = await execution.result();
  const tookMs = performance.now() - startedMs;
  return { result, tookMs, steps: (await execution.status()).known.length };
}

/** An order that cannot be shipped. @param {import('troupe').Troupe} troupe */
export async function takeBack(troupe) {
  const input = { order: 'A-far', item: 'cup', quantity: 1, country: 'AQ' };
  const execution = await troupe.workflows.start('order', input);
  const failure = await execution.result().catch((error) => error);
  const code = failure instanceof TroupeError ? failure.code : 'no error';
  const history = await execution.history();
  const compensated = history.flatMap(({ type, step }) =>
    type === 'stepSucceeded' && String(step).endsWith('/compensate') ? [String(step).split('/')[0]] : [],
  );
  const { cents, bookings } = /** @type {import('./order/payments.ts').Payment} */ (
    await troupe.invoke('payments', { action: 'show', order: input.order })
  );
  const account = `${bookings.length} bookings that come to ${cents}`;
  return `order to Antarctica: ${code}, so ${compensated.join(' and ')} were taken back, in this order; ${account}`;
}
