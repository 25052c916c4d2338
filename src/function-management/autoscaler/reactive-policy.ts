/**
 * The reactive scaling policy: instances follow the calls in the system, by Knative Serving's formula (knative-formula.ts, window.ts).
 *
 * Boundary: decides a number for each version and why. Pure but for its memory; what the numbers lead to is the deployer's.
 * Where it departs from Knative, and why (invariant numbers as in README.md):
 * - Keep-alive: Knative drops the last pod once the stable window is empty and a grace of 30 s is over. Here the last instance stays until
 *   `keepAliveMs` after the last call; a keep-alive shorter than the windows ends them.
 * - From zero: no more instances than calls. Knative gives a single call to a version of concurrency 1 two pods (1 / 0.7, rounded up) and
 *   panics over it; here the second comes when the first has been busy for longer, or when a second call has come.
 * - A version that has just lost its last alias is being drained by the deployer: it gets nothing until that has happened.
 */
import { type Decision, withinBounds } from './bounds.ts';
import {
  isOverPanicThreshold,
  isPanicOver,
  limitRate,
  PANIC_WINDOW_SECONDS,
  STABLE_WINDOW_MS,
  STABLE_WINDOW_SECONDS,
  targetConcurrency,
  wantedInstances,
} from './knative-formula.ts';
import type { Observation, ScalingPolicy, ScalingTarget } from './protocol.ts';
import { ConcurrencyWindow, type WindowAverage } from './window.ts';

/** A version without an alias is called by its number, in most cases once: its last instance is kept no longer than this. */
const UNALIASED_KEEP_ALIVE_MS = 60_000;

interface Memory {
  readonly window: ConcurrencyWindow;
  observedMs: number;
  /** When the panic threshold was last exceeded; undefined outside of a panic. */
  panicMs: number | undefined;
  /** The most that was wanted in this panic. */
  panicInstances: number;
  wasSilent: boolean;
  wasAliased: boolean;
  isDraining: boolean;
  settledUntilMs: number;
}

const NOTHING: Decision = { instances: 0, reason: 'idle: no calls and no instances' };

export function reactivePolicy(): ScalingPolicy {
  const memories = new Map<string, Memory>();
  return {
    name: 'reactive',
    decide: (nowMs, observations) => observations.map((observation) => decideOne(memories, nowMs, observation)),
    settledUntilMs: (name, version) => memories.get(keyOf(name, version))?.settledUntilMs ?? Number.POSITIVE_INFINITY,
    forget: (name, version) => void memories.delete(keyOf(name, version)),
  };
}

function decideOne(memories: Map<string, Memory>, nowMs: number, observation: Observation): ScalingTarget {
  const key = keyOf(observation.name, observation.version);
  const memory = remember(memories.get(key), nowMs, observation);
  const decision = memory
    ? withinBounds(decideFromMemory(memory, nowMs, observation), observation)
    : withinBounds(NOTHING, observation);
  if (memory) memories.set(key, memory);
  else memories.delete(key);
  const { name, version, inSystem } = observation;
  return { name, version, instances: decision.instances, demanded: inSystem > 0, reason: decision.reason };
}

/** Takes the observation in. Undefined when there is nothing to remember: no instance, no call, and none for a whole window. */
function remember(last: Memory | undefined, nowMs: number, observation: Observation): Memory | undefined {
  const { ready, inSystem, arrivals, averageInSystem, aliased } = observation;
  // As in Knative, the average starts afresh after a whole window in which there was nothing to measure.
  const known = last?.wasSilent && nowMs - last.observedMs >= STABLE_WINDOW_MS ? undefined : last;
  known?.window.record(known.observedMs, nowMs, averageInSystem);
  const isSilent = ready === 0 && inSystem === 0;
  if (isSilent && (!known || known.window.isEmpty)) return undefined;
  // Instances that were ordered and not called say nothing of how many calls there were.
  const memory = known ?? firstMemory(nowMs, inSystem > 0 || arrivals > 0 ? ready : 0);
  memory.observedMs = nowMs;
  memory.wasSilent = isSilent;
  if (!aliased && memory.wasAliased) memory.isDraining = true;
  if (aliased || ready === 0) memory.isDraining = false;
  memory.wasAliased = aliased;
  return memory;
}

