/**
 * When each lease ends. Pure: the time is an argument.
 *
 * A binary heap ordered by expiry (then name), in which a renewal costs nothing: it only notes the new expiry, and the heap entry is put
 * right when it comes to the top. So a lease that is renewed every second for a day moves in the heap once per lease length. Each lease
 * has one entry; entries of removed leases are dropped when they come up, or all together once they outnumber the living.
 */

interface Entry {
  readonly name: string;
  /** Not later than the lease's real expiry. */
  readonly atMs: number;
}

interface Lease {
  expiresAtMs: number;
  /** The one entry that stands for it; an entry that is not this one is stale. */
  entry: Entry;
}

export class LeaseTable {
  readonly #leases = new Map<string, Lease>();
  #heap: Entry[] = [];

  get size(): number {
    return this.#leases.size;
  }

  /** When to look next: not later than the earliest expiry, and earlier at most once per renewal. */
  get nextMs(): number | undefined {
    this.#dropStale();
    return this.#heap[0]?.atMs;
  }

  /** Starts a lease or moves its end, either way. An infinite time is no lease. */
  set(name: string, expiresAtMs: number): void {
    const lease = this.#leases.get(name);
    if (expiresAtMs === Number.POSITIVE_INFINITY) return this.delete(name);
    if (lease && lease.entry.atMs <= expiresAtMs) {
      lease.expiresAtMs = expiresAtMs;
      return;
    }
    const entry = { name, atMs: expiresAtMs };
    this.#leases.set(name, { expiresAtMs, entry });
    this.#push(entry);
    this.#compact();
  }

  delete(name: string): void {
    this.#leases.delete(name);
    this.#compact();
  }

  /** Removes and returns the names whose lease has ended by `nowMs`, in order of their ends. */
  takeExpired(nowMs: number): string[] {
    const expired: { name: string; atMs: number }[] = [];
    for (let top = this.#top(); top && top.atMs <= nowMs; top = this.#top()) {
      this.#pop();
      const lease = this.#leases.get(top.name);
      if (!lease) continue;
      if (lease.expiresAtMs > nowMs) {
        lease.entry = { name: top.name, atMs: lease.expiresAtMs };
        this.#push(lease.entry);
        continue;
      }
      this.#leases.delete(top.name);
      expired.push({ name: top.name, atMs: lease.expiresAtMs });
    }
    return expired.sort(byTime).map(({ name }) => name);
  }

  #top(): Entry | undefined {
    this.#dropStale();
    return this.#heap[0];
  }

  #dropStale(): void {
    for (let top = this.#heap[0]; top && this.#leases.get(top.name)?.entry !== top; top = this.#heap[0]) this.#pop();
  }

  /** Keeps the heap within twice the number of leases: constant cost per removal, on average. */
  #compact(): void {
    if (this.#heap.length <= 64 || this.#heap.length <= 2 * this.#leases.size) return;
    // A sorted array is a heap.
    this.#heap = [...this.#leases.values()].map(({ entry }) => entry).sort(byTime);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (!parent || byTime(parent, entry) <= 0) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      const child = right && left && byTime(right, left) < 0 ? right : left;
      if (!child || byTime(last, child) <= 0) break;
      heap[at] = child;
      at = child === left ? 2 * at + 1 : 2 * at + 2;
    }
    heap[at] = last;
  }
}

function byTime(a: Entry, b: Entry): number {
  return a.atMs - b.atMs || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}
