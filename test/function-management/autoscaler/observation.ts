import type { Observation } from '../../../src/function-management/autoscaler/protocol.ts';

/** A version of concurrency 1 without calls and instances, but for what is given. */
export function observation(given: Partial<Observation> = {}): Observation {
  return {
    name: 'f',
    version: 1,
    minInstances: 0,
    maxInstances: 100,
    concurrency: 1,
    keepAliveMs: 600_000,
    aliased: true,
    ready: 0,
    inSystem: 0,
    averageInSystem: 0,
    arrivals: 0,
    firstArrivalMs: undefined,
    peakInSystem: 0,
    memoryMb: 128,
    coldStartMs: undefined,
    runMs: undefined,
    lastActiveMs: 0,
    ...given,
  };
}
