/**
 * The workflow scheduler: learns how workflows run, lets a policy say which instances an execution is going to need, and orders them in time.
 *
 * Boundary: owns what was learned and when an order is passed on. Which orders, the policy says; when steps start, the engine; whether there is room,
 * the autoscaler. Nothing waits for it: without it, and without a message, everything runs as well, and colder. Invariants: README.md.
 */
import type { CancelTimer } from '../../kernel/clock.ts';
import type { ActorContext, ActorDefinition } from '../../kernel/protocol.ts';
import { remainingPathMs } from './critical-path.ts';
import { OrderBook } from './order-book.ts';
import type { ProfileMemory } from './profile-memory.ts';
import { LearnedProfiles } from './profiles.ts';
import type {
  ExecutionOutlook,
  LookAheadPolicy,
  PrewarmOrder,
  StepReport,
  WorkflowSchedulerMessages,
  WorkflowSchedulerStats,
} from './protocol.ts';
import { Warmth } from './warmth.ts';

export interface WorkflowSchedulerOptions {
  readonly policy: LookAheadPolicy;
  /** Must only tell. */
  readonly order: (order: PrewarmOrder) => void;
  /** How many instances load at a time without delaying each other. */
  readonly processors: number;
  /** In place of fresh ones: what was learned before. */
  readonly profiles?: LearnedProfiles;
  /** Where they outlive the host; without it they do not. */
  readonly memory?: ProfileMemory;
  /** Shared with the engine, which asks it before it works an outlook out; made with the policy's horizon. */
  readonly gate?: Warmth;
  /** How many calls one instance of the function takes at a time; 1 without it. */
  readonly concurrencyOf?: (functionName: string) => number;
}

/** A host that runs thousands of workflows a second sends several messages for each. What is refused costs a cold start at worst. */
const MAILBOX_CAPACITY = 100_000;
/** Of one processor, what plans may take, and how much of it may be saved up. Where that is not enough, so many run that the autoscaler sees it coming. */
const PLANNING_PART = 1 / 20;
const MOST_SAVED_MS = 100;
/** A crash takes back what was learned since. */
const SAVE_MS = 600_000;

export function workflowSchedulerActor(options: WorkflowSchedulerOptions): ActorDefinition<WorkflowSchedulerMessages> {
  const profiles = options.profiles ?? new LearnedProfiles();
  return {
    name: 'workflow-scheduler',
    mailboxCapacity: MAILBOX_CAPACITY,
    // What it knows is what it would have to learn again.
    supervision: { onFailure: 'resume' },
    start: (context) => {
      const { memory } = options;
      if (memory) profiles.restore(memory.load());
      const scheduler = new WorkflowScheduler({ ...options, profiles }, context);
      return {
        outlookChanged: (outlook) => scheduler.outlookChanged(outlook),
        stepEnded: (report) => scheduler.stepEnded(report),
        instanceStarted: ({ functionName, tookMs }) => scheduler.instanceStarted(functionName, tookMs),
        executionEnded: (report) => {
          profiles.observeExecution(report);
          scheduler.executionEnded(report.executionId);
          scheduler.saveLater();
        },
        estimate: (outlook) => remainingPathMs(context.clock.nowMs(), outlook, profiles),
        stats: () => scheduler.stats(),
      };
    },
  };
}

class WorkflowScheduler {
  readonly #policy: LookAheadPolicy;
  readonly #profiles: LearnedProfiles;
  readonly #warmth: Warmth;
  readonly #context: ActorContext<WorkflowSchedulerMessages>;
  readonly #concurrencyOf: (functionName: string) => number;
  readonly #book: OrderBook;
  readonly #memory: ProfileMemory | undefined;
  #savedMs: number;
  #cancelTimer: CancelTimer = () => {};
  #timerAtMs = Number.POSITIVE_INFINITY;
  #planningMs = 0;
  #plans = 0;
  /** What plans may take for now, in ms, and when that was. */
  #budgetMs = MOST_SAVED_MS;
  #budgetedMs: number;

