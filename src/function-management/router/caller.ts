/**
 * The near side of the router: what doors call. Encodes the payload once, makes the call, and turns its settlement into a promise or a
 * stream. Bad arguments are refused here, before anything is sent.
 */
import { serializeError, TroupeError, toTroupeError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ProcessHold } from '../../kernel/process-hold.ts';
import type { ActorRef } from '../../kernel/protocol.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { InvocationRecord } from '../../ledger/protocol.ts';
import { decodePayload, encodePayload } from '../../transport/codec.ts';
import { CodecError } from '../../transport/codec-error.ts';
import type { PeerCallee } from '../../transport/peer-protocol.ts';
import { EMPTY, type HttpEvent, type NestedCallMeta, type StreamHead } from '../../transport/protocol.ts';
import { ChunkQueue } from '../../transport/stream-credit.ts';
import type { InstanceObserver, NestedAnswer, NestedCallHandle, NestedParent } from '../instance/protocol.ts';
import { Call, type CallHost, type CallWatcher } from './call.ts';
import { checkOptions, givenOptions } from './invoke-options.ts';
import { type PeerWork, recordOutcomes } from './peer-outcomes.ts';
import type { CallOutcome, CallRequest, InvokeOptions, RouterMessages, WorkflowDoor } from './protocol.ts';
import { cancelled, draining } from './refusals.ts';
import { SignalGroups } from './signal-groups.ts';
import { workflowCall } from './workflow-call.ts';

export interface Invocation {
  readonly result: unknown;
  readonly invocation: InvocationRecord;
}

export interface CallerOptions {
  readonly router: ActorRef<RouterMessages<Call>>;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly hold: ProcessHold;
  readonly payloadLimitBytes: number;
  /** Whether the host takes no more calls, though the router may be gone already. */
  readonly isClosing: () => boolean;
  readonly workflows?: WorkflowDoor;
  readonly watcher?: CallWatcher | undefined;
}

const NO_OPTIONS: InvokeOptions = {};

export class Caller {
  readonly #options: CallerOptions;
  readonly #host: CallHost;
  readonly #signals: SignalGroups;

  constructor(options: CallerOptions) {
    this.#options = options;
    const { router, ledger, clock, hold, watcher } = options;
    const lost: CallHost['lost'] = (call, loss) => void router.tell('callLost', { call, loss });
    this.#host = { clock, ledger, hold, watcher, lost };
    this.#signals = new SignalGroups(clock, (call) => this.#cancel(call));
  }

