/** What a function's options say of how many instances there may be. Pure. */
import type { Observation } from './protocol.ts';

export interface Decision {
  readonly instances: number;
  /** For people: which rule gave the number. */
  readonly reason: string;
}

/** Between the minimum, which only a version with an alias has, and the maximum. */
export function withinBounds(
  { instances, reason }: Decision,
  { minInstances, maxInstances, aliased }: Observation,
): Decision {
  const least = aliased ? minInstances : 0;
  if (instances < least) return { instances: least, reason: `minimum: minInstances is ${least} (${reason})` };
  if (instances <= maxInstances) return { instances, reason };
  return {
    instances: maxInstances,
    reason: `maximum: maxInstances is ${maxInstances}, ${instances} wanted (${reason})`,
  };
}