  constructor(
    options: WorkflowSchedulerOptions & { readonly profiles: LearnedProfiles },
    context: ActorContext<WorkflowSchedulerMessages>,
  ) {
    const { policy, profiles, gate, order, concurrencyOf, processors, memory } = options;
    this.#policy = policy;
    this.#profiles = profiles;
    this.#warmth = gate ?? new Warmth(policy.horizon);
    this.#context = context;
    this.#concurrencyOf = concurrencyOf ?? (() => 1);
    this.#book = new OrderBook(order, processors);
    this.#budgetedMs = context.clock.nowMs();
    this.#savedMs = this.#budgetedMs;
    this.#memory = memory;
    context.onStop(() => this.#save());
  }

  /** It is time, and no timer: who learns nothing has nothing to save. */
  saveLater(): void {
    const nowMs = this.#context.clock.nowMs();
    if (!this.#memory || nowMs < this.#savedMs + SAVE_MS) return;
    this.#savedMs = nowMs;
    void this.#save();
  }

  /** What the disk does not take now is learned again. */
  async #save(): Promise<void> {
    await this.#memory?.save(this.#profiles.takeChanges()).catch(() => undefined);
  }

  outlookChanged(outlook: ExecutionOutlook): void {
    if (this.#policy.horizon === 0) return;
    const { executionId, workflow } = outlook;
    const nowMs = this.#context.clock.nowMs();
    const isPlanned = !this.#warmth.isWarm(outlook, nowMs) && this.#mayPlan(nowMs);
    this.#warmth.outlookSeen(workflow, isPlanned, nowMs);
    if (isPlanned) this.#plan(outlook, nowMs);
    else if (this.#book.has(executionId)) this.#book.drop(executionId, nowMs);
    else return;
    this.#arm(nowMs);
  }

  stepEnded(report: StepReport): void {
    const nowMs = this.#context.clock.nowMs();
    this.#warmth.stepEnded(report, nowMs);
    this.#profiles.observeStep(report);
    const { workflow, target, runMs, coldStartMs } = report;
    if (target === undefined) return;
    if (coldStartMs === undefined) this.#book.found(workflow, target, nowMs - runMs);
    else this.#book.missed(workflow, target, nowMs - runMs - coldStartMs);
  }

  instanceStarted(functionName: string, tookMs: number): void {
    this.#profiles.observeColdStart(functionName, tookMs);
    const nowMs = this.#context.clock.nowMs();
    this.#book.started(functionName, nowMs);
    this.#arm(nowMs);
  }

  executionEnded(executionId: string): void {
    if (!this.#book.has(executionId)) return;
    const nowMs = this.#context.clock.nowMs();
    this.#book.drop(executionId, nowMs);
    this.#arm(nowMs);
  }

  stats(): WorkflowSchedulerStats {
    const { prewarmed, hits } = this.#book;
    return { policy: this.#policy.name, prewarmed, hits, planningMs: this.#planningMs, plans: this.#plans };
  }

  #plan(outlook: ExecutionOutlook, nowMs: number): void {
    this.#plans++;
    const orders = this.#policy.plan(nowMs, outlook, this.#profiles).map((order) => this.#byInstance(order));
    this.#book.replace(outlook, orders, nowMs);
    const spentMs = this.#context.clock.nowMs() - nowMs;
    this.#planningMs += spentMs;
    this.#budgetMs -= spentMs;
  }

  #mayPlan(nowMs: number): boolean {
    this.#budgetMs = Math.min(MOST_SAVED_MS, this.#budgetMs + (nowMs - this.#budgetedMs) * PLANNING_PART);
    this.#budgetedMs = nowMs;
    return this.#budgetMs > 0;
  }

  /** Policies count calls that are there at a time. */
  #byInstance(order: PrewarmOrder): PrewarmOrder {
    const concurrency = this.#concurrencyOf(order.functionName);
    if (!(concurrency > 1)) return order;
    const { instances, load = instances } = order;
    return { ...order, instances: Math.ceil(instances / concurrency), load: load / concurrency };
  }

  /** One timer for all orders: for the earliest, unless it fires earlier anyway. */
  #arm(nowMs: number): void {
    const atMs = this.#book.nextMs;
    if (atMs >= this.#timerAtMs) return;
    this.#cancelTimer();
    this.#timerAtMs = atMs;
    this.#cancelTimer = this.#context.after(Math.max(0, atMs - nowMs), () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      const firedMs = this.#context.clock.nowMs();
      this.#book.tick(firedMs);
      this.#arm(firedMs);
    });
  }
}
