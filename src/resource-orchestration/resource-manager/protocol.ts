/**
 * R2, the resource manager: makes what runs agree with what was claimed. A claim asks for one worker; while the claim stands, the
 * manager finds a place for it, starts it, and replaces it when it is lost. Types only.
 */

import type { SerializedError } from '../../errors.ts';
import type { WorkerControl } from '../../transport/instance-control.ts';
import type { Channel } from '../../transport/protocol.ts';
import type { AgentSample, WorkerSample, WorkerSpec, WorkerStopReason } from '../node-agent/protocol.ts';
import type { EvictionCandidate } from '../resource-scheduler/protocol.ts';

/** A worker that is up. A claim whose worker was lost gets another, with another id. */
export interface Worker {
  readonly claimId: string;
  /** Unique for ever: `thumbnail-3-17`. */
  readonly workerId: string;
  readonly agentId: string;
  readonly channel: Channel;
  readonly control: WorkerControl;
  /** Times of the control process' monotonic clock, in ms. For a replacement, `claimedAtMs` is when its predecessor was lost. */
  readonly claimedAtMs: number;
  readonly placedAtMs: number;
  readonly startedAtMs: number;
}

export interface WorkerLoss {
  readonly claimId: string;
  readonly workerId: string;
  readonly reason: WorkerStopReason;
  readonly error?: SerializedError;
}

/** How a claim's owner hears of it. Called in the manager's turn: implementations only tell. */
export interface ClaimListener {
  workerStarted(worker: Worker): void;
  /** The manager replaces it unless the claim was released. */
  workerLost(loss: WorkerLoss): void;
  /**
   * The claim waits: for room, or because its group keeps failing. `error` is the last failure of the group. Told once for each time that
   * it begins to wait for that reason; `retryInMs` is infinite for what is impossible.
   */
  claimDelayed(delayed: {
    readonly claimId: string;
    readonly reason: 'no-room' | 'backing-off' | 'impossible';
    readonly retryInMs: number;
    readonly error?: SerializedError;
  }): void;
  /** The budget is full and a claim waits for room: answer with `offerVictims`. */
  roomNeeded(need: { readonly needId: number; readonly agentId: string; readonly shortMb: number }): void;
  /** Drain and release this claim: it was chosen to make room. */
  evict(claimId: string): void;
}

export interface Claim {
  readonly claimId: string;
  readonly spec: WorkerSpec;
  readonly listener: ClaimListener;
}

export interface NodeSnapshot {
  readonly agentId: string;
  readonly kind: 'inline' | 'process';
  readonly state: 'starting' | 'ready' | 'draining' | 'lost';
  readonly pid?: number;
  readonly budgetMb: number;
  readonly chargedMb: number;
  readonly restarts: number;
  readonly sample?: AgentSample;
}

export interface ResourceSnapshot {
  readonly nodes: readonly NodeSnapshot[];
  readonly claims: readonly {
    readonly claimId: string;
    readonly group: string;
    readonly state: 'waiting' | 'backing-off' | 'starting' | 'running';
    readonly workerId?: string;
    readonly agentId?: string;
    readonly restarts: number;
    readonly sample?: WorkerSample;
  }[];
}

export type ResourceManagerMessages = {
  /** A worker of this kind and size will be claimed in a moment: one that sleeps may wake up meanwhile. Promises nothing. */
  expect: { body: Pick<WorkerSpec, 'kind' | 'memoryMb'> };
  claim: { body: Claim };
  /** Ends the claim; its worker is stopped, after `graceMs` by force. Unknown claims are ignored. */
  release: { body: { readonly claimId: string; readonly graceMs: number } };
  /** The worker came up but is no use (its function does not load, it ignores cancellation): it is stopped, counted as a failure of its group, and replaced. */
  reject: { body: WorkerLoss };
  /** The worker does its work: the back-off of its group, and of its agent's slot, starts afresh. */
  approve: { body: { readonly claimId: string; readonly workerId: string } };
  offerVictims: { body: { readonly needId: number; readonly candidates: readonly EvictionCandidate[] } };
  snapshot: { body: undefined; reply: ResourceSnapshot };
};
