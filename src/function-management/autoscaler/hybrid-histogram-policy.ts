/**
 * The hybrid histogram policy of Shahrad et al. (ATC 2020), "Serverless in the Wild", section 4: from the histogram of a function's idle times, in
 * minutes, a time to load it again after a call and a time to let it go. While the histogram says little, because it is thin or flat, the function
 * is kept for as long as the histogram reaches. Without the ARIMA model that the paper adds for functions called once in many hours.
 *
 * How many instances, it does not say: it keeps one; calls in the system get one each.
 */
import { withinBounds } from './bounds.ts';
import type { Observation, ScalingPolicy, ScalingTarget } from './protocol.ts';

const MINUTE_MS = 60_000;
/** Longer idle times are not recorded. */
const BINS = 240;
const LEAST_SAMPLES = 5;
/** Of the counts of the bins: a flat histogram tells no time. */
const LEAST_VARIATION = 2;
const HEAD_PART = 0.05;
const TAIL_PART = 0.99;
/** Loaded so much before the head, kept so much beyond the tail. */
const HEAD_MARGIN = 0.9;
const TAIL_MARGIN = 1.1;

interface Memory {
  readonly counts: Uint16Array;
  samples: number;
  lastMinute: number;
  /** Minutes after the last call: loaded from the first to the last, both counted. */
  window: Window;
}

export interface Window {
  readonly fromMinute: number;
  readonly toMinute: number;
}

const WHOLE: Window = { fromMinute: 0, toMinute: BINS };

/** From the paper's section 4.2; pure. */
export function windowOf(counts: ArrayLike<number>, samples: number): Window {
  if (samples < LEAST_SAMPLES || variation(counts, samples) < LEAST_VARIATION) return WHOLE;
  let [sum, head, tail] = [0, -1, -1];
  for (let bin = 0; bin < BINS && tail < 0; bin++) {
    sum += counts[bin] ?? 0;
    if (head < 0 && sum >= HEAD_PART * samples) head = bin;
    if (sum >= TAIL_PART * samples) tail = bin + 1;
  }
  const fromMinute = Math.floor(HEAD_MARGIN * head);
  return { fromMinute: fromMinute <= 1 ? 0 : fromMinute, toMinute: TAIL_MARGIN * tail };
}

export function hybridHistogramPolicy(): ScalingPolicy {
  const memories = new Map<string, Memory>();
  return {
    name: 'hybrid-histogram',
    decide: (nowMs, observations) => observations.map((observation) => decideOne(memories, nowMs, observation)),
    forget: (name, version) => void memories.delete(`${name}@${version}`),
    nextDecisionMs: (nowMs) =>
      memories.size === 0 ? Number.POSITIVE_INFINITY : (Math.floor(nowMs / MINUTE_MS) + 1) * MINUTE_MS,
  };
}

function decideOne(memories: Map<string, Memory>, nowMs: number, observation: Observation): ScalingTarget {
  const { name, version, inSystem, concurrency, arrivals, lastActiveMs } = observation;
  const key = `${name}@${version}`;
  const memory = memories.get(key);
  const lastMinute = Math.floor(lastActiveMs / MINUTE_MS);
  if (arrivals > 0 || inSystem > 0) {
    if (memory) record(memory, lastMinute);
    else memories.set(key, { counts: new Uint16Array(BINS), samples: 0, lastMinute, window: WHOLE });
  }
  const needed = Math.ceil(inSystem / concurrency);
  const { window } = memory ?? { window: WHOLE };
  const idleMinutes = Math.floor(nowMs / MINUTE_MS) - (memories.get(key)?.lastMinute ?? Number.NEGATIVE_INFINITY);
  const isWithin = idleMinutes >= window.fromMinute && idleMinutes <= window.toMinute;
  const reason = `histogram: idle for ${idleMinutes} min, loaded from ${window.fromMinute} to ${window.toMinute.toFixed(0)} min`;
  const decision = { instances: Math.max(needed, isWithin ? 1 : 0), reason };
  return { name, version, demanded: inSystem > 0, ...withinBounds(decision, observation) };
}

function record(memory: Memory, minute: number): void {
  const idle = minute - memory.lastMinute;
  if (idle <= 0) return;
  memory.lastMinute = minute;
  if (idle < BINS) {
    memory.counts[idle] = (memory.counts[idle] ?? 0) + 1;
    memory.samples++;
  }
  memory.window = windowOf(memory.counts, memory.samples);
}

/** Standard deviation over mean. */
function variation(counts: ArrayLike<number>, samples: number): number {
  const mean = samples / BINS;
  let squares = 0;
  for (let bin = 0; bin < BINS; bin++) squares += ((counts[bin] ?? 0) - mean) ** 2;
  return Math.sqrt(squares / BINS) / mean;
}