/** As in Knative, a version first seen with more than one instance starts in panic: there is no history yet that would justify fewer. */
function firstMemory(nowMs: number, ready: number): Memory {
  return {
    window: new ConcurrencyWindow(nowMs),
    observedMs: nowMs,
    panicMs: ready > 1 ? nowMs : undefined,
    panicInstances: ready > 1 ? ready : 0,
    wasSilent: false,
    wasAliased: true,
    isDraining: false,
    settledUntilMs: nowMs,
  };
}

function decideFromMemory(memory: Memory, nowMs: number, observation: Observation): Decision {
  memory.settledUntilMs = nowMs;
  if (memory.isDraining) return { instances: 0, reason: 'draining: no alias leads to this version any more' };
  const byFormula = decideByFormula(memory, nowMs, observation);
  const { ready, inSystem, lastActiveMs } = observation;
  if (inSystem > 0) return atLeastOne(byFormula, inSystem);
  const keptForMs = keepAliveOf(observation);
  const idleMs = nowMs - lastActiveMs;
  if (ready > 0 && idleMs >= keptForMs) return giveUp(memory, observation, `last call ${seconds(idleMs)} ago`);
  if (byFormula.instances > 0) return byFormula;
  memory.settledUntilMs = ready > 0 ? lastActiveMs + keptForMs : Number.POSITIVE_INFINITY;
  if (ready === 0) return NOTHING;
  return { instances: 1, reason: `keep-alive: last call ${seconds(idleMs)} ago, kept for ${seconds(keptForMs)}` };
}

function decideByFormula(memory: Memory, nowMs: number, observation: Observation): Decision {
  const { ready, inSystem, concurrency } = observation;
  const stable = memory.window.average(STABLE_WINDOW_SECONDS, inSystem);
  const panic = memory.window.average(PANIC_WINDOW_SECONDS, inSystem);
  // From zero, an instance without a call would start for nobody.
  const most = ready === 0 ? inSystem : Number.POSITIVE_INFINITY;
  const wantedStable = Math.min(wantedInstances(stable.calls, concurrency), most);
  const wantedPanic = Math.min(wantedInstances(panic.calls, concurrency), most);
  const stableInstances = limitRate(wantedStable, ready);
  const panicInstances = limitRate(wantedPanic, ready);

  if (isOverPanicThreshold(wantedPanic, ready)) memory.panicMs = nowMs;
  else if (memory.panicMs !== undefined && isPanicOver(memory.panicMs, nowMs)) memory.panicMs = undefined;

  if (memory.panicMs === undefined) {
    memory.panicInstances = 0;
    const slowed = stableInstances > wantedStable ? `, at most half of ${ready} leave at a time` : '';
    return { instances: stableInstances, reason: `${explain('stable', stable, concurrency)}${slowed}` };
  }
  const held = Math.min(memory.panicInstances, most);
  memory.panicInstances = Math.max(held, stableInstances, panicInstances);
  const why = panicInstances >= stableInstances ? panic : stable;
  const kept = held > Math.max(stableInstances, panicInstances) ? `, held at the ${held} of this panic` : '';
  return { instances: memory.panicInstances, reason: `${explain('panic', why, concurrency)}${kept}` };
}

/** Rounding can leave nothing of an average that has only begun. */
function atLeastOne(decision: Decision, inSystem: number): Decision {
  if (decision.instances > 0) return decision;
  return { instances: 1, reason: `demand: ${count(inSystem, 'call')} in the system` };
}

/** The keep-alive is over, and with it a panic: half of the instances leave at a time, the last one alone. */
function giveUp(memory: Memory, observation: Observation, idle: string): Decision {
  memory.panicMs = undefined;
  memory.panicInstances = 0;
  memory.settledUntilMs = Number.POSITIVE_INFINITY;
  const reason = `idle: ${idle}, kept for ${seconds(keepAliveOf(observation))}`;
  return { instances: limitRate(0, observation.ready), reason };
}

function keepAliveOf({ aliased, keepAliveMs }: Observation): number {
  return aliased ? keepAliveMs : Math.min(keepAliveMs, UNALIASED_KEEP_ALIVE_MS);
}

function explain(mode: 'stable' | 'panic', { calls, seconds: over }: WindowAverage, concurrency: number): string {
  const rounded = Number(calls.toPrecision(3));
  return `${mode}: ${count(rounded, 'call')} over ${over} s / ${targetConcurrency(concurrency)} per instance`;
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}

function seconds(durationMs: number): string {
  return `${Number((durationMs / 1_000).toFixed(1))} s`;
}

function keyOf(name: string, version: number): string {
  return `${name}@${version}`;
}
