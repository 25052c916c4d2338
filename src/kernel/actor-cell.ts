/**
 * One actor at run time: its mailbox, its state machine and its end. What ends with one life of it is in `Incarnation`.
 * The numbers are those of the guarantees in README.md.
 */
import { TroupeError, toTroupeError } from '../errors.ts';
import type { Cell, CellHost, CellOptions } from './cell.ts';
import type { CancelTimer } from './clock.ts';
import { isLater, isThenable } from './handler-result.ts';
import { HandlingStats } from './handling-stats.ts';
import { Incarnation } from './incarnation.ts';
import { type Envelope, Mailbox, stoppedError } from './mailbox.ts';
import type { ActorDefinition, ActorState, ActorStats, DeadLetterReason, Terminated } from './protocol.ts';
import { DEFAULT_SUPERVISION, decideSupervision } from './supervision.ts';

export const DEFAULT_MAILBOX_CAPACITY = 10_000;

/** How long children and stop callbacks may take after a failure. Longer, and what has not ended is killed or abandoned. */
const CLEAN_UP_GRACE_MS = 5_000;

type AnyHandlers = Readonly<Record<string, (body: unknown) => unknown>>;

/** The type of the envelopes that carry a callback to be run in the actor's own turn. */
const CALLBACK = '#callback';

export class ActorCell implements Cell {
  readonly path: string;
  readonly parent: Cell | undefined;
  readonly parentLife: Incarnation | undefined;
  readonly definition: ActorDefinition<never>;
  readonly children = new Set<Cell>();
  readonly watchers = new Set<(terminated: Terminated) => void>();
  isQueued = false;
  readonly #host: CellHost;
  readonly #mailbox: Mailbox;
  #incarnation: Incarnation;
  #handlers: AnyHandlers | undefined;
  #state: ActorState = 'starting';
  /** Invariant 1: true from taking a message until its handler, or the promise it returned, is done. */
  #busy = true;
  #current: Envelope | undefined;
  #cancelBackoff: CancelTimer | undefined;
  /** Nobody waits any longer for a clean-up that is under way. */
  #cutCleanUpShort: () => void = () => undefined;
  #restartsMs: readonly number[] = [];
  readonly #stats = new HandlingStats();
  #terminated: Terminated | undefined;
  readonly #ended: Promise<void>;
  #resolveEnded: () => void = () => undefined;

