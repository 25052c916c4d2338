/**
 * Waits for the results of executions, or of jobs, which may take weeks. Each is asked for its result once, however many clients wait for it and
 * give up again: what is kept grows with those that are waited for, not with the requests.
 */
export interface AwaitedResult {
  readonly id: string;
  /** Resolves when it has ended. */
  result(): Promise<unknown>;
}

export type SettledResult =
  | { readonly kind: 'succeeded'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly thrown: unknown };

type Listener = (result: SettledResult) => void;

export class ResultWaits {
  readonly #listeners = new Map<string, Set<Listener>>();

  /** Calls back once when it has ended, or is not there; the answer ends the wait. */
  add(awaited: AwaitedResult, listener: Listener): () => void {
    const { id } = awaited;
    const known = this.#listeners.get(id);
    const listeners = known ?? new Set();
    listeners.add(listener);
    if (!known) {
      this.#listeners.set(id, listeners);
      awaited.result().then(
        (value) => this.#settle(id, { kind: 'succeeded', value }),
        (thrown) => this.#settle(id, { kind: 'failed', thrown }),
      );
    }
    return () => void listeners.delete(listener);
  }

  #settle(id: string, result: SettledResult): void {
    const listeners = this.#listeners.get(id) ?? [];
    // One that is redriven later has another result.
    this.#listeners.delete(id);
    for (const listener of listeners) listener(result);
  }
}
