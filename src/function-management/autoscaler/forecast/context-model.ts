/**
 * Habits: what came after this same recent past before. A context is a number that stands for the recent past; for each that was seen, the
 * chance that a call followed. Two kinds are used: which of the last eight intervals had a call, and the last gap together with the one that
 * has begun.
 *
 * A finite-context model with adaptive counts, as in Cleary and Witten (1984), "Data compression using adaptive coding and partial string
 * matching". Contexts share few places: a new one takes the place over.
 */
import { bounded } from './probability.ts';

const PLACES = 32;
/** Context, calls and chances, both with forgetting. */
const FIELDS = 3;
export const CONTEXT_FLOATS = PLACES * FIELDS;

const FORGETTING = 0.9;
const PRIOR_WEIGHT = 0.2;
/** Of a multiplicative hash: 2^32 over the golden ratio. */
const HASH = 0x9e3779b1;

/** `fallback`: what is expected where the context is new. */
export function contextChance(state: Float32Array, context: number, fallback: number): number {
  const at = placeOf(context);
  if (state[at] !== context + 1) return fallback;
  return bounded(((state[at + 1] ?? 0) + PRIOR_WEIGHT * fallback) / ((state[at + 2] ?? 0) + PRIOR_WEIGHT));
}

export function observeContext(state: Float32Array, context: number, called: boolean): void {
  const at = placeOf(context);
  if (state[at] !== context + 1) {
    state[at] = context + 1;
    state[at + 1] = 0;
    state[at + 2] = 0;
  }
  state[at + 1] = (state[at + 1] ?? 0) * FORGETTING + (called ? 1 : 0);
  state[at + 2] = (state[at + 2] ?? 0) * FORGETTING + 1;
}

function placeOf(context: number): number {
  return (Math.imul(context + 1, HASH) >>> 27) * FIELDS;
}