  constructor({ host, path, parent, parentLife, definition }: CellOptions) {
    this.#host = host;
    this.path = path;
    this.parent = parent;
    this.parentLife = parentLife;
    this.definition = definition;
    this.#mailbox = new Mailbox({
      path,
      capacity: definition.mailboxCapacity ?? DEFAULT_MAILBOX_CAPACITY,
      controlTypes: definition.controlMessages ?? [],
      clock: host.clock,
      deadLetters: host.deadLetters,
    });
    this.#incarnation = this.#newIncarnation();
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  get terminated(): Terminated | undefined {
    return this.#terminated;
  }

  get hasWork(): boolean {
    return !this.#busy && this.#mailbox.depth > 0;
  }

  stats(): ActorStats {
    return { path: this.path, state: this.#state, mailboxDepth: this.#mailbox.depth, ...this.#stats };
  }

  put(envelope: Envelope): DeadLetterReason | undefined {
    if (!this.#isOpen) return this.#mailbox.refuse(envelope, 'stopped');
    const refusal = this.#mailbox.put(envelope);
    if (refusal === undefined) this.#host.schedule(this);
    return refusal;
  }

  putCallback(owner: Incarnation, callback: () => void | Promise<void>): void {
    if (owner.isOver) return;
    this.#mailbox.putControl({ type: CALLBACK, body: callback, reply: undefined, owner });
    this.#host.schedule(this);
  }

  start(): void {
    const incarnation = this.#incarnation.isOver ? this.#newIncarnation() : this.#incarnation;
    this.#incarnation = incarnation;
    this.#handlers = undefined;
    this.#busy = true;
    const started = (handlers: unknown) => {
      if (incarnation.isOver) return;
      this.#handlers = handlers as AnyHandlers;
      if (this.#isOpen) this.#state = 'running';
      this.#release();
    };
    const failed = (thrown: unknown) => {
      if (!incarnation.isOver) this.#failed(toTroupeError(thrown), false);
    };
    try {
      const handlers: unknown = this.definition.start(this.#host.contextFor(this, incarnation));
      if (isThenable(handlers)) Promise.resolve(handlers).then(started, failed);
      else started(handlers);
    } catch (thrown) {
      failed(thrown);
    }
  }

  /** Handles one message. A synchronous handler costs no promise and no closure. */
  turn(nowMs: number): number {
    if (this.#busy) return nowMs;
    const envelope = this.#mailbox.take();
    if (!envelope) return nowMs;
    if (envelope.owner?.isOver) {
      this.#release();
      return nowMs;
    }
    const incarnation = this.#incarnation;
    this.#busy = true;
    this.#current = envelope;
    this.#stats.begin(nowMs);
    try {
      const result = envelope.owner ? (envelope.body as () => unknown)() : this.#handle(envelope);
      if (!isThenable(result)) return this.#succeeded(incarnation, envelope, result);
      this.#finishLater(incarnation, envelope, Promise.resolve(result));
      return this.#host.clock.nowMs();
    } catch (thrown) {
      return this.#threw(incarnation, envelope, thrown);
    }
  }

  /** Graceful (invariant 8): what is in the mailbox is handled first, what comes later is refused. */
  stop(): Promise<void> {
    if (this.#isOpen) {
      this.#state = 'stopping';
      // Between two lives there is nobody to handle the mailbox.
      if (this.#incarnation.isOver || (!this.#busy && this.#mailbox.depth === 0)) void this.#end('stopped');
    }
    return this.#ended;
  }

  /** At once (invariant 9): children too; the mailbox becomes dead letters and stop callbacks do not run. Also cuts a stop short. */
  kill(): void {
    if (this.#terminated) return;
    for (const child of this.children) child.kill();
    this.#incarnation.abandon();
    this.#close('killed');
    this.#incarnation.rejectOwed(() => stoppedError(this.path));
    this.#cutCleanUpShort();
    this.#finish({ path: this.path, reason: 'killed' });
  }

  get #isOpen(): boolean {
    return this.#state !== 'stopping' && this.#state !== 'stopped';
  }

  #newIncarnation(): Incarnation {
    return new Incarnation((thrown) => this.#host.failed(this, toTroupeError(thrown), 'resume'));
  }

  #handle(envelope: Envelope): unknown {
    const handler = this.#handlers?.[envelope.type];
    if (!handler) throw new TroupeError('INTERNAL', `Actor ${this.path} has no handler for "${envelope.type}".`);
    return handler(envelope.body);
  }

  #finishLater(incarnation: Incarnation, envelope: Envelope, result: Promise<unknown>): void {
    result.then(
      (value) => this.#succeeded(incarnation, envelope, value),
      (thrown) => this.#threw(incarnation, envelope, thrown),
    );
  }

  #succeeded(incarnation: Incarnation, envelope: Envelope, result: unknown): number {
    const nowMs = this.#host.clock.nowMs();
    if (incarnation.isOver) return nowMs;
    this.#account(nowMs);
    if (envelope.reply) {
      if (isLater(result)) incarnation.owe(envelope.reply, Promise.resolve(result.later));
      else envelope.reply.resolve(result);
    }
    this.#release();
    return nowMs;
  }

  #threw(incarnation: Incarnation, envelope: Envelope, thrown: unknown): number {
    const nowMs = this.#host.clock.nowMs();
    if (incarnation.isOver) return nowMs;
    this.#account(nowMs);
    const error = toTroupeError(thrown);
    envelope.reply?.reject(error);
    // A TroupeError in answer to an ask is a refusal, not a failure: the asker has it, the actor is fine.
    if (envelope.reply && thrown instanceof TroupeError && thrown.code !== 'INTERNAL') this.#release();
    else this.#failed(error, true);
    return nowMs;
  }

  #account(nowMs: number): void {
    this.#stats.end(nowMs);
    this.#current = undefined;
  }

  #release(): void {
    this.#busy = false;
    if (this.#mailbox.depth > 0) this.#host.schedule(this);
    else if (this.#state === 'stopping') void this.#end('stopped');
  }

  /** A failed start leaves nothing to resume; while stopping there is nothing to restart and nobody to escalate to. */
  #failed(error: TroupeError, canResume: boolean): void {
    this.#stats.failures++;
    const { supervision = DEFAULT_SUPERVISION } = this.definition;
    const decision = decideSupervision(supervision, this.#restartsMs, this.#host.clock.nowMs());
    let { action } = decision;
    if (action === 'resume' && !canResume) action = 'escalate';
    if (action !== 'resume' && !this.#isOpen) action = 'stop';
    if (action === 'resume') this.#release();
    else if (action === 'restart' && decision.action === 'restart') void this.#restart(decision);
    else void this.#end('failed', error);
    this.#host.failed(this, error, action);
  }

  /** Invariant 10: the mailbox is kept, the message that failed is not, and the failed life ends before the next begins. */
  async #restart({ delayMs, restartsMs }: { delayMs: number; restartsMs: readonly number[] }): Promise<void> {
    this.#restartsMs = restartsMs;
    this.#stats.restarts++;
    this.#state = 'restarting';
    this.#busy = true;
    this.#incarnation.end();
    this.#incarnation.rejectOwed(() => stoppedError(this.path));
    await this.#cleanUp('bounded');
    if (this.#state === 'restarting') this.#cancelBackoff = this.#host.clock.after(delayMs, () => this.start());
  }

  async #end(reason: 'stopped' | 'failed', error?: TroupeError): Promise<void> {
    if (this.#state === 'stopped') return;
    const hasFailed = reason === 'failed' || this.#incarnation.isOver;
    this.#close(reason === 'failed' && !this.#handlers ? 'failed-start' : 'stopped');
    if (hasFailed) this.#incarnation.rejectOwed(() => stoppedError(this.path));
    await this.#cleanUp(hasFailed ? 'bounded' : 'patient');
    this.#incarnation.rejectOwed(() => stoppedError(this.path));
    this.#finish({ path: this.path, reason, ...(error ? { error } : {}) });
  }

  /** Invariant 11: children first, then the stop callbacks. After a failure neither may hold up what follows for long. */
  async #cleanUp(patience: 'bounded' | 'patient'): Promise<void> {
    const incarnation = this.#incarnation;
    const done = this.#host.stopChildren(this).then(() => incarnation.cleanUp());
    if (patience === 'patient') return done;
    const expired = new Promise<void>((resolve) => {
      const cancel = this.#host.clock.after(CLEAN_UP_GRACE_MS, resolve);
      this.#cutCleanUpShort = () => {
        cancel();
        resolve();
      };
    });
    await Promise.race([done, expired]);
    this.#cutCleanUpShort();
    for (const child of this.children) child.kill();
    incarnation.abandon();
  }

  /** Nothing is taken in or handled after this, and every ask that is inside or waiting has its answer. */
  #close(reason: DeadLetterReason): void {
    this.#state = 'stopped';
    this.#busy = true;
    this.#cancelBackoff?.();
    this.#incarnation.end();
    this.#current?.reply?.reject(stoppedError(this.path));
    this.#current = undefined;
    this.#mailbox.drop(reason);
  }

  #finish(terminated: Terminated): void {
    if (this.#terminated) return;
    this.#terminated = terminated;
    this.parent?.children.delete(this);
    this.#host.ended(this);
    for (const watcher of this.watchers) watcher(terminated);
    this.watchers.clear();
    this.#resolveEnded();
  }
}
