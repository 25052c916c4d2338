/**
 * The orders of all executions: those whose time is still to come, those that stand, and what follows from both for each workflow and function.
 *
 * Boundary: decides when what is passed on; what an execution needs is the policy's, what becomes of it the autoscaler's. Pure but for its memory.
 * Invariants (numbers as in README.md):
 * 1. Nothing is passed on before its time, nor for a time that is over; what is passed on replaces what was before.
 * 2. An execution that has changed or ended leaves nothing behind of what it needed before.
 * 3. What is there for long enough already is not ordered again; less is ordered a moment later, since most often it is more again by then.
 */
import { type HeapTimer, TimerHeap } from '../../kernel/timer-heap.ts';
import { Demand, type Need } from './demand.ts';
import { LoadTurns } from './load-turns.ts';
import type { PrewarmOrder } from './protocol.ts';

/** What is needed no more is given back after this. */
const LINGER_MS = 100;
/** An order that does not last is renewed so long before its end. */
const RENEW_MS = 20;
/** A workflow and function are looked at no more often. */
const CHECK_MS = 20;
/** Of steps that run for longer, it is not noticed that they had found an instance. */
const LONGEST_RUN_MS = 60_000;
const MOST_EXECUTIONS = 50_000;
const MOST_NEEDS = 200_000;
/** Entries of the heap that are of no use any more are cleared away beyond this, once they are most of it. */
const LEAST_CLEARED = 1_024;

type Due = HeapTimer & ({ readonly need: Need } | { readonly demand: Demand });

export class OrderBook {
  readonly #pass: (order: PrewarmOrder) => void;
  readonly #executions = new Map<string, readonly Need[]>();
  /** By workflow, then by function. */
  readonly #demands = new Map<string, Map<string, Demand>>();
  readonly #turns: LoadTurns;
  /** More is needed of them, and it is not their turn yet; in the order in which that was. */
  readonly #held = new Set<Demand>();
  #due = new TimerHeap<Due>();
  #dueCount = 0;
  #needCount = 0;
  #sequence = 0;
  #prewarmed = 0;
  #hits = 0;

  /** `processors`: how many instances load at a time without delaying each other. */
  constructor(pass: (order: PrewarmOrder) => void, processors: number) {
    this.#pass = pass;
    this.#turns = new LoadTurns(processors);
  }

  get prewarmed(): number {
    return this.#prewarmed;
  }

  get hits(): number {
    return this.#hits;
  }

  /** When something is to be done, or earlier. */
  get nextMs(): number {
    const dueMs = this.#due.peek()?.atMs ?? Number.POSITIVE_INFINITY;
    return this.#held.size === 0 ? dueMs : Math.min(dueMs, this.#turns.nextMs);
  }

  has(executionId: string): boolean {
    return this.#executions.has(executionId);
  }

