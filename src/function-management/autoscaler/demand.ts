/**
 * How many instances the calls that are there deserve. A waiting call gets an instance of its own only where the wait would be longer than a cold
 * start: a queue of calls that run for 50 us is worked off by a few instances before another one is up. Pure.
 *
 * By Little's law (1961): with n instances, q waiting calls of run time r are begun within q r / n.
 */
import type { Observation } from './protocol.ts';

/** Before anything was measured: a spare takes about as long. */
export const DEFAULT_COLD_START_MS = 5;

export function demandedInstances({ inSystem, concurrency, ready, runMs, coldStartMs }: Observation): number {
  const forAll = Math.ceil(inSystem / concurrency);
  if (ready === 0 || runMs === undefined) return forAll;
  const waiting = Math.max(0, inSystem - ready * concurrency);
  const coldMs = Math.max(1, coldStartMs ?? DEFAULT_COLD_START_MS);
  const worthIt = Math.ceil((waiting * runMs) / (concurrency * coldMs));
  return Math.min(forAll, ready + worthIt);
}
