/**
 * Which instance of a version gets the next call: the least loaded one, and among equals the one used last, so that the others grow
 * idle and can be stopped. Choosing, taking and giving back cost the same however many instances there are. Pure.
 */
import type { InstanceHandle } from '../instance/protocol.ts';

export interface IndexedInstance {
  readonly handle: InstanceHandle;
  inFlight: number;
  /** When it last began or ended a call, in ms. */
  lastUsedMs: number;
  /** Where it stands in its bucket; -1 when it is in none. */
  position: number;
}

export class ReadyIndex {
  readonly #instances = new Map<string, IndexedInstance>();
  /** `#buckets[n]` holds the instances with n calls inside and room for more. */
  readonly #buckets: IndexedInstance[][] = [];
  /** Below it every bucket is empty. */
  #lowest = 0;
  #inFlight = 0;

  get size(): number {
    return this.#instances.size;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** With so many calls inside already. */
  add(handle: InstanceHandle, nowMs: number, inFlight = 0): void {
    const instance: IndexedInstance = { handle, inFlight, lastUsedMs: nowMs, position: -1 };
    this.#instances.set(handle.instanceId, instance);
    this.#inFlight += inFlight;
    this.#enter(instance);
  }

  get(instanceId: string): IndexedInstance | undefined {
    return this.#instances.get(instanceId);
  }

  /** The calls inside no longer count. */
  remove(instanceId: string): IndexedInstance | undefined {
    const instance = this.#instances.get(instanceId);
    if (!instance) return undefined;
    this.#leave(instance);
    this.#instances.delete(instanceId);
    this.#inFlight -= instance.inFlight;
    return instance;
  }

  /** Counts one call more into the instance chosen, or answers `undefined` when all are full. */
  take(nowMs: number): IndexedInstance | undefined {
    for (; this.#lowest < this.#buckets.length; this.#lowest++) {
      const bucket = this.#buckets[this.#lowest];
      const instance = bucket?.[bucket.length - 1];
      if (!instance) continue;
      this.#move(instance, 1, nowMs);
      return instance;
    }
    return undefined;
  }

  /** A call has left the instance. False when the instance is not, or no longer, in the index. */
  giveBack(instanceId: string, nowMs: number): boolean {
    const instance = this.#instances.get(instanceId);
    if (!instance) return false;
    this.#move(instance, -1, nowMs);
    return true;
  }

  values(): IterableIterator<IndexedInstance> {
    return this.#instances.values();
  }

  #move(instance: IndexedInstance, by: 1 | -1, nowMs: number): void {
    this.#leave(instance);
    instance.inFlight += by;
    instance.lastUsedMs = nowMs;
    this.#inFlight += by;
    this.#enter(instance);
  }

  #enter(instance: IndexedInstance): void {
    if (instance.inFlight >= instance.handle.concurrency) return;
    while (this.#buckets.length <= instance.inFlight) this.#buckets.push([]);
    const bucket = this.#buckets[instance.inFlight];
    instance.position = bucket ? bucket.push(instance) - 1 : -1;
    if (instance.inFlight < this.#lowest) this.#lowest = instance.inFlight;
  }

  #leave(instance: IndexedInstance): void {
    const bucket = this.#buckets[instance.inFlight];
    if (instance.position < 0 || !bucket) return;
    const last = bucket.pop();
    if (last && last !== instance) {
      bucket[instance.position] = last;
      last.position = instance.position;
    }
    instance.position = -1;
  }
}
