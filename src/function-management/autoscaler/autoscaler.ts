/**
 * The function autoscaler: asks what every version does, lets a policy decide how many instances it should have, passes that on.
 *
 * Boundary: owns when a decision is made. The numbers are the policy's, the observations the router's, the instances the deployer's.
 * Invariants (numbers as in README.md):
 * 1. One observation is under way at a time; what asks for a decision meanwhile gets one more after it, however many ask.
 * 2. While anything is active there is a next tick; while nothing is, no timer is armed.
 * 3. A failed observation changes nothing: the next tick tries again.
 * 4. Nothing is kept of a version that the router no longer reports.
 */
import type { CancelTimer } from '../../kernel/clock.ts';
import type { ActorContext, ActorDefinition } from '../../kernel/protocol.ts';
import type { ForecastMemory } from './forecast-memory.ts';
import type {
  ApplyTarget,
  AutoscalerMessages,
  AutoscalerView,
  Observation,
  Observe,
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
}

/** As Knative Serving's `tick-interval`. */
const TICK_MS = 2_000;
/** The longest wait while instances are kept for calls to come: what is lost meanwhile is noticed by then. */
const LONGEST_TICK_MS = 30_000;
/** What was learned since is lost with a host that dies. */
const SAVE_MS = 600_000;
/** Calls that wait for a version that already gets instances cause decisions no more often: under overload there is always one waiting. */
const DEMAND_INTERVAL_MS = 10;

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
        functionChanged: () => autoscaler.decideNow(),
        functionRemoved: (name) => autoscaler.functionRemoved(name),
        demandArrived: ({ name, version }) => autoscaler.demandArrived(name, version),
        describe: ({ name }) => autoscaler.describe(name),
      };
    },
  };
}

class Autoscaler {
  readonly #options: AutoscalerOptions;
  readonly #context: ActorContext<AutoscalerMessages>;
  #latest = new Map<string, ScalingTarget>();
  #isObserving = false;
  #isAskedAgain = false;
  #isStopped = false;
  #decidedMs = Number.NEGATIVE_INFINITY;
  #cancelTick: CancelTimer = () => {};
  #tickAtMs = Number.POSITIVE_INFINITY;
  #savedMs: number;

  constructor(options: AutoscalerOptions, context: ActorContext<AutoscalerMessages>) {
    this.#options = options;
    this.#context = context;
    this.#savedMs = context.clock.nowMs();
  }

  recall(): void {
    const { memory, policy } = this.#options;
    const found = memory?.load();
    if (!found) return;
    policy.recall?.(found.learned, found.awayMs);
    this.decideNow();
  }

  /** The mailbox is not held while the router answers, so that requests coalesce (invariant 1). */
  decideNow(): void {
    if (this.#isStopped) return;
    if (this.#isObserving) {
      this.#isAskedAgain = true;
      return;
    }
    this.#isObserving = true;
    this.#isAskedAgain = false;
    this.#disarm();
    void this.#observe();
  }

  demandArrived(name: string, version: number): void {
    const waitMs = this.#decidedMs + DEMAND_INTERVAL_MS - this.#context.clock.nowMs();
    const hasInstances = (this.#latest.get(keyOf(name, version))?.instances ?? 0) > 0;
    if (this.#isObserving || waitMs <= 0 || !hasInstances) this.decideNow();
    else this.#armBy(waitMs);
  }

  functionRemoved(name: string): void {
    for (const target of this.targets(name)) this.#forget(target);
    this.decideNow();
  }

  targets(name: string): ScalingTarget[] {
    return [...this.#latest.values()].filter((target) => target.name === name);
  }

  describe(name: string): AutoscalerView {
    const { policy } = this.#options;
    const forecast = policy.explain?.(name);
    return { policy: policy.name, targets: this.targets(name), ...(forecast ? { forecast } : {}) };
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#save();
  }

  async #save(): Promise<void> {
    const { memory, policy } = this.#options;
    if (!memory || !policy.takeChanges) return;
    this.#savedMs = this.#context.clock.nowMs();
    await memory.save(policy.takeChanges());
  }

  async #observe(): Promise<void> {
    let tickMs: number | undefined = TICK_MS;
    try {
      const observations = await this.#options.observe().catch(() => undefined);
      // Invariant 3.
      if (observations && !this.#isStopped) tickMs = this.#decide(observations);
    } catch (thrown) {
      // A fault of the policy is a failure of this actor, and is reported where those are: in a turn of its own.
      this.#context.after(0, () => {
        throw thrown;
      });
    }
    this.#isObserving = false;
    if (this.#isAskedAgain) this.decideNow();
    else if (tickMs !== undefined) this.#armBy(tickMs);
  }

  /** How long until the next decision; undefined when only a call or a deploy can bring one (invariant 2). */
  #decide(observations: readonly Observation[]): number | undefined {
    const nowMs = this.#context.clock.nowMs();
    const before = this.#latest;
    this.#decidedMs = nowMs;
    const targets = this.#options.policy.decide(nowMs, observations);
    this.#latest = new Map(targets.map((target) => [keyOf(target.name, target.version), target]));
    for (const [key, target] of before) if (!this.#latest.has(key)) this.#forget(target);
    let tickMs: number | undefined;
    for (const observation of observations) {
      const key = keyOf(observation.name, observation.version);
      const target = this.#latest.get(key);
      if (!target) continue;
      const isActive = isActiveVersion(observation, target);
      // A thousand idle functions cost nothing: each of them is told its 0 once.
      if (isActive || before.get(key)?.instances !== 0) this.#options.apply(target);
      if (isActive) tickMs = Math.min(tickMs ?? LONGEST_TICK_MS, this.#nextLook(observation, target, nowMs));
    }
    if (nowMs >= this.#savedMs + SAVE_MS) this.#context.after(0, () => this.#save());
    const expectedMs = (this.#options.policy.nextDecisionMs?.(nowMs) ?? Number.POSITIVE_INFINITY) - nowMs;
    return Number.isFinite(expectedMs) ? Math.min(tickMs ?? expectedMs, expectedMs) : tickMs;
  }

  #nextLook(observation: Observation, target: ScalingTarget, nowMs: number): number {
    const isQuiet = observation.inSystem === 0 && observation.ready === target.instances;
    const settledUntilMs = this.#options.policy.settledUntilMs?.(target.name, target.version) ?? nowMs;
    return isQuiet ? Math.max(TICK_MS, settledUntilMs - nowMs) : TICK_MS;
  }

  #forget({ name, version }: ScalingTarget): void {
    this.#latest.delete(keyOf(name, version));
    this.#options.policy.forget(name, version);
  }

  /** Arms the timer, unless it will fire earlier anyway. */
  #armBy(delayMs: number): void {
    const atMs = this.#context.clock.nowMs() + delayMs;
    if (this.#isStopped || this.#tickAtMs <= atMs) return;
    this.#disarm();
    this.#tickAtMs = atMs;
    this.#cancelTick = this.#context.after(delayMs, () => {
      this.#tickAtMs = Number.POSITIVE_INFINITY;
      this.decideNow();
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

function keyOf(name: string, version: number): string {
  return `${name}@${version}`;
}
