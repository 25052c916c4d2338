/**
 * One actor at run time: its mailbox, its state machine and everything that must end with it.
 *
 * Invariants (numbers as in README.md):
 * 1. One message at a time: `#busy` is set from taking a message until its handler, or the promise it returned, is done.
 * 3. An ask settles exactly once, also when the actor stops, is killed or fails.
 * 5. Stopping ends children first, then this actor's stop callbacks, then tells the watchers.
 */
import { TroupeError, toTroupeError } from '../errors.ts';
import type { CancelTimer, Clock } from './clock.ts';
import type { DeadLetters } from './dead-letters.ts';
import { type Envelope, Mailbox } from './mailbox.ts';
import type {
  ActorContext,
  ActorDefinition,
  ActorState,
  ActorStats,
  DeadLetterReason,
  Terminated,
} from './protocol.ts';
import { DEFAULT_SUPERVISION, decideSupervision } from './supervision.ts';

export const DEFAULT_MAILBOX_CAPACITY = 10_000;

/** What a cell needs of the system that hosts it. */
export interface CellHost {
  readonly clock: Clock;
  readonly deadLetters: DeadLetters;
  /** Asks for a turn: the system will call `turn()` soon. */
  schedule(cell: ActorCell): void;
  contextFor(cell: ActorCell): ActorContext<never>;
  stopChildren(cell: ActorCell): Promise<void>;
  failed(cell: ActorCell, error: TroupeError): void;
  terminated(cell: ActorCell, terminated: Terminated): void;
}

type AnyHandler = (body: unknown) => unknown;

/** The type of the envelopes that carry a callback to be run in the actor's own turn. */
const CALLBACK = '#callback';

export class ActorCell {
  readonly path: string;
  readonly parent: ActorCell | undefined;
  readonly definition: ActorDefinition<never>;
  readonly #host: CellHost;
  readonly #mailbox: Mailbox;
  readonly #controlTypes: ReadonlySet<string>;
  #handlers: Readonly<Record<string, AnyHandler>> = {};
  #state: ActorState = 'starting';
  #busy = true;
  #timers = new Set<CancelTimer>();
  #stopCallbacks: (() => void | Promise<void>)[] = [];
  #restartsMs: number[] = [];
  #handled = 0;
  #handlingMs = 0;
  #longestHandlingMs = 0;
  #restarts = 0;
  #ended: Promise<void> | undefined;
  /** Grows with every restart and at the end, so that what an earlier incarnation left running is recognised. */
  #incarnation = 0;

  constructor(host: CellHost, path: string, parent: ActorCell | undefined, definition: ActorDefinition<never>) {
    this.#host = host;
    this.path = path;
    this.parent = parent;
    this.definition = definition;
    this.#mailbox = new Mailbox(definition.mailboxCapacity ?? DEFAULT_MAILBOX_CAPACITY);
    this.#controlTypes = new Set(definition.controlMessages ?? []);
  }

  get state(): ActorState {
    return this.#state;
  }

  get isOpen(): boolean {
    return this.#state !== 'stopping' && this.#state !== 'stopped';
  }

  get hasWork(): boolean {
    return !this.#busy && this.#mailbox.depth > 0;
  }

  stats(): ActorStats {
    return {
      path: this.path,
      state: this.#state,
      mailboxDepth: this.#mailbox.depth,
      handled: this.#handled,
      handlingMs: this.#handlingMs,
      longestHandlingMs: this.#longestHandlingMs,
      restarts: this.#restarts,
    };
  }

