/** Calls that come when they come, and not when the one before has been answered: what an open loop is made of. */
import { mulberry32 } from './statistics.js';

/**
 * When calls are due, in ms from the start. Pure.
 * @param {{ perSecond: number, forMs: number, arrivals: 'poisson' | 'even', seed: number }} options @returns {Float64Array}
 */
export function schedule({ perSecond, forMs, arrivals, seed }) {
  const random = mulberry32(seed);
  const gapMs = 1_000 / perSecond;
  const dueMs = [];
  for (let atMs = 0; atMs < forMs; atMs += arrivals === 'even' ? gapMs : -Math.log(1 - random()) * gapMs) {
    dueMs.push(atMs);
  }
  return Float64Array.from(dueMs);
}

/**
 * Makes each call when it is due, or as soon after as it can, and tells how long after that it was answered. Turns the event loop rather than
 * sleep: a timer would be up to a millisecond late, and its lateness would count. Settles when all calls have; after an error no further begins.
 * @param {() => Promise<unknown>} call @param {Float64Array} dueMs  rising
 * @param {{ onAnswer: (tookMs: number) => void, maxInFlight?: number }} options
 */
export async function sendOnSchedule(call, dueMs, { onAnswer, maxInFlight = 10_000 }) {
  const startedMs = performance.now();
  let [next, inFlight] = [0, 0];
  /** @type {unknown[]} */
  const errors = [];
  /** @param {number} due */
  const send = async (due) => {
    inFlight++;
    try {
      await call();
      onAnswer(performance.now() - startedMs - due);
    } catch (error) {
      errors.push(error);
    }
    inFlight--;
  };
  const isDue = (/** @type {number} */ nowMs) => next < dueMs.length && (dueMs[next] ?? 0) <= nowMs;
  while (inFlight > 0 || (errors.length === 0 && next < dueMs.length)) {
    const nowMs = performance.now() - startedMs;
    while (errors.length === 0 && inFlight < maxInFlight && isDue(nowMs)) void send(dueMs[next++] ?? 0);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (errors.length > 0) throw errors[0];
}
