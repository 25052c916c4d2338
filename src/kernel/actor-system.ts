/**
 * Hosts actors: gives them names, turns and an end. The guarantees are in README.md.
 */
import { TroupeError } from '../errors.ts';
import { ActorCell, type CellHost } from './actor-cell.ts';
import { type Clock, systemClock } from './clock.ts';
import { DeadLetters } from './dead-letters.ts';
import { FifoQueue } from './mailbox.ts';
import type {
  ActorContext,
  ActorDefinition,
  ActorRef,
  ActorStats,
  AskOptions,
  Later,
  MessageMap,
  Terminated,
} from './protocol.ts';
import type { Random } from './random.ts';

export const DEFAULT_ASK_TIMEOUT_MS = 30_000;

/** After this many messages in a row the event loop gets a turn, so that timers and sockets are served under any load. */
const MESSAGES_PER_LOOP_TURN = 512;

export interface ActorSystemOptions {
  readonly clock?: Clock;
  /** When given, the next actor to run is drawn from it: a seed then reproduces one delivery order. Per-mailbox order never changes. */
  readonly deliveryOrder?: Random;
  /** Called when an actor without a parent escalates, or ends because its restarts are used up. */
  readonly onFailure?: (path: string, error: TroupeError) => void;
}

/** Marks a reply that comes after the handler has returned; see `Later`. */
export function later<R>(promise: Promise<R>): Later<R> {
  return { later: promise };
}

export class ActorSystem {
  readonly clock: Clock;
  readonly deadLetters = new DeadLetters();
  readonly #order: Random | undefined;
  readonly #onFailure: (path: string, error: TroupeError) => void;
  readonly #cells = new Map<string, ActorCell>();
  readonly #watchers = new Map<string, Set<(terminated: Terminated) => void>>();
  readonly #ready = new FifoQueue<ActorCell>();
  readonly #queued = new Set<ActorCell>();
  readonly #host: CellHost;
  #pumpArmed = false;
  #sinceLoopTurn = 0;