  /** Undefined when the message is in the mailbox, else why it is not. */
  put(envelope: Envelope): DeadLetterReason | undefined {
    if (!this.isOpen) return this.#refuse(envelope, 'stopped');
    if (this.#controlTypes.has(envelope.type)) this.#mailbox.putControl(envelope);
    else if (!this.#mailbox.putUser(envelope)) return this.#refuse(envelope, 'mailbox-full');
    this.#host.schedule(this);
    return undefined;
  }

  /** Runs a callback in this actor's own turn, ahead of user messages. Dropped once the actor has ended. */
  putCallback(callback: () => void | Promise<void>): void {
    if (this.#state === 'stopped') return;
    this.#mailbox.putControl({ type: CALLBACK, body: callback });
    this.#host.schedule(this);
  }

  after(delayMs: number, callback: () => void | Promise<void>): CancelTimer {
    const cancel = this.#host.clock.after(delayMs, () => {
      this.#timers.delete(stop);
      this.putCallback(callback);
    });
    const stop = () => {
      this.#timers.delete(stop);
      cancel();
    };
    this.#timers.add(stop);
    return stop;
  }

  onStop(callback: () => void | Promise<void>): void {
    this.#stopCallbacks.push(callback);
  }

  start(): void {
    const incarnation = ++this.#incarnation;
    this.#busy = true;
    this.#guard(
      incarnation,
      () => this.definition.start(this.#host.contextFor(this)),
      undefined,
      (handlers) => {
        this.#handlers = handlers as Readonly<Record<string, AnyHandler>>;
        if (this.isOpen) this.#state = 'running';
      },
    );
  }

  /** Handles one message. */
  turn(): void {
    if (this.#busy) return;
    const envelope = this.#mailbox.take();
    if (!envelope) return;
    this.#busy = true;
    this.#handled++;
    const startedMs = this.#host.clock.nowMs();
    this.#guard(
      this.#incarnation,
      () => (envelope.type === CALLBACK ? (envelope.body as () => unknown)() : this.#handle(envelope)),
      envelope,
      (result) => {
        const tookMs = this.#host.clock.nowMs() - startedMs;
        this.#handlingMs += tookMs;
        if (tookMs > this.#longestHandlingMs) this.#longestHandlingMs = tookMs;
        if (!envelope.reply) return;
        if (isLater(result)) result.later.then(envelope.reply.resolve, envelope.reply.reject);
        else envelope.reply.resolve(result);
      },
    );
  }

  /** Graceful: what is in the mailbox is handled first, what comes later is refused. Resolves when the actor has ended. */
  stop(): Promise<void> {
    if (this.#ended) return this.#ended;
    this.#state = 'stopping';
    this.#ended = new Promise((resolve) => {
      // A last envelope in the user lane runs after everything that was there before it.
      const last = { type: CALLBACK, body: () => void this.#end('stopped').then(resolve) };
      if (!this.#mailbox.putUser(last)) this.#mailbox.putControl(last);
    });
    this.#host.schedule(this);
    return this.#ended;
  }

  /** At once: the mailbox becomes dead letters and stop callbacks do not run. */
  kill(): Promise<void> {
    const wasEnding = this.#ended;
    this.#ended = this.#end('killed');
    return wasEnding ?? this.#ended;
  }

  /** Ends the actor because of a failure that nobody above could mend. */
  fail(error: TroupeError): Promise<void> {
    this.#ended = this.#end('failed', error);
    return this.#ended;
  }

  #handle(envelope: Envelope): unknown {
    const handler = this.#handlers[envelope.type];
    if (!handler) throw new TroupeError('INTERNAL', `Actor ${this.path} has no handler for "${envelope.type}".`);
    return handler(envelope.body);
  }

  /** Runs one piece of the actor's code, synchronous or not, and routes its outcome. Synchronous code costs no promise. */
  #guard(
    incarnation: number,
    run: () => unknown,
    envelope: Envelope | undefined,
    done: (result: unknown) => void,
  ): void {
    const succeed = (result: unknown) => {
      if (incarnation !== this.#incarnation) {
        envelope?.reply?.reject(this.#endedError());
        return;
      }
      done(result);
      this.#release();
    };
    const fail = (thrown: unknown) => this.#failedIn(incarnation, envelope, thrown);
    try {
      const result = run();
      if (result instanceof Promise) result.then(succeed, fail);
      else succeed(result);
    } catch (thrown) {
      fail(thrown);
    }
  }

  #release(): void {
    this.#busy = false;
    if (this.#mailbox.depth > 0) this.#host.schedule(this);
  }

  #failedIn(incarnation: number, envelope: Envelope | undefined, thrown: unknown): void {
    const error = toTroupeError(thrown);
    envelope?.reply?.reject(error);
    if (incarnation !== this.#incarnation) return;
    // A TroupeError in answer to an ask is a refusal, not a failure: the asker has it, the actor is fine.
    if (envelope?.reply && thrown instanceof TroupeError && thrown.code !== 'INTERNAL') return this.#release();
    const supervision = this.definition.supervision ?? DEFAULT_SUPERVISION;
    const nowMs = this.#host.clock.nowMs();
    const decision = decideSupervision(supervision, this.#restartsMs, nowMs);
    if (!this.isOpen) return this.#release();
    if (decision.action === 'resume') return this.#release();
    if (decision.action === 'restart') return this.#restart(nowMs, decision.delayMs);
    void this.fail(error);
    if (decision.action === 'escalate') this.#host.failed(this, error);
  }

  /** The mailbox is kept, the message that failed is not; children and timers of the failed incarnation end. */
  #restart(nowMs: number, delayMs: number): void {
    const incarnation = ++this.#incarnation;
    this.#restartsMs = [...this.#restartsMs.slice(-63), nowMs];
    this.#restarts++;
    this.#state = 'restarting';
    this.#busy = true;
    this.#cancelTimers();
    const callbacks = this.#takeStopCallbacks();
    void Promise.all([this.#host.stopChildren(this), runAll(callbacks)]).then(() => {
      if (incarnation !== this.#incarnation) return;
      this.#host.clock.after(delayMs, () => {
        if (incarnation === this.#incarnation) this.start();
      });
    });
  }

  async #end(reason: Terminated['reason'], error?: TroupeError): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#incarnation++;
    this.#busy = true;
    this.#state = 'stopped';
    this.#cancelTimers();
    this.#dropMailbox(reason === 'killed' ? 'killed' : 'stopped');
    const callbacks = this.#takeStopCallbacks();
    await this.#host.stopChildren(this);
    if (reason !== 'killed') await runAll(callbacks);
    this.#host.terminated(this, { path: this.path, reason, ...(error ? { error } : {}) });
  }

  #takeStopCallbacks(): (() => void | Promise<void>)[] {
    const callbacks = this.#stopCallbacks.reverse();
    this.#stopCallbacks = [];
    return callbacks;
  }

  #cancelTimers(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers = new Set();
  }

