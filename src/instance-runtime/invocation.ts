/**
 * One call inside the instance: its identity, its deadline, its abort signal and its place among log lines. It answers nothing itself.
 *
 * Clocks are never compared across processes: the frame says how much time is left, and it is counted down from its arrival.
 */
import { TroupeError } from '../errors.ts';
import type { Context, Logger, NestedInvokeOptions } from '../handler.ts';
import type { InstanceImage } from '../transport/instance-control.ts';
import type { CallMeta, CancelMeta, Frame } from '../transport/protocol.ts';
import { CreditGate } from '../transport/stream-credit.ts';

/** The channel on which a call came in, as the call sees it. */
export interface CallLane {
  /** False when it came from another instance: the host does not know it. */
  readonly isOwn: boolean;
  /** The call waits for an answer of another instance, or of the host, or no longer. */
  awaits(whom: 'peer' | 'host', change: 1 | -1): void;
}

/** What a call may use of its instance. */
export interface InvocationServices {
  readonly image: InstanceImage;
  invokeNested(parent: Invocation, name: string, payload: unknown, options: NestedInvokeOptions): Promise<unknown>;
  logger(parent: Invocation): Logger;
  /** Says that the call goes on; with a value, how far it has come. */
  heartbeat(parent: Invocation, progress?: unknown): void;
}

const HEARTBEAT_PAUSE_MS = 50;

interface InvocationFacts {
  readonly frame: Frame;
  readonly meta: CallMeta;
  readonly lane: CallLane;
  readonly services: InvocationServices;
}

export class Invocation {
  /** On the lane on which it came. */
  channelNumber: number;
  readonly meta: CallMeta;
  readonly lane: CallLane;
  readonly context: Context;
  /** How many chunks the caller is ready to take; absent where it takes a value. */
  readonly credit: CreditGate | undefined;
  /** What was written to standard output and error and is no full line yet; see `console-capture.ts`. */
  readonly partialLines = new Map<string, string>();
  readonly #arrivedMs = performance.now();
  readonly #remainingMs: number;
  #controller: AbortController | undefined;
  #reason: TroupeError | undefined;
  #onCancel: (() => void)[] = [];
  #isFinished = false;
  #heartbeatMs = Number.NEGATIVE_INFINITY;

  constructor({ frame, meta, lane, services }: InvocationFacts) {
    this.channelNumber = frame.call;
    this.meta = meta;
    this.lane = lane;
    this.#remainingMs = frame.argument;
    this.credit = meta.mode === 'value' ? undefined : new CreditGate();
    this.context = new InvocationContext(this, services);
  }

  get id(): string {
    return this.meta.id;
  }

  /** Since the arrival of the call. */
  get runMs(): number {
    return performance.now() - this.#arrivedMs;
  }

  get remainingMs(): number {
    return Math.max(0, this.#remainingMs - this.runMs);
  }

  /** Made when asked for: most handlers never do, and it costs more than the rest of a small call. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#reason) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Why the caller no longer waits; undefined while it does. */
  get cancelled(): TroupeError | undefined {
    return this.#reason;
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  cancel({ reason }: CancelMeta): void {
    if (this.#reason || this.#isFinished) return;
    this.#reason =
      reason === 'timeout'
        ? new TroupeError('TIMEOUT', `The call took longer than its timeout of ${Math.round(this.#remainingMs)} ms.`)
        : new TroupeError('CANCELLED', 'The caller cancelled the call.');
    this.credit?.cancel();
    for (const callback of this.#onCancel) callback();
    this.#onCancel = [];
    this.#controller?.abort(this.#reason);
  }

  /** Calls back once when the call is cancelled, at once if it is already. */
  onCancel(callback: () => void): void {
    if (this.#reason) callback();
    else this.#onCancel.push(callback);
  }

  /** False where the last one was sent a moment ago, or nobody waits for one any more. */
  mayBeat(): boolean {
    const nowMs = performance.now();
    if (this.#isFinished || nowMs - this.#heartbeatMs < HEARTBEAT_PAUSE_MS) return false;
    this.#heartbeatMs = nowMs;
    return true;
  }

  finish(): void {
    this.#isFinished = true;
    this.#onCancel = [];
  }
}

/** Methods are bound: handlers take them out of the context. */
class InvocationContext implements Context {
  readonly functionName: string;
  readonly functionVersion: string;
  readonly awsRequestId: string;
  readonly invocationId: string;
  readonly memoryLimitInMB: number;
  readonly attempt: number;
  readonly idempotencyKey: string | undefined;
  readonly getRemainingTimeInMillis: () => number;
  readonly invoke: Context['invoke'];
  readonly heartbeat: Context['heartbeat'];
  readonly progress: Context['progress'];
  readonly #invocation: Invocation;
  readonly #services: InvocationServices;
  #log: Logger | undefined;

  constructor(invocation: Invocation, services: InvocationServices) {
    const { image } = services;
    const { meta } = invocation;
    this.functionName = image.functionName;
    this.functionVersion = String(image.functionVersion);
    this.awsRequestId = meta.id;
    this.invocationId = meta.id;
    this.memoryLimitInMB = image.memoryMb;
    this.attempt = meta.attempt;
    this.idempotencyKey = meta.key;
    this.getRemainingTimeInMillis = () => invocation.remainingMs;
    this.invoke = <Result>(name: string, payload?: unknown, options: NestedInvokeOptions = {}) =>
      services.invokeNested(invocation, name, payload, options) as Promise<Result>;
    this.heartbeat = () => {
      if (invocation.mayBeat()) services.heartbeat(invocation);
    };
    this.progress = (value) => {
      if (invocation.mayBeat()) services.heartbeat(invocation, value);
    };
    this.#invocation = invocation;
    this.#services = services;
  }

  get signal(): AbortSignal {
    return this.#invocation.signal;
  }

  get log(): Logger {
    this.#log ??= this.#services.logger(this.#invocation);
    return this.#log;
  }
}
