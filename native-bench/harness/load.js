/**
 * Three ways to load a subject. Each settles when every call that it started has settled, and rejects with the first error of a call: a
 * benchmark of failures is none.
 */
import { schedule, sendOnSchedule } from './arrivals.js';
import { histogramOfMs, newHistogram, recordMs } from './histogram.js';

/** @typedef {() => Promise<unknown>} Call @typedef {import('./scenario.js').Measurement} Measurement */

/**
 * Calls one after the other and times each. Times are kept as they are and put into the histogram afterwards: the loop pays for two readings of
 * the clock and one store.
 * @param {Call} call @param {number} times @returns {Promise<Measurement>}
 */
export async function oneAtATime(call, times) {
  const tookMs = new Float64Array(times);
  const startedMs = performance.now();
  for (let index = 0; index < times; index++) {
    const beganMs = performance.now();
    await call();
    tookMs[index] = performance.now() - beganMs;
  }
  const perSecond = times / ((performance.now() - startedMs) / 1_000);
  return { latenciesUs: histogramOfMs(tookMs), perSecond };
}

/**
 * A closed loop: `inFlight` callers, each of which calls again when it has its answer, until `times` calls are done. It tells what a subject can
 * do at most; the latency of a saturated subject says nothing and is not taken. See `openLoop` for latency under load.
 * @param {Call} call @param {number} times @param {number} inFlight @returns {Promise<Measurement>}
 */
export async function manyAtATime(call, times, inFlight) {
  let left = times;
  const startedMs = performance.now();
  const caller = async () => {
    while (left-- > 0) await call();
  };
  await allSettled(Array.from({ length: Math.min(inFlight, times) }, caller));
  return { perSecond: times / ((performance.now() - startedMs) / 1_000) };
}

/**
 * An open loop: calls become due on a schedule that no answer can delay, and latency counts from the time a call was due, so that a pause hurts
 * every call that was due during it (no coordinated omission). Gaps are exponential (`poisson`, from the seed) or all alike (`even`). The sender
 * turns the event loop rather than sleep: a timer would be up to a millisecond late and its lateness would count.
 * With `maxInFlight` calls out, further ones wait, and their waiting counts.
 * @param {Call} call
 * @param {{ perSecond: number, forMs: number, arrivals?: 'poisson' | 'even', seed?: number, maxInFlight?: number }} options
 * @returns {Promise<Measurement>}
 */
export async function openLoop(call, { perSecond, forMs, arrivals = 'poisson', seed = 1, maxInFlight = 10_000 }) {
  const latenciesUs = newHistogram();
  const startedMs = performance.now();
  const dueMs = schedule({ perSecond, forMs, arrivals, seed });
  await sendOnSchedule(call, dueMs, { maxInFlight, onAnswer: (tookMs) => recordMs(latenciesUs, tookMs) });
  return { latenciesUs, perSecond: dueMs.length / ((performance.now() - startedMs) / 1_000) };
}

/** Waits for all, then rejects if one did. @param {readonly Promise<void>[]} callers */
async function allSettled(callers) {
  for (const outcome of await Promise.allSettled(callers)) if (outcome.status === 'rejected') throw outcome.reason;
}
