/**
 * Hosts actors: gives them names, parents and an end. The guarantees are in README.md.
 */
import { TroupeError } from '../errors.ts';
import { ActorCell } from './actor-cell.ts';
import { CellContext, type ContextHost } from './actor-context.ts';
import { CellRef } from './actor-ref.ts';
import type { Cell, CellHost } from './cell.ts';
import { type Clock, systemClock } from './clock.ts';
import { DeadLetters } from './dead-letters.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Incarnation } from './incarnation.ts';
import type { ActorDefinition, ActorRef, ActorStats, Later, MessageMap } from './protocol.ts';
import type { Random } from './random.ts';
import { dependantsOf } from './stop-order.ts';
import type { SupervisionAction } from './supervision.ts';

export interface ActorSystemOptions {
  readonly clock?: Clock;
  /** When given, the next actor to run is drawn from it: a seed then reproduces one delivery order. Per-mailbox order never changes. */
  readonly deliveryOrder?: Random;
  /** Called when an actor without a parent escalates: its own decision, or because its restarts are used up. It has ended. */
  readonly onFailure?: (path: string, error: TroupeError) => void;
  /** Called for every failure of any actor, with what follows it: for the log. */
  readonly onActorError?: (path: string, error: TroupeError, action: SupervisionAction) => void;
}

/** Marks a reply that comes after the handler has returned; see `Later`. */
export function later<R>(promise: Promise<R>): Later<R> {
  return { later: promise };
}

export class ActorSystem {
  readonly clock: Clock;
  readonly deadLetters = new DeadLetters();
  readonly #options: ActorSystemOptions;
  readonly #cells = new Map<string, Cell>();
  readonly #cellHost: CellHost;
  readonly #contextHost: ContextHost;
  #isShutDown = false;

  constructor(options: ActorSystemOptions = {}) {
    this.#options = options;
    this.clock = options.clock ?? systemClock;
    const dispatcher = new Dispatcher(this.clock, options.deliveryOrder);
    this.clock.holdWhile?.(() => !dispatcher.isIdle);
    this.#contextHost = {
      clock: this.clock,
      spawn: (definition, parent, life) => this.#spawn(definition, parent, life),
      find: (actor) => this.#find(actor),
    };
    this.#cellHost = {
      clock: this.clock,
      deadLetters: this.deadLetters,
      schedule: (cell) => dispatcher.schedule(cell),
      contextFor: (cell, incarnation) => new CellContext<never>(this.#contextHost, cell, incarnation),
      stopChildren: (cell) => stopAll([...cell.children]),
      failed: (cell, error, action) => this.#failed(cell, error, action),
      ended: (cell) => void this.#cells.delete(cell.path),
    };
  }

  /** Throws `NAME_TAKEN` when an actor of that name lives, `INVALID_NAME` when none may have it, `SHUTTING_DOWN` after `shutdown`. */
  spawn<M extends MessageMap>(definition: ActorDefinition<M>): ActorRef<M> {
    if (this.#isShutDown) {
      throw new TroupeError('SHUTTING_DOWN', `The actor system is shutting down and starts no "${definition.name}".`);
    }
    return this.#spawn(definition, undefined, undefined);
  }

  actors(): ActorStats[] {
    return [...this.#cells.values()].map((cell) => cell.stats());
  }

  /** Resolves when the actor has handled what is in its mailbox and has ended; at once when there is no such actor. */
  async stop(actor: { readonly path: string }): Promise<void> {
    await this.#find(actor)?.stop();
  }

  /** Ends the actor and its children now; see invariant 9. */
  kill(actor: { readonly path: string }): void {
    this.#find(actor)?.kill();
  }

  /** Stops every actor, each before those it depends on. What has not ended by `timeoutMs` is killed. */
  async shutdown(timeoutMs: number): Promise<void> {
    this.#isShutDown = true;
    let cancel = () => {};
    const expired = new Promise<void>((resolve) => {
      cancel = this.clock.after(timeoutMs, resolve);
    });
    await Promise.race([stopAll(this.#roots()), expired]);
    cancel();
    for (const root of this.#roots()) root.kill();
  }

  #roots(): Cell[] {
    return [...this.#cells.values()].filter(({ parent }) => !parent);
  }

  #spawn<M extends MessageMap>(
    definition: ActorDefinition<M>,
    parent: Cell | undefined,
    parentLife: Incarnation | undefined,
  ): ActorRef<M> {
    const { name } = definition;
    if (typeof name !== 'string' || name === '' || name.includes('/')) {
      throw new TroupeError(
        'INVALID_NAME',
        `${JSON.stringify(name)} is not an actor name: use one character or more, none of them "/".`,
      );
    }
    const path = `${parent?.path ?? ''}/${name}`;
    if (this.#cells.has(path)) throw new TroupeError('NAME_TAKEN', `An actor named ${path} is running.`);
    const cell = new ActorCell({
      host: this.#cellHost,
      path,
      parent,
      parentLife,
      definition: definition as unknown as ActorDefinition<never>,
    });
    this.#cells.set(path, cell);
    parent?.children.add(cell);
    cell.start();
    return new CellRef<M>(cell, this.clock);
  }

  #find(actor: { readonly path: string }): Cell | undefined {
    return CellRef.cellOf(actor) ?? this.#cells.get(actor.path);
  }

  /** An escalated failure becomes the parent's own, in the parent's own turn (invariant 13). */
  #failed(cell: Cell, error: TroupeError, action: SupervisionAction): void {
    const { parent, parentLife } = cell;
    if (action === 'escalate' && parent && parentLife) {
      parent.putCallback(parentLife, () => {
        throw error;
      });
    }
    // In a microtask of their own, an observer that throws cannot break the actor that is being looked after here.
    const { onFailure, onActorError } = this.#options;
    if (onActorError) queueMicrotask(() => onActorError(cell.path, error, action));
    if (onFailure && action === 'escalate' && !parent) queueMicrotask(() => onFailure(cell.path, error));
  }
}

/** Stops siblings, each once all that depend on it have ended. */
async function stopAll(cells: readonly Cell[]): Promise<void> {
  const dependants = dependantsOf(cells);
  const ends = new Map<Cell, Promise<void>>();
  const stopAfterDependants = (cell: Cell): Promise<void> => {
    const known = ends.get(cell);
    if (known) return known;
    const waitFor = dependants.get(cell);
    // Without dependants it is stopped in this very turn, so that nothing that is sent from now on gets in.
    const end = waitFor ? Promise.all([...waitFor].map(stopAfterDependants)).then(() => cell.stop()) : cell.stop();
    ends.set(cell, end);
    return end;
  };
  await Promise.all(cells.map(stopAfterDependants));
}