  /** In place of what it needed before. */
  replace(
    { executionId, workflow }: { readonly executionId: string; readonly workflow: string },
    orders: readonly PrewarmOrder[],
    nowMs: number,
  ): void {
    const touched = this.#withdraw(executionId);
    const room = Math.max(0, MOST_NEEDS - this.#needCount);
    const needs = orders.slice(0, room).flatMap((order) => this.#needOf(workflow, order, nowMs));
    if (needs.length > 0) this.#keep(executionId, needs, nowMs);
    for (const need of needs) {
      if (need.fromMs > nowMs) this.#push({ atMs: need.fromMs, sequence: ++this.#sequence, need });
      else {
        need.demand.add(need);
        touched.add(need.demand);
      }
    }
    for (const demand of touched) this.#settle(demand, nowMs);
    this.#clearAway();
  }

  /** It needs nothing any more. */
  drop(executionId: string, nowMs: number): void {
    for (const demand of this.#withdraw(executionId)) this.#settle(demand, nowMs);
  }

  /** To be called at `nextMs`. */
  tick(nowMs: number): void {
    for (let due = this.#due.peek(); due && due.atMs <= nowMs; due = this.#due.peek()) {
      this.#due.pop();
      this.#dueCount--;
      if ('demand' in due) {
        // One that was moved to an earlier time is not looked at again.
        if (due.atMs === due.demand.checkAtMs) this.#check(due.demand, nowMs);
      } else if (!due.need.isGone) {
        due.need.demand.add(due.need);
        this.#settle(due.need.demand, nowMs);
      }
    }
    this.#letIn(nowMs);
  }

  /** An instance of that function is ready: others may load now. */
  started(functionName: string, nowMs: number): void {
    if (this.#turns.started(functionName)) this.#letIn(nowMs);
  }

  /** A step of that function, begun then, had no cold start. */
  found(workflow: string, functionName: string, startedMs: number): void {
    if (this.#take(workflow, functionName, startedMs)) this.#hits++;
  }

  /** A step of that function, begun then, has waited for an instance: for one that came too late, where one was ordered. */
  missed(workflow: string, functionName: string, startedMs: number): void {
    this.#take(workflow, functionName, startedMs);
  }

  /** One of the instances that were ordered, for a step that began then. */
  #take(workflow: string, functionName: string, startedMs: number): boolean {
    const demand = this.#demands.get(workflow)?.get(functionName);
    if (!demand || demand.open === 0 || startedMs < demand.openSinceMs || startedMs > demand.openUntilMs) return false;
    demand.open--;
    return true;
  }

  #needOf(workflow: string, order: PrewarmOrder, nowMs: number): Need[] {
    const { functionName, instances, load = instances, fromMs, untilMs, occupied = false, inTurn = false } = order;
    if (!(instances > 0 && untilMs > nowMs)) return [];
    const demand = this.#demand(workflow, functionName);
    if (!occupied) demand.isInTurn = inTurn;
    return [{ demand, instances, load, fromMs, untilMs, isOccupied: occupied, isGone: false }];
  }

  #demand(workflow: string, functionName: string): Demand {
    let demands = this.#demands.get(workflow);
    if (!demands) {
      demands = new Map();
      this.#demands.set(workflow, demands);
    }
    let demand = demands.get(functionName);
    if (!demand) {
      demand = new Demand(workflow, functionName);
      demands.set(functionName, demand);
    }
    return demand;
  }

  #keep(executionId: string, needs: readonly Need[], nowMs: number): void {
    const [oldest] = this.#executions.size >= MOST_EXECUTIONS ? this.#executions.keys() : [];
    if (oldest !== undefined) this.drop(oldest, nowMs);
    this.#executions.set(executionId, needs);
    this.#needCount += needs.length;
    for (const { demand } of needs) demand.references++;
  }

  /** Invariant 2. */
  #withdraw(executionId: string): Set<Demand> {
    const needs = this.#executions.get(executionId);
    const touched = new Set<Demand>();
    if (!needs) return touched;
    this.#executions.delete(executionId);
    this.#needCount -= needs.length;
    for (const need of needs) {
      need.isGone = true;
      need.demand.remove(need);
      need.demand.references--;
      touched.add(need.demand);
    }
    return touched;
  }

