/**
 * How many instances the calls that are there deserve. A waiting call gets an instance of its own only where the wait would be longer than a cold
 * start: a queue of calls that run for 50 us is worked off by a few instances before another one is up. And only so many start at once: a start is
 * work for the processor, so more of them at a time are not up sooner, but all of them late. The next begins when one is up, if calls still wait.
 *
 * By Little's law (1961): with n instances, q waiting calls of run time r are begun within q r / n. Pure.
 */
import type { Observation } from './protocol.ts';

/** Before anything was measured: a spare takes about as long. */
export const DEFAULT_COLD_START_MS = 5;

export function demandedInstances(
  { inSystem, concurrency, ready, runMs, coldStartMs }: Observation,
  startsAtOnce: number,
): number {
  const most = Math.min(Math.ceil(inSystem / concurrency), ready + startsAtOnce);
  if (ready === 0 || runMs === undefined) return most;
  const waiting = Math.max(0, inSystem - ready * concurrency);
  const coldMs = Math.max(1, coldStartMs ?? DEFAULT_COLD_START_MS);
  const worthIt = Math.ceil((waiting * runMs) / (concurrency * coldMs));
  return Math.min(most, ready + worthIt);
}