  #dropMailbox(reason: DeadLetterReason): void {
    for (let envelope = this.#mailbox.take(); envelope; envelope = this.#mailbox.take()) {
      if (envelope.type !== CALLBACK) this.#refuse(envelope, reason);
    }
  }

  #refuse(envelope: Envelope, reason: DeadLetterReason): DeadLetterReason {
    this.#host.deadLetters.add({ path: this.path, type: envelope.type, reason, atMs: this.#host.clock.nowMs() });
    envelope.reply?.reject(
      reason === 'mailbox-full'
        ? new TroupeError('MAILBOX_FULL', `The mailbox of ${this.path} is full.`, { details: { path: this.path } })
        : this.#endedError(),
    );
    return reason;
  }

  #endedError(): TroupeError {
    return new TroupeError('ACTOR_STOPPED', `${this.path} has stopped.`, { details: { path: this.path } });
  }
}

function isLater(result: unknown): result is { later: Promise<unknown> } {
  return typeof result === 'object' && result !== null && 'later' in result && result.later instanceof Promise;
}

/** In order; a callback that throws does not keep the others from running. */
async function runAll(callbacks: readonly (() => void | Promise<void>)[]): Promise<void> {
  for (const callback of callbacks) {
    try {
      await callback();
    } catch {
      // The actor is ending: there is nobody left to restart it, and the remaining callbacks still free what they hold.
    }
  }
}