  /** Something has been added, or taken away: more is ordered at once, less after a moment (invariant 3). */
  #settle(demand: Demand, nowMs: number): void {
    const { needed } = demand;
    const standing = standingOf(demand, nowMs);
    if (needed > standing) this.#orderInTurn(demand, nowMs);
    if (needed < standing) this.#checkBy(demand, nowMs + LINGER_MS);
    else if (needed > 0) this.#checkBy(demand, Math.max(nowMs + CHECK_MS, demand.orderedUntilMs - RENEW_MS));
    else if (demand.references === 0) this.#checkBy(demand, nowMs + LINGER_MS);
  }

  #check(demand: Demand, nowMs: number): void {
    demand.checkAtMs = Number.POSITIVE_INFINITY;
    const nextMs = demand.sweep(nowMs);
    const { needed } = demand;
    const standing = standingOf(demand, nowMs);
    const ends = demand.orderedUntilMs <= nowMs + RENEW_MS && demand.untilMs > demand.orderedUntilMs;
    if (needed > standing) this.#orderInTurn(demand, nowMs);
    else if (needed > 0 && ends) this.#order(demand, needed, nowMs);
    else if (needed < standing && demand.orderedUntilMs > nowMs + LINGER_MS) this.#order(demand, needed, nowMs);
    if (demand.references === 0) return this.#forget(demand, nowMs);
    const renewMs = needed > 0 ? demand.orderedUntilMs - RENEW_MS : Number.POSITIVE_INFINITY;
    this.#checkBy(demand, Math.max(nowMs + CHECK_MS, Math.min(nextMs, renewMs)));
  }

  /** More of it, once it is its turn. */
  #orderInTurn(demand: Demand, nowMs: number): void {
    const { functionName, needed, isInTurn } = demand;
    const standing = standingOf(demand, nowMs);
    if (!isInTurn) return this.#order(demand, needed, nowMs);
    if (!this.#turns.isFree(functionName, nowMs)) return void this.#held.add(demand);
    this.#held.delete(demand);
    this.#turns.take(functionName, needed - standing, nowMs);
    this.#order(demand, needed, nowMs);
  }

  #letIn(nowMs: number): void {
    for (const demand of this.#held) {
      if (demand.needed > standingOf(demand, nowMs)) this.#orderInTurn(demand, nowMs);
      else this.#held.delete(demand);
    }
  }

  #order(demand: Demand, instances: number, nowMs: number): void {
    const standing = standingOf(demand, nowMs);
    const untilMs = instances > 0 ? demand.untilMs : nowMs;
    const more = Math.max(0, instances - standing);
    this.#prewarmed += more;
    if (demand.open === 0) demand.openSinceMs = nowMs;
    demand.open = Math.min(demand.open + more, Math.max(instances, demand.open));
    demand.openUntilMs = untilMs;
    demand.ordered = instances;
    demand.orderedUntilMs = untilMs;
    const { functionName, workflow } = demand;
    this.#pass({ functionName, instances, fromMs: nowMs, untilMs, reason: `workflow "${workflow}"` });
  }

  /** Once no step that has found an instance can end any more. */
  #forget(demand: Demand, nowMs: number): void {
    const forgottenMs = demand.openUntilMs + (demand.open > 0 ? LONGEST_RUN_MS : 0);
    if (nowMs < forgottenMs) return this.#checkBy(demand, forgottenMs);
    this.#held.delete(demand);
    const demands = this.#demands.get(demand.workflow);
    if (demands?.get(demand.functionName) !== demand) return;
    demands.delete(demand.functionName);
    if (demands.size === 0) this.#demands.delete(demand.workflow);
  }

  #checkBy(demand: Demand, atMs: number): void {
    if (demand.checkAtMs <= atMs) return;
    demand.checkAtMs = atMs;
    this.#push({ atMs, sequence: ++this.#sequence, demand });
  }

  #push(due: Due): void {
    this.#due.push(due);
    this.#dueCount++;
  }

  #clearAway(): void {
    if (this.#dueCount < LEAST_CLEARED + 2 * this.#needCount) return;
    const left = new TimerHeap<Due>();
    this.#dueCount = 0;
    for (let due = this.#due.pop(); due; due = this.#due.pop()) {
      if ('demand' in due ? due.atMs !== due.demand.checkAtMs : due.need.isGone) continue;
      left.push(due);
      this.#dueCount++;
    }
    this.#due = left;
  }
}

/** What is ordered of it already. */
function standingOf({ ordered, orderedUntilMs }: Demand, nowMs: number): number {
  return orderedUntilMs > nowMs ? ordered : 0;
}
