/**
 * The look-ahead policies by name. Three are those of Fission Workflows (`pkg/scheduler/policies.go`, 2018), which infer neither run times nor cold
 * starts: they order at once, for one static time. They are here to be compared with. Pure.
 */
import { justInTimePolicy } from './just-in-time-policy.ts';
import type { ExecutionOutlook, LookAheadPolicy, LookAheadPolicyName, PrewarmOrder } from './protocol.ts';

/** For how long they keep what they order. */
const STATIC_MS = 10_000;
/** Upcoming steps that `prewarm-all` wants to be told of. */
const ALL = 1_000;
/** Those directly behind the horizon are near. */
const NEAR = 64;

/** `processors`: how many instances load at a time without delaying each other. */
export function lookAheadPolicy(name: LookAheadPolicyName, processors: number): LookAheadPolicy {
  switch (name) {
    case 'horizon':
      return { name, horizon: 0, plan: () => [] };
    case 'prewarm-all':
      return { name, horizon: ALL, plan: (nowMs, outlook) => ordered(nowMs, outlook, () => true) };
    case 'prewarm-horizon':
      return { name, horizon: NEAR, plan: behindHorizon };
    case 'just-in-time':
      return justInTimePolicy(processors);
  }
}

function behindHorizon(nowMs: number, outlook: ExecutionOutlook): readonly PrewarmOrder[] {
  const upcoming = new Set(outlook.upcoming.map(({ key }) => key));
  const running = new Set(outlook.running.map(({ key }) => key));
  return ordered(nowMs, outlook, (after) => {
    // A turn of a loop waits for one of its own name, which runs.
    const isFree = after.every((key) => running.has(key) || !upcoming.has(key));
    return isFree && after.some((key) => running.has(key));
  });
}

function ordered(
  nowMs: number,
  { upcoming }: ExecutionOutlook,
  isWanted: (after: readonly string[]) => boolean,
): readonly PrewarmOrder[] {
  const orders: PrewarmOrder[] = [];
  for (const { key, target, after } of upcoming) {
    if (target === undefined || !isWanted(after)) continue;
    const times = { fromMs: nowMs, untilMs: nowMs + STATIC_MS };
    orders.push({ functionName: target, instances: 1, ...times, reason: `step "${key}"` });
  }
  return orders;
}
