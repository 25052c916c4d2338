/**
 * The hazard of one function's own gaps: the chance that it is called now, g intervals after its last call, from the gaps that it had.
 *
 * Its distribution is what was seen, each gap spread a little to its neighbours, for timers jitter across the borders of intervals; and a part
 * for gaps that were never seen, whose size is the share of recent gaps that were new when they came (the missing mass of Good, 1953,
 * "The population frequencies of species", with forgetting) and whose shape is that of all functions. So a timer that has never failed is not
 * expected between its ticks, and one that has just failed is soon given up.
 *
 * Its state is a slice of floats: the seen gaps in no order, each with a weight, 0 where the place is free.
 */
import { bounded } from './probability.ts';
import { LONGEST_GAP, type SharedHazard } from './shared-hazard.ts';

/** As many different gaps are remembered; the lightest gives way. */
const PLACES = 24;
const HEAD = 3;
export const GAP_FLOATS = HEAD + 2 * PLACES;

const AT = { total: 0, fresh: 1, counted: 2 } as const;
/** What a gap weighs less with each that comes after it. */
const FORGETTING = 0.97;
/** This part of a gap's weight is its neighbours'. */
const SPREAD = 0.06;
/** As if so many gaps had been seen, half of them new. */
const FIRST_COUNTED = 0.5;
const FIRST_FRESH = 0.25;
/** A gap with less of its like is new. */
const KNOWN_WEIGHT = 0.2;
const LEAST_FRESH = 0.002;

export function initGaps(state: Float32Array): void {
  state.fill(0);
  state[AT.fresh] = FIRST_FRESH;
  state[AT.counted] = FIRST_COUNTED;
}

export function gapHazard(state: Float32Array, gap: number, shared: SharedHazard): number {
  const sharedHazard = shared.at(gap);
  const total = state[AT.total] ?? 0;
  if (total <= 0) return sharedHazard;
  const fresh = freshPart(state);
  const { here, later } = weightsFrom(state, gap);
  const freshSurvival = fresh * shared.survivalAt(gap);
  const now = ((1 - fresh) * here) / total + freshSurvival * sharedHazard;
  const fromNowOn = ((1 - fresh) * later) / total + freshSurvival;
  return bounded(now / fromNowOn);
}

/** The share of recent gaps that were like none before. */
export function freshPart(state: Float32Array): number {
  return bounded((state[AT.fresh] ?? 0) / (state[AT.counted] ?? 1), LEAST_FRESH);
}

export function observeGap(state: Float32Array, longGap: number): void {
  const gap = Math.min(longGap, LONGEST_GAP);
  // The first gap of all could not have been known: it says nothing of how often gaps are new.
  if ((state[AT.total] ?? 0) > 0) {
    const isKnown = likeness(state, gap) >= KNOWN_WEIGHT;
    state[AT.fresh] = (state[AT.fresh] ?? 0) * FORGETTING + (isKnown ? 0 : 1);
    state[AT.counted] = (state[AT.counted] ?? 0) * FORGETTING + 1;
  }
  let [place, least] = [HEAD, Number.POSITIVE_INFINITY];
  for (let at = HEAD; at < GAP_FLOATS; at += 2) {
    const weight = (state[at + 1] ?? 0) * FORGETTING;
    state[at + 1] = weight;
    if (state[at] === gap && weight > 0) [place, least] = [at, -1];
    else if (weight < least) [place, least] = [at, weight];
  }
  const isReplaced = least >= 0;
  state[AT.total] = (state[AT.total] ?? 0) * FORGETTING + 1 - (isReplaced ? (state[place + 1] ?? 0) : 0);
  state[place] = gap;
  state[place + 1] = isReplaced ? 1 : (state[place + 1] ?? 0) + 1;
}

/** The gaps seen most often, heaviest first: for people. */
export function frequentGaps(state: Float32Array): { readonly gap: number; readonly part: number }[] {
  const total = state[AT.total] ?? 0;
  const found = [];
  for (let at = HEAD; at < GAP_FLOATS; at += 2) {
    const weight = state[at + 1] ?? 0;
    if (weight > 0) found.push({ gap: state[at] ?? 0, part: weight / total });
  }
  return found.sort((a, b) => b.part - a.part);
}

function weightsFrom(state: Float32Array, gap: number): { here: number; later: number } {
  let [here, later] = [0, 0];
  for (let at = HEAD; at < GAP_FLOATS; at += 2) {
    const weight = state[at + 1] ?? 0;
    const off = (state[at] ?? 0) - gap;
    if (off >= 0) later += (1 - SPREAD) * weight;
    if (off >= -1) later += SPREAD * weight * (off >= 0 ? 1 : 0.5);
    if (off === 0) here += (1 - SPREAD) * weight;
    else if (off === 1 || off === -1) here += 0.5 * SPREAD * weight;
  }
  return { here, later };
}

function likeness(state: Float32Array, gap: number): number {
  let sum = 0;
  for (let at = HEAD; at < GAP_FLOATS; at += 2) {
    const off = Math.abs((state[at] ?? 0) - gap);
    if (off <= 1) sum += (state[at + 1] ?? 0) * (off === 0 ? 1 : 0.5);
  }
  return sum;
}
