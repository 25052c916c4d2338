/**
 * What an actor is to its neighbours: a typed reference. What it is to the system: a definition. Types only.
 *
 * A message map types every actor: `{ deploy: { body: DeployRequest; reply: DeployOutcome }; instanceStopped: { body: Stopped } }`.
 * A message with a reply is asked, one without is told.
 */
import type { TroupeError } from '../errors.ts';
import type { CancelTimer, Clock } from './clock.ts';

export type MessageMap = Record<string, { readonly body: unknown; readonly reply?: unknown }>;

export type AskType<M extends MessageMap> = {
  [T in keyof M]: M[T] extends { readonly reply: unknown } ? T : never;
}[keyof M] &
  string;

export type TellType<M extends MessageMap> = Exclude<keyof M & string, AskType<M>>;

export type ReplyOf<M extends MessageMap, T extends keyof M> = M[T] extends { readonly reply: infer R } ? R : never;

export interface AskOptions {
  /** How long the asker waits, in ms; the default is `DEFAULT_ASK_TIMEOUT_MS`. After it the ask rejects with `ASK_TIMEOUT`. */
  readonly timeoutMs?: number;
}

export interface ActorRef<M extends MessageMap> {
  /** Unique while the actor lives: its name after its parents' names, as in `/router` or `/deployer/instance-7`. */
  readonly path: string;
  /** Puts a message in the mailbox. False when it became a dead letter at once: the mailbox is full or the actor has stopped. */
  tell<T extends TellType<M>>(type: T, body: M[T]['body']): boolean;
  /**
   * Always settles, and rejects with a `TroupeError`: `MAILBOX_FULL`, `ACTOR_STOPPED`, `ASK_TIMEOUT` (the message may still be handled),
   * the `TroupeError` that the handler threw, or `INTERNAL` with what else it threw as the cause.
   */
  ask<T extends AskType<M>>(type: T, body: M[T]['body'], options?: AskOptions): Promise<ReplyOf<M, T>>;
}

/**
 * A reply that comes later. A handler that returns a promise holds its mailbox until the promise settles; one that returns
 * `later(promise)` lets the next message in at once. A rejection of that promise is the asker's, not a failure of the actor. What is
 * still unsettled when the actor ends or restarts is rejected with `ACTOR_STOPPED`; at a graceful stop only after the stop callbacks.
 */
export interface Later<R> {
  readonly later: Promise<R>;
}

type HandlerResult<Shape> = Shape extends { readonly reply: infer R }
  ? R | Promise<R> | Later<R>
  : void | Promise<void>;

export type Handlers<M extends MessageMap> = {
  readonly [T in keyof M]: (body: M[T]['body']) => HandlerResult<M[T]>;
};

/** What the supervisor does when a handler throws anything but a `TroupeError` in answer to an ask. */
export type Supervision =
  | { readonly onFailure: 'resume' }
  | { readonly onFailure: 'stop' }
  | { readonly onFailure: 'escalate' }
  | RestartPolicy;

export interface RestartPolicy {
  readonly onFailure: 'restart';
  /** A failure after this many restarts within the window ends the actor and escalates to its parent. */
  readonly maxRestarts: number;
  readonly withinMs: number;
  /** The n-th restart within the window waits `min(backoffMs * 2 ** (n - 1), maxBackoffMs)`. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

export interface Terminated {
  readonly path: string;
  readonly reason: 'stopped' | 'killed' | 'failed';
  readonly error?: TroupeError;
}

/**
 * What a running actor may use. Everything that it starts here ends with it, at its end or at its restart; code that still runs after
 * that can start nothing: `spawn` throws `ACTOR_STOPPED`, timers and watches are ignored, `onStop` runs its callback at once.
 */
export interface ActorContext<M extends MessageMap> {
  readonly self: ActorRef<M>;
  readonly clock: Clock;
  /** Starts a child; it is stopped before this actor, and its failure may escalate to it. */
  spawn<C extends MessageMap>(definition: ActorDefinition<C>): ActorRef<C>;
  /** Calls back in this actor's own turn. The timer ends with this actor. */
  after(delayMs: number, callback: () => void | Promise<void>): CancelTimer;
  /** Calls back in this actor's own turn, ahead of user messages, once the other has ended (at once if it already has). */
  watch(other: { readonly path: string }, callback: (terminated: Terminated) => void): void;
  /** Runs at stop, failure and restart, after the children have stopped; last registered first. Not at kill. */
  onStop(callback: () => void | Promise<void>): void;
  /** Stops a child, or this actor itself. */
  stop(actor: { readonly path: string }): void;
}

export interface ActorDefinition<M extends MessageMap> {
  /** Unique among its siblings, not empty, without `/`; lower-case words joined with `-`. */
  readonly name: string;
  /** Builds fresh state and returns the handlers. Runs at spawn and again at each restart. */
  readonly start: (context: ActorContext<M>) => Handlers<M> | Promise<Handlers<M>>;
  /** User messages over this are refused; the default is `DEFAULT_MAILBOX_CAPACITY`. */
  readonly mailboxCapacity?: number;
  /** Message types that go ahead of all others and do not count against the capacity. */
  readonly controlMessages?: readonly (keyof M & string)[];
  readonly supervision?: Supervision;
  /** These actors are stopped only after this one: it may need them to the end. */
  readonly dependsOn?: readonly { readonly path: string }[];
}

export type ActorState = 'starting' | 'running' | 'restarting' | 'stopping' | 'stopped';

/** What the monitor sees of one actor. */
export interface ActorStats {
  readonly path: string;
  readonly state: ActorState;
  readonly mailboxDepth: number;
  /** Messages and callbacks whose handling is over, failures and refusals included. */
  readonly handled: number;
  /** From the beginning of a handler to its end, waiting included. */
  readonly handlingMs: number;
  readonly longestHandlingMs: number;
  readonly restarts: number;
  /** Handlers, callbacks and starts that threw; refused asks are not among them. */
  readonly failures: number;
}

export type DeadLetterReason = 'mailbox-full' | 'stopped' | 'killed' | 'failed-start';

export interface DeadLetter {
  readonly path: string;
  readonly type: string;
  readonly reason: DeadLetterReason;
  readonly atMs: number;
}
