/**
 * Instances that others have ordered: somebody knows that a function is going to be called, which no forecast does. An order is a floor under what
 * the policy decides for the version, or versions, that the alias `current` leads to; it ends by itself.
 *
 * Boundary: says by how much a target is raised, and when that is to be looked at again; whether and when something is decided is the actor's. Pure
 * but for its memory. Invariants (numbers as in README.md):
 * 11. An order raises a target to `maxInstances` at most, and all orders together to no more memory than what may be kept for calls to come.
 * 12. After its time an order changes nothing, whoever has forgotten it.
 */
import { CURRENT_ALIAS, type FunctionDescription } from '../registry/protocol.ts';
import type { ExpectedCalls, Observation, ScalingTarget } from './protocol.ts';

/** Whoever still expects the calls by then says so again. */
const LONGEST_MS = 600_000;
const MOST_ORDERS = 10_000;
const MOST_PER_FUNCTION = 64;

interface Order {
  readonly instances: number;
  readonly untilMs: number;
}

interface Share {
  readonly version: number;
  readonly weight: number;
}

export interface Moment {
  readonly nowMs: number;
  readonly wallMs: number;
}

export class ExpectedDemand {
  readonly #budgetMb: number;
  /** Of each function that is deployed. */
  readonly #current = new Map<string, readonly Share[]>();
  /** By function, then by who has ordered. */
  readonly #orders = new Map<string, Map<string, Order>>();
  /** Functions for which less is ordered than before. */
  readonly #lowered = new Set<string>();
  /** By function and version: what it has got over what the policy wanted. */
  readonly #raisedMb = new Map<string, number>();
  #usedMb = 0;
  #count = 0;
  #nextMs = Number.POSITIVE_INFINITY;

  constructor(budgetMb = Number.POSITIVE_INFINITY) {
    this.#budgetMb = budgetMb;
  }

  functionChanged({ name, aliases }: FunctionDescription): void {
    this.#current.set(name, aliases.find(({ alias }) => alias === CURRENT_ALIAS)?.targets ?? []);
  }

  functionRemoved(name: string): void {
    this.#current.delete(name);
    this.#count -= this.#orders.get(name)?.size ?? 0;
    this.#orders.delete(name);
  }

  /** Replaces what the same one has ordered of that function before; orders of several add up. True where that is more than before. */
  expect(calls: ExpectedCalls, nowMs: number): boolean {
    const { name } = calls;
    if (!this.#current.has(name)) return false;
    const before = this.#sum(name, nowMs);
    this.#put(calls, nowMs);
    return this.#sum(name, nowMs) > before;
  }

  #put({ name, instances, untilMs, by }: ExpectedCalls, nowMs: number): void {
    const orders = this.#orders.get(name);
    const last = orders?.get(by);
    const order = { instances: Math.ceil(instances), untilMs: Math.min(untilMs, nowMs + LONGEST_MS) };
    const isOver = !(order.instances > 0 && order.untilMs > nowMs);
    if (last && (isOver || order.instances < last.instances)) {
      this.#lowered.add(name);
      this.#nextMs = Math.min(this.#nextMs, nowMs);
    }
    if (isOver) return this.#drop(name, by);
    if (!last && (this.#count >= MOST_ORDERS || (orders?.size ?? 0) >= MOST_PER_FUNCTION)) return;
    if (!last) this.#count++;
    if (orders) orders.set(by, order);
    else this.#orders.set(name, new Map([[by, order]]));
    this.#nextMs = Math.min(this.#nextMs, order.untilMs);
  }

  /** Whether the targets of the function are as high as what is ordered. */
  isCovered(name: string, instancesOf: (version: number) => number, nowMs: number): boolean {
    return (this.#current.get(name) ?? []).every(
      ({ version }) => instancesOf(version) >= this.#ordered(name, version, nowMs),
    );
  }

  /** The target, or a higher one. `demanded` stays what it was: what is ordered gives way to others' calls. */
  raise(target: ScalingTarget, observation: Observation, { nowMs, wallMs }: Moment): ScalingTarget {
    if (this.#orders.size === 0 && this.#raisedMb.size === 0) return target;
    const { name, version } = target;
    const { memoryMb, maxInstances } = observation;
    const ordered = this.#ordered(name, version, nowMs);
    const key = `${name}@${version}`;
    this.#usedMb -= this.#raisedMb.get(key) ?? 0;
    this.#raisedMb.delete(key);
    const affordable = Math.max(0, Math.floor((this.#budgetMb - this.#usedMb) / Math.max(1, memoryMb)));
    const instances = Math.min(ordered, maxInstances, target.instances + affordable);
    if (instances <= target.instances) return target;
    const raisedMb = (instances - target.instances) * memoryMb;
    this.#raisedMb.set(key, raisedMb);
    this.#usedMb += raisedMb;
    const short = instances < ordered ? ` of ${ordered}` : '';
    const reason = `expected by ${this.#sources(name, nowMs, wallMs)}: ${instances}${short} (${target.reason})`;
    return { ...target, instances, reason };
  }

  /** Of a version that is gone, nothing is kept. */
  forget(name: string, version: number): void {
    const key = `${name}@${version}`;
    this.#usedMb -= this.#raisedMb.get(key) ?? 0;
    this.#raisedMb.delete(key);
  }

  /** When `expire` has something to tell, or a little earlier. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** Functions for which less is ordered than when they were last decided on. */
  expire(nowMs: number): string[] {
    const changed = new Set(this.#lowered);
    this.#lowered.clear();
    this.#nextMs = Number.POSITIVE_INFINITY;
    for (const [name, orders] of this.#orders) {
      for (const [by, { untilMs }] of orders) {
        if (untilMs > nowMs) this.#nextMs = Math.min(this.#nextMs, untilMs);
        else {
          this.#drop(name, by);
          changed.add(name);
        }
      }
    }
    return [...changed];
  }

  #drop(name: string, by: string): void {
    const orders = this.#orders.get(name);
    if (!orders?.delete(by)) return;
    this.#count--;
    if (orders.size === 0) this.#orders.delete(name);
  }

  /** Where `current` is split, each version gets its part, rounded up. */
  #ordered(name: string, version: number, nowMs: number): number {
    const shares = this.#current.get(name);
    const weight = shares?.find((share) => share.version === version)?.weight;
    if (!shares || weight === undefined) return 0;
    const weights = shares.reduce((sum, share) => sum + share.weight, 0);
    return Math.ceil((this.#sum(name, nowMs) * weight) / weights);
  }

  #sum(name: string, nowMs: number): number {
    let instances = 0;
    for (const order of this.#orders.get(name)?.values() ?? []) if (order.untilMs > nowMs) instances += order.instances;
    return instances;
  }

  #sources(name: string, nowMs: number, wallMs: number): string {
    const standing = [...(this.#orders.get(name) ?? [])].filter(([, { untilMs }]) => untilMs > nowMs);
    return standing
      .map(([by, { untilMs }]) => `${by} until ${new Date(wallMs + untilMs - nowMs).toISOString()}`)
      .join(' and ');
  }
}
