/**
 * F4, the function instance, as the control process sees it: a state machine around one worker, and the connection over which calls
 * reach it. Types only.
 */
import type { SerializedError } from '../../errors.ts';
import type { ActorDefinition } from '../../kernel/protocol.ts';
import type { ColdStartReason } from '../../ledger/protocol.ts';
import type { Worker, WorkerLoss } from '../../resource-orchestration/resource-manager/protocol.ts';
import type { InstanceImage, SpecialiseOutcome } from '../../transport/instance-control.ts';
import type { PeerCommand, PeerLink, PeerReport } from '../../transport/peer-protocol.ts';
import type { LogLine, NestedCallMeta, ResponseMode, StreamHead } from '../../transport/protocol.ts';

export type InstanceState = 'spare' | 'specialising' | 'ready' | 'busy' | 'draining' | 'stopped' | 'failed';

/** A call as an instance needs it. The connection tells it what became of it: exactly one of `succeeded`, `failed`, `lost`. */
export interface InstanceCall {
  readonly id: string;
  readonly payload: Uint8Array;
  /** Nobody needs the payload any more: it may be given away with the call. Read when it is dispatched. */
  readonly givesPayload?: boolean;
  readonly mode: ResponseMode;
  readonly depth: number;
  readonly attempt: number;
  readonly idempotencyKey: string | undefined;
  /** Its number on the channel of the instance that it is in; set by the connection, and nobody else's business. */
  channelNumber?: number;
  /** Until its deadline, in ms. */
  remainingMs(): number;
  /** The result, or the end of the stream. `runMs` by the clock of the instance. */
  succeeded(payload: Uint8Array, runMs: number): void;
  failed(error: SerializedError, runMs: number): void;
  /** The instance ended with the call inside. */
  lost(loss: InstanceLoss): void;
  chunk(payload: Uint8Array, head: StreamHead | undefined): void;
  /** The function has said that it goes on. */
  alive(progress: Uint8Array | undefined): void;
}

export interface InstanceLoss {
  readonly instanceId: string;
  readonly reason: WorkerLoss['reason'] | 'replaced';
  readonly error?: SerializedError;
  /** It never had its function, and that is certain: no call that was given to it has begun. */
  readonly hasNotBegun?: true;
}

/** When the instance came to be, in ms of the control process' monotonic clock: the cold phases of the calls that waited for it. */
export interface InstanceOrigin {
  readonly reason: ColdStartReason;
  readonly claimedAtMs: number;
  readonly placedAtMs: number;
  readonly startedAtMs: number;
  /** When the function was there, by what the instance says it took; infinite until it has said so. */
  readonly specialisedAtMs: number;
}

/** An instance that takes calls, as the router holds it. */
export interface InstanceHandle {
  readonly instanceId: string;
  readonly claimId: string;
  readonly agentId: string;
  readonly functionName: string;
  readonly functionVersion: number;
  /** Calls that it takes at a time. */
  readonly concurrency: number;
  readonly memoryMb: number;
  readonly origin: InstanceOrigin;
  /** False when the channel does not take it (full or closed): the call was not sent and nothing will be told of it. */
  dispatch(call: InstanceCall): boolean;
  /** Asks the function to stop; it still answers, and the call is told. Unknown calls are ignored. */
  cancel(call: InstanceCall, reason: 'timeout' | 'cancelled'): void;
  /** Lets the stream of a call go on for `chunks` more chunks. */
  grant(call: InstanceCall, chunks: number): void;
  /** The router sends no more calls: stops the instance once it is empty, or after `graceMs`. */
  retire(graceMs: number, reason: InstanceLoss['reason']): void;
  /** Absent where it cannot call, or be called by, other instances directly. */
  readonly peers?: InstancePeers;
}

