/**
 * The memory of a WebAssembly instance as it is now, to be put back later.
 *
 * Everything that QuickJS knows lies in that memory: globals, prototypes, its heap, its allocator. So putting it back undoes whatever an expression did,
 * and frees whatever it allocated, in a few microseconds; a new context would take forty times as long, and a frozen one would
 * break code that is right.
 *
 * Holds while no code of the instance is on the stack, and for what was there when the snapshot was taken: handles made later are void.
 */

const PAGE_BYTES = 4_096;
/** Beyond the last byte that is used: room for an error in what is said below. */
const MARGIN_PAGES = 16;
/** The stack, which is empty: no data lies in a hole as large as this. */
const STACK_PAGES = 256;

/** Of `WebAssembly.Memory`, which is a type of the browser's. */
export interface LinearMemory {
  readonly buffer: ArrayBuffer;
}

interface Run {
  readonly at: number;
  readonly bytes: Uint8Array;
}

export class MemorySnapshot {
  readonly #memory: LinearMemory;
  readonly #runs: readonly Run[];

  constructor(memory: LinearMemory) {
    this.#memory = memory;
    const view = new Uint8Array(memory.buffer);
    this.#runs = usedRuns(view).map(([from, to]) => {
      const [at, end] = [from * PAGE_BYTES, Math.min((to + MARGIN_PAGES) * PAGE_BYTES, view.length)];
      return { at, bytes: view.slice(at, end) };
    });
  }

  get sizeBytes(): number {
    return this.#runs.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  restore(): void {
    // A memory that grew has a new buffer.
    const view = new Uint8Array(this.#memory.buffer);
    for (const { at, bytes } of this.#runs) view.set(bytes, at);
  }
}

/**
 * First and last page of what is used. Memory begins as zeros, static data lies at its start, then the stack, then the heap, whose last
 * block has a header that is not zero.
 */
function usedRuns(view: Uint8Array): readonly (readonly [number, number])[] {
  const runs: [number, number][] = [];
  const nothing = new Uint8Array(PAGE_BYTES);
  for (let page = 0; page < view.length / PAGE_BYTES; page++) {
    const bytes = view.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    if (Buffer.compare(bytes, nothing) === 0) continue;
    const last = runs.at(-1);
    if (last && page - last[1] < STACK_PAGES) last[1] = page + 1;
    else runs.push([page, page + 1]);
  }
  return runs;
}
