/**
 * The function autoscaler: asks what versions do, lets a policy decide how many instances each should have, passes that on.
 *
 * Boundary: owns when a decision is made. The numbers are the policy's, the observations the router's, the instances the deployer's.
 * Invariants (numbers as in README.md):
 * 1. One observation is under way at a time; what is asked for meanwhile is decided together after it.
 * 2. While anything is active there is a next tick; while nothing is, no timer is armed.
 * 3. A failed observation changes nothing: the next tick tries again.
 * 4. Nothing is kept of a version that the router no longer reports.
 * 12. When an order is over, what it was for is decided on again.
 */
import { later } from '../../kernel/actor-system.ts';
import type { CancelTimer } from '../../kernel/clock.ts';
import type { ActorContext, ActorDefinition } from '../../kernel/protocol.ts';
import type { FunctionDescription } from '../registry/protocol.ts';
import { NO_CALLS } from './call-history.ts';
import { ExpectedDemand } from './expected-demand.ts';
import type { ForecastMemory } from './forecast-memory.ts';
import type { HistoryMemory } from './history-memory.ts';
import type {
  ApplyTarget,
  AutoscalerMessages,
  AutoscalerView,
  CallHistory,
  ExpectedCalls,
  Observation,
  Observe,
  ObserveQuery,
  ScalingPolicy,
  ScalingTarget,
} from './protocol.ts';

export interface AutoscalerOptions {
  readonly policy: ScalingPolicy;
  readonly observe: Observe;
  /** Must only tell. */
  readonly apply: ApplyTarget;
  /** Where what the policy learns is kept; without it that lasts as long as the host. */
  readonly memory?: ForecastMemory;
  /** Where calls are counted, whatever the policy; without it they are not. */
  readonly history?: HistoryMemory;
  /** What instances that were ordered may occupy together, in MB. */
  readonly idleBudgetMb?: number;
}

/** Of an observation. */
type Scope = Pick<ObserveQuery, 'only' | 'andActive'>;

/** As Knative Serving's `tick-interval`. */
const TICK_MS = 2_000;
/** The longest wait while instances are kept for calls to come: what is lost meanwhile is noticed by then. */
const LONGEST_TICK_MS = 30_000;
/** What was learned since is lost with a host that dies. */
const SAVE_MS = 600_000;
const MINUTE_MS = 60_000;
/** Calls of a version that already gets instances cause decisions no more often: under overload there is always one waiting. */
const DEMAND_INTERVAL_MS = 10;
/** Orders that end, or become fewer, cause decisions no more often. */
const EXPIRY_INTERVAL_MS = 10;
const NOBODY: ReadonlySet<string> = new Set();

export function autoscalerActor(options: AutoscalerOptions): ActorDefinition<AutoscalerMessages> {
  return {
    name: 'autoscaler',
    // What it knows is what it would have to learn again.
    supervision: { onFailure: 'resume' },
    start: (context) => {
      const autoscaler = new Autoscaler(options, context);
      context.onStop(() => autoscaler.stop());
      autoscaler.recall();
      return {
        functionChanged: (description) => autoscaler.functionChanged(description),
        functionRemoved: (name) => autoscaler.functionRemoved(name),
        demandArrived: ({ name, version }) => autoscaler.demandArrived(name, version),
        expect: (calls) => autoscaler.expect(calls),
        describe: ({ name }) => autoscaler.describe(name),
        history: () => later(autoscaler.history()),
      };
    },
  };
}

class Autoscaler {
  readonly #options: AutoscalerOptions;
  readonly #context: ActorContext<AutoscalerMessages>;
  /** By name, then by number. */
  readonly #latest = new Map<string, Map<number, ScalingTarget>>();
  #isObserving = false;
  /** The latest observation is over. */
  #observed: Promise<void> = Promise.resolve();
  /** To be decided next: everything, or these, and where something is going on. */
  #isAllAsked = false;
  #isActiveAsked = false;
  #asked = new Set<string>();
  /** As soon as the observation under way is over. */
  #isUrgent = false;
  #isStopped = false;
  #decidedMs = Number.NEGATIVE_INFINITY;
  #cancelTick: CancelTimer = () => {};
  #tickAtMs = Number.POSITIVE_INFINITY;
  /** When the policy wants to look at all of them. */
  #policyDueMs = Number.POSITIVE_INFINITY;
  #isDemandHeld = false;
  /** Asked for what is counted by the next observation of all. */
  readonly #awaiting: (() => void)[] = [];
  readonly #expected: ExpectedDemand;
  #cancelExpiry: CancelTimer = () => {};
  #expiryAtMs = Number.POSITIVE_INFINITY;
  #expiredMs = Number.NEGATIVE_INFINITY;
  #savedMs: number;

  constructor(options: AutoscalerOptions, context: ActorContext<AutoscalerMessages>) {
    this.#options = options;
    this.#context = context;
    this.#expected = new ExpectedDemand(options.idleBudgetMb);
    this.#savedMs = context.clock.nowMs();
  }

  recall(): void {
    const { memory, policy } = this.#options;
    const found = memory?.load();
    if (!found) return;
    policy.recall?.(found.learned, found.awayMs);
    this.decideAll();
  }

