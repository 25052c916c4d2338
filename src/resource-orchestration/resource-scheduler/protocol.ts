/** R3, the resource scheduler: decides on which node a worker goes, and which workers give way. It decides; the manager acts. Types only. */
import type { WorkerSpec } from '../node-agent/protocol.ts';

/** What the scheduler knows of a node. */
export interface NodeState {
  readonly agentId: string;
  readonly budgetMb: number;
  /** Charged by the workers that are on it or on their way to it. */
  readonly chargedMb: number;
  readonly cpuShares: number;
  readonly chargedCpuShares: number;
  /** Measured, 1 is one busy core; 0 where nothing was measured yet. */
  readonly measuredCpu: number;
  /** Draining and impaired nodes take nothing new. */
  readonly schedulable: boolean;
}

export interface PendingPlacement {
  readonly claimId: string;
  readonly spec: WorkerSpec;
  /** Nodes on which workers of the same group already are, one entry for each worker: spread over nodes. */
  readonly siblingsOn: readonly string[];
}

export type Placement =
  | { readonly kind: 'bound'; readonly claimId: string; readonly agentId: string }
  /** Fits on no node now; `shortMb` is what the best node lacks. */
  | { readonly kind: 'no-room'; readonly claimId: string; readonly shortMb: number; readonly agentId?: string }
  /** Larger than any node's whole budget. */
  | { readonly kind: 'impossible'; readonly claimId: string };

/** A worker that could be stopped to make room. */
export interface EvictionCandidate {
  readonly claimId: string;
  readonly agentId: string;
  readonly memoryMb: number;
  readonly priority: WorkerSpec['priority'];
  /** How long it has been idle. Busy workers are no candidates. */
  readonly idleMs: number;
  /** What starting it again is expected to cost. */
  readonly coldStartMs: number;
}

export type ResourceSchedulerMessages = {
  place: {
    body: { readonly pending: readonly PendingPlacement[]; readonly nodes: readonly NodeState[] };
    reply: readonly Placement[];
  };
  chooseVictims: {
    body: {
      readonly candidates: readonly EvictionCandidate[];
      readonly neededMb: number;
      readonly priority: WorkerSpec['priority'];
    };
    /** Empty when all candidates together would not make enough room: then none is evicted. */
    reply: { readonly victims: readonly string[] };
  };
};
