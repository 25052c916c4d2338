/**
 * Executions of one workflow on a virtual clock, for the workflow scheduler: steps that take the time they are given, and instances that take a cold
 * start to be there and leave at once when neither a call nor an order holds them. What the engine, the router and the autoscaler are otherwise.
 */
import { ActorSystem } from '../../src/kernel/actor-system.ts';
import type { ActorRef } from '../../src/kernel/protocol.ts';
import { type Random, seededRandom } from '../../src/kernel/random.ts';
import { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { lookAheadPolicy } from '../../src/workflow-composition/scheduler/policies.ts';
import type {
  ExecutionOutlook,
  LookAheadPolicyName,
  PrewarmOrder,
  WorkflowSchedulerMessages,
} from '../../src/workflow-composition/scheduler/protocol.ts';
import { workflowSchedulerActor } from '../../src/workflow-composition/scheduler/scheduler.ts';

export interface SimulatedStep {
  readonly key: string;
  readonly target: string;
  readonly after: readonly string[];
  readonly runMs: (random: Random) => number;
  readonly decidedBy?: string;
  /** How many of it run, once what decides on it has ended; 1 without it. */
  readonly times?: (random: Random) => number;
}

export interface WorkflowWorldOptions {
  readonly policy: LookAheadPolicyName;
  readonly steps: readonly SimulatedStep[];
  readonly coldStartMs: number;
  readonly seed?: number;
}

interface Instance {
  state: 'starting' | 'idle' | 'busy';
  readonly readyAtMs: number;
  idleSinceMs: number;
  isClaimed: boolean;
}

/** The instances of one function. */
class Pool {
  readonly instances = new Set<Instance>();
  floor = 0;
  idleMs = 0;
  coldStarts = 0;
  waitedMs = 0;
  calls = 0;
  readonly #clock: VirtualClock;
  readonly #coldStartMs: number;
  readonly #started: () => void;
  #cancelFloor = () => {};

  constructor(clock: VirtualClock, coldStartMs: number, started: () => void) {
    this.#clock = clock;
    this.#coldStartMs = coldStartMs;
    this.#started = started;
  }

  order({ instances, untilMs }: PrewarmOrder): void {
    this.#cancelFloor();
    this.floor = instances;
    while (this.instances.size < this.floor) this.#start();
    this.#trim();
    this.#cancelFloor = this.#clock.after(untilMs - this.#clock.nowMs(), () => {
      this.floor = 0;
      this.#trim();
    });
  }

  call(runMs: number, ended: (coldStartMs: number | undefined) => void): void {
    const nowMs = this.#clock.nowMs();
    this.calls++;
    const free = [...this.instances].filter(({ isClaimed, state }) => state !== 'busy' && !isClaimed);
    const instance = free.find(({ state }) => state === 'idle') ?? free[0] ?? this.#start();
    instance.isClaimed = true;
    const waitMs = Math.max(0, instance.readyAtMs - nowMs);
    if (waitMs > 0) this.coldStarts++;
    this.waitedMs += waitMs;
    if (instance.state === 'idle') this.#use(instance);
    this.#clock.after(waitMs + runMs, () => {
      instance.state = 'idle';
      instance.isClaimed = false;
      instance.idleSinceMs = this.#clock.nowMs();
      this.#trim();
      ended(waitMs > 0 ? waitMs : undefined);
    });
  }

  #start(): Instance {
    const readyAtMs = this.#clock.nowMs() + this.#coldStartMs;
    const instance: Instance = { state: 'starting', readyAtMs, idleSinceMs: readyAtMs, isClaimed: false };
    this.instances.add(instance);
    this.#clock.after(this.#coldStartMs, () => {
      this.#started();
      instance.state = 'idle';
      if (instance.isClaimed) this.#use(instance);
      this.#trim();
    });
    return instance;
  }

  #use(instance: Instance): void {
    instance.state = 'busy';
    this.idleMs += this.#clock.nowMs() - instance.idleSinceMs;
  }

  #trim(): void {
    for (const instance of this.instances) {
      if (this.instances.size <= this.floor) return;
      if (instance.state !== 'idle' || instance.isClaimed) continue;
      this.idleMs += this.#clock.nowMs() - instance.idleSinceMs;
      this.instances.delete(instance);
    }
  }
}

export class WorkflowWorld {
  readonly clock = new VirtualClock();
  readonly orders: (PrewarmOrder & { readonly atMs: number })[] = [];
  readonly scheduler: ActorRef<WorkflowSchedulerMessages>;
  readonly durationsMs: number[] = [];
  readonly #pools = new Map<string, Pool>();
  readonly #steps: readonly SimulatedStep[];
  readonly #coldStartMs: number;
  readonly #random: Random;
  #started = 0;

  constructor({ policy, steps, coldStartMs, seed = 1 }: WorkflowWorldOptions) {
    this.#steps = steps;
    this.#coldStartMs = coldStartMs;
    this.#random = seededRandom(seed);
    const system = new ActorSystem({
      clock: this.clock,
      onActorError: (_path, error) => {
        throw error;
      },
    });
    const order = (given: PrewarmOrder) => {
      this.orders.push({ ...given, atMs: this.clock.nowMs() });
      this.pool(given.functionName).order(given);
    };
    this.scheduler = system.spawn(workflowSchedulerActor({ policy: lookAheadPolicy(policy, 2), order, processors: 2 }));
  }

