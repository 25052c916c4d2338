/**
 * One invocation, from the door to its settlement. The router moves it; the instance answers it; whoever is first settles it.
 *
 * Invariants (numbers as in README.md):
 * 1. `request.settled` is called exactly once; every later answer is dropped.
 */
import { deserializeError, type ErrorCode, type SerializedError, TroupeError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ProcessHold } from '../../kernel/process-hold.ts';
import type { InvocationRow } from '../../ledger/invocation-row.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { type InvocationStatus, STAMP } from '../../ledger/protocol.ts';
import type { ResumedCall } from '../../transport/peer-protocol.ts';
import type { StreamHead } from '../../transport/protocol.ts';
import type { InstanceCall, InstanceHandle, InstanceLoss, InstanceOrigin } from '../instance/protocol.ts';
import type { CallQueue } from './call-queue.ts';
import type { CallRequest, WorkflowCall } from './protocol.ts';

/** What every call of one router shares. */
export interface CallHost {
  readonly clock: Clock;
  readonly ledger: Ledger;
  /** Somebody waits for every call until it settles. */
  readonly hold: ProcessHold;
  readonly watcher?: CallWatcher | undefined;
  /** The instance died with the call inside: retry it or fail it, in the router's turn. */
  lost(call: Call, loss: InstanceLoss): void;
}

/** Is told of every call of a host. */
export interface CallWatcher {
  opened(call: Call): void;
  /** It may still occupy its instance. */
  settled(call: Call): void;
}

/** Where a call is; `settled` calls may still occupy their instance. One that is `riding` was sent to an instance that is not ready yet. */
export type CallPlace = 'arriving' | 'queued' | 'riding' | 'inside' | 'left';

export class Call implements InstanceCall {
  readonly request: CallRequest;
  /** The ledger's; nobody looks at it once the call has settled. */
  readonly row: InvocationRow;
  readonly #host: CallHost;
  readonly #number: number;
  readonly #count: number;
  #settled = false;
  /** Times that it was given to an instance, the last one included. */
  tries = 1;
  givesPayload = false;
  /** Set when the call is routed; on the monotonic clock. */
  deadlineMs = Number.POSITIVE_INFINITY;
  timeoutMs = 0;
  place: CallPlace = 'arriving';
  functionVersion: number | undefined;
  instance: InstanceHandle | undefined;
  channelNumber = 0;
  wheelPosition = -1;
  queue: CallQueue<Call> | undefined;
  before: Call | undefined;
  after: Call | undefined;
  /** Part of its answer has reached the caller: it must not be run again. */
  hasEmitted = false;
  /** As its instance reported; undefined where none did. */
  runMs: number | undefined;
  /** What it is to those who run workflows, where it is a call of one. */
  workflow: WorkflowCall | undefined;
  #rodeWith: InstanceHandle | undefined;

  /** `resumed`: it began a while ago, between two instances, and keeps the id that it had there. */
  constructor(request: CallRequest, host: CallHost, resumed?: ResumedCall) {
    this.request = request;
    this.#host = host;
    const { clock, ledger } = host;
    const elapsedMs = resumed?.elapsedMs ?? 0;
    this.row = ledger.open(clock.nowMs() - elapsedMs, clock.wallMs() - elapsedMs);
    if (resumed) this.row.identify(resumed.callee.leasedUnder, resumed.count);
    this.#number = this.row.number;
    this.#count = this.row.count;
    host.hold.begin();
    host.watcher?.opened(this);
  }

  get id(): string {
    return this.#host.ledger.idOf(this.#number, this.#count);
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

  /** As the function is told. */
  get attempt(): number {
    return (this.request.attempt ?? 1) + this.tries - 1;
  }

  get isSettled(): boolean {
    return this.#settled;
  }

  remainingMs(): number {
    return Math.max(0, this.deadlineMs - this.#host.clock.nowMs());
  }

  /** The call goes into an instance. Where it waited for that instance to start, the instance's own times become phases of the call. */
  enter(instance: InstanceHandle, nowMs: number): void {
    this.place = 'inside';
    this.instance = instance;
    const { origin } = instance;
    const { row } = this;
    if (origin.specialisedAtMs > row.at(STAMP.received)) {
      this.#stampStart(origin);
    } else {
      row.stamp(STAMP.dequeued, nowMs);
      row.stamp(STAMP.placed, nowMs);
      row.stamp(STAMP.started, nowMs);
      row.stamp(STAMP.specialised, nowMs);
    }
  }

  /** The call is sent ahead of the function: the instance begins it when it is ready, which is known by the time of its answer. */
  rideWith(instance: InstanceHandle): void {
    this.place = 'riding';
    this.instance = instance;
    this.#rodeWith = instance;
  }

  /** It has not begun, and waits again as if it had never been sent. */
  comeBack(): void {
    this.place = 'arriving';
    this.instance = undefined;
    this.#rodeWith = undefined;
  }

  #stampStart({ reason, claimedAtMs, placedAtMs, startedAtMs, specialisedAtMs }: InstanceOrigin): void {
    const { row } = this;
    row.coldStart = reason;
    row.stamp(STAMP.dequeued, claimedAtMs);
    row.stamp(STAMP.placed, placedAtMs);
    row.stamp(STAMP.started, startedAtMs);
    row.stamp(STAMP.specialised, specialisedAtMs);
  }

  succeeded(payload: Uint8Array, runMs: number): void {
    if (this.#settled) return;
    this.#settle('succeeded', this.#finish(runMs));
    this.request.settled({ kind: 'succeeded', payload, row: this.row });
  }

  failed(error: SerializedError, runMs: number): void {
    if (this.#settled) return;
    const nowMs = this.#finish(runMs);
    const failure = deserializeError(error);
    this.#fail(
      failure instanceof TroupeError ? failure : new TroupeError('FUNCTION_ERROR', error.message, { cause: failure }),
      nowMs,
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

  alive(progress: Uint8Array | undefined): void {
    if (!this.#settled) this.request.alive?.(progress);
  }

  /** Settles the call with an error of the runtime's, or with one that the instance reported. */
  fail(error: TroupeError): void {
    if (!this.#settled) this.#fail(error, this.#host.clock.nowMs());
  }

  #fail(error: TroupeError, nowMs: number): void {
    this.#settle(error.code, nowMs);
    this.request.settled({ kind: 'failed', error, row: this.row });
  }

  #finish(runMs: number): number {
    this.runMs = runMs;
    const nowMs = this.#host.clock.nowMs();
    if (this.#rodeWith) this.#stampStart(this.#rodeWith.origin);
    this.row.stamp(STAMP.finished, nowMs);
    this.row.stamp(STAMP.delivered, nowMs - runMs);
    return nowMs;
  }

  #settle(status: Exclude<InvocationStatus, ErrorCode> | ErrorCode, nowMs: number): void {
    this.#settled = true;
    const { row } = this;
    row.stamp(STAMP.replied, nowMs);
    row.functionName = this.request.functionName;
    row.functionVersion = this.functionVersion;
    row.instanceId = this.instance?.instanceId;
    row.status = status;
    row.attempt = this.attempt;
    row.depth = this.depth;
    this.#host.hold.end();
    this.#host.watcher?.settled(this);
    this.#host.ledger.close(row);
  }
}
