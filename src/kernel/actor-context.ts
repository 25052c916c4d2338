/**
 * What an actor's own code holds of the system, bound to one incarnation: once that is over, whatever code of it still runs can start
 * nothing (invariant 12). Its methods are fields, so that a `start` may take the context apart.
 */
import { TroupeError } from '../errors.ts';
import { CellRef } from './actor-ref.ts';
import type { Cell } from './cell.ts';
import type { CancelTimer, Clock } from './clock.ts';
import type { Incarnation, StopCallback } from './incarnation.ts';
import type { ActorContext, ActorDefinition, ActorRef, MessageMap, Terminated } from './protocol.ts';

/** What a context needs of the system. */
export interface ContextHost {
  readonly clock: Clock;
  spawn<C extends MessageMap>(definition: ActorDefinition<C>, parent: Cell, life: Incarnation): ActorRef<C>;
  /** The living or ended actor behind a reference; undefined when only a path is known and nobody lives there. */
  find(actor: { readonly path: string }): Cell | undefined;
}

export class CellContext<M extends MessageMap> implements ActorContext<M> {
  readonly self: ActorRef<M>;
  readonly clock: Clock;
  readonly #host: ContextHost;
  readonly #cell: Cell;
  readonly #life: Incarnation;

  constructor(host: ContextHost, cell: Cell, life: Incarnation) {
    this.self = new CellRef<M>(cell, host.clock);
    this.clock = host.clock;
    this.#host = host;
    this.#cell = cell;
    this.#life = life;
  }

  readonly spawn = <C extends MessageMap>(definition: ActorDefinition<C>): ActorRef<C> => {
    if (this.#life.isOver) {
      throw new TroupeError('ACTOR_STOPPED', `${this.#cell.path} has ended and can start no child.`, {
        details: { path: this.#cell.path, child: definition.name },
      });
    }
    return this.#host.spawn(definition, this.#cell, this.#life);
  };

  readonly after = (delayMs: number, callback: () => void | Promise<void>): CancelTimer => {
    if (this.#life.isOver) return () => undefined;
    let isCancelled = false;
    const stopTimer = this.clock.after(delayMs, () => {
      this.#life.letGo(cancel);
      // The callback waits for its turn, and may be cancelled while it does.
      this.#cell.putCallback(this.#life, () => (isCancelled ? undefined : callback()));
    });
    const cancel = () => {
      isCancelled = true;
      this.#life.letGo(cancel);
      stopTimer();
    };
    this.#life.hold(cancel);
    return cancel;
  };

  /** Invariant 18. The registration is held by both ends, and whichever ends first takes it from the other. */
  readonly watch = (other: { readonly path: string }, callback: (terminated: Terminated) => void): void => {
    if (this.#life.isOver) return;
    const cell = this.#host.find(other);
    const terminated = cell ? cell.terminated : ({ path: other.path, reason: 'stopped' } satisfies Terminated);
    const tellWatcher = (end: Terminated) => {
      this.#life.letGo(unwatch);
      this.#cell.putCallback(this.#life, () => callback(end));
    };
    const unwatch = () => {
      cell?.watchers.delete(tellWatcher);
    };
    if (terminated) return tellWatcher(terminated);
    cell?.watchers.add(tellWatcher);
    this.#life.hold(unwatch);
  };

  readonly onStop = (callback: StopCallback): void => this.#life.onStop(callback);

  readonly stop = (actor: { readonly path: string }): void => void this.#host.find(actor)?.stop();
}
