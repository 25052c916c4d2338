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
  /** When the first of them did, on the monotonic clock; undefined when none did, and where only their number is known. */
  readonly firstArrivalMs: number | undefined;
  /** The most calls that were in the system at once since the last observation. */
  readonly peakInSystem: number;
  /** What one instance is charged. */
  readonly memoryMb: number;
  /** What a call that finds no instance has to wait for one, as lately measured; undefined before the first. */
  readonly coldStartMs: number | undefined;
  /** How long a call runs, as lately measured; undefined before the first. */
  readonly runMs: number | undefined;
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
  /** Of the versions observed: those of all functions, or of some. What it does not look at keeps its target. */
  decide(nowMs: number, observations: readonly Observation[]): readonly ScalingTarget[];
  /**
   * Until when the version's target stays as it was last decided, if no call comes and no instance is lost; in ms of the monotonic clock,
   * `Infinity` for ever. Past times, and policies without this method, are asked at every tick.
   */
  settledUntilMs?(name: string, version: number): number;
  /** When it wants to decide although nothing happens, for calls that it expects; `Infinity` for not at all. */
  nextDecisionMs?(nowMs: number): number;
  /** Functions whose calls lead to calls of others: it wants to hear of one that comes after a pause at once, and not at the next tick. */
  leaders?(): ReadonlySet<string>;
  /** What a call of this one leads to: to be decided together with it. */
  followersOf?(name: string): readonly Follower[];
  /** What it sees in the calls of a function, for people. */
  explain?(name: string): ForecastView | undefined;
  /** What it would have to learn again after a restart and has learned since this was last asked; plain data. */
  takeChanges?(): readonly Learned[];
  /** What was learned before, and how much time has passed since. To be called before the first decision. */
  recall?(learned: readonly Learned[], awayMs: number): void;
  /** The version is gone: forget it. */
  forget(name: string, version: number): void;
}

/** Often called soon after another function. */
export interface Follower {
  readonly name: string;
  readonly chance: number;
  /** It comes within this time, if it comes. */
  readonly withinMs: number;
}

/** A record of what a policy has learned. */
export interface Learned {
  /** Of the record: that of the function, where there is one for each. */
  readonly name: string;
  readonly state: Uint8Array;
}

/** What a policy has learned of a function, and what that was worth. */
export interface ForecastView {
  /** How long an interval is: all chances are per interval. */
  readonly intervalMs: number;
  /** That it is called in the interval that has begun. */
  readonly chance: number;
  /** What the models of it say, from the one that expects it least to the one that expects it most: narrow where they agree. */
  readonly band: { readonly low: number; readonly high: number };
  /** The chance in intervals to come, each if no call comes before it. */
  readonly ahead: readonly { readonly inMs: number; readonly chance: number }[];
  /** The gaps between calls seen most often, with their share. */
  readonly gaps: readonly { readonly gapMs: number; readonly part: number }[];
  /** A call so long ago most often means one now. */
  readonly periodMs: number | undefined;
  /** What is often called soon after it, the most likely first. */
  readonly followers: readonly Follower[];
  readonly sinceLastCallMs: number;
  readonly activeIntervals: number;
  /** Intervals with calls for which an instance was kept, which scaling to zero at once would not have done; and those for which none was. */
  readonly coldStartsAvoided: number;
  readonly coldStarts: number;
  /** Spent on instances in intervals in which no call came. */
  readonly idleMbSeconds: number;
  /** What memory is worth: an instance is kept where it saves more than this. */
  readonly msPerMbSecond: number;
  /** False while it has done worse than a fixed keep-alive would have, and does what that would do. */
  readonly trusted: boolean;
}

/** Calls that somebody knows of before they come. */
export interface ExpectedCalls {
  readonly name: string;
  /** What is to be there for them, at least; 0 takes back what the same one has ordered. */
  readonly instances: number;
  /** On the monotonic clock; ten minutes from now at most. */
  readonly untilMs: number;
  /** Who expects them, for people; replaces what the same one has ordered of that function before. What several order adds up. */
  readonly by: string;
}

export type AutoscalerMessages = {
  functionChanged: { body: Parameters<RegistryListener['functionChanged']>[0] };
  functionRemoved: { body: string };
  /** Calls wait and no instance on its way will take them, or its calls lead to others: decide now instead of at the next tick. */
  demandArrived: { body: { readonly name: string; readonly version: number } };
  /**
   * The version, or versions, that `current` leads to are to have so many instances until then, whatever the policy wants: decided at once, of that
   * function alone. They give way to calls of others. Of a function that is not deployed, it is ignored.
   */
  expect: { body: ExpectedCalls };
  describe: { body: { readonly name: string }; reply: AutoscalerView };
  /** Up to now, what is not saved yet included. */
  history: { body: undefined; reply: CallHistory };
};

export interface AutoscalerView {
  readonly policy: string;
  readonly targets: readonly ScalingTarget[];
  readonly forecast?: ForecastView;
}

/** When functions were called, by the minute of the wall clock, over the last two weeks at most. */
export interface CallHistory {
  /** The first one with calls, since the Unix epoch. */
  readonly firstMinute: number;
  /** How many it covers; 0 when nothing was called. While no host ran, nothing was called. */
  readonly minutes: number;
  /** Those that were called, by name. */
  readonly functions: readonly CalledFunction[];
}

export interface CalledFunction {
  readonly name: string;
  /** What one instance was charged, lately. */
  readonly memoryMb: number;
  /** Mean run time of a call; absent where none was measured. */
  readonly runMs?: number;
  /** Of each minute with calls, in order: the minutes since `firstMinute`, and how many calls came, 1 or more. */
  readonly calls: readonly (readonly [minute: number, calls: number])[];
}

export interface ObserveQuery {
  /** Of these functions; of all without it. */
  readonly only?: ReadonlySet<string>;
  /** Besides, of all in which something is: calls, instances, or a minimum of them. */
  readonly andActive?: boolean;
  /** Functions whose next call after a pause is to be told at once. */
  readonly leaders: ReadonlySet<string>;
}

/** Where observations come from: the router. */
export type Observe = (query: ObserveQuery) => Promise<readonly Observation[]>;

/** Where targets go: the deployer. */
export type ApplyTarget = (target: ScalingTarget) => void;
