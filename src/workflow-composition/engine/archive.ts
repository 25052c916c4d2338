/** Executions that are not in memory, or have ended: what the store, or a short memory, has of them. */
import type { ExecutionEvent } from '../events.ts';
import type { ExecutionState } from '../execution-state.ts';
import type { ExecutionStore } from '../execution-store/protocol.ts';
import { fold } from '../fold.ts';
import { executionNotFound, isCompacted } from './faults.ts';
import type { ExecutionResult } from './protocol.ts';
import { resultOf, storedResult } from './results.ts';

/** Executions whose durability was `memory`, for those who ask for them after their end. */
const KEPT_IN_MEMORY = 1_000;

export class Archive {
  readonly #store: ExecutionStore;
  readonly #memory = new Map<string, ExecutionState>();

  constructor(store: ExecutionStore) {
    this.#store = store;
  }

  keep(state: ExecutionState): void {
    this.#memory.set(state.id, state);
    if (this.#memory.size <= KEPT_IN_MEMORY) return;
    for (const oldest of this.#memory.keys()) {
      this.#memory.delete(oldest);
      return;
    }
  }

  inMemory(): Iterable<ExecutionState> {
    return this.#memory.values();
  }

  isInMemory(id: string): boolean {
    return this.#memory.has(id);
  }

  /** Throws `EXECUTION_NOT_FOUND`, or `CONFLICT` where its journal was compacted. */
  state(id: string): ExecutionState {
    const remembered = this.#memory.get(id);
    return remembered ?? fold(id, this.history(id));
  }

  /** As above. */
  history(id: string): readonly ExecutionEvent[] {
    const events = this.#store.read(id);
    if (events) return events;
    throw this.#store.compacted(id) ? isCompacted(id) : executionNotFound(id);
  }

  /** Throws `EXECUTION_NOT_FOUND`. */
  result(id: string): ExecutionResult {
    const remembered = this.#memory.get(id);
    if (remembered) return resultOf(remembered);
    const stored = storedResult(this.#store, id);
    if (!stored) throw executionNotFound(id);
    return stored;
  }

  /** Undefined where there never was one, or is not any more. */
  workflowOf(id: string): { readonly workflow: string; readonly version: number } | undefined {
    const remembered = this.#memory.get(id);
    if (remembered) return remembered.started;
    return this.#store.exists(id) ? this.state(id).started : this.#store.compacted(id)?.summary;
  }
}
