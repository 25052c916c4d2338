/**
 * F6, the function autoscaler: how many instances each version should have. Policies are pure and interchangeable; the actor feeds
 * them and passes their targets on. Types only.
 */
import type { RegistryListener } from '../registry/protocol.ts';

/** What is known of one version at one moment. */
export interface Observation {
  readonly name: string;
  readonly version: number;
  readonly minInstances: number;
  readonly maxInstances: number;
  /** Calls that one instance takes at a time. */
  readonly concurrency: number;
  readonly keepAliveMs: number;
  /** False once no alias leads to the version: it then gets instances for calls that name it, and no minimum. */
  readonly aliased: boolean;
  /** Instances that take calls. */
  readonly ready: number;
  /** Calls inside instances or waiting, now. */
  readonly inSystem: number;
  /** The mean of `inSystem` since the last observation of this version. */
  readonly averageInSystem: number;
  /** Calls that came in since the last observation. */
  readonly arrivals: number;
  /** Time of the last arrival or completion, on the monotonic clock. */
  readonly lastActiveMs: number;
}

export interface ScalingTarget {
  readonly name: string;
  readonly version: number;
  readonly instances: number;
  /** True when calls are in the system, false when the number only keeps instances for calls to come: those give way to others' calls. */
  readonly demanded: boolean;
  /** For people: which rule gave the number, with the figures that went into it. */
  readonly reason: string;
}

/** Pure but for its own memory: the same observations at the same times give the same targets. */
export interface ScalingPolicy {
  readonly name: string;
  decide(nowMs: number, observations: readonly Observation[]): readonly ScalingTarget[];
  /**
   * Until when the version's target stays as it was last decided, if no call comes and no instance is lost; in ms of the monotonic clock,
   * `Infinity` for ever. Past times, and policies without this method, are asked at every tick.
   */
  settledUntilMs?(name: string, version: number): number;
  /** The version is gone: forget it. */
  forget(name: string, version: number): void;
}

export type AutoscalerMessages = {
  functionChanged: { body: Parameters<RegistryListener['functionChanged']>[0] };
  functionRemoved: { body: string };
  /** Calls wait and no instance on its way will take them: decide now instead of at the next tick. */
  demandArrived: { body: { readonly name: string; readonly version: number } };
  describe: { body: { readonly name: string }; reply: readonly ScalingTarget[] };
};

/** Where observations come from: the router. */
export type Observe = () => Promise<readonly Observation[]>;

/** Where targets go: the deployer. */
export type ApplyTarget = (target: ScalingTarget) => void;