  decideAll(): void {
    this.#isAllAsked = true;
    this.#decideNow();
  }

  functionChanged(description: FunctionDescription): void {
    this.#expected.functionChanged(description);
    this.decideAll();
  }

  /** Decides only where more instances are ordered than the function has been given: most orders are for what is there. */
  expect(calls: ExpectedCalls): void {
    const nowMs = this.#context.clock.nowMs();
    const isMore = this.#expected.expect(calls, nowMs);
    this.#armExpiry(nowMs);
    if (!isMore) return;
    const versions = this.#latest.get(calls.name);
    if (this.#expected.isCovered(calls.name, (version) => versions?.get(version)?.instances ?? 0, nowMs)) return;
    this.#asked.add(calls.name);
    this.#decideNow();
  }

  /** Of one function, and of those to which its calls lead: others do not pay for it, however many there are. */
  demandArrived(name: string, version: number): void {
    this.#asked.add(name);
    for (const follower of this.#options.policy.followersOf?.(name) ?? []) this.#asked.add(follower.name);
    const waitMs = this.#decidedMs + DEMAND_INTERVAL_MS - this.#context.clock.nowMs();
    const hasInstances = (this.#latest.get(name)?.get(version)?.instances ?? 0) > 0;
    if (waitMs <= 0 || !hasInstances) this.#decideNow();
    else this.#holdDemand(waitMs);
  }

  functionRemoved(name: string): void {
    this.#expected.functionRemoved(name);
    for (const target of this.targets(name)) this.#forget(target);
    this.decideAll();
  }

  targets(name: string): ScalingTarget[] {
    return [...(this.#latest.get(name)?.values() ?? [])];
  }

  describe(name: string): AutoscalerView {
    const { policy } = this.#options;
    const forecast = policy.explain?.(name);
    return { policy: policy.name, targets: this.targets(name), ...(forecast ? { forecast } : {}) };
  }

  async history(): Promise<CallHistory> {
    await this.#counted();
    const minute = Math.floor(this.#context.clock.wallMs() / MINUTE_MS);
    return this.#options.history?.read(minute) ?? NO_CALLS;
  }

  async stop(): Promise<void> {
    const { history, observe } = this.#options;
    this.#isStopped = true;
    // First: a router that answers no more must not cost what is known already.
    await this.#save();
    if (!history) return;
    // Calls since the last observation are counted; nothing is decided by them any more.
    await this.#observed;
    history.observe(await observe({ leaders: NOBODY }).catch(() => []));
    await history.save();
  }

  /** Resolves once all calls that came until now are counted, or could not be asked for. */
  #counted(): Promise<void> {
    return new Promise((resolve) => {
      this.#awaiting.push(resolve);
      this.decideAll();
    });
  }

  async #save(): Promise<void> {
    const { memory, policy, history } = this.#options;
    await Promise.all([memory?.save(policy.takeChanges?.() ?? []), history?.save()]);
  }

  /** The mailbox is not held while the disk writes. */
  #saveLater(): void {
    this.#savedMs = this.#context.clock.nowMs();
    this.#context.after(0, () => {
      this.#save().catch((thrown) => this.#report(thrown));
    });
  }

  /** A fault of the policy, or of the store, is a failure of this actor, and is reported where those are: in a turn of its own. */
  #report(thrown: unknown): void {
    this.#context.after(0, () => {
      throw thrown;
    });
  }

  /** The mailbox is not held while the router answers, so that requests coalesce (invariant 1). */
  #decideNow(): void {
    this.#isUrgent = true;
    if (this.#isStopped || this.#isObserving) return;
    this.#isObserving = true;
    const scope = this.#scope();
    this.#isAllAsked = false;
    this.#isActiveAsked = false;
    this.#isUrgent = false;
    this.#asked = new Set();
    if (!scope.only || scope.andActive) this.#disarm();
    this.#observed = this.#observe(scope);
  }

  #scope(): Scope {
    if (this.#isAllAsked || this.#context.clock.nowMs() >= this.#policyDueMs) return {};
    if (!this.#isActiveAsked) return { only: this.#asked };
    // Also what should have instances and has none.
    for (const [name, versions] of this.#latest) {
      for (const { instances } of versions.values()) if (instances > 0) this.#asked.add(name);
    }
    return { only: this.#asked, andActive: true };
  }

  async #observe(scope: Scope): Promise<void> {
    const { observe, policy, history } = this.#options;
    const awaiting = scope.only ? [] : this.#awaiting.splice(0);
    let tickMs: number | undefined = TICK_MS;
    try {
      const observations = await observe({ leaders: policy.leaders?.() ?? NOBODY, ...scope }).catch(() => undefined);
      history?.observe(observations ?? []);
      // Invariant 3.
      if (observations && !this.#isStopped) tickMs = this.#decideOn(observations, scope);
    } catch (thrown) {
      this.#report(thrown);
    }
    for (const counted of awaiting) counted();
    this.#isObserving = false;
    if (tickMs !== undefined) this.#armBy(tickMs);
    if (this.#isUrgent) this.#decideNow();
  }

  /** How long until the next tick; undefined when only a call or a deploy can bring one (invariant 2). */
  #decideOn(observations: readonly Observation[], { only }: Scope): number | undefined {
    const { policy, apply } = this.#options;
    const nowMs = this.#context.clock.nowMs();
    this.#decidedMs = nowMs;
    const targets = this.#withOrders(policy.decide(nowMs, observations), observations);
    let tickMs: number | undefined;
    for (const [index, target] of targets.entries()) {
      const observation = observations[index];
      if (!observation) continue;
      const last = this.#remember(target);
      const isActive = isActiveVersion(observation, target);
      // A thousand idle functions cost nothing: each of them is told its 0 once.
      if (isActive || last?.instances !== 0) apply(target);
      if (isActive) tickMs = Math.min(tickMs ?? LONGEST_TICK_MS, this.#nextLook(observation, target, nowMs));
    }
    this.#forgetMissing(only ?? this.#latest.keys(), new Set(targets));
    if (nowMs >= this.#savedMs + SAVE_MS) this.#saveLater();
    this.#policyDueMs = policy.nextDecisionMs?.(nowMs) ?? Number.POSITIVE_INFINITY;
    const expectedMs = this.#policyDueMs - nowMs;
    return Number.isFinite(expectedMs) ? Math.min(tickMs ?? expectedMs, expectedMs) : tickMs;
  }

  #withOrders(targets: readonly ScalingTarget[], observations: readonly Observation[]): readonly ScalingTarget[] {
    const { clock } = this.#context;
    const moment = { nowMs: clock.nowMs(), wallMs: clock.wallMs() };
    return targets.map((target, index) => {
      const observation = observations[index];
      return observation ? this.#expected.raise(target, observation, moment) : target;
    });
  }

  #nextLook(observation: Observation, target: ScalingTarget, nowMs: number): number {
    const isQuiet = observation.inSystem === 0 && observation.ready === target.instances;
    const settledUntilMs = this.#options.policy.settledUntilMs?.(target.name, target.version) ?? nowMs;
    return isQuiet ? Math.max(TICK_MS, settledUntilMs - nowMs) : TICK_MS;
  }

  /** Answers the one before. */
  #remember(target: ScalingTarget): ScalingTarget | undefined {
    const versions = this.#latest.get(target.name) ?? new Map<number, ScalingTarget>();
    const last = versions.get(target.version);
    versions.set(target.version, target);
    this.#latest.set(target.name, versions);
    return last;
  }

  /** Invariant 4: of those functions, what was not reported. */
  #forgetMissing(names: Iterable<string>, reported: ReadonlySet<ScalingTarget>): void {
    for (const name of names) {
      for (const target of this.targets(name)) if (!reported.has(target)) this.#forget(target);
    }
  }

  #forget({ name, version }: ScalingTarget): void {
    const versions = this.#latest.get(name);
    versions?.delete(version);
    if (versions?.size === 0) this.#latest.delete(name);
    this.#options.policy.forget(name, version);
    this.#expected.forget(name, version);
  }

  /** Invariant 12. */
  #armExpiry(nowMs: number): void {
    const atMs = Math.max(this.#expected.nextMs, this.#expiredMs + EXPIRY_INTERVAL_MS);
    if (this.#isStopped || atMs >= this.#expiryAtMs) return;
    this.#cancelExpiry();
    this.#expiryAtMs = atMs;
    this.#cancelExpiry = this.#context.after(atMs - nowMs, () => this.#expire());
  }

  #expire(): void {
    const nowMs = this.#context.clock.nowMs();
    this.#expiryAtMs = Number.POSITIVE_INFINITY;
    this.#expiredMs = nowMs;
    const names = this.#expected.expire(nowMs);
    for (const name of names) this.#asked.add(name);
    if (names.length > 0) this.#decideNow();
    this.#armExpiry(nowMs);
  }

  /** What was asked for is decided then, together with what is asked for until then. */
  #holdDemand(delayMs: number): void {
    if (this.#isDemandHeld) return;
    this.#isDemandHeld = true;
    this.#context.after(delayMs, () => {
      this.#isDemandHeld = false;
      this.#decideNow();
    });
  }

  /** Arms the timer, unless it will fire earlier anyway. */
  #armBy(delayMs: number): void {
    const atMs = this.#context.clock.nowMs() + delayMs;
    if (this.#isStopped || this.#tickAtMs <= atMs) return;
    this.#disarm();
    this.#tickAtMs = atMs;
    this.#cancelTick = this.#context.after(delayMs, () => {
      this.#tickAtMs = Number.POSITIVE_INFINITY;
      this.#isActiveAsked = true;
      this.#decideNow();
    });
  }

  #disarm(): void {
    this.#cancelTick();
    this.#tickAtMs = Number.POSITIVE_INFINITY;
  }
}

function isActiveVersion(
  { ready, inSystem, minInstances, aliased }: Observation,
  { instances }: ScalingTarget,
): boolean {
  return ready > 0 || inSystem > 0 || instances > 0 || (aliased && ready < minInstances);
}