  pool(functionName: string): Pool {
    const tookMs = this.#coldStartMs;
    const started = () => void this.scheduler.tell('instanceStarted', { functionName, tookMs });
    const pool = this.#pools.get(functionName) ?? new Pool(this.clock, tookMs, started);
    this.#pools.set(functionName, pool);
    return pool;
  }

  get coldStarts(): number {
    return [...this.#pools.values()].reduce((sum, { coldStarts }) => sum + coldStarts, 0);
  }

  get waitedMs(): number {
    return [...this.#pools.values()].reduce((sum, { waitedMs }) => sum + waitedMs, 0);
  }

  get calls(): number {
    return [...this.#pools.values()].reduce((sum, { calls }) => sum + calls, 0);
  }

  get idleMs(): number {
    return [...this.#pools.values()].reduce((sum, { idleMs }) => sum + idleMs, 0);
  }

  /** So many, one after the other, each begun so long after the one before was. */
  async run(count: number, gapMs: number): Promise<void> {
    for (let nth = 0; nth < count; nth++) {
      this.start();
      await this.clock.advance(gapMs);
    }
  }

  /** What is counted from now on is of what runs from now on. */
  reset(): void {
    for (const pool of this.#pools.values()) pool.idleMs = pool.coldStarts = pool.calls = pool.waitedMs = 0;
    this.durationsMs.length = 0;
    this.orders.length = 0;
  }

  async stats() {
    const asked = this.scheduler.ask('stats', undefined);
    await this.clock.advance(0);
    return asked;
  }

  start(): void {
    const execution = new SimulatedExecution(`run-${++this.#started}`, this.#steps, {
      random: this.#random,
      clock: this.clock,
      scheduler: this.scheduler,
      pool: (name) => this.pool(name),
      ended: (durationMs) => void this.durationsMs.push(durationMs),
    });
    execution.advance();
  }
}

interface Surroundings {
  readonly random: Random;
  readonly clock: VirtualClock;
  readonly scheduler: ActorRef<WorkflowSchedulerMessages>;
  readonly pool: (name: string) => Pool;
  readonly ended: (durationMs: number) => void;
}

class SimulatedExecution {
  readonly #id: string;
  readonly #steps: readonly SimulatedStep[];
  readonly #around: Surroundings;
  readonly #startedMs: number;
  readonly #ended = new Set<string>();
  readonly #begun = new Map<string, { left: number; readonly times: number; readonly startedMs: number }>();
  readonly #decided = new Map<string, number>();

  constructor(id: string, steps: readonly SimulatedStep[], around: Surroundings) {
    this.#id = id;
    this.#steps = steps;
    this.#around = around;
    this.#startedMs = around.clock.nowMs();
  }

  advance(): void {
    let hasMoved = true;
    while (hasMoved) {
      hasMoved = false;
      for (const step of this.#steps) if (this.#begin(step)) hasMoved = true;
    }
    const { scheduler, clock, ended } = this.#around;
    if (this.#ended.size < this.#steps.length) return void scheduler.tell('outlookChanged', this.#outlook());
    const runs = this.#steps.map(({ key, decidedBy }) => {
      const run = { key, times: this.#timesOf(key) };
      return decidedBy === undefined ? run : { ...run, decidedBy };
    });
    scheduler.tell('executionEnded', { executionId: this.#id, workflow: 'w', version: 1, runs });
    ended(clock.nowMs() - this.#startedMs);
  }

  #begin(step: SimulatedStep): boolean {
    const { key, after, target, decidedBy, runMs, times = () => 1 } = step;
    const { random, clock, scheduler, pool } = this.#around;
    if (!this.#decided.has(key) && (decidedBy === undefined || this.#ended.has(decidedBy)))
      this.#decided.set(key, times(random));
    if (this.#begun.has(key) || !after.every((before) => this.#ended.has(before))) return false;
    const count = this.#decided.get(key) ?? 0;
    const state = { left: count, times: count, startedMs: clock.nowMs() };
    this.#begun.set(key, state);
    if (count === 0) this.#ended.add(key);
    for (let nth = 0; nth < count; nth++) {
      const durationMs = runMs(random);
      pool(target).call(durationMs, (coldStartMs) => {
        const report = { workflow: 'w', version: 1, key, target, runMs: durationMs, coldStartMs };
        scheduler.tell('stepEnded', report);
        state.left--;
        if (state.left > 0) return;
        this.#ended.add(key);
        this.advance();
      });
    }
    return true;
  }

  #timesOf(key: string): number {
    return this.#begun.get(key)?.times ?? 0;
  }

  #outlook(): ExecutionOutlook {
    const running = this.#steps
      .filter(({ key }) => this.#begun.has(key) && !this.#ended.has(key))
      .map(({ key, target }) => ({ key, target, startedMs: this.#begun.get(key)?.startedMs ?? 0 }));
    const upcoming = this.#steps
      .filter(({ key }) => !this.#begun.has(key) && this.#decided.get(key) !== 0)
      .flatMap(({ key, target, after, decidedBy }) => {
        const step = { key, target, after };
        const isOpen = decidedBy !== undefined && !this.#decided.has(key);
        return Array.from({ length: this.#decided.get(key) ?? 1 }, () => (isOpen ? { ...step, decidedBy } : step));
      });
    return { executionId: this.#id, workflow: 'w', version: 1, running, upcoming };
  }
}
