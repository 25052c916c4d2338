/** F5, the function router: takes calls to instances. Types only. */
import type { TroupeError } from '../../errors.ts';
import type { InvocationRow } from '../../ledger/invocation-row.ts';
import type { EvictionCandidate } from '../../resource-orchestration/resource-scheduler/protocol.ts';
import type { PeerReport, ResumedCall } from '../../transport/peer-protocol.ts';
import type { ResponseMode, StreamHead } from '../../transport/protocol.ts';
import type { Observation, ObserveQuery } from '../autoscaler/protocol.ts';
import type { InstanceCall, InstanceHandle, InstanceLoss, NestedOrigin } from '../instance/protocol.ts';
import type { FunctionDescription } from '../registry/protocol.ts';
import type { PeerWork } from './peer-outcomes.ts';

/** What a door asks for. */
export interface CallRequest {
  readonly functionName: string;
  /** At most one of the two; with neither, the alias `current`. */
  readonly version?: number;
  readonly alias?: string;
  /** Encoded by the door: nothing between it and the handler looks inside. */
  readonly payload: Uint8Array;
  /** Whoever calls reads the payload again: it is copied. Else its memory may be given away with the call. */
  readonly keepsPayload?: boolean;
  readonly mode: ResponseMode;
  /** Shortens the function's own timeout; never lengthens it. */
  readonly timeoutMs?: number;
  readonly idempotencyKey?: string;
  /** What the function is told that it is, where it was called for the same deed before; 1 where it is left out. */
  readonly attempt?: number;
  /** 0 when called from outside. */
  readonly depth: number;
  /** The instance from inside which it is called. */
  readonly from?: NestedOrigin;
  /** Called for each chunk of a stream, in order, before `settled`. */
  readonly chunk?: (payload: Uint8Array, head: StreamHead | undefined) => void;
  /** The function has said that it goes on; with a payload, how far it has come. */
  readonly alive?: (progress: Uint8Array | undefined) => void;
  /** Called exactly once. */
  readonly settled: (outcome: CallOutcome) => void;
}

export interface InvokeOptions {
  /** Shortens the function's own timeout for this call; it never lengthens it. */
  readonly timeoutMs?: number;
  /** Aborting it settles the call with `CANCELLED` and aborts the handler's own signal. */
  readonly signal?: AbortSignal;
  /** Calls this version; without it, and without `alias`, the current one. */
  readonly version?: number;
  readonly alias?: string;
  /** Handed to the function unchanged, the same for every attempt. */
  readonly idempotencyKey?: string;
}

/** `row` may be read while the outcome is told, no longer. */
export type CallOutcome =
  | { readonly kind: 'succeeded'; readonly payload: Uint8Array; readonly row: InvocationRow }
  | { readonly kind: 'failed'; readonly error: TroupeError; readonly row: InvocationRow };

/** A workflow that is called as a function is. */
export interface WorkflowCall {
  readonly functionName: string;
  readonly version?: number;
  readonly alias?: string;
  readonly payload: Uint8Array;
  readonly depth: number;
  readonly timeoutMs?: number;
  readonly idempotencyKey?: string;
  /** 1 where it is left out. */
  readonly attempt?: number;
  readonly http?: {
    readonly headers: Readonly<Record<string, string>>;
    readonly query: Readonly<Record<string, string>>;
  };
  succeeded(payload: Uint8Array): void;
  failed(error: TroupeError): void;
}

/** Who takes calls of workflows. */
export interface WorkflowDoor {
  has(name: string): boolean;
  /** False where it takes no more. */
  invoke(call: WorkflowCall): boolean;
  /** The caller has given it up, and has been told so. */
  abandon(call: WorkflowCall): void;
}

export interface RouterSnapshot {
  readonly functions: readonly {
    readonly name: string;
    readonly version: number;
    readonly ready: number;
    readonly queued: number;
    /** Slots leased to other instances included. */
    readonly inFlight: number;
    readonly leased: number;
  }[];
}

export type RouterMessages<Call extends InstanceCall = InstanceCall> = {
  invoke: { body: Call };
  /** A call between two instances that cannot end there. */
  resume: { body: { readonly call: Call; readonly resumed: ResumedCall } };
  peerReport: {
    body: { readonly instanceId: string; readonly report: PeerReport; readonly work: PeerWork | undefined };
  };
  cancel: { body: Call };
  callLeft: { body: { readonly instanceId: string; readonly call: InstanceCall } };
  callLost: { body: { readonly call: Call; readonly loss: InstanceLoss } };
  /** Calls may ride along with its start. */
  instanceStarting: { body: InstanceHandle };
  instanceReady: { body: InstanceHandle };
  /** The instance takes nothing more, for whatever reason. */
  instanceGone: { body: { readonly instanceId: string; readonly loss: InstanceLoss } };
  /** Send it nothing more and let it end once it is empty. */
  retireInstances: { body: { readonly instanceIds: readonly string[]; readonly graceMs: number } };
  functionChanged: { body: FunctionDescription };
  functionRemoved: { body: string };
  /** No instance can be made ready for now: the calls that wait are answered with why. */
  startFailed: { body: { readonly name: string; readonly version: number; readonly error: TroupeError } };
  /** What each version does now; resets the averages. */
  observe: { body: ObserveQuery; reply: readonly Observation[] };
  /** Instances with nothing inside, longest idle first. */
  idleInstances: { body: { readonly name?: string; readonly version?: number }; reply: readonly IdleInstance[] };
  /** Answers queued and running calls with `SHUTTING_DOWN` once the time is over; refuses new ones at once. */
  drain: { body: { readonly timeoutMs: number }; reply: undefined };
  snapshot: { body: undefined; reply: RouterSnapshot };
};

export interface IdleInstance extends EvictionCandidate {
  readonly instanceId: string;
  readonly name: string;
  readonly version: number;
}
