/**
 * One invocation, from the door to its settlement. The router moves it; the instance answers it; whoever is first settles it.
 *
 * Invariants (numbers as in README.md):
 * 1. `request.settled` is called exactly once; every later answer is dropped.
 */
import { deserializeError, type ErrorCode, type SerializedError, TroupeError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ProcessHold } from '../../kernel/process-hold.ts';
import type { InvocationEntry, Ledger } from '../../ledger/ledger.ts';
import { newStamps } from '../../ledger/phases.ts';
import type { ColdStartReason, InvocationStatus, Stamps } from '../../ledger/protocol.ts';
import type { StreamHead } from '../../transport/protocol.ts';
import type { InstanceCall, InstanceHandle, InstanceLoss } from '../instance/protocol.ts';
import type { CallRequest } from './protocol.ts';

/** What every call of one router shares. */
export interface CallHost {
  readonly clock: Clock;
  readonly ledger: Ledger;
  /** Somebody waits for every call until it settles. */
  readonly hold: ProcessHold;
  /** The instance died with the call inside: retry it or fail it, in the router's turn. */
  lost(call: Call, loss: InstanceLoss): void;
}

/** Where a call is; `settled` calls may still occupy their instance. */
export type CallPlace = 'arriving' | 'queued' | 'inside' | 'left';

export class Call implements InstanceCall {
  readonly id: string;
  readonly request: CallRequest;
  readonly stamps: Stamps;
  readonly #host: CallHost;
  readonly #receivedAtWallMs: number;
  #settled = false;
  attempt = 1;
  isLastAttempt = false;
  /** Set when the call is routed; on the monotonic clock. */
  deadlineMs = Number.POSITIVE_INFINITY;
  timeoutMs = 0;
  place: CallPlace = 'arriving';
  functionVersion: number | undefined;
  instance: InstanceHandle | undefined;
  channelNumber = 0;
  coldStart: ColdStartReason | undefined;
  /** Part of its answer has reached the caller: it must not be run again. */
  hasEmitted = false;

  constructor(id: string, request: CallRequest, host: CallHost) {
    this.id = id;
    this.request = request;
    this.#host = host;
    this.#receivedAtWallMs = host.clock.wallMs();
    this.stamps = newStamps(host.clock.nowMs());
    host.hold.begin();
  }

  get payload(): Uint8Array {
    return this.request.payload;
  }

  get mode(): CallRequest['mode'] {
    return this.request.mode;
  }

  get depth(): number {
    return this.request.depth;
  }

  get idempotencyKey(): string | undefined {
    return this.request.idempotencyKey;
  }

  get isSettled(): boolean {
    return this.#settled;
  }

  remainingMs(): number {
    return Math.max(0, this.deadlineMs - this.#host.clock.nowMs());
  }

  /** The call goes into an instance. Where it waited for that instance to start, the instance's own times become phases of the call. */
  enter(instance: InstanceHandle, nowMs: number): void {
    const { origin } = instance;
    this.place = 'inside';
    this.instance = instance;
    const { stamps } = this;
    if (origin.specialisedAtMs > stamps.received) {
      this.coldStart = origin.reason;
      stamps.dequeued = origin.claimedAtMs;
      stamps.placed = origin.placedAtMs;
      stamps.started = origin.startedAtMs;
      stamps.specialised = origin.specialisedAtMs;
    } else {
      stamps.dequeued = nowMs;
      stamps.placed = nowMs;
      stamps.started = nowMs;
      stamps.specialised = nowMs;
    }
  }

  succeeded(payload: Uint8Array, runMs: number): void {
    if (this.#settled) return;
    this.#finish(runMs);
    const entry = this.#settle('succeeded');
    this.request.settled({ kind: 'succeeded', payload, entry });
  }

  failed(error: SerializedError, runMs: number): void {
    if (this.#settled) return;
    this.#finish(runMs);
    const failure = deserializeError(error);
    this.fail(
      failure instanceof TroupeError ? failure : new TroupeError('FUNCTION_ERROR', error.message, { cause: failure }),
    );
  }

  lost(loss: InstanceLoss): void {
    this.#host.lost(this, loss);
  }

  chunk(payload: Uint8Array, head: StreamHead | undefined): void {
    if (this.#settled) return;
    this.hasEmitted = true;
    this.request.chunk?.(payload, head);
  }

  /** Settles the call with an error of the runtime's, or with one that the instance reported. */
  fail(error: TroupeError): void {
    if (this.#settled) return;
    const entry = this.#settle(error.code);
    this.request.settled({ kind: 'failed', error, entry });
  }

  #finish(runMs: number): void {
    this.stamps.finished = this.#host.clock.nowMs();
    this.stamps.delivered = this.stamps.finished - runMs;
  }

  #settle(status: Exclude<InvocationStatus, ErrorCode> | ErrorCode): InvocationEntry {
    this.#settled = true;
    this.#host.hold.end();
    this.stamps.replied = this.#host.clock.nowMs();
    const entry: InvocationEntry = {
      id: this.id,
      functionName: this.request.functionName,
      functionVersion: this.functionVersion,
      instanceId: this.instance?.instanceId,
      status,
      coldStart: this.coldStart,
      attempt: this.attempt,
      depth: this.depth,
      receivedAtMs: this.#receivedAtWallMs,
      stamps: this.stamps,
    };
    this.#host.ledger.record(entry);
    return entry;
  }
}
