/**
 * The reference that neighbours hold. It knows its actor by identity: after the actor has ended, a new actor of the same name is
 * somebody else.
 */
import { TroupeError } from '../errors.ts';
import type { Cell } from './cell.ts';
import type { CancelTimer, Clock } from './clock.ts';
import type { ReplySlot } from './mailbox.ts';
import type { ActorRef, AskOptions, AskType, MessageMap, ReplyOf, TellType } from './protocol.ts';

export const DEFAULT_ASK_TIMEOUT_MS = 30_000;

export class CellRef<M extends MessageMap> implements ActorRef<M> {
  readonly path: string;
  readonly #cell: Cell;
  readonly #clock: Clock;

  constructor(cell: Cell, clock: Clock) {
    this.path = cell.path;
    this.#cell = cell;
    this.#clock = clock;
  }

  /** The actor behind a reference; undefined for an object that only carries a path. */
  static cellOf(ref: { readonly path: string }): Cell | undefined {
    return #cell in ref ? ref.#cell : undefined;
  }

  tell<T extends TellType<M>>(type: T, body: M[T]['body']): boolean {
    return this.#cell.put({ type, body, reply: undefined, owner: undefined }) === undefined;
  }

  ask<T extends AskType<M>>(type: T, body: M[T]['body'], options?: AskOptions): Promise<ReplyOf<M, T>> {
    const timeoutMs = options?.timeoutMs ?? DEFAULT_ASK_TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      const reply = new PendingReply(resolve as (value: unknown) => void, reject);
      const cancel = this.#clock.after(timeoutMs, () =>
        reject(
          new TroupeError('ASK_TIMEOUT', `${this.path} did not answer "${type}" within ${timeoutMs} ms.`, {
            details: { path: this.path, type, timeoutMs },
          }),
        ),
      );
      // What may be waited for without an end may wait for time to pass.
      const release =
        timeoutMs < Number.POSITIVE_INFINITY ? this.#clock.hold?.(`${this.path} answers "${type}"`) : undefined;
      reply.cancelTimeout = release
        ? () => {
            cancel();
            release();
          }
        : cancel;
      this.#cell.put({ type, body, reply, owner: undefined });
    });
  }
}

/** Settles the promise of one ask (invariant 7); a promise ignores all but the first settlement. */
class PendingReply implements ReplySlot {
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  cancelTimeout: CancelTimer = () => undefined;

  constructor(resolve: (value: unknown) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  resolve(value: unknown): void {
    this.cancelTimeout();
    this.#resolve(value);
  }

  reject(error: unknown): void {
    this.cancelTimeout();
    this.#reject(error);
  }
}
