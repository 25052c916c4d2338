/**
 * The fixed scaling policy: an instance for each call that needs one, at once, and no fewer before the keep-alive has passed. What the large clouds
 * do, as measured by Wang et al. (ATC 2018), "Peeking behind the curtains of serverless platforms"; the yardstick of the others.
 */

import { withinBounds } from './bounds.ts';
import type { Observation, ScalingPolicy, ScalingTarget } from './protocol.ts';

interface Memory {
  /** When each number of instances was last needed, by number less one: the last entry is the most that was needed. */
  neededMs: number[];
}

export interface FixedPolicyOptions {
  /** In place of the function's own. */
  readonly keepAliveMs?: number;
}

export function fixedPolicy({ keepAliveMs }: FixedPolicyOptions = {}): ScalingPolicy {
  const memories = new Map<string, Memory>();
  const decideOne = (nowMs: number, observation: Observation): ScalingTarget => {
    const { name, version, inSystem, peakInSystem, concurrency, lastActiveMs, arrivals } = observation;
    const key = `${name}@${version}`;
    const memory = memories.get(key) ?? { neededMs: [] };
    const keptForMs = keepAliveMs ?? observation.keepAliveMs;
    const peak = Math.ceil(peakInSystem / concurrency);
    const needed = Math.ceil(inSystem / concurrency);
    for (let index = 0; index < Math.max(peak, needed); index++) {
      memory.neededMs[index] = index < needed ? nowMs : Math.max(memory.neededMs[index] ?? 0, lastActiveMs);
    }
    if (arrivals > 0) memory.neededMs[0] = Math.max(memory.neededMs[0] ?? 0, lastActiveMs);
    while (memory.neededMs.length > 0 && nowMs - (memory.neededMs.at(-1) ?? 0) > keptForMs) memory.neededMs.pop();
    if (memory.neededMs.length > 0) memories.set(key, memory);
    else memories.delete(key);
    const instances = memory.neededMs.length;
    const reason =
      instances > needed
        ? `keep-alive: ${instances} were needed in the last ${keptForMs / 1_000} s`
        : `demand: ${inSystem} in the system`;
    return { name, version, demanded: inSystem > 0, ...withinBounds({ instances, reason }, observation) };
  };
  return {
    name: 'fixed',
    decide: (nowMs, observations) => observations.map((observation) => decideOne(nowMs, observation)),
    forget: (name, version) => void memories.delete(`${name}@${version}`),
  };
}
