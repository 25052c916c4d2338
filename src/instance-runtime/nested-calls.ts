/**
 * Calls that a function makes to others. Here they wait for their answers. The host runs them, or, where it has leased this instance a slot
 * of the other, they go there directly (`peer-calls.ts`).
 *
 * Invariant 6. A nested call ends with its parent: when the parent has answered or is cancelled, what is still open is cancelled too.
 */
import { deserializeError, type SerializedError, TroupeError } from '../errors.ts';
import type { NestedInvokeOptions } from '../handler.ts';
import { CallTable } from '../transport/call-table.ts';
import { decodeMeta, decodePayload, encodeMeta } from '../transport/codec.ts';
import type { LeaseGrant, PeerCommand, PeerReport, ResumedCall } from '../transport/peer-protocol.ts';
import { EMPTY, FRAME_KINDS, type Frame, type FrameKind, type NestedCallMeta } from '../transport/protocol.ts';
import { encodeWithin } from './encode-within.ts';
import type { Invocation } from './invocation.ts';
import type { Outbox } from './outbox.ts';
import { type Lease, type PeerCallOptions, PeerCalls, type PeerClock } from './peer-calls.ts';

/** Over all calls inside one instance. A function that fans out wider has to do so in parts. */
const MAX_PENDING = 1_000;

interface Pending {
  channelNumber?: number;
  readonly parent: Invocation;
  promise?: Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
  /** Lets go of the signal given by the function, if one was. */
  release: (() => void) | undefined;
  /** The host answers it. */
  isAtHost: boolean;
  /** To be used from when this call is answered well: it has the slot until then. */
  lease?: Lease;
}

const CLOCK: PeerClock = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

export class NestedCalls {
  readonly #outbox: Outbox;
  readonly #payloadLimitBytes: number;
  readonly #pending = new CallTable<Pending>();
  readonly peers: PeerCalls;

  /** `outbox` leads to the host. */
  constructor(outbox: Outbox, payloadLimitBytes: number) {
    this.#outbox = outbox;
    this.#payloadLimitBytes = payloadLimitBytes;
    this.peers = new PeerCalls({
      clock: CLOCK,
      report: (report, payload) => outbox.post(reportFrame(report, payload)),
      events: {
        succeeded: (call, payload) => this.#succeed(this.#take(call), payload),
        timedOut: (call, error) => this.#take(call)?.reject(error),
        resume: (call, options, resumed) => this.#resume(call, options, resumed),
      },
    });
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
    const isResult = frame.kind === FRAME_KINDS.nestedResult;
    const pending = this.#take(frame.call, isResult);
    if (!pending) return;
    if (isResult) return this.#succeed(pending, frame.payload);
    try {
      pending.reject(deserializeError(decodeMeta<SerializedError>(frame.meta)));
    } catch (thrown) {
      pending.reject(thrown);
    }
  }

  /** Takes what the host says of links and leases. */
  obey(command: PeerCommand): void {
    if (command.type === 'unlink') this.peers.unlink(command.link);
    else if (command.type === 'leaseRevoked') this.peers.revoked(command.link);
    else if (command.type === 'leaseGranted') this.#granted(command);
  }

  /** Cancels what the parent left open; called when it has ended or is cancelled. */
  endAll(parent: Invocation): void {
    if (this.#pending.size === 0) return;
    const reason =
      parent.cancelled ?? new TroupeError('CANCELLED', 'The calling invocation ended before the answer came.');
    for (const pending of this.#pending.items()) {
      const { channelNumber: call } = pending;
      if (pending.parent !== parent || call === undefined) continue;
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
    const call = this.#pending.nextNumber();
    const promise = new Promise((resolve, reject) => {
      const { signal } = options;
      const release = signal && this.#follow(signal, call);
      const isAtHost = false;
      this.#pending.add(call, { parent, resolve, reject, release, isAtHost });
      const { remainingMs } = parent;
      const timeoutMs = Math.min(options.timeoutMs ?? remainingMs, remainingMs);
      const { idempotencyKey } = options;
      if (this.peers.begin(call, { parent, name, payload: encoded, timeoutMs, idempotencyKey })) return;
      this.#askHost({ call, parent, payload: encoded, meta: nestedMeta(parent, name, { ...options, idempotencyKey }) });
    });
    const pending = this.#pending.get(call);
    if (pending) pending.promise = promise;
    return promise;
  }

  /** Cancels the call when the signal aborts; the answer lets go of it. */
  #follow(signal: AbortSignal, call: number): () => void {
    const abort = () => this.#cancel(call, signal.reason);
    signal.addEventListener('abort', abort);
    return () => signal.removeEventListener('abort', abort);
  }

  #askHost({ call, parent, payload, meta }: AskedCall): void {
    const argument = parent.remainingMs;
    const pending = this.#pending.get(call);
    if (pending) pending.isAtHost = true;
    parent.lane.awaits('host', 1);
    this.#outbox.post({
      ...bare(FRAME_KINDS.nestedInvoke, call),
      argument,
      meta: encodeMeta(meta),
      payload,
      isGiven: true,
    });
  }

  #resume(call: number, { parent, name, payload, idempotencyKey }: PeerCallOptions, resumed: ResumedCall): void {
    const meta = { ...nestedMeta(parent, name, { idempotencyKey }), resumed };
    this.#askHost({ call, parent, payload, meta });
  }

  #succeed(pending: Pending | undefined, payload: Uint8Array): void {
    try {
      pending?.resolve(decodePayload(payload));
    } catch (thrown) {
      pending?.reject(thrown);
    }
  }

  #granted(grant: LeaseGrant): void {
    const lease = this.peers.leaseFor(grant);
    if (!lease) return;
    const pending = this.#pending.get(grant.after);
    if (pending) pending.lease = lease;
    else this.peers.decline(lease);
  }

  #cancel(call: number, reason: unknown): void {
    const pending = this.#take(call);
    if (!pending) return;
    if (!this.peers.cancel(call)) this.#outbox.post(bare(FRAME_KINDS.nestedCancel, call));
    pending.reject(reason);
  }

  #take(call: number, hasSucceeded = false): Pending | undefined {
    const pending = this.#pending.get(call);
    if (!pending) return undefined;
    this.#pending.delete(call);
    pending.release?.();
    const { lease, parent, isAtHost } = pending;
    if (isAtHost) parent.lane.awaits('host', -1);
    if (lease && hasSucceeded) this.peers.activate(lease);
    else if (lease) this.peers.decline(lease);
    return pending;
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

interface AskedCall {
  readonly call: number;
  readonly parent: Invocation;
  readonly payload: Uint8Array;
  readonly meta: NestedCallMeta;
}

function nestedMeta(
  parent: Invocation,
  name: string,
  { timeoutMs, idempotencyKey }: { readonly timeoutMs?: number; readonly idempotencyKey: string | undefined },
): NestedCallMeta {
  return {
    name,
    parentCall: parent.channelNumber,
    ...(timeoutMs === undefined ? {} : { timeoutMs: Math.min(timeoutMs, parent.remainingMs) }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(parent.lane.isOwn ? {} : { parentDepth: parent.meta.depth }),
  };
}

export function reportFrame(report: PeerReport, payload: Uint8Array = EMPTY): Frame {
  return { ...bare(FRAME_KINDS.control, 0), meta: encodeMeta(report), payload };
}

function bare(kind: FrameKind, call: number): Frame {
  return { kind, port: 0, call, argument: 0, meta: EMPTY, payload: EMPTY };
}
