/**
 * How the instances of one agent call each other without the host between: a link joins a calling thread to a called one, and a lease lets
 * the caller use one slot of the callee over it. Types and wire constants only.
 *
 * `PeerCommand` and `PeerReport` travel as `control` frames on the call channel of an instance. Neither is needed to know whether a slot may be
 * used: the `LeaseWord` of the link says so.
 */
import type { MessagePort } from 'node:worker_threads';
import type { SerializedError } from '../errors.ts';
import type { RevokeOutcome } from './lease-word.ts';

/** One end of a link, handed to its thread. The port is in the transfer list. */
export interface PeerEnd {
  /** Unique within its host. */
  readonly link: number;
  readonly role: 'caller' | 'callee';
  readonly port: MessagePort;
  readonly incoming: SharedArrayBuffer;
  readonly outgoing: SharedArrayBuffer;
  /** The lease on the callee's slot. */
  readonly word: SharedArrayBuffer;
}

/** The agent's hold on a link. */
export interface PeerLink {
  /** Lets the caller use a slot, once the call that has it then has left. `done` is called when it may be told so, at once where that can be. */
  lease(done: () => void): void;
  /** Wants it back; `done` is called once, soon, also when the link is gone (`later`). With `onlyIdle`, not while a call is inside. */
  revoke(onlyIdle: boolean, done: (outcome: RevokeOutcome) => void): void;
}

/** The caller may try this link, for calls of this function, as soon as its call number `after` has been answered well. */
export interface LeaseGrant {
  readonly type: 'leaseGranted';
  readonly link: number;
  readonly after: number;
  readonly functionName: string;
  readonly functionVersion: number;
  readonly instanceId: string;
  /** The call under which it was granted: its number in the ledger, and its id. Ids under the lease are that, a dot and a count. */
  readonly leasedUnder: number;
  readonly id: string;
  /** The callee's own limit. */
  readonly timeoutMs: number;
  readonly maxCallDepth: number;
  /** A callee that was told to stop has this long to do so. */
  readonly cancelGraceMs: number;
}

export type PeerCommand =
  | LeaseGrant
  /**
   * The caller begins no further call under what it was granted on this link. Sent where the agent, and so the word of the link, is told on another
   * way: calls that come to the caller after this must not find the lease that was taken back before them.
   */
  | { readonly type: 'leaseRevoked'; readonly link: number }
  /** The link is not needed any more; no lease is on it. */
  | { readonly type: 'unlink'; readonly link: number };

export type PeerReport =
  /** The slot is free, and this instance has made it so. */
  | { readonly type: 'leaseReturned'; readonly link: number }
  /** The caller has told a call to stop, and it did not. */
  | { readonly type: 'calleeStuck'; readonly link: number }
  /** The other end of the caller's link is gone, and what was inside has been asked for again. */
  | { readonly type: 'linkClosed'; readonly link: number }
  /** Calls that have ended. The payload of the frame holds `OUTCOME_FIELDS` numbers for each. */
  | ({ readonly type: 'callsEnded' } & PeerCallee);

export interface PeerCallee {
  readonly functionName: string;
  readonly functionVersion: number;
  readonly instanceId: string;
  readonly leasedUnder: number;
}

/** Where each number of an outcome stands; float 64. Durations, for clocks are never compared. */
export const OUTCOME_FIELDS = {
  /** What follows the dot in its id. */
  count: 0,
  /** An index into `OUTCOME_STATUSES`. */
  status: 1,
  depth: 2,
  /** From the call to its answer, at the caller. */
  totalMs: 3,
  runMs: 4,
  /** Since the answer, when the report was sent. */
  agoMs: 5,
  length: 6,
} as const;

export const OUTCOME_STATUSES = ['succeeded', 'TIMEOUT', 'CANCELLED'] as const;

/** A call over a link that the host has to end: the function failed, which the host maps to its source; or the callee was lost. */
export interface ResumedCall {
  readonly link: number;
  readonly callee: PeerCallee;
  /** What follows the dot in its id. */
  readonly count: number;
  /** Its whole time. */
  readonly timeoutMs: number;
  /** How much of it has passed. */
  readonly elapsedMs: number;
  readonly failure?: { readonly error: SerializedError; readonly runMs: number };
}
