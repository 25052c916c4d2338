/**
 * Hands changes of jobs on to those who asked for them. All of them are one listener to the queues, and who follows one job is found by its id: what a
 * change costs does not grow with how many wait for other jobs.
 */
import type { JobChange, JobFilter } from '../protocol.ts';

type Listener = (change: JobChange) => void;

export class ChangeDesk {
  readonly #follow: (listener: Listener) => () => void;
  readonly #byId = new Map<string, Set<Listener>>();
  readonly #others = new Set<Listener>();
  #stop: (() => void) | undefined;

  /** `follow` calls back for every change until its answer is called. */
  constructor(follow: (listener: Listener) => () => void) {
    this.#follow = follow;
  }

  /** Calls back for each change that the filter lets through; the answer ends it. */
  add(listener: Listener, { id, function: name }: JobFilter = {}): () => void {
    // Its own, so that one who asks twice is told twice, and each end is that of one.
    const own: Listener = (change) => {
      if (name === undefined || change.function === name) listener(change);
    };
    const listeners = id === undefined ? this.#others : (this.#byId.get(id) ?? new Set<Listener>());
    listeners.add(own);
    if (id !== undefined) this.#byId.set(id, listeners);
    this.#stop ??= this.#follow(this.#tell);
    return () => {
      listeners.delete(own);
      if (id !== undefined && listeners.size === 0 && this.#byId.get(id) === listeners) this.#byId.delete(id);
      if (this.#others.size > 0 || this.#byId.size > 0) return;
      this.#stop?.();
      this.#stop = undefined;
    };
  }

  readonly #tell: Listener = (change) => {
    for (const listener of this.#others) listener(change);
    for (const listener of this.#byId.get(change.id) ?? []) listener(change);
  };
}
