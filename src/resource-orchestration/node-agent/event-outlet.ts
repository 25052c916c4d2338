/** Keeps events until there is a listener, then hands each over once and in order. */
import type { AgentEvent } from './protocol.ts';

export class EventOutlet {
  #listener: ((event: AgentEvent) => void) | undefined;
  #kept: AgentEvent[] = [];

  emit(event: AgentEvent): void {
    if (this.#listener) this.#listener(event);
    else this.#kept.push(event);
  }

  listen(listener: (event: AgentEvent) => void): void {
    this.#listener = listener;
    const kept = this.#kept;
    this.#kept = [];
    for (const event of kept) listener(event);
  }
}
