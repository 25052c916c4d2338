/** Callers behind one shape, and how a scenario makes subjects of them. */
import { closeAll } from '../harness/rounds.js';

const WARM_IN_FLIGHT = 16;
const WARM_STRETCH_MS = 50;
/** Warm is what has not become faster by a tenth in so many stretches. */
const WARM_STRETCHES = 3;
const WARM_GAIN = 1.1;

/**
 * @typedef {object} Caller  Something that can be called: a pool, a thread, a host with one function.
 * @property {() => Promise<unknown>} call  one call with the payload that it was opened with
 * @property {() => Promise<void>} close
 *
 * @typedef {import('../harness/scenario.js').Measurement} Measurement
 * @typedef {import('../harness/scenario.js').Subject} Subject
 */

/**
 * Opens callers and warms them up one after the other, so that nothing is measured cold. One whose package is not there is undefined and left out; should one
 * fail, the others are closed.
 * @param {Record<string, () => Promise<Caller | undefined>>} openers by the name of the subject
 * @param {{ warmMs: number }} pace  for how long each is warmed up
 * @param {(call: Caller['call'], name: string) => () => Promise<Measurement>} measuring makes the round of a caller
 * @returns {Promise<Subject[]>}
 */
export async function openSubjects(openers, { warmMs }, measuring) {
  const opened = await Promise.allSettled(
    Object.entries(openers).map(async ([name, open]) => {
      const caller = await open();
      return caller && { name, close: caller.close, call: caller.call, round: measuring(caller.call, name) };
    }),
  );
  const subjects = opened.flatMap((one) => (one.status === 'fulfilled' && one.value ? [one.value] : []));
  try {
    for (const one of opened) if (one.status === 'rejected') throw one.reason;
    for (const { call } of subjects) await warmUp(call, warmMs);
  } catch (error) {
    await closeAll(subjects);
    throw error;
  }
  return subjects;
}

/** A subject with nothing to close. @param {string} name @param {() => Promise<Measurement>} round @returns {Subject} */
export function plainSubject(name, round) {
  return { name, round, close: async () => undefined };
}

/**
 * The subjects, and something that runs beside them: it is closed after the last of them, or at once when they cannot be made.
 * @param {() => Promise<void>} close @param {() => Promise<Subject[]>} make @returns {Promise<Subject[]>}
 */
export async function beside(close, make) {
  try {
    const subjects = await make();
    const last = subjects.pop();
    if (!last) await close();
    else subjects.push({ ...last, close: () => last.close().finally(close) });
    return subjects;
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Rounds that take about as long for a slow subject as for a fast one: each has as many calls as the rate of the one before asks for.
 * @param {{ forMs: number, firstTimes: number }} options @param {(times: number) => Promise<Measurement>} measure
 * @returns {() => Promise<Measurement>}
 */
export function lasting({ forMs, firstTimes }, measure) {
  let times = firstTimes;
  return async () => {
    const measurement = await measure(times);
    times = Math.max(firstTimes, Math.round(((measurement.perSecond ?? 0) * forMs) / 1_000));
    return measurement;
  };
}

/** How long subjects are warmed up at most, and how long a round lasts. @param {boolean} quick */
export function paceOf(quick) {
  return quick ? { warmMs: 500, forMs: 60, firstTimes: 100 } : { warmMs: 3_000, forMs: 300, firstTimes: 500 };
}

/**
 * Calls, a few at a time, until that gets no faster: until the code that is called most is compiled, by its caller and in its thread. That comes
 * in steps, so at least half of the time is taken.
 * @param {Caller['call']} call @param {number} mostMs
 */
export async function warmUp(call, mostMs) {
  const startsMs = performance.now();
  const elapsedMs = () => performance.now() - startsMs;
  let best = 0;
  for (let since = 0; (since < WARM_STRETCHES || elapsedMs() < mostMs / 2) && elapsedMs() < mostMs; since++) {
    const done = await callsWithin(call, WARM_STRETCH_MS);
    if (done > best * WARM_GAIN) since = 0;
    best = Math.max(best, done);
  }
}

/** @param {Caller['call']} call @param {number} forMs @returns {Promise<number>} */
async function callsWithin(call, forMs) {
  const untilMs = performance.now() + forMs;
  let done = 0;
  const caller = async () => {
    do {
      await call();
      done++;
    } while (performance.now() < untilMs);
  };
  await Promise.all(Array.from({ length: WARM_IN_FLIGHT }, caller));
  return done;
}

/** The first round, which does not count, does nothing: for what needs no warming and takes long. @param {() => Promise<Measurement>} round */
export function onlyCounted(round) {
  let isFirst = true;
  return async () => {
    if (!isFirst) return round();
    isFirst = false;
    return {};
  };
}
