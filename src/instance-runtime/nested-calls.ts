/**
 * Calls that a function makes to others. The host runs them; here they wait for their answers.
 *
 * Invariant 6. A nested call ends with its parent: when the parent has answered or is cancelled, what is still open is cancelled too.
 */
import { deserializeError, type SerializedError, TroupeError } from '../errors.ts';
import type { NestedInvokeOptions } from '../handler.ts';
import { decodeMeta, decodePayload, encodeMeta } from '../transport/codec.ts';
import { EMPTY, FRAME_KINDS, type Frame, type FrameKind, type NestedCallMeta } from '../transport/protocol.ts';
import { encodeWithin } from './encode-within.ts';
import type { Invocation } from './invocation.ts';
import type { Outbox } from './outbox.ts';

/** Over all calls inside one instance. A function that fans out wider has to do so in parts. */
const MAX_PENDING = 1_000;

interface Pending {
  readonly parent: Invocation;
  promise?: Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
  /** Lets go of the signal given by the function. */
  release(): void;
}

export class NestedCalls {
  readonly #outbox: Outbox;
  readonly #payloadLimitBytes: number;
  readonly #pending = new Map<number, Pending>();
  #last = 0;

  constructor(outbox: Outbox, payloadLimitBytes: number) {
    this.#outbox = outbox;
    this.#payloadLimitBytes = payloadLimitBytes;
  }

  invoke(parent: Invocation, name: string, payload: unknown, options: NestedInvokeOptions): Promise<unknown> {
    try {
      checkCall(parent, name, options);
      return this.#start(parent, name, payload, options);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  /** Takes `nestedResult` and `nestedFailure`; an answer to a call that nobody waits for is dropped. */
  receive(frame: Frame): void {
    const pending = this.#take(frame.call);
    if (!pending) return;
    try {
      if (frame.kind === FRAME_KINDS.nestedResult) pending.resolve(decodePayload(frame.payload));
      else pending.reject(deserializeError(decodeMeta<SerializedError>(frame.meta)));
    } catch (thrown) {
      pending.reject(thrown);
    }
  }

  /** Cancels what the parent left open; called when it has ended or is cancelled. */
  endAll(parent: Invocation): void {
    if (this.#pending.size === 0) return;
    const reason =
      parent.cancelled ?? new TroupeError('CANCELLED', 'The calling invocation ended before the answer came.');
    for (const [call, pending] of this.#pending) {
      if (pending.parent !== parent) continue;
      // A call that nobody awaits must not take the instance down as an unhandled rejection.
      pending.promise?.catch(() => {});
      this.#cancel(call, reason);
    }
  }

  #start(parent: Invocation, name: string, payload: unknown, options: NestedInvokeOptions): Promise<unknown> {
    if (this.#pending.size >= MAX_PENDING) {
      throw new TroupeError(
        'OVERLOADED',
        `More than ${MAX_PENDING} nested calls are open. Await some before making more.`,
      );
    }
    const encoded = encodeWithin(payload, { limitBytes: this.#payloadLimitBytes, what: 'payload', of: name });
    const meta: NestedCallMeta = {
      name,
      parentCall: parent.call,
      ...(options.timeoutMs === undefined ? {} : { timeoutMs: Math.min(options.timeoutMs, parent.remainingMs) }),
      ...(options.idempotencyKey === undefined ? {} : { idempotencyKey: options.idempotencyKey }),
    };
    const call = this.#nextNumber();
    const promise = new Promise((resolve, reject) => {
      const abort = () => this.#cancel(call, options.signal?.reason);
      const release = () => options.signal?.removeEventListener('abort', abort);
      options.signal?.addEventListener('abort', abort);
      this.#pending.set(call, { parent, resolve, reject, release });
      const argument = parent.remainingMs;
      this.#outbox.post({
        ...bare(FRAME_KINDS.nestedInvoke, call),
        argument,
        meta: encodeMeta(meta),
        payload: encoded,
        isGiven: true,
      });
    });
    const pending = this.#pending.get(call);
    if (pending) pending.promise = promise;
    return promise;
  }

  #cancel(call: number, reason: unknown): void {
    const pending = this.#take(call);
    if (!pending) return;
    this.#outbox.post(bare(FRAME_KINDS.nestedCancel, call));
    pending.reject(reason);
  }

  #take(call: number): Pending | undefined {
    const pending = this.#pending.get(call);
    this.#pending.delete(call);
    pending?.release();
    return pending;
  }

  #nextNumber(): number {
    do this.#last = (this.#last + 1) >>> 0;
    while (this.#pending.has(this.#last));
    return this.#last;
  }
}

function checkCall(parent: Invocation, name: unknown, { timeoutMs, signal }: NestedInvokeOptions): void {
  if (parent.cancelled) throw parent.cancelled;
  signal?.throwIfAborted();
  if (parent.isFinished) {
    throw new TroupeError('CANCELLED', 'The invocation has ended: await every call before returning.');
  }
  if (typeof name !== 'string') {
    throw new TroupeError('INVALID_ARGUMENT', `context.invoke needs the name of a function, not ${typeof name}.`);
  }
  if (timeoutMs !== undefined && !(timeoutMs > 0)) {
    throw new TroupeError('INVALID_ARGUMENT', `timeoutMs must be above 0, not ${timeoutMs}.`);
  }
}

function bare(kind: FrameKind, call: number): Frame {
  return { kind, port: 0, call, argument: 0, meta: EMPTY, payload: EMPTY };
}
