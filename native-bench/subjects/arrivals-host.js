/**
 * A host that is called on a schedule, and what its autoscaler made of that: how many calls were cold starts, how long they took, and what memory
 * was held for it. Whatever decides, the arrivals are the same.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createTroupe } from '../../dist/index.js';
import { histogramOfMs } from '../harness/histogram.js';

/** How often the instances that are there are counted. */
const SAMPLE_MS = 20;
/** What an instance is charged in a minute of the forecast. Time is compressed, so memory is stretched: a MB-second is worth what it is worth. */
const MEMORY_MB = 128;
const MINUTE_MS = 60_000;
/** For so many instances. */
const ROOM = 100;
/** What keeps an instance without forecasting keeps it for so many minutes: as long as the large clouds do. */
const KEEP_ALIVE_MINUTES = 10;

/**
 * @typedef {object} Arrival
 * @property {number} atMs  from the start
 * @property {string} name  of the function
 * @property {boolean} counts  whether it is judged, or only teaches
 * @property {unknown} [payload]
 * @property {number} [untilMs]  calls again with each answer until then; once without it
 *
 * @typedef {object} Play
 * @property {string} code  of every function
 * @property {readonly Arrival[]} arrivals  in their order
 * @property {number} forMs
 * @property {number} minuteMs  how long a minute takes: time is compressed, for the forecast and for keep-alives alike
 * @property {number} countFromMs  instances are counted from then on
 * @property {number} [maxInstances]
 */

/**
 * @param {'predictive' | 'reactive' | 'fixed'} scaling @param {Play} play @returns {Promise<import('../harness/scenario.js').Measurement>}
 */
export async function played(scaling, { code, arrivals, forMs, minuteMs, countFromMs, maxInstances = 10 }) {
  const memoryMb = Math.round((MEMORY_MB * MINUTE_MS) / minuteMs);
  const troupe = await createTroupe({ scaling, forecastIntervalMs: minuteMs, memoryBudgetMb: ROOM * memoryMb });
  try {
    const source = /** @type {const} */ ({ language: 'js', code });
    const keepAliveMs = KEEP_ALIVE_MINUTES * minuteMs;
    const names = [...new Set(arrivals.map(({ name }) => name))];
    for (const name of names) await troupe.deploy({ name, source, keepAliveMs, maxInstances, memoryMb });
    const beganMs = performance.now();
    const elapsedMs = () => performance.now() - beganMs;
    const counting = countInstances(troupe, { names, elapsedMs, forMs, countFromMs });
    /** @param {Arrival} arrival */
    const arrive = async ({ atMs, name, payload, counts, untilMs = 0 }) => {
      await sleep(atMs);
      const outcomes = [];
      let dueMs = atMs;
      do {
        const { invocation } = await troupe.invokeWithDetails(name, payload);
        outcomes.push({ counts, tookMs: elapsedMs() - dueMs, isCold: invocation.coldStart !== undefined });
        dueMs = elapsedMs();
      } while (dueMs < untilMs);
      return outcomes;
    };
    const outcomes = (await Promise.all(arrivals.map(arrive))).flat();
    const counted = outcomes.filter(({ counts }) => counts);
    const cold = counted.filter(({ isCold }) => isCold).length;
    const { instances, resident } = await counting;
    return {
      latenciesUs: histogramOfMs(counted.map(({ tookMs }) => tookMs)),
      value: (100 * cold) / counted.length,
      figures: { resident: 100 * resident, instances },
    };
  } finally {
    await troupe.close();
  }
}

/**
 * @param {import('../../dist/index.js').Troupe} troupe
 * @param {{ names: readonly string[], elapsedMs: () => number, forMs: number, countFromMs: number }} options
 * @returns {Promise<{ instances: number, resident: number }>} on average over time; and the part of the time in which a function had an instance
 */
async function countInstances(troupe, { names, elapsedMs, forMs, countFromMs }) {
  let [samples, instances, resident] = [0, 0, 0];
  await sleep(countFromMs);
  while (elapsedMs() < forMs) {
    const { routes } = await troupe.stats();
    samples++;
    for (const { ready } of routes) {
      instances += ready;
      resident += ready > 0 ? 1 : 0;
    }
    await sleep(SAMPLE_MS);
  }
  return { instances: instances / samples, resident: resident / samples / names.length };
}
