/**
 * From no instance to the first answer. Each call is a cold start: the same code is deployed under a new name, without its build time.
 * Spares are given the time to be complete between two calls.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTroupe } from '../../dist/index.js';
import { BUNDLES } from '../bundles.js';
import { histogramOfMs } from '../harness/histogram.js';
import { forkFirstResult, newWorkerFirstResult, PAYLOAD } from '../subjects.js';

const variants = Object.keys(BUNDLES);

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'cold-start',
  title: 'from no instance to the first result',
  question: 'How long does the first call of a function take, from a spare and without one?',
  chart: 'phases',
  variants,
  bars: [
    {
      figure: 'p50',
      subject: 'troupe thread, spare',
      against: 'new Worker',
      bar: 1 / 15,
      aim: 1 / 25,
      variant: '1 KB',
    },
    {
      figure: 'p50',
      subject: 'troupe thread, spare',
      against: 'new Worker',
      bar: 1 / 6,
      aim: 1 / 10,
      variant: '400 KB',
    },
    {
      figure: 'p50',
      subject: 'troupe thread, spare',
      against: 'new Worker',
      bar: 1 / 3,
      aim: 1 / 4,
      variant: 'lodash + zod + yaml',
    },
    { figure: 'p50', subject: 'troupe process, spare', against: 'fork', bar: 1 / 10, aim: 1 / 15, variant: '400 KB' },
  ],
  rounds: { full: 10, quick: 2 },
  subjects: (options) => subjects(/** @type {any} */ (options)),
};

/** Until both spares of a class are up again, and everything else is quiet. */
const PAUSE_MS = { thread: 250, process: 500 };

/** @param {{ quick: boolean, directory: string, variant: keyof typeof BUNDLES }} options */
async function subjects({ quick, directory, variant }) {
  const times = quick ? 1 : 3;
  const code = await BUNDLES[variant]();
  const bundle = join(directory, `bundle-${variants.indexOf(variant)}.cjs`);
  writeFileSync(bundle, code);
  const script = join(directory, `child-${variants.indexOf(variant)}.cjs`);
  writeFileSync(
    script,
    `const handler = require(${JSON.stringify(bundle)}); process.once('message', (event) => process.send(handler(event)));`,
  );
  const spares = await host({}, code);
  const fresh = await host({ spares: 0 }, code);
  /** @param {string} name @param {ColdHost} on @param {'thread' | 'process'} isolation */
  const cold = (name, on, isolation) => ({
    name,
    round: () => on.coldCalls(isolation, times),
    close: () => on.close(),
  });
  /** @param {string} name @param {() => Promise<unknown>} call */
  const floor = (name, call) => ({ name, round: () => timed(call, times), close: async () => undefined });
  return [
    cold('troupe thread, spare', spares, 'thread'),
    cold('troupe thread, fresh', fresh, 'thread'),
    floor('new Worker', () => newWorkerFirstResult(bundle)),
    cold('troupe process, spare', spares, 'process'),
    cold('troupe process, fresh', fresh, 'process'),
    floor('fork', () => forkFirstResult(script)),
  ];
}

/** @typedef {{ coldCalls: (isolation: 'thread' | 'process', times: number) => Promise<import('../harness/scenario.js').Measurement>, close: () => Promise<void> }} ColdHost */

/** @param {import('../../dist/index.js').HostOptions} options @param {string} code @returns {Promise<ColdHost>} */
async function host(options, code) {
  const troupe = await createTroupe(options);
  const source = /** @type {const} */ ({ language: 'js', code });
  // Holds the artifact while the others come and go.
  await troupe.deploy({ name: 'anchor', source });
  let count = 0;
  return {
    async coldCalls(isolation, times) {
      const names = Array.from({ length: times }, () => `cold-${isolation}-${++count}`);
      for (const name of names) await troupe.deploy({ name, source, isolation });
      const tookMs = [];
      for (const name of names) {
        await sleep(PAUSE_MS[isolation]);
        const startedMs = performance.now();
        await troupe.invoke(name, PAYLOAD);
        tookMs.push(performance.now() - startedMs);
      }
      await sleep(PAUSE_MS[isolation]);
      for (const name of names) await troupe.remove(name);
      return { latenciesUs: histogramOfMs(tookMs) };
    },
    close: () => troupe.close(),
  };
}

/** @param {() => Promise<unknown>} call @param {number} times */
async function timed(call, times) {
  const tookMs = [];
  for (let index = 0; index < times; index++) {
    await sleep(50);
    const startedMs = performance.now();
    await call();
    tookMs.push(performance.now() - startedMs);
  }
  return { latenciesUs: histogramOfMs(tookMs) };
}