  /** Rejects with a `TroupeError`; a function's own error is its `cause`. */
  invoke(functionName: string, payload: unknown, options: InvokeOptions = {}): Promise<Invocation> {
    return new Promise<Invocation>((resolve, reject) => {
      this.#call(functionName, this.encode(payload), options, {
        mode: 'value',
        settled: (outcome) => {
          if (outcome.kind === 'failed') return reject(outcome.error);
          try {
            resolve({ result: decodeResult(outcome.payload), invocation: outcome.row.toRecord() });
          } catch (thrown) {
            reject(unreadable(functionName, thrown));
          }
        },
      });
    });
  }

  /** As `invoke`, for those who want no more than the result. */
  call(functionName: string, payload: unknown, options: InvokeOptions = NO_OPTIONS): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settled = (outcome: CallOutcome) => {
        if (outcome.kind === 'failed') return reject(outcome.error);
        try {
          resolve(decodeResult(outcome.payload));
        } catch (thrown) {
          reject(unreadable(functionName, thrown));
        }
      };
      this.#call(functionName, this.encode(payload), options, { mode: 'value', settled });
    });
  }

  /** Pulls the function's chunks as they are taken: it is at most a few ahead. Leaving the loop early cancels the call. */
  stream(
    functionName: string,
    payload: unknown,
    options: InvokeOptions = {},
  ): AsyncIterableIterator<unknown, undefined> {
    return this.#stream(functionName, this.encode(payload), options, 'stream', (chunk) => decodePayload(chunk)).queue;
  }

  /** Hands an HTTP request to the function. `head` rejects when the call fails before there is one. */
  http(functionName: string, event: HttpEvent, options: InvokeOptions = {}) {
    const { queue, head } = this.#stream(functionName, this.encode(event), options, 'http', (chunk) => chunk);
    return { head, body: queue };
  }

  /** A call that a function makes: it may not outlive, nor be as deep as, its caller allows. */
  nested(parent: NestedParent, meta: NestedCallMeta, payload: Uint8Array, answer: NestedAnswer): NestedCallHandle {
    const remainingMs = Math.max(1, Math.min(meta.timeoutMs ?? Number.POSITIVE_INFINITY, parent.remainingMs()));
    const { resumed } = meta;
    const call = new Call(
      {
        functionName: meta.name,
        payload,
        mode: 'value',
        timeoutMs: resumed?.timeoutMs ?? remainingMs,
        from: answer.from,
        ...(meta.idempotencyKey === undefined ? {} : { idempotencyKey: meta.idempotencyKey }),
        depth: parent.depth + 1,
        settled: (outcome) => {
          if (outcome.kind === 'succeeded') answer.succeeded(outcome.payload);
          else answer.failed(serializeError(outcome.error));
        },
      },
      this.#host,
      resumed,
    );
    if (!resumed) this.#send(call);
    else if (!this.#options.router.tell('resume', { call, resumed })) call.fail(draining());
    return { cancel: () => this.#cancel(call) };
  }

  /** A call whose payload is encoded already, for the runtime's own callers. */
  send(request: Omit<CallRequest, 'mode' | 'chunk' | 'from'>): { cancel(): void } {
    const call = new Call({ ...request, mode: 'value' }, this.#host);
    this.#send(call);
    return { cancel: () => this.#cancel(call) };
  }

  /** Enters calls that instances have made without the host. */
  recordPeerCalls(callee: PeerCallee, outcomes: Uint8Array): PeerWork {
    return recordOutcomes(this.#host, callee, outcomes);
  }

  /** Throws `PAYLOAD_NOT_ENCODABLE` or `PAYLOAD_TOO_LARGE`. */
  encode(payload: unknown): Uint8Array {
    const limit = this.#options.payloadLimitBytes;
    try {
      return encodePayload(payload, { limitBytes: limit });
    } catch (thrown) {
      if (!(thrown instanceof CodecError)) throw thrown;
      if (thrown.reason === 'too-large') {
        throw new TroupeError(
          'PAYLOAD_TOO_LARGE',
          `The payload is over the limit of ${limit} bytes. Raise payloadLimitBytes, or pass a reference.`,
          { details: { limit } },
        );
      }
      throw new TroupeError('PAYLOAD_NOT_ENCODABLE', `The payload cannot be sent: ${thrown.message}`, {
        cause: thrown,
        details: { path: thrown.path },
      });
    }
  }

  #stream<T>(
    functionName: string,
    payload: Uint8Array,
    options: InvokeOptions,
    mode: 'stream' | 'http',
    decode: (chunk: Uint8Array) => T,
  ) {
    let granted = 0;
    const queue = new ChunkQueue<T>({
      grant: (chunks) => {
        granted += chunks;
        if (call.instance) grantNow();
      },
      onCancel: () => this.#cancel(call),
    });
    const grantNow = () => {
      if (granted > 0) call.instance?.grant(call, granted);
      granted = 0;
    };
    let hasHead = false;
    let gotHead: (head: StreamHead) => void = () => {};
    let noHead: (error: unknown) => void = () => {};
    const head = new Promise<StreamHead>((resolve, reject) => {
      gotHead = (first) => {
        hasHead = true;
        resolve(first);
      };
      noHead = reject;
    });
    // A caller who only iterates never looks at the head.
    head.catch(() => {});
    const call: Call = this.#call(functionName, payload, options, {
      mode,
      chunk: (chunk, first) => {
        if (first) gotHead(first);
        if (mode === 'http' && chunk.length === 0) return queue.isOpen ? countEmpty() : undefined;
        try {
          queue.push(decode(chunk));
        } catch (thrown) {
          queue.fail(unreadable(functionName, thrown));
          this.#cancel(call);
        }
      },
      settled: (outcome) => {
        if (outcome.kind === 'succeeded') {
          // Nobody would ever be told. An error is not made for nothing: its stack costs 15 us.
          if (!hasHead) noHead(new TroupeError('FUNCTION_ERROR', `"${functionName}" ended without a response.`));
          return queue.end();
        }
        noHead(outcome.error);
        queue.fail(outcome.error);
      },
    });
    /** A chunk without bytes used up credit that nobody will give back by taking it. */
    const countEmpty = () => call.instance?.grant(call, 1);
    return { queue, head };
  }

  #call(
    functionName: string,
    payload: Uint8Array,
    options: InvokeOptions,
    rest: Pick<CallRequest, 'mode' | 'settled'> & Partial<Pick<CallRequest, 'chunk'>>,
  ): Call {
    checkOptions(functionName, options);
    const { signal } = options;
    const { mode, settled, chunk } = rest;
    // Without options, as most calls are, spread syntax would be most of what making the request costs.
    const request: CallRequest =
      options === NO_OPTIONS && !chunk
        ? { functionName, payload, depth: 0, mode, settled }
        : { functionName, payload, depth: 0, ...rest, ...givenOptions(options) };
    const call: Call = new Call(signal ? this.#abortable(request, signal, () => call) : request, this.#host);
    if (signal?.aborted) call.fail(new TroupeError('CANCELLED', 'The call was cancelled before it began.'));
    else this.#send(call);
    return call;
  }

  #abortable(request: CallRequest, signal: AbortSignal, callOf: () => Call): CallRequest {
    const group = this.#signals.join(signal, callOf);
    return {
      ...request,
      settled: (outcome: CallOutcome) => {
        this.#signals.leave(group, callOf);
        request.settled(outcome);
      },
    };
  }

  #cancel(call: Call): void {
    const { workflow } = call;
    if (!workflow) return void this.#options.router.tell('cancel', call);
    if (call.isSettled) return;
    call.fail(cancelled());
    this.#options.workflows?.abandon(workflow);
  }

  #send(call: Call): void {
    const { workflows, isClosing } = this.#options;
    if (call.depth === 0 && isClosing()) return call.fail(draining());
    if (workflows?.has(call.request.functionName)) return this.#sendToWorkflows(call, workflows);
    if (this.#options.router.tell('invoke', call)) return;
    if (this.#options.isClosing()) return call.fail(draining());
    call.fail(new TroupeError('OVERLOADED', 'The router has more calls waiting than it may hold. Try again later.'));
  }

  #sendToWorkflows(call: Call, workflows: WorkflowDoor): void {
    try {
      call.workflow = workflowCall(call, () => this.#options.clock.nowMs());
    } catch (thrown) {
      return call.fail(toTroupeError(thrown));
    }
    if (workflows.invoke(call.workflow)) return;
    call.fail(new TroupeError('OVERLOADED', 'More workflows wait to be started than may wait. Try again later.'));
  }
}

