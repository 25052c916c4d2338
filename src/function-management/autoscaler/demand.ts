/**
 * How many instances the calls that are there deserve. A waiting call gets an instance of its own only where the wait would be longer than a cold
 * start: a queue of calls that run for 50 us is worked off by a few instances before another one is up. Where they wait for less than a millisecond,
 * none is worth it at all: the instances of such a function share processors, not pauses, and each further one slows the others down. And only so many
 * start at once: a start is work for the processor, so more of them at a time are not up sooner, but all of them late. The next begins when one is up,
 * if calls still wait.
 *
 * By Little's law (1961): with n instances, q waiting calls of run time r are begun within q r / n. Pure.
 */
import type { Observation } from './protocol.ts';

/** Before anything was measured: a spare takes about as long. */
export const DEFAULT_COLD_START_MS = 5;

/** Not worth an instance. */
const SHORT_WAIT_MS = 1;

export function demandedInstances(
  { inSystem, concurrency, ready, runMs, coldStartMs }: Observation,
  startsAtOnce: number,
): number {
  const most = Math.min(Math.ceil(inSystem / concurrency), ready + startsAtOnce);
  if (ready === 0 || runMs === undefined) return most;
  const waiting = Math.max(0, inSystem - ready * concurrency);
  if (waiting * runMs < SHORT_WAIT_MS * ready * concurrency)
    return Math.min(most, ready, usefulInstances({ peakInSystem: inSystem, concurrency, runMs }));
  const coldMs = Math.max(1, coldStartMs ?? DEFAULT_COLD_START_MS);
  const worthIt = Math.ceil((waiting * runMs) / (concurrency * coldMs));
  return Math.min(most, ready + worthIt);
}

/** So many instances at most have more to do than wait for each other's processors, for the calls that were there at a time. */
export function usefulInstances({
  peakInSystem,
  concurrency,
  runMs,
}: Pick<Observation, 'peakInSystem' | 'concurrency' | 'runMs'>): number {
  const atOnce = peakInSystem / concurrency;
  const byWait = runMs === undefined ? atOnce : Math.max(1, (atOnce * runMs) / SHORT_WAIT_MS);
  return Math.ceil(Math.min(atOnce, byWait));
}