/** How an instance deals with others of its agent. */
export interface InstancePeers {
  /** Makes a link on which this instance calls another; undefined when one of them has gone. */
  linkTo(callee: InstanceHandle, link: number): Promise<PeerLink | undefined>;
  tell(command: PeerCommand): void;
  /** A slot of it is leased, or is no longer: it does not end by itself while one is. */
  leased(change: 1 | -1): void;
  /** Its function's errors speak of its source. */
  mapError(error: SerializedError): SerializedError;
}

/** What an instance tells those around it. Called from the transport: implementations only tell or settle. */
export interface InstanceObserver {
  /**
   * It has been told what to become. Calls may be sent to it right away, as many as it takes at a time: they begin when it is ready. Not told of
   * an instance of which it could not be known, were it lost, whether they have begun.
   */
  starting(handle: InstanceHandle): void;
  /** It takes calls from now on. */
  ready(handle: InstanceHandle): void;
  /** It takes no more calls. Comes before the losses of the calls inside, so that none of them is sent to it again. */
  gone(instanceId: string, loss: InstanceLoss): void;
  /** The instance answered, or lost, a call that it had been given: a slot is free. Not called for a whole instance that is lost. */
  callLeft(instanceId: string, call: InstanceCall): void;
  nestedCall(parent: NestedParent, meta: NestedCallMeta, payload: Uint8Array, answer: NestedAnswer): NestedCallHandle;
  /** It speaks of the links and leases that it has with others. */
  peerReport?(instanceId: string, report: PeerReport, payload: Uint8Array): void;
  log(origin: LogOrigin, line: LogLine): void;
}

/** Which instance of which function wrote a line. */
export interface LogOrigin {
  readonly instanceId: string;
  readonly functionName: string;
  readonly functionVersion: number;
}

/** The call that calls another. */
export type NestedParent = Pick<InstanceCall, 'depth' | 'remainingMs'>;

/** Which instance asks, and under which number. */
export interface NestedOrigin {
  readonly instanceId: string;
  readonly call: number;
}

export interface NestedAnswer {
  readonly from: NestedOrigin;
  succeeded(payload: Uint8Array): void;
  failed(error: SerializedError): void;
}

export interface NestedCallHandle {
  cancel(): void;
}

export interface InstanceDescription {
  readonly instanceId: string;
  readonly claimId: string;
  readonly agentId: string;
  readonly functionName: string;
  readonly functionVersion: number;
  readonly state: InstanceState;
  readonly startedBecause: ColdStartReason;
  readonly coldStartMs?: number;
}

/** How the deployer hears of an instance. Called in the instance's turn: implementations only tell. */
export interface InstanceListener {
  /** It has loaded its function. */
  ready(instanceId: string): void;
  /** It could not load its function, or not in time. Last of all notices. */
  failed(instanceId: string, error: SerializedError): void;
  /** It holds no calls; its worker may go, or has gone. Last of all notices. */
  ended(loss: InstanceLoss): void;
}

export type InstanceMessages = {
  /** It has its function: the instance has said so on its channel of calls. */
  ready: { body: undefined };
  /** What loading the function came to. */
  specialised: { body: SpecialiseOutcome };
  /** No more calls come; stop once empty, or when `graceMs` have passed. */
  retire: { body: { readonly graceMs: number; readonly reason: InstanceLoss['reason'] } };
  workerLost: { body: WorkerLoss };
  /** The call channel closed under the instance. */
  channelClosed: { body: undefined };
  /** A call left; told only while draining. */
  callLeft: { body: undefined };
  describe: { body: undefined; reply: InstanceDescription };
};

export interface InstanceOptions {
  readonly worker: Worker;
  readonly image: InstanceImage;
  readonly concurrency: number;
  readonly startedBecause: ColdStartReason;
  /** After this long without an answer, loading counts as failed. */
  readonly startTimeoutMs: number;
  readonly observer: InstanceObserver;
  readonly listener: InstanceListener;
  readonly mapError: (error: SerializedError) => SerializedError;
}

/** Makes the actor of one instance. */
export type DefineInstance = (options: InstanceOptions) => ActorDefinition<InstanceMessages>;