/** Thrown in the turn of the transport, it would take the host down. */
function unreadable(functionName: string, thrown: unknown): TroupeError {
  return new TroupeError('RESULT_NOT_ENCODABLE', `What "${functionName}" answered cannot be read.`, { cause: thrown });
}

function decodeResult(payload: Uint8Array): unknown {
  return payload === EMPTY || payload.length === 0 ? undefined : decodePayload(payload);
}

/** What every instance of a host reports, and where it goes. */
export function observerFor(
  router: ActorRef<RouterMessages<Call>>,
  caller: Caller,
  also: Pick<InstanceObserver, 'log'> & {
    /** An instance of the function is ready, so long after it was asked for. */
    readonly started?: (functionName: string, tookMs: number) => void;
  },
): InstanceObserver {
  const { log, started } = also;
  return {
    starting: (handle) => void router.tell('instanceStarting', handle),
    ready(handle) {
      router.tell('instanceReady', handle);
      started?.(handle.functionName, handle.origin.specialisedAtMs - handle.origin.claimedAtMs);
    },
    gone: (instanceId, loss) => void router.tell('instanceGone', { instanceId, loss }),
    callLeft: (instanceId, call) => void router.tell('callLeft', { instanceId, call }),
    nestedCall: (parent, meta, payload, answer) => caller.nested(parent, meta, payload, answer),
    peerReport(instanceId, report, payload) {
      const work = report.type === 'callsEnded' ? caller.recordPeerCalls(report, payload) : undefined;
      router.tell('peerReport', { instanceId, report, work });
    },
    log,
  };
}
