/**
 * A mailbox: two queues, of which the control lane is always emptied first (invariant 3). Only the user lane is bounded (invariant 5);
 * control messages come from the runtime itself (lifecycle, timers, watches), are few, and must arrive while the actor is overloaded.
 * A message that is refused or dropped becomes a dead letter, and its ask is rejected (invariants 6 and 7).
 */
import { TroupeError } from '../errors.ts';
import type { Clock } from './clock.ts';
import type { DeadLetters } from './dead-letters.ts';
import { FifoQueue } from './fifo-queue.ts';
import type { DeadLetterReason } from './protocol.ts';

export { FifoQueue } from './fifo-queue.ts';

/** Settles an ask; only the first call counts. */
export interface ReplySlot {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Every envelope has all four fields, so that the engine sees one shape. */
export interface Envelope {
  readonly type: string;
  /** The message, or the callback to run when the envelope has an owner. */
  readonly body: unknown;
  /** Present when the message is asked. */
  readonly reply: ReplySlot | undefined;
  /** Present on a callback: the incarnation that it belongs to. Once that is over the callback is not run. */
  readonly owner: { readonly isOver: boolean } | undefined;
}

export interface MailboxOptions {
  /** Of the actor, for dead letters and errors. */
  readonly path: string;
  readonly capacity: number;
  readonly controlTypes: readonly string[];
  readonly clock: Clock;
  readonly deadLetters: DeadLetters;
}

export class Mailbox {
  readonly #control = new FifoQueue<Envelope>();
  readonly #user = new FifoQueue<Envelope>();
  readonly #options: MailboxOptions;
  readonly #controlTypes: ReadonlySet<string> | undefined;

  constructor(options: MailboxOptions) {
    this.#options = options;
    this.#controlTypes = options.controlTypes.length > 0 ? new Set(options.controlTypes) : undefined;
  }

  get depth(): number {
    return this.#control.size + this.#user.size;
  }

  putControl(envelope: Envelope): void {
    this.#control.push(envelope);
  }

  /** Undefined when the message was taken, else why it was not. */
  put(envelope: Envelope): DeadLetterReason | undefined {
    if (this.#controlTypes?.has(envelope.type)) this.#control.push(envelope);
    else if (this.#user.size < this.#options.capacity) this.#user.push(envelope);
    else return this.refuse(envelope, 'mailbox-full');
    return undefined;
  }

  take(): Envelope | undefined {
    return this.#control.shift() ?? this.#user.shift();
  }

  refuse(envelope: Envelope, reason: DeadLetterReason): DeadLetterReason {
    const { path, clock, deadLetters } = this.#options;
    deadLetters.add({ path, type: envelope.type, reason, atMs: clock.nowMs() });
    envelope.reply?.reject(reason === 'mailbox-full' ? fullError(path) : stoppedError(path));
    return reason;
  }

  /** Empties both lanes; callbacks are nobody's message and vanish. */
  drop(reason: DeadLetterReason): void {
    for (let envelope = this.take(); envelope; envelope = this.take()) {
      if (!envelope.owner) this.refuse(envelope, reason);
    }
  }
}

export function stoppedError(path: string): TroupeError {
  return new TroupeError('ACTOR_STOPPED', `${path} has stopped, or restarted, before it answered.`, {
    details: { path },
  });
}

function fullError(path: string): TroupeError {
  return new TroupeError('MAILBOX_FULL', `The mailbox of ${path} is full; try again once it has caught up.`, {
    details: { path },
  });
}