  constructor(options: ActorSystemOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.#order = options.deliveryOrder;
    this.#onFailure = options.onFailure ?? (() => undefined);
    this.#host = {
      clock: this.clock,
      deadLetters: this.deadLetters,
      schedule: (cell) => this.#schedule(cell),
      contextFor: (cell) => this.#contextFor(cell),
      stopChildren: (cell) => this.#stopAll([...this.#cells.values()].filter(({ parent }) => parent === cell)),
      failed: (cell, error) => this.#escalate(cell, error),
      terminated: (cell, terminated) => this.#terminated(cell, terminated),
    };
  }

  /** Throws `NAME_TAKEN` when an actor of that name lives. */
  spawn<M extends MessageMap>(definition: ActorDefinition<M>): ActorRef<M> {
    return this.#spawn(definition, undefined);
  }

  actors(): ActorStats[] {
    return [...this.#cells.values()].map((cell) => cell.stats());
  }

  /** Resolves when the actor has handled what is in its mailbox and has ended; at once when there is no such actor. */
  async stop(actor: { readonly path: string }): Promise<void> {
    await this.#cells.get(actor.path)?.stop();
  }

  async kill(actor: { readonly path: string }): Promise<void> {
    await this.#cells.get(actor.path)?.kill();
  }

  /** Stops every actor, each before those it depends on. What has not ended by `timeoutMs` is killed. */
  async shutdown(timeoutMs: number): Promise<void> {
    let cancel = () => {};
    const expired = new Promise<void>((resolve) => {
      cancel = this.clock.after(timeoutMs, resolve);
    });
    await Promise.race([this.#stopAll([...this.#cells.values()].filter(({ parent }) => !parent)), expired]);
    cancel();
    await Promise.all([...this.#cells.values()].map((cell) => cell.kill()));
  }

  #spawn<M extends MessageMap>(definition: ActorDefinition<M>, parent: ActorCell | undefined): ActorRef<M> {
    const path = `${parent?.path ?? ''}/${definition.name}`;
    if (this.#cells.has(path)) throw new TroupeError('NAME_TAKEN', `An actor named ${path} is running.`);
    const cell = new ActorCell(this.#host, path, parent, definition as unknown as ActorDefinition<never>);
    this.#cells.set(path, cell);
    cell.start();
    return this.#refTo<M>(cell);
  }

  #refTo<M extends MessageMap>(cell: ActorCell): ActorRef<M> {
    return {
      path: cell.path,
      tell: (type, body) => cell.put({ type, body }) === undefined,
      ask: (type, body, options) => this.#ask(cell, type, body, options),
    };
  }

  #ask<R>(cell: ActorCell, type: string, body: unknown, options: AskOptions = {}): Promise<R> {
    const timeoutMs = options.timeoutMs ?? DEFAULT_ASK_TIMEOUT_MS;
    return new Promise<R>((resolve, reject) => {
      const cancel = this.clock.after(timeoutMs, () =>
        reject(new TroupeError('ASK_TIMEOUT', `${cell.path} did not answer "${type}" within ${timeoutMs} ms.`)),
      );
      const reply = {
        resolve: (value: unknown) => {
          cancel();
          resolve(value as R);
        },
        reject: (error: unknown) => {
          cancel();
          reject(error);
        },
      };
      cell.put({ type, body, reply });
    });
  }

  #contextFor(cell: ActorCell): ActorContext<never> {
    return {
      self: this.#refTo<never>(cell),
      clock: this.clock,
      spawn: (definition) => this.#spawn(definition, cell),
      after: (delayMs, callback) => cell.after(delayMs, callback),
      watch: (other, callback) => this.#watch(other.path, (terminated) => cell.putCallback(() => callback(terminated))),
      onStop: (callback) => cell.onStop(callback),
      stop: (actor) => void this.stop(actor),
    };
  }

  #watch(path: string, callback: (terminated: Terminated) => void): void {
    if (!this.#cells.has(path)) return callback({ path, reason: 'stopped' });
    const watchers = this.#watchers.get(path);
    if (watchers) watchers.add(callback);
    else this.#watchers.set(path, new Set([callback]));
  }

  #terminated(cell: ActorCell, terminated: Terminated): void {
    this.#cells.delete(cell.path);
    const watchers = this.#watchers.get(cell.path);
    this.#watchers.delete(cell.path);
    for (const watcher of watchers ?? []) watcher(terminated);
  }

  /** An escalated failure is the parent's own: it ends, with all its children, unless its own supervision restarts it. */
  #escalate(cell: ActorCell, error: TroupeError): void {
    const { parent } = cell;
    if (!parent) return this.#onFailure(cell.path, error);
    parent.putCallback(() => {
      throw error;
    });
  }

  /** Stops siblings, each once all that depend on it have ended. */
  async #stopAll(cells: readonly ActorCell[]): Promise<void> {
    const ends = new Map<ActorCell, Promise<void>>();
    const stopAfterDependants = (cell: ActorCell, asked: ReadonlySet<ActorCell>): Promise<void> => {
      const known = ends.get(cell);
      if (known) return known;
      const dependants = cells.filter(
        (other) => !asked.has(other) && other.definition.dependsOn?.some(({ path }) => path === cell.path),
      );
      const end = Promise.all(
        dependants.map((dependant) => stopAfterDependants(dependant, new Set([...asked, cell]))),
      ).then(() => cell.stop());
      ends.set(cell, end);
      return end;
    };
    await Promise.all(cells.map((cell) => stopAfterDependants(cell, new Set())));
  }

  #schedule(cell: ActorCell): void {
    if (this.#queued.has(cell) || !cell.hasWork) return;
    this.#queued.add(cell);
    this.#ready.push(cell);
    this.#arm();
  }

  #arm(): void {
    if (this.#pumpArmed) return;
    this.#pumpArmed = true;
    if (this.#sinceLoopTurn < MESSAGES_PER_LOOP_TURN) queueMicrotask(this.#pump);
    else
      setImmediate(() => {
        this.#sinceLoopTurn = 0;
        this.#pump();
      });
  }

  readonly #pump = (): void => {
    this.#pumpArmed = false;
    while (this.#ready.size > 0 && this.#sinceLoopTurn < MESSAGES_PER_LOOP_TURN) {
      this.#sinceLoopTurn++;
      const cell = this.#next();
      if (!cell) break;
      this.#queued.delete(cell);
      cell.turn();
      this.#schedule(cell);
    }
    if (this.#ready.size > 0) this.#arm();
  };

  #next(): ActorCell | undefined {
    // Rotating the queue by a drawn number picks any ready actor and costs nothing in production, where no order is given.
    if (this.#order) {
      for (let skip = Math.floor(this.#order() * this.#ready.size); skip > 0; skip--) {
        const cell = this.#ready.shift();
        if (cell) this.#ready.push(cell);
      }
    }
    return this.#ready.shift();
  }
}
